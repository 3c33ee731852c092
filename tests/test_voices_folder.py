"""The voices folder is watched in the background: whatever it does, and however much is in it, everybody is served."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from wyoming.tts import SynthesizeVoice

from tests.client import PATIENCE, describe, plain
from tests.http_serving import http
from tests.serving import serving, until
from tests.shares import SharedFolder
from tests.test_voices import look, names, record
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.server.info import info_answer
from wyoming_chatterbox.voices import folder
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.languages import Languages
from wyoming_chatterbox.voices.naming import MAX_VOICES, make_catalogue
from wyoming_chatterbox.voices.recordings import MAX_FILES, Recording


@pytest.fixture
def share(tmp_path: Path) -> Iterator[SharedFolder]:
    """The share, with alice in it."""
    record(tmp_path / "voices" / "alice.wav")
    share = SharedFolder(tmp_path / "voices")
    yield share
    share.answers.set()


def watched(directory: Path) -> VoicesFolder:
    return VoicesFolder(directory, lambda: ("en",), lambda: ENGLISH.prompt, "default", patience=PATIENCE)


async def offered(uri: str) -> list[str]:
    return [voice.name for voice in (await describe(uri)).tts[0].voices]


ALICE = SynthesizeVoice(name="alice")


@pytest.mark.slow(2)
async def test_a_folder_that_hangs_from_the_start_leaves_the_models_own_voice(
    tmp_path: Path, share: SharedFolder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    share.answers.clear()
    async with http(tmp_path, voices_directory=share) as server:
        running = server.running
        assert await offered(running.uri) == ["default"]
        assert (await plain(running.uri, "Hello.")).seconds > 0
        voices = running.service.voices
        await until(lambda: voices.trouble is not None)
        told = f"The voices folder {share} has not answered for 0.2 s"
        assert caplog.text.count(f"{told}; the 1 voices known serve meanwhile") == 1
        assert (await server.get("/info"))[1]["voices_directory_trouble"] == told
        share.answers.set()
        await until(lambda: voices.trouble is None)
        assert await offered(running.uri) == ["default", "alice"]
        assert (await server.get("/info"))[1]["voices_directory_trouble"] is None
        assert caplog.text.count("is back: 2 voices") == 1


@pytest.mark.slow(2)
async def test_while_the_folder_hangs_the_last_catalogue_serves_and_one_look_waits(
    tmp_path: Path, share: SharedFolder
) -> None:
    async with serving(tmp_path, voices_directory=share) as running:
        assert await offered(running.uri) == ["default", "alice"]
        share.answers.clear()
        voices = running.service.voices
        assert not await voices.refresh(0.1)
        assert not any(await asyncio.gather(*(voices.refresh(0.1) for _ in range(20))))
        assert await offered(running.uri) == ["default", "alice"]
        assert (await plain(running.uri, "Hello.", ALICE)).seconds > 0
        assert running.chatterbox.said[-1].voice.recording == share / "alice.wav"
        await until(lambda: voices.trouble is not None)
        nobody = SynthesizeVoice(name="nobody")
        heard = await asyncio.gather(*(plain(running.uri, "Hello.", nobody) for _ in range(10)))
        assert [answer.types for answer in heard] == [["error"]] * 10
        assert share.most_at_once == 1


@pytest.mark.slow(2)
def test_the_process_ends_though_a_look_hangs(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from tests.shares import SharedFolder
from wyoming_chatterbox.families import ENGLISH
from wyoming_chatterbox.voices.folder import VoicesFolder

async def run():
    share = SharedFolder(sys.argv[1])
    share.answers.clear()
    voices = VoicesFolder(share, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    await voices.start()
    while not share.at_once:
        await asyncio.sleep(0.01)
    await voices.close()

asyncio.run(run())
"""
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, cwd=root, timeout=PATIENCE)


async def test_a_folder_that_vanishes_leaves_the_voices_that_are_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    async with serving(tmp_path) as running:
        voices = running.service.voices
        folder.rename(tmp_path / "elsewhere")
        for _ in range(2):
            assert await voices.refresh(PATIENCE)
        assert await offered(running.uri) == ["default", "alice"]
        assert caplog.text.count("can't be read: No such file or directory; the 2 voices known serve meanwhile") == 1
        (tmp_path / "elsewhere" / "alice.wav").unlink()
        (tmp_path / "elsewhere").rename(folder)
        assert await voices.refresh(PATIENCE)
        assert await offered(running.uri) == ["default"]
        assert voices.trouble is None


@pytest.mark.slow(2)
async def test_requests_do_not_look_at_the_folder(tmp_path: Path, share: SharedFolder) -> None:
    async with serving(tmp_path, voices_directory=share) as running:
        for _ in range(30):
            await offered(running.uri)
            await plain(running.uri, "Hello.", ALICE)
        # A slow machine has time for some looks of its own.
        assert share.looks < 50


