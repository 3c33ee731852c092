"""Files that two models have in common are downloaded once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.downloading import Client, client_fixture, content, hub_fixture, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL, NANO, TURBO, Family

S3GEN = TURBO.s3gen


def downloaded(hub: Hub) -> set[str]:
    """Names of the files whose bytes were asked for."""
    paths = [one.path for one in hub.requests if one.method == "GET" and "/resolve/" in one.path]
    return {path.rpartition("/")[2] for path in paths}


@pytest.fixture(name="files")
def files_fixture(hub: Hub) -> dict[str, dict[str, bytes]]:
    """The files of turbo and nano by family and name; only T3 differs, as on the real hub."""
    return {family.name: hub.add_family(family) for family in (TURBO, NANO)}


@pytest.mark.parametrize(("first", "then"), [(TURBO, NANO), (NANO, TURBO)], ids=["nano second", "turbo second"])
def test_of_turbo_and_nano_only_t3_is_downloaded_for_both(
    hub: Hub, client: Client, files: dict[str, dict[str, bytes]], first: Family, then: Family
) -> None:
    client.fetch(first)
    hub.requests.clear()
    client.seen.clear()
    assert content(client.fetch(then)) == files[then.name]
    assert downloaded(hub) == set(then.t3)
    assert client.seen[-1].resumed == client.seen[-1].bytes_total - 1000


def test_neither_needs_the_other_afterwards_nor_twice_the_space(
    client: Client, files: dict[str, dict[str, bytes]]
) -> None:
    turbo, nano = client.fetch(TURBO), client.fetch(NANO)
    assert (turbo / S3GEN).samefile(nano / S3GEN)
    shutil.rmtree(client.directory / "models--ResembleAI--chatterbox-turbo")
    assert content(client.fetch(NANO, local_files_only=True)) == files["nano"]


def test_another_cache_may_have_it(
    hub: Hub, client: Client, files: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    Client(tmp_path / "elsewhere").fetch(TURBO)
    hub.requests.clear()
    assert content(client.fetch(NANO, search=[tmp_path / "nowhere", tmp_path / "elsewhere"])) == files["nano"]
    assert downloaded(hub) == set(NANO.t3)


def test_a_disk_without_hard_links_has_symbolic_ones(
    hub: Hub, client: Client, files: dict[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no hard links here")

    client.fetch(TURBO)
    hub.requests.clear()
    monkeypatch.setattr(os, "link", refuse)
    assert content(client.fetch(NANO)) == files["nano"]
    assert downloaded(hub) == set(NANO.t3)


def test_where_a_symbolic_link_s_file_is_gone_it_is_downloaded(
    hub: Hub, client: Client, files: dict[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", os.symlink)
    client.fetch(TURBO)
    client.fetch(NANO)
    shutil.rmtree(client.directory / "models--ResembleAI--chatterbox-turbo")
    assert content(client.fetch(NANO)) == files["nano"]


def test_a_rotten_copy_is_not_taken_over(hub: Hub, client: Client, files: dict[str, dict[str, bytes]]) -> None:
    (client.fetch(TURBO) / S3GEN).resolve().write_bytes(bytes(1000))
    hub.requests.clear()
    assert content(client.fetch(NANO)) == files["nano"]
    assert downloaded(hub) == {*NANO.t3, S3GEN}


def test_a_file_of_the_same_name_and_size_but_other_content_is_downloaded(
    hub: Hub, client: Client, files: dict[str, dict[str, bytes]]
) -> None:
    hub.add(NANO.repository, S3GEN, bytes(1000))
    client.fetch(TURBO)
    assert (client.fetch(NANO, revision="main") / S3GEN).read_bytes() == bytes(1000)


# English and multilingual have the same S3Gen and voice encoder, in another container each.


@pytest.mark.parametrize(("first", "then"), [(ENGLISH, MULTILINGUAL), (MULTILINGUAL, ENGLISH)])
def test_of_english_and_multilingual_the_same_tensors_are_downloaded_once(
    hub: Hub, client: Client, first: Family, then: Family
) -> None:
    hub.add_family(ENGLISH)
    files = hub.add_family(MULTILINGUAL)
    client.fetch(first)
    hub.requests.clear()
    found = client.fetch(then)
    assert downloaded(hub) == {then.t3[0], *then.tokenizer, *then.optional}
    assert then.path(found, then.s3gen) == found / first.s3gen
    assert then.path(found, then.voice_encoder) == found / first.voice_encoder
    assert not then.missing(path.name for path in found.iterdir())
    assert files


def test_a_hub_with_the_other_container_alone_is_enough(hub: Hub, client: Client) -> None:
    hub.add_family(MULTILINGUAL, leave_out=[MULTILINGUAL.s3gen])
    hub.add(MULTILINGUAL.repository, ENGLISH.s3gen, b"tensors")
    hub.pin(MULTILINGUAL)
    found = client.fetch(MULTILINGUAL)
    assert MULTILINGUAL.path(found, MULTILINGUAL.s3gen).read_bytes() == b"tensors"
