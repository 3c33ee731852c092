"""A download that fails says so in words that help, and leaves nothing half done."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.downloading import IMPORTS, T3, Client, client_fixture, content, hub_fixture, program, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox.engine.files.hub import Patience
from wyoming_chatterbox.errors import Cancelled
from wyoming_chatterbox.families import MULTILINGUAL, TURBO

TOKEN = "hf_averysecrettokenindeed"

# The disk


def test_too_little_space_is_said_before_anything_is_downloaded(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    hub.announce(T3, 10**18)
    error = client.refused()
    assert str(client.directory) in str(error)
    assert "1000000000.00 GB are needed" in str(error)
    assert "are free" in str(error)
    assert not [request for request in hub.requests if request.method == "GET"]


def test_a_disk_without_links(hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    files = hub.add_family(TURBO)
    assert content(client.fetch()) == files
    assert content(client.fetch(local_files_only=True)) == files


@pytest.mark.parametrize("below", ["", "models"])
def test_a_file_in_the_place_of_the_directory(hub: Hub, client: Client, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    client.directory = tmp_path / "file" / below
    assert str(tmp_path / "file") in str(client.refused())


def test_a_directory_that_is_not_writable(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    client.directory.mkdir()
    text = _in_a_small_disk(client.directory, "", options="size=1m,ro")
    assert "can't be written" in text
    assert str(client.directory) in text


def test_a_disk_that_fills_up_meanwhile(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO, size=200_000)
    client.directory.mkdir()
    fill = "lambda progress: progress.files_done == 2 and fill()"
    text = _in_a_small_disk(client.directory, fill, options="size=4m")
    assert "ran out of space" in text
    assert str(client.directory) in text
    assert "partial files: 0" in text


def _in_a_small_disk(directory: Path, progress: str, options: str) -> str:
    """Fetch in a process that has a disk of its own at `directory`; returns the error's text."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here to mount a small disk with")
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", directory], check=False).returncode:
        pytest.skip("mounting isn't allowed here, so there is no small disk to fill")
    code = f"""
        from wyoming_chatterbox.errors import DownloadError
        directory = Path({str(directory)!r})
        def fill():
            try:
                (directory / "filler").write_bytes(bytes(4_000_000))
            except OSError:
                pass
        try:
            fetch(TURBO, directory, progress={progress or "print"})
        except DownloadError as err:
            print(err, "partial files:", len(list(directory.rglob("*.incomplete"))))
    """
    mount = f'mount -t tmpfs -o {options} none "$1" && exec "$2" -c "$3"'
    command = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        mount,
        "sh",
        str(directory),
        sys.executable,
        IMPORTS + textwrap.dedent(code),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# The hub and the way to it


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(
    ("status", "code", "said", "hint"),
    [
        (401, None, "denied (HTTP 401)", "Set HF_TOKEN"),
        (401, "RepoNotFound", "no such repository", "Set HF_TOKEN"),
        (403, "GatedRepo", "denied (HTTP 403)", "Set HF_TOKEN"),
        (429, None, "too many requests", "Wait"),
        (500, None, "HTTP 500", "Wait"),
        (503, None, "HTTP 503", "Wait"),
    ],
)
def test_an_error_status_is_explained(
    hub: Hub, client: Client, method: str, status: int, code: str | None, said: str, hint: str
) -> None:
    hub.add_family(TURBO)
    hub.answer(T3, status, error_code=code, methods=(method,))
    error = client.refused()
    for expected in (T3, TURBO.repository, hub.url.removeprefix("http://"), said):
        assert expected in str(error)
    assert error.hint.startswith(hint)
    assert str(client.directory / "chatterbox-turbo") in error.hint
    assert "--model DIRECTORY" in error.hint


def test_a_repository_that_there_is_not(hub: Hub, client: Client) -> None:
    error = client.refused()
    assert "no such repository" in str(error)


def test_a_required_file_that_the_hub_has_not(hub: Hub, client: Client) -> None:
    hub.add_family(MULTILINGUAL, leave_out=MULTILINGUAL.t3)
    error = client.refused(MULTILINGUAL)
    assert all(name in str(error) for name in MULTILINGUAL.t3)
    assert "404" in str(error)


def test_something_else_than_a_hub_at_the_address(hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url + "/a/page")
    error = client.refused()
    assert "404" in str(error)
    assert "HF_ENDPOINT" in error.hint


def test_a_stalled_transfer_is_given_up_and_kept(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO, size=300_000)
    patience, client.patience = client.patience, Patience(stall=1.0)
    hub.stall(T3, after=200_000)
    assert f"{T3} of" in str(error := client.refused())
    assert "nothing came for 1 s" in str(error)
    client.patience = patience
    hub.clear()
    assert content(client.fetch()) == files
    assert hub.ranges(T3) == [None, "bytes=200000-"]


def test_a_hub_that_is_down_refuses_and_then_serves(hub: Hub, client: Client) -> None:
    files = hub.add_family(TURBO)
    hub.stop()
    error = client.refused()
    assert "refuses the connection" in str(error)
    assert "network" in error.hint
    hub.start()
    assert content(client.fetch()) == files


@pytest.mark.parametrize(
    ("endpoint", "said", "hint"),
    [
        ("http://no-such-host.invalid", "can't be resolved", "DNS"),
        ("not an address", "no web address", "HF_ENDPOINT"),
        ("ftp://example.invalid", "no web address", "HF_ENDPOINT"),
    ],
)
def test_an_address_that_leads_nowhere(
    client: Client, monkeypatch: pytest.MonkeyPatch, endpoint: str, said: str, hint: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    error = client.refused()
    assert said in str(error)
    assert hint in error.hint


def test_a_server_without_tls_at_a_secure_address(hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("http:", "https:"))
    error = client.refused()
    assert "secure connection" in str(error)
    assert "certificates" in error.hint


def test_offline_mode_is_named(hub: Hub, client: Client) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", program(client.directory)]
    said = subprocess.run(command, env=environment, check=False, capture_output=True, text=True).stderr
    assert "HF_HUB_OFFLINE is set" in said
    assert not hub.requests


# The token


def test_the_token_goes_to_the_hub_but_not_to_where_it_sends_on(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add_family(TURBO)
    client.fetch()
    shown = {request.path.startswith("/large/"): request.token for request in hub.requests}
    assert shown == {False: f"Bearer {TOKEN}", True: None}


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "\x01x", TOKEN + "é"])
def test_the_token_is_never_shown(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.add_family(TURBO)
    hub.answer(T3, 403)
    with caplog.at_level(logging.DEBUG):
        error = client.refused()
        logging.getLogger("test").error("failed", exc_info=error)
    assert TOKEN not in caplog.text + str(error) + error.hint
    assert "HF_TOKEN" in error.hint


# Giving up


@pytest.mark.slow(2)
@pytest.mark.parametrize("fault", ["slow", "stall"])
def test_cancelling_ends_it_promptly_and_leaves_what_came(hub: Hub, client: Client, fault: str) -> None:
    files = hub.add_family(TURBO, size=300_000)
    if fault == "slow":
        hub.slow(T3, 50_000)
    else:
        hub.stall(T3, after=100_000)
    client.patience = Patience(stall=600)
    partial = client.partial_file(files[T3])
    with pytest.raises(Cancelled):
        client.fetch(cancelled=partial.exists)
    assert partial.exists()
    hub.stop()
    hub.clear()
    hub.start()
    assert content(client.fetch()) == files
