"""Names, languages and speed over HTTP, as the voices folder and the sound of a reply have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from wyoming.tts import SynthesizeVoice

from tests.client import CYCLE, plain
from tests.http_serving import SPEECH, Http, http
from wyoming_chatterbox.engine import SAMPLE_RATE


def voice(directory: Path, name: str, profile: str = "") -> None:
    """Put a voice into the voices folder."""
    folder = directory / "voices"
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 48000), 24000)
    if profile:
        (folder / f"{name}.yaml").write_text(profile, encoding="utf-8")


async def said(server: Http, **request: Any) -> bytes:
    async with server.client.post(SPEECH, json={"input": "One.", "response_format": "pcm", **request}) as response:
        assert response.status == 200, await response.text()
        return await response.read()


@pytest.mark.parametrize(
    ("asked", "name"), [("Default", "default"), ("ALICE", "alice"), ("alice", "alice"), ("NOVA", "alice")]
)
async def test_case_does_not_count_and_an_alias_comes_before_openais_name(
    tmp_path: Path, asked: str, name: str
) -> None:
    voice(tmp_path, "alice", "aliases: [nova]")
    async with http(tmp_path) as server:
        await said(server, voice=asked)
        assert [utterance.voice.name for utterance in server.running.chatterbox.said] == [name]


@pytest.mark.parametrize("asked", ["nb", "nor", "no-NO", "no"])
async def test_a_language_has_several_codes(tmp_path: Path, asked: str) -> None:
    async with http(tmp_path, languages=("en", "fi", "no", "sw")) as server:
        await said(server, voice="alloy", language=asked)
        assert [utterance.voice.language for utterance in server.running.chatterbox.said] == ["no"]


@pytest.mark.parametrize("asked", ["fil", "swe"])
async def test_a_language_is_not_taken_for_another(tmp_path: Path, asked: str) -> None:
    async with http(tmp_path, languages=("en", "fi", "no", "sw")) as server:
        status, error = await server.refusal(input="One.", language=asked)
        assert (status, error["param"]) == (400, "language")
        assert "it takes en, fi, no, sw" in error["message"]


@pytest.mark.parametrize("speed", [0.5, 0.8, "1.0", 1.25, 2])
async def test_speed_changes_the_length(tmp_path: Path, speed: object) -> None:
    text = " ".join(["word"] * 40) + "."
    async with http(tmp_path) as server:
        samples = len(await said(server, input=text, speed=speed)) / 2
    assert samples == pytest.approx(4 * SAMPLE_RATE / float(str(speed)), rel=0.02)


@pytest.mark.parametrize("asked", ["alice.wav", "ALICE.WAV", "alice.mp3", " alice ", "alice\n"])
async def test_the_file_of_a_voice_and_blanks_around_its_name_name_it_too(tmp_path: Path, asked: str) -> None:
    voice(tmp_path, "alice")
    async with http(tmp_path) as server:
        await said(server, voice=asked)
        assert (await plain(server.running.uri, "One.", SynthesizeVoice(name=asked))).types == CYCLE
        assert [utterance.voice.name for utterance in server.running.chatterbox.said] == ["alice", "alice"]


@pytest.mark.parametrize("asked", ["bob.wav", "alice.txt", "sub/alice.wav", ".wav"])
async def test_a_file_that_is_no_voice_names_none(tmp_path: Path, asked: str) -> None:
    voice(tmp_path, "alice")
    async with http(tmp_path) as server:
        status, error = await server.refusal(input="One.", voice=asked)
        assert (status, error["code"]) == (400, "unknown-voice")
        assert error["message"].startswith(f"There is no voice '{asked}'; there are: ")
