"""A fresh machine without model files and without a way to them: the server answers, and speaks real English."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from wyoming.event import Event

from tests.client import CYCLE, PATIENCE, Heard, describe, plain, streamed
from tests.ports import free_port
from tests.process import server_process
from tests.serving import until

pytestmark = pytest.mark.slow(1)

SENTENCE = "The front door is locked, and all the windows are closed."


def samples(heard: Heard) -> npt.NDArray[np.float64]:
    return np.frombuffer(heard.audio, "<i2").astype(np.float64) / 32768


def loudness(sound: npt.NDArray[np.float64]) -> float:
    """Decibels below full scale of the loud half: pauses don't count."""
    frames = sound[: len(sound) // 480 * 480].reshape(-1, 480)
    powers = np.sort((frames**2).mean(axis=1))[len(frames) // 2 :]
    return float(10 * np.log10(powers.mean()))


async def test_a_fresh_machine_speaks_real_english(tmp_path: Path) -> None:
    async with server_process(tmp_path, "--seed", "1") as server:
        await server.answering()
        assert await health(server.uri) == (0, f"chatterbox {(await describe(server.uri)).tts[0].version}, 1 voices\n")

        heard = await plain(server.uri, SENTENCE)
        assert heard.types == CYCLE
        sound = samples(heard)
        words = len(SENTENCE.split())
        assert words / 4.5 < heard.seconds < words / 1.5, "between one and a half and four and a half words a second"
        assert -35 < loudness(sound) < -12
        assert np.abs(sound).max() < 0.999, "no clipped samples"
        assert speech_share(sound) > 0.8, "the energy lies where speech has it"
        assert pitch(sound) == pytest.approx(200, rel=0.35), "a woman's voice"

        twice = samples(await plain(server.uri, SENTENCE + " " + SENTENCE))
        assert len(twice) == pytest.approx(2 * len(sound), rel=0.1), "as much sound as text"

        whole = await plain(server.uri, "It is on. All is well.")
        pieces = await streamed(server.uri, ["It is", " on. A", "ll is well."])
        assert pieces.types == [*CYCLE, "synthesize-stopped"]
        assert pieces.audio == whole.audio, "streamed it is the same speech"

        status = await server.reaches("failed")
        assert "refuses the connection" in str(status["error"])
        assert status["hint"]
        await until(lambda: "standby voice speaks meanwhile" in server.said())
        # A directory to put recordings in, without having to make it.
        assert (tmp_path / "voices").is_dir()


def speech_share(sound: npt.NDArray[np.float64]) -> float:
    """Share of the energy between 80 Hz and 4 kHz."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / 24000)
    return float(power[(frequency > 80) & (frequency < 4000)].sum() / power.sum())


def pitch(sound: npt.NDArray[np.float64]) -> float:
    """Median fundamental frequency of the loud frames, by autocorrelation, between 70 and 400 Hz."""
    size = 1200
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    loud = frames[(frames**2).mean(axis=1) > 0.5 * (frames**2).mean()]
    lags = range(24000 // 400, 24000 // 70)
    alike = np.array([[frame[lag:] @ frame[:-lag] for lag in lags] for frame in loud])
    return 24000 / float(np.median(lags.start + alike.argmax(axis=1)))


async def test_without_a_standby_voice_the_server_says_why_it_is_silent(tmp_path: Path) -> None:
    async with server_process(tmp_path, "--no-standby", "--model", "nano") as server:
        await server.answering()
        await server.reaches("failed")
        heard = await plain(server.uri, SENTENCE)
        assert heard.types == ["error"]
        assert heard.error is not None
        assert "refuses the connection" in heard.error.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_signal_ends_the_server_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    async with server_process(tmp_path) as server:
        await server.answering()
        server.process.send_signal(number)
        assert await asyncio.wait_for(server.process.wait(), PATIENCE) == 0
        assert "Traceback" not in server.said()
        with pytest.raises(OSError, match=r"."):
            await describe(server.uri)


async def test_a_port_that_is_taken_is_named_and_can_be_tried_again(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        uri = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        again = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wyoming_chatterbox", "--uri", uri, "--data-dir", str(tmp_path)),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await again.communicate()
        assert again.returncode == 1, "2 is a wrong option, which a supervisor does not try again"
        assert uri in said.decode().splitlines()[-1]


async def test_a_taken_http_port_takes_away_no_speech(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with server_process(tmp_path, "--http-port", str(port)) as server:
            await server.answering()
            assert (await plain(server.uri, SENTENCE)).types == CYCLE
            await until(lambda: f"--http-port {port} can't be served: " in server.said())
            assert await server.stop() == 0
        assert server.said().count(f"--http-port {port} can't be served: ") == 1
        assert "Traceback" not in server.said()


@pytest.mark.parametrize("kind", ["pipes", "files"])
async def test_it_serves_one_client_on_standard_input(tmp_path: Path, kind: str) -> None:
    requests = tmp_path / "requests"
    requests.write_bytes(b'{"type":"describe"}\n{"type":"synthesize","data":{"text":"Yes."}}\n')
    answer = tmp_path / "answer"
    flags = f"--uri stdio:// --model nano --no-http --data-dir {tmp_path}"
    command = f"{shlex.quote(sys.executable)} -m wyoming_chatterbox {flags}"
    whole = f"cat requests | {command} | cat > answer" if kind == "pipes" else f"{command} < requests > answer"
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    process = await asyncio.create_subprocess_shell(whole, cwd=tmp_path, env=environment)
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    heard = Heard(parse(answer.read_bytes()))
    assert heard.types == ["info", *CYCLE]
    assert heard.seconds > 0.2


def parse(stream: bytes) -> list[Event]:
    events = []
    while stream:
        line, _, stream = stream.partition(b"\n")
        header = json.loads(line)
        size = header.get("data_length") or 0
        data, stream = json.loads(stream[:size] or b"{}"), stream[size:]
        size = header.get("payload_length") or 0
        payload, stream = stream[:size] or None, stream[size:]
        events.append(Event(header["type"], data, payload))
    return events


async def health(uri: str) -> tuple[int | None, str]:
    """Exit code and words of the health check."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_chatterbox.health_check", uri, "--timeout", str(PATIENCE)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_health_check_tells_that_nobody_answers() -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    code, said = await health(uri)
    assert (code, said.count("\n")) == (1, 1)
    assert uri in said
    assert (await health("nonsense"))[0] == 2
