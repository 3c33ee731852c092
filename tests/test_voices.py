"""Recordings become voices, one language each; a broken one is named and stops nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wyoming.tts import SynthesizeVoice

from tests.client import PATIENCE, describe, plain
from tests.serving import serving
from wyoming_chatterbox.errors import UnknownVoiceError, VoiceError
from wyoming_chatterbox.families import ENGLISH
from wyoming_chatterbox.voices.catalogue import Catalogue
from wyoming_chatterbox.voices.folder import VoicesFolder


def record(path: Path, seconds: float = 2.0) -> Path:
    """A recording of a hum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hum = 0.3 * np.sin(np.arange(round(seconds * 16000)) * 0.05)
    soundfile.write(path, hum, 16000)
    return path


def catalogue(directory: Path, *languages: str, preferred: str = "default") -> Catalogue:
    return asyncio.run(look(VoicesFolder(directory, lambda: languages or ("en",), lambda: ENGLISH.prompt, preferred)))


async def look(voices: VoicesFolder) -> Catalogue:
    """Start to watch, and look at everything once."""
    await voices.start()
    assert await voices.refresh(PATIENCE)
    while voices._has_more:
        assert await voices.refresh(PATIENCE)
    await voices.close()
    return voices.catalogue


def names(found: Catalogue) -> list[str]:
    return [voice.name for voice in found.voices]


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_each_kind_of_recording_is_a_voice(tmp_path: Path, suffix: str) -> None:
    record(tmp_path / f"alice.{suffix}")
    found = catalogue(tmp_path)
    assert names(found) == ["default", "alice"]
    assert found.find("alice").recording == tmp_path / f"alice.{suffix}"
    assert found.broken == {}


def test_a_model_of_several_languages_has_each_voice_in_each(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    record(tmp_path / "bob-de.wav")
    found = catalogue(tmp_path, "en", "de")
    assert names(found) == ["default-de", "default-en", "alice-de", "alice-en", "bob-de"]
    assert all(voice.name.endswith("-" + voice.language) for voice in found.voices)


def test_voices_without_a_directory(tmp_path: Path) -> None:
    assert names(catalogue(tmp_path / "nowhere")) == ["default"]


def test_broken_recordings_are_named_with_their_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(tmp_path / "good.wav")
    record(tmp_path / "short.wav", 0.4)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("no sound at all")
    (tmp_path / "folder.wav").mkdir()
    record(tmp_path / "twin.flac")
    record(tmp_path / "twin.wav")
    record(tmp_path / "default.wav")
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "good.yaml").write_text("speed: 0.9")
    (tmp_path / ".hidden.wav").write_text("x")
    found = catalogue(tmp_path)
    assert names(found) == ["default", "good", "twin"]
    assert sorted(found.broken) == [
        *("default.wav", "empty.wav", "folder.wav", "notes.txt", "short.wav", "text.mp3", "twin.wav")
    ]
    assert "0.4 s" in found.broken["short.wav"]
    assert "sound file" in found.broken["text.mp3"]
    assert "no recording" in found.broken["notes.txt"]
    for name, reason in found.broken.items():
        assert f"No voice from {name}: {reason}" in caplog.text
    with pytest.raises(VoiceError, match=r"text\.mp3.*sound file"):
        found.find("text")


async def test_a_reason_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "text.mp3").write_text("no sound at all")
    voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    await look(voices)
    await look(voices)
    assert caplog.text.count("text.mp3") == 1


async def test_a_recording_that_is_replaced_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "alice.wav"
    path.write_bytes(b"half a download")
    voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    assert names(await look(voices)) == ["default"]
    record(path)
    assert names(await look(voices)) == ["default", "alice"]


def test_wishes_are_met_as_well_as_can_be(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    found = catalogue(tmp_path, "en", "de", preferred="alice")
    assert found.find().name == "alice-en"
    assert found.find("alice-de").language == "de"
    assert found.find("alice").name == "alice-en"
    assert found.find(language="de").name == "alice-de"
    assert found.find(language="de-AT").name == "alice-de"
    assert found.find("alice", language="de").name == "alice-de"
    for name, language in (("nobody", None), ("alice-fr", None)):
        with pytest.raises(UnknownVoiceError, match=r"alice-de"):
            found.find(name, language)


def test_a_language_that_nobody_speaks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownVoiceError, match="'fr'"):
        catalogue(tmp_path).find(language="fr")


def test_a_missing_choice_of_the_servers_own_is_told_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert catalogue(tmp_path, preferred="alice").find().name == "default"
    assert catalogue(tmp_path, "de", "en", preferred="alice").find(language="de").name == "default-de"
    assert "no voice 'alice' (--voice)" in caplog.text


