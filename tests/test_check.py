"""`--check` says what this machine would run, in a line for each subject, and what to do if that would not work."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wyoming.event import Event
from wyoming.info import Attribution, Info, TtsProgram
from wyoming.server import AsyncEventHandler, AsyncServer

from tests.checkout import ROOT
from tests.client import PATIENCE
from tests.conftest import Tiny
from tests.downloading import surroundings_fixture  # noqa: F401
from tests.hub import Hub
from tests.ports import free_port
from tests.process import server_process
from wyoming_chatterbox import config
from wyoming_chatterbox.check import runner
from wyoming_chatterbox.check.findings import Machine
from wyoming_chatterbox.families import NANO


@dataclass
class Said:
    """The words and the exit code of a check."""

    code: int
    text: str

    def of(self, subject: str) -> str:
        """The lines of one subject, the advice included."""
        found = re.findall(rf"(?m)^\w+ +{subject}  .*(?:\n +-> .*)?$", self.text)
        assert found, self.text
        return "\n".join(found)

    def mark(self, subject: str) -> str:
        """The worst mark of a subject."""
        marks = {line.split()[0] for line in self.of(subject).splitlines() if not line.lstrip().startswith("->")}
        return next(mark for mark in ("problem", "warning", "ok") if mark in marks)

    @property
    def verdict(self) -> str:
        return self.text.splitlines()[-1]


Ask = Callable[..., Said]


@pytest.fixture
def check(tmp_path: Path) -> Ask:
    """Check with flags; the data are in a directory of their own, and free ports are asked for."""

    def asked(*flags: str, standby: bool = False) -> Said:
        fixed = [f"--data-dir={tmp_path / 'data'}", f"--uri=tcp://127.0.0.1:{free_port()}"]
        fixed += [f"--http-port={free_port()}", *([] if standby else ["--no-standby"])]
        options = config.load([*fixed, *flags], {}, tmp_path)
        out = io.StringIO()
        return Said(runner.run(options, out), out.getvalue())

    return asked


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def model(tiny: Tiny) -> str:
    return f"--model={tiny('nano')}"


# All well


def test_all_is_well(check: Ask, model: str) -> None:
    said = check(model)
    assert said.code == 0
    assert set(re.findall(r"(?m)^(\w+)  ", said.text)) == {"ok"}
    assert said.verdict.startswith("It would work: Home Assistant would hear Chatterbox nano in ")


def test_each_subject_has_a_line_and_they_are_aligned(check: Ask, model: str) -> None:
    lines = check(model).text.splitlines()[2:-2]
    assert [line[9:23].strip() for line in lines] == [one.subject for one in runner.CHECKS]
    assert all(line[7:9] == line[23:25] == "  " for line in lines)


def test_a_model_that_the_hub_has_is_downloaded_later(check: Ask, hub: Hub) -> None:
    hub.add_family(NANO, size=2_000_000)
    said = check("--model=nano")
    assert said.code == 0
    assert "answers" in said.of("hub")
    assert "18.0 MB are still to be downloaded" in said.of("disk")
    assert said.verdict.endswith("once its files are downloaded.")
    assert all(request.method == "HEAD" for request in hub.requests)


@pytest.mark.slow(4)
def test_the_command_itself_says_so(tmp_path: Path, model: str) -> None:
    flags = ["--check", model, f"--data-dir={tmp_path}", f"--uri=tcp://127.0.0.1:{free_port()}", "--http-port=0"]
    done = subprocess.run(
        [sys.executable, "-m", "wyoming_chatterbox", *flags], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "hibari-tts" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("It would work: ")
    assert not list(tmp_path.iterdir())


def test_a_wrong_option_is_refused_as_everywhere() -> None:
    command = [sys.executable, "-m", "wyoming_chatterbox", "--check", "--dtype=float8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--dtype" in done.stderr


# The network and the disk


@pytest.mark.usefixtures("no_hub")
def test_without_the_hub_the_standby_voice_alone_would_speak(check: Ask) -> None:
    said = check("--model=nano", standby=True)
    assert said.code == 1
    assert said.mark("hub") == "problem"
    assert "it refuses the connection" in said.of("hub")
    assert "-> Check the network" in said.of("hub")
    assert said.verdict == "It would not work: 1 problem. Home Assistant would hear the standby voice alone."


def test_a_proxy_is_named_without_its_password(check: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{(port := free_port())}")
    said = check("--model=nano")
    assert f"through the proxy 127.0.0.1:{port}" in said.of("hub")
    assert "secret" not in said.text


@pytest.mark.usefixtures("no_hub")
def test_without_the_hub_files_that_are_here_are_enough(check: Ask, tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("nano"), tmp_path / "data" / "chatterbox-nano")
    said = check("--model=nano")
    assert said.code == 0
    assert said.mark("files") == "ok"
    assert said.mark("hub") == "warning"
    assert said.verdict.startswith("It would work, with 1 warning: ")


def test_a_disk_without_room_is_told_before_the_download(check: Ask, hub: Hub) -> None:
    hub.add_family(NANO)
    hub.announce(NANO.t3[0], 10**15)
    said = check("--model=nano")
    assert said.code == 1
    assert said.mark("disk") == "problem"
    assert "-> Free 9" in said.of("disk")
    assert "--download-dir" in said.of("disk")


def test_files_that_are_missing_while_downloads_are_off(check: Ask, tmp_path: Path) -> None:
    said = check("--model=nano", "--local-files-only")
    assert said.code == 1
    assert said.mark("files") == "problem"
    assert f"-> Put the files into {tmp_path / 'data' / 'models' / 'chatterbox-nano'}" in said.of("files")
    assert "not needed" in said.of("hub")


@pytest.mark.parametrize("name", [NANO.s3gen, NANO.tokenizer[0], NANO.conditionals])
def test_a_broken_file_is_named(check: Ask, tiny: Tiny, tmp_path: Path, name: str) -> None:
    directory = shutil.copytree(tiny("nano"), tmp_path / "model")
    whole = (directory / name).read_bytes()
    (directory / name).write_bytes(whole[: len(whole) // 2])
    said = check(f"--model={directory}")
    assert said.code == 1
    assert said.mark("files") == "problem"
    assert name in said.of("files")
    assert "->" in said.of("files")


def test_a_directory_without_a_model_is_told_once(check: Ask, tmp_path: Path) -> None:
    said = check(f"--model={tmp_path}")
    assert said.code == 1
    assert "holds no Chatterbox model" in said.of("model")
    assert said.text.count("problem  ") == 1


def test_a_file_in_the_place_of_a_directory(check: Ask, hub: Hub, tmp_path: Path) -> None:
    hub.add_family(NANO)
    (tmp_path / "data").write_text("")
    said = check("--model=nano")
    assert said.code == 1
    assert said.mark("folders") == "problem"
    assert "--data-dir" in said.of("folders")
    assert "can't be downloaded" in said.of("folders")
    assert "can't be checked" not in said.text


def test_without_a_place_to_write_to_a_model_that_is_here_speaks(check: Ask, model: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    said = check(model)
    assert said.code == 0
    assert said.mark("folders") == "warning"


# Memory and device


def test_too_little_memory(check: Ask, model: str) -> None:
    said = check(model, "--memory-limit-mb=100")
    assert said.code == 1
    assert said.mark("memory") == "problem"
    assert re.search("-> Raise --memory-limit-mb to [0-9]+", said.of("memory"))


def test_a_device_that_is_not_here(check: Ask, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "turbo" in check("--device=cuda", "--local-files-only").of("model")
    said = check(model, "--device=cuda")
    assert said.code == 1
    assert said.mark("device") == "problem"
    assert "--device cuda can't be used" in said.of("device")
    assert "->" in said.of("device")


# Ports


def test_a_port_that_another_program_has(check: Ask, model: str) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as other:
        threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
        taken = other.server_address[1]
        said = check(model, f"--uri=tcp://127.0.0.1:{taken}")
        assert said.code == 1
        assert said.mark("Wyoming") == "problem"
        assert f"(process {os.getpid()})" in said.of("Wyoming")
        assert said.verdict == "It would not work: 1 problem. The server would not start."
        said = check(model, f"--http-port={taken}")
        assert said.code == 0
        assert said.mark("page") == "warning"
        assert "--http-port" in said.of("page")
        other.shutdown()


@pytest.mark.slow(4)
async def test_a_server_of_ours_is_recognised(check: Ask, model: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, "--local-files-only", "--model=nano") as server:
        await server.answering()
        await server.get("info")
        port = server.http.rpartition(":")[2]
        said = await asyncio.to_thread(check, model, f"--uri={server.uri}", f"--http-port={port}")
    assert said.code == 0
    assert "served by wyoming-chatterbox" in said.of("Wyoming")
    assert "runs already" in said.of("page")
    assert f"runs at {server.uri} already" in said.verdict


def test_another_wyoming_server_is_named(check: Ask, model: str) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    piper = Info(tts=[TtsProgram("piper", Attribution("", ""), True, "Piper", "1.5", voices=[])]).event()

    class Piper(AsyncEventHandler):
        async def handle_event(self, event: Event) -> bool:
            await self.write_event(piper)
            return True

    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        await AsyncServer.from_uri(uri).start(Piper)
        ready.set()
        await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    said = check(model, f"--uri={uri}")
    loop.call_soon_threadsafe(done.set)
    thread.join()
    assert said.code == 1
    assert "taken by another Wyoming server, piper 1.5" in said.of("Wyoming")


def test_a_path_that_is_no_socket(check: Ask, model: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    said = check(model, f"--uri=unix://{tmp_path / 'file'}")
    assert said.code == 1
    assert "something else at that path" in said.of("Wyoming")
    said = check(model, f"--uri=unix://{tmp_path / 'nowhere' / 'socket'}")
    assert said.mark("Wyoming") == "problem"
    assert check(model, f"--uri=unix://{tmp_path / 'socket'}").code == 0


def test_a_socket_that_an_earlier_server_left_is_in_nobody_s_way(check: Ask, model: str, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(tmp_path / "socket"))
    assert check(model, f"--uri=unix://{tmp_path / 'socket'}").mark("Wyoming") == "ok"


# Voices and words


def test_files_that_are_no_voices_are_named_with_the_reason(check: Ask, model: str, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "voices"
    folder.mkdir(parents=True)
    (folder / "noise.wav").write_bytes(b"not a sound")
    (folder / "notes.txt").write_text("no recording")
    said = check(model, "--voice=anna")
    assert said.code == 0
    assert said.mark("voices") == "warning"
    assert "noise.wav" in said.of("voices")
    assert "notes.txt is not used: it is no recording" in said.of("voices")
    assert "there is no voice 'anna'" in said.of("voices")


def test_a_bad_file_of_pronunciations(check: Ask, model: str, tmp_path: Path) -> None:
    path = tmp_path / "pronunciations.yaml"
    path.write_text("IKEA: ee kay ah\n- wrong\n")
    said = check(model, f"--pronunciations={path}")
    assert said.code == 0
    assert said.mark("pronunciations") == "warning"
    path.write_text("IKEA: ee kay ah\n")
    assert "1 in" in check(model, f"--pronunciations={path}").of("pronunciations")


def test_a_voice_of_several_languages_is_counted_once(check: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "voices"
    folder.mkdir(parents=True)
    soundfile.write(folder / "anna.wav", 0.1 * np.random.default_rng(0).standard_normal(6 * 24000), 24000)
    said = check("--model=multilingual", "--local-files-only")
    assert "1 besides the model's own" in said.of("voices")
    assert said.of("voices").endswith(": anna")


# Whatever happens


def test_a_check_that_hangs_or_fails_does_not_stop_the_others(
    check: Ask, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_: Machine) -> list[object]:
        threading.Event().wait(30)
        return []

    def fail(_: Machine) -> list[object]:
        raise ZeroDivisionError("oh")

    checks = (
        runner.Check("Wyoming", hang, 0.01, matters=True),  # type: ignore[arg-type]
        runner.Check("page", fail),  # type: ignore[arg-type]
        *runner.CHECKS[3:4],
    )
    monkeypatch.setattr(runner, "CHECKS", checks)
    said = check(model)
    assert said.code == 1
    assert said.mark("Wyoming") == "problem"
    assert "ZeroDivisionError: oh" in said.of("page")
    assert said.mark("model") == "ok"