async def test_a_recording_copied_just_now_can_be_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A request waits a second for a look, which a busy machine may take longer for.
    monkeypatch.setattr(folder, "_FIND_SECONDS", PATIENCE)
    async with serving(tmp_path) as running:
        record(tmp_path / "voices" / "bob.wav")
        assert (await plain(running.uri, "Hello.", SynthesizeVoice(name="bob"))).error is None


async def test_a_flood_of_unknown_names_is_no_flood_of_looks(tmp_path: Path, share: SharedFolder) -> None:
    async with serving(tmp_path, "--max-connections", "64", voices_directory=share) as running:
        before = share.looks
        nobody = SynthesizeVoice(name="nobody")
        heard = await asyncio.gather(*(plain(running.uri, "Hello.", nobody) for _ in range(40)))
        assert [answer.types for answer in heard] == [["error"]] * 40
        assert share.looks - before < 20
        assert share.most_at_once == 1


@pytest.mark.slow(2)
async def test_a_file_that_is_still_being_copied_is_looked_at_again_by_itself(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole.flac").read_bytes()
    voices = watched(tmp_path / "voices")
    voices.directory.mkdir()
    await voices.start()
    try:
        for part in (1, 2):
            (voices.directory / "alice.flac").write_bytes(whole[: len(whole) * part // 2 - 2 + part])
            await until(lambda part=part: ("alice" in names(voices.catalogue)) == (part == 2))  # type: ignore[misc]
    finally:
        await voices.close()


async def test_the_catalogue_and_its_answer_are_made_once(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    voices = watched(tmp_path)
    first = await look(voices)
    assert await look(voices) is first
    assert info_answer(first, streaming=True) is info_answer(first, streaming=True)
    record(tmp_path / "bob.wav")
    assert names(await look(voices)) == ["default", "alice", "bob"]


@pytest.mark.parametrize("name", ["two\nlines", "red\x1b[31m", "drow\u202eover", "stray\udcff", "gap\u2028gap"])
async def test_a_name_that_cannot_be_shown_is_no_voice_and_goes_into_no_log(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path / "good.wav").rename(tmp_path / f"{name}.wav")
    found = await look(watched(tmp_path))
    assert names(found) == ["default"]
    assert list(found.broken.values()) == ["its name has characters that can't be shown"]
    for text in (*found.broken, *(line.getMessage() for line in caplog.records)):
        assert text.isprintable()
    assert "can't be shown" in caplog.text


@pytest.mark.parametrize("name", ["Zoë", "山田\u3000太郎", "می\u200cخواهم", "👩\u200d🚀"])
async def test_a_name_in_any_script_is_a_voice(tmp_path: Path, name: str) -> None:
    record(tmp_path / f"{name}.wav")
    assert names(await look(watched(tmp_path))) == ["default", name]


async def test_many_broken_files_are_told_in_few_lines_and_forgotten_with_the_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = [tmp_path / f"{number:03}.wav" for number in range(400)]
    for path in files:
        path.touch()
    voices = watched(tmp_path)
    assert len((await look(voices)).broken) == 400
    assert len(caplog.records) == 11
    assert "390 more files" in caplog.text
    for path in files:
        path.unlink()
    await look(voices)
    files[0].touch()
    await look(voices)
    assert caplog.text.count("No voice from 000.wav") == 2


async def test_a_file_that_changes_all_the_time_is_told_a_few_times(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    voices = watched(tmp_path)
    for tenths in range(1, 9):
        record(tmp_path / "growing.wav", tenths / 10)
        await look(voices)
    assert 1 < caplog.text.count("No voice from growing.wav") < 5


@pytest.mark.slow(1)
async def test_more_files_than_anybody_needs_are_left_alone(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 3):
        (tmp_path / f"{number:05}.wav").symlink_to("nowhere")
    found = await look(watched(tmp_path))
    assert len(found.broken) == MAX_FILES + 1
    assert "the first 10000 files" in found.broken[f"{MAX_FILES:05}.wav and those after it"]


def test_more_voices_than_anybody_needs_are_not_offered() -> None:
    recordings = {
        f"{number:03}": Recording(Path(f"{number:03}.wav"), (0, 0, 0), file=f"{number:03}.wav") for number in range(500)
    }
    recordings["zoe-de"] = Recording(Path("zoe-de.wav"), (0, 0, 0), file="zoe-de.wav")
    found = make_catalogue(recordings, {}, Languages.of(MULTILINGUAL_LANGUAGES), "default")
    assert MAX_VOICES - len(MULTILINGUAL_LANGUAGES) < len(found.voices) <= MAX_VOICES
    assert found.find("zoe-de").language == "de"
    ((name, reason),) = found.broken.items()
    assert (name, "10000 voices" in reason) == ("433.wav and 66 more", True)
