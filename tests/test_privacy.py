"""The server contacts nobody but the model hub, and keeps nothing outside its data directory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests import private_network
from tests.conftest import Tiny
from tests.dockerfile import assignments, parse
from tests.examples import parameters
from wyoming_chatterbox.families import NANO
from wyoming_chatterbox.privacy import CACHES, SILENCE, keep_caches_in, silence_libraries

ROOT = Path(__file__).parents[1]
LOOK_AROUND = """
import socket
for host in ("who.example", "hub.test"):
    try:
        print(socket.gethostbyname(host))
    except OSError:
        print("no", host)
for address in ("192.0.2.1", "2001:db8::1"):
    try:
        socket.create_connection((address, 443), 10)
    except ConnectionRefusedError:
        print("refused")
"""


@pytest.fixture(scope="module")
def private() -> None:
    if refusal := private_network.refusal():
        pytest.skip(refusal)


@pytest.fixture(name="nano", scope="module")
def nano_fixture(private: None, tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture(name="untouched")
def untouched_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing, and is as before afterwards."""
    for name in (*SILENCE, *CACHES):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def bare_environment() -> dict[str, str]:
    """This process's, less all that might keep a library quiet: a variable of ours, or one that tells of a CI."""
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "OMP_NUM_THREADS")
    return {name: os.environ[name] for name in kept if name in os.environ}


def test_what_is_asked_of_the_outside_is_seen(private: None) -> None:
    said, seen = private_network.run([sys.executable, "-c", LOOK_AROUND])
    assert said.split("\n") == ["no who.example", "127.0.0.1", "refused", "refused"]
    assert seen.names == ["who.example", "hub.test"]
    assert {"6 192.0.2.1 443", "6 2001:db8::1 443"} <= set(seen.packets)


@pytest.mark.slow(15)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("local", parameters(False, full=[True]))
def test_a_server_asks_for_a_model_at_most_and_keeps_its_files_together(
    tmp_path: Path, nano: Path, local: bool
) -> None:
    flags = ["--local-files-only"] if local else []
    command = [sys.executable, "-m", "tests.server_life", str(nano), str(tmp_path), *flags]
    said, seen = private_network.run(command, bare_environment())
    life = json.loads(said)
    assert set(seen.names) == (set() if flags else {"hub.test"})
    assert seen.packets == []
    assert life["files"] == []
    strange = [path for path in life["asked"] if not path.startswith((f"/{NANO.repository}/resolve/", "/large/"))]
    assert strange == []
    assert bool(life["asked"]) != bool(flags)


def test_libraries_are_silenced_whatever_the_environment_says(untouched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    silence_libraries()
    assert {name: os.environ[name] for name in SILENCE} == SILENCE


def test_caches_lie_together_unless_the_environment_names_another_place(
    untouched: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/elsewhere")
    keep_caches_in(tmp_path / "cache")
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/elsewhere"
    for name in CACHES.keys() - {"TORCHINDUCTOR_CACHE_DIR"}:
        assert Path(os.environ[name]).is_relative_to(tmp_path / "cache")


def test_without_a_directory_for_them_caches_stay_where_they_are(untouched: None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    keep_caches_in(tmp_path / "file" / "cache")
    assert not CACHES.keys() & os.environ.keys()


@pytest.mark.parametrize("path", ["docker/Dockerfile", "addon/Dockerfile"])
def test_images_silence_every_process_in_them(path: str) -> None:
    image: dict[str, str] = {}
    for stage in parse(ROOT / path, VARIANT="cpu").values():
        for instruction in stage.all("ENV"):
            image |= assignments(instruction.text)
    assert image.items() >= SILENCE.items()
