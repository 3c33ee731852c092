"""Model files come from this machine if they are all there, else from the hub: whole, checked, and never twice."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client import PATIENCE
from tests.downloading import S3GEN, T3, Client, client_fixture, content, hub_fixture, program, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox.engine.files.download import Progress
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL, TURBO, Family

# A whole set


@pytest.mark.parametrize("family", [ENGLISH, TURBO], ids=lambda family: family.name)
def test_files_have_their_official_names_and_bytes(hub: Hub, client: Client, family: Family) -> None:
    files = hub.add_family(family)
    assert content(client.fetch(family)) == files
    assert not client.partial_files()


def test_the_newest_alternative_is_enough(hub: Hub, client: Client) -> None:
    hub.add_family(MULTILINGUAL)
    found = {path.name for path in client.fetch(MULTILINGUAL).iterdir()}
    assert MULTILINGUAL.t3[0] in found
    assert MULTILINGUAL.t3[1] not in found


def test_an_older_alternative_is_taken_where_the_newest_is_not_published(hub: Hub, client: Client) -> None:
    hub.add_family(MULTILINGUAL, leave_out=[MULTILINGUAL.t3[0]])
    assert MULTILINGUAL.t3[1] in content(client.fetch(MULTILINGUAL))


def test_optional_files_are_not_missed(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, leave_out=TURBO.optional)
    assert content(client.fetch()) == files


def test_a_set_is_of_one_commit_even_if_the_hub_moves_on_meanwhile(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)

    def move_on(progress: Progress) -> None:
        client.seen.append(progress)
        if len(client.seen) == 1:
            hub.add(TURBO.repository, T3, b"newer")

    hub.slow(T3, 10_000)
    found = client.fetch(progress=move_on)
    assert content(found) == files
    assert hub.commit(TURBO.repository) != found.name


def test_progress_ends_with_everything_done(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    client.fetch()
    last, whole = client.seen[-1], sum(map(len, files.values()))
    assert (last.bytes_done, last.bytes_total, last.resumed) == (whole, whole, 0)
    assert (last.files_done, last.files_total) == (len(files), len(files))
    assert last.file_bytes_done == last.file_bytes_total
    assert {progress.file for progress in client.seen} == set(files)
    assert [progress.bytes_done for progress in client.seen] == sorted(progress.bytes_done for progress in client.seen)


def test_the_log_tells_what_how_much_where_to_and_how_fast(
    hub: Hub, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add_family(TURBO)
    with caplog.at_level(logging.INFO):
        client.fetch()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("wyoming_chatterbox")]
    assert TURBO.repository in lines[0]
    assert str(client.directory) in lines[0]
    assert "9.0 kB" in lines[0]
    assert any("%" in line for line in lines[1:-1])
    assert "MB/s" in lines[-1]
    assert len(lines) <= 12


# Nothing is asked twice


def test_a_complete_set_needs_no_network(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    first = client.fetch()
    hub.stop()
    asked = len(hub.requests)
    assert client.fetch() == first
    assert client.fetch(local_files_only=True) == first
    assert len(hub.requests) == asked


@pytest.mark.parametrize("layout", ["plain", "cache"])
def test_other_directories_are_looked_at_first(hub: Hub, client: Client, tmp_path: Path, layout: str) -> None:
    hub.add_family(TURBO)
    elsewhere = Client(tmp_path / "elsewhere")
    found = elsewhere.fetch()
    if layout == "plain":
        found = shutil.copytree(found, tmp_path / "elsewhere" / "chatterbox-turbo")
        shutil.rmtree(tmp_path / "elsewhere" / "models--ResembleAI--chatterbox-turbo")
    hub.stop()
    assert client.fetch(search=[tmp_path / "nothing here", tmp_path / "elsewhere"]) == found
    assert not client.directory.exists()


def test_a_plain_directory_that_lacks_a_file_is_passed_over(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    plain = client.directory / "chatterbox-turbo"
    plain.mkdir(parents=True)
    for name, data in files.items():
        (plain / name).write_bytes(b"" if name == S3GEN else data)
    found = client.fetch()
    assert found != plain
    assert content(found) == files


def test_a_snapshot_whose_blob_is_gone_is_made_whole_again(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    (client.fetch() / S3GEN).resolve().unlink()
    assert content(client.fetch()) == files
    assert {name: len(hub.asked(name)) for name in files} == {name: 2 if name == S3GEN else 1 for name in files}


def test_a_set_on_this_machine_needs_no_hub_library_to_be_found(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    client.fetch()
    code = program(client.directory, "assert 'huggingface_hub' not in sys.modules and 'torch' not in sys.modules")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_downloads_the_missing_files_and_the_places_are_named(hub: Hub, client: Client, tmp_path: Path) -> None:
    plain = tmp_path / "data" / "chatterbox-turbo"
    plain.mkdir(parents=True)
    for name in (*TURBO.tokenizer, TURBO.conditionals, TURBO.voice_encoder):
        (plain / name).write_bytes(b"x")
    error = client.refused(local_files_only=True, search=[tmp_path / "data"])
    for named in (T3, S3GEN, str(tmp_path / "data"), str(client.directory)):
        assert named in str(error)
    assert TURBO.voice_encoder not in str(error)
    assert not hub.requests


def test_two_processes_at_once_download_each_file_once(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=20_000)
    hub.slow(T3, 100_000)
    code = program(client.directory)
    environment = os.environ | {"HF_ENDPOINT": hub.url}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(PATIENCE) for process in both] == [0, 0]
    assert {name: len(hub.asked(name)) for name in files} == dict.fromkeys(files, 1)
    assert content(client.fetch()) == files


# Cuts


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_cut_transfer_goes_on_where_it_stopped(hub: Hub, client: Client, reset: bool) -> None:
    files = hub.add_family(TURBO, size=300_000)
    partial = client.partial_file(files[T3])

    def has_most() -> bool:
        return partial.exists() and partial.stat().st_size > 150_000

    hub.cut(T3, after=200_000, reset_when=has_most if reset else None)
    assert content(client.fetch()) == files
    first, second = hub.ranges(T3)
    assert first is None
    begun = int((second or "").removeprefix("bytes=").removesuffix("-"))
    assert begun == 200_000 or (reset and 150_000 < begun < 200_000)


def test_a_cut_in_a_small_file_too(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    hub.cut("vocab.json", after=10)
    assert content(client.fetch()) == files
    assert hub.ranges("vocab.json") == [None, "bytes=10-"]


def test_a_later_fetch_goes_on_where_an_earlier_one_gave_up(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=300_000)
    hub.cut(T3, after=200_000, times=float("inf"))
    error = client.refused()
    assert T3 in str(error)
    assert "broke off" in str(error)
    hub.clear()
    hub.requests.clear()
    client.seen.clear()
    assert content(client.fetch()) == files
    assert hub.ranges(T3) == ["bytes=200000-"]
    assert {request.path.rpartition("/")[2] for request in hub.requests if request.method == "GET"} >= {T3}
    assert all(not hub.asked(name) for name in files if name != T3)
    assert client.seen[-1].resumed == 300_000 * (len(files) - 1) + 200_000


def test_what_a_killed_process_left_is_gone_on_with(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=300_000)
    hub.stall(T3, after=200_000)
    process = subprocess.Popen([sys.executable, "-c", program(client.directory)])
    partial = client.partial_file(files[T3])
    while not (partial.exists() and partial.stat().st_size > 150_000):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    hub.clear()
    there = partial.stat().st_size
    assert content(client.fetch()) == files
    assert hub.ranges(T3) == [None, f"bytes={there}-"]


def test_a_server_that_knows_no_ranges_starts_afresh(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=300_000)
    hub.ignore_range(T3)
    hub.cut(T3, after=200_000)
    assert content(client.fetch()) == files
    assert hub.ranges(T3) == [None, "bytes=200000-"]
    assert client.seen[-1].bytes_done == 300_000 * len(files)


def test_a_server_that_always_starts_afresh_and_never_ends_is_given_up(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO, size=300_000)
    hub.ignore_range(T3)
    hub.cut(T3, after=200_000, times=float("inf"))
    assert "broke off" in str(client.refused())
    assert len(hub.asked(T3)) == 1 + 1 + client.patience.retries


def test_a_passing_server_error_in_the_middle_is_waited_out(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    hub.answer(T3, 503, methods=("GET",), times=2)
    assert content(client.fetch()) == files


def test_a_partial_file_that_is_all_there_is_only_checked(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    blob = (client.fetch() / T3).resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete"))
    hub.requests.clear()
    assert content(client.fetch()) == files
    assert not hub.asked(T3)


def test_a_partial_file_that_is_too_long_is_thrown_away(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    blob = (client.fetch() / T3).resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete")).write_bytes(bytes(2000))
    assert content(client.fetch()) == files


def test_a_size_that_is_not_told_is_no_obstacle(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    for name in (T3, "vocab.json"):
        hub.conceal_size(name)
        hub.cut(name, after=500)
    assert content(client.fetch()) == files
    assert client.seen[-1].bytes_total == sum(map(len, files.values()))


# Wrong bytes


def test_a_wrong_checksum_is_refused_and_the_file_deleted(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    hub.serve(T3, bytes(len(files[T3])))
    error = client.refused()
    assert T3 in str(error)
    assert "SHA-256" in str(error)
    assert not client.partial_files()
    hub.clear()
    assert content(client.fetch()) == files


def test_a_rotten_partial_file_is_found_out(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=300_000)
    hub.cut(T3, after=200_000, times=float("inf"))
    client.refused()
    [partial] = client.partial_files()
    partial.write_bytes(bytes(200_000))
    hub.clear()
    assert "SHA-256" in str(client.refused())
    assert content(client.fetch()) == files


@pytest.mark.parametrize("size", [500, 1500])
@pytest.mark.parametrize("name", [T3, "vocab.json"])
def test_a_wrong_size_is_refused_and_the_file_deleted(hub: Hub, client: Client, name: str, size: int) -> None:
    hub.add_family(TURBO)
    hub.announce(name, size)
    error = client.refused()
    assert f"{name} of {TURBO.repository}" in str(error)
    assert f"1000 bytes, not {size}" in str(error)
    assert not client.partial_files()


def test_a_partial_set_is_never_returned(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    hub.serve(T3, bytes(1000))
    client.refused()
    assert "not found" in str(client.refused(local_files_only=True))