@pytest.mark.parametrize("language", ["en-US", "en_GB", "EN"])
def test_a_language_may_come_with_its_country(tmp_path: Path, language: str) -> None:
    assert catalogue(tmp_path).find(language=language).name == "default"


def test_a_voice_remembered_from_a_model_of_several_languages_is_found_in_one_of_one(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    assert catalogue(tmp_path).find("alice-en").name == "alice"
    assert catalogue(tmp_path).find("default-en").name == "default"


def test_a_recording_of_one_language_comes_before_one_of_all(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    record(tmp_path / "alice-de.wav")
    found = catalogue(tmp_path, "de", "en")
    assert names(found) == ["default-de", "default-en", "alice-de", "alice-en"]
    assert found.find("alice-de").recording == tmp_path / "alice-de.wav"
    assert found.find("alice-en").recording == tmp_path / "alice.wav"


async def test_a_name_that_is_no_text_and_a_pipe_stop_nothing(tmp_path: Path) -> None:
    voices = tmp_path / "voices"
    record(voices / "good.wav")
    (voices / "\udcffx.wav").write_bytes((voices / "good.wav").read_bytes())
    os.mkfifo(voices / "pipe.wav")
    async with serving(tmp_path) as running:
        offered = (await describe(running.uri)).tts[0].voices
        assert [voice.name for voice in offered] == ["default", "good"]
        heard = await plain(running.uri, "Hi.", SynthesizeVoice(name="nobody"))
        assert heard.types == ["error"]
        assert len((running.service.voices.catalogue).broken) == 2


async def test_a_new_recording_is_there_at_a_describe_soon_after(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        assert [voice.name for voice in (await describe(running.uri)).tts[0].voices] == ["default"]
        record(tmp_path / "voices" / "alice.wav")
        assert await running.service.voices.refresh(PATIENCE)
        voices = (await describe(running.uri)).tts[0].voices
        assert [(voice.name, voice.languages) for voice in voices] == [("default", ["en"]), ("alice", ["en"])]


async def test_a_voice_that_breaks_when_prepared_is_replaced_by_the_models_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path, "--voice", "alice") as running:
        running.chatterbox.failures = [VoiceError("alice.wav holds only silence")]
        heard = await plain(running.uri, "One two. Three.")
        assert heard.error is None
        assert [utterance.voice.recording is None for utterance in running.chatterbox.said] == [False, True, True]
        assert "alice.wav holds only silence" in caplog.text


@pytest.mark.parametrize(
    "place",
    [
        *("@eaDir/alice.wav", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information", "__MACOSX"),
        *("sub/@eaDir", ".hidden"),
    ],
)
def test_what_systems_put_into_a_folder_is_passed_over(tmp_path: Path, place: str) -> None:
    record(tmp_path / "alice.wav")
    record(tmp_path / place / "copy.wav")
    (tmp_path / place / "style.yaml").write_text("speed: 0.9")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._alice.wav"):
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    found = catalogue(tmp_path)
    assert names(found) == ["default", "alice"]
    assert found.broken == {}


def test_names_that_differ_only_in_how_letters_are_composed_are_one(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        record(tmp_path / f"{unicodedata.normalize(form, 'Jürgen')}.wav")
    found = catalogue(tmp_path)
    assert len(found.voices) == 2
    (reason,) = found.broken.values()
    assert unicodedata.normalize("NFC", reason) == "there is another voice named 'Jürgen'"


def test_a_link_to_nothing_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "alice.wav").symlink_to("nowhere.wav")
    assert catalogue(tmp_path).broken == {"alice.wav": "it is a link to a file that isn't there"}


async def test_the_log_names_the_recordings_that_are_voices(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    voices = VoicesFolder(tmp_path, lambda: ("de", "en"), lambda: ENGLISH.prompt, "default")
    record(tmp_path / "alice.wav")
    (tmp_path / "text.wav").write_text("none")
    await voices.start()
    assert await voices.refresh(PATIENCE)
    record(tmp_path / "sub" / "bob.mp3")
    assert await voices.refresh(PATIENCE)
    assert await voices.refresh(PATIENCE)
    for path in ("alice.wav", "sub/bob.mp3"):
        (tmp_path / path).unlink()
    assert await voices.refresh(PATIENCE)
    await voices.close()
    assert [line for line in caplog.messages if line.startswith("Voices from")] == [
        "Voices from recordings: alice.wav",
        "Voices from recordings: alice.wav, sub/bob.mp3",
        "Voices from recordings: none any more",
    ]
