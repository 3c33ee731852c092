"""A moment in which a disk or a network is slow makes no recording broken for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving import serving, until
from tests.sounds import speech
from tests.test_voices import record
from wyoming_chatterbox.audio.judging import Judgement, judge
from wyoming_chatterbox.errors import SlowRecordingError
from wyoming_chatterbox.families import ENGLISH
from wyoming_chatterbox.voices.recordings import Recordings


@pytest.mark.parametrize(("again", "tries"), [(0.0, 2), (300.0, 1)])
def test_what_took_too_long_is_tried_again_but_not_at_once(tmp_path: Path, again: float, tries: int) -> None:
    (tmp_path / "alice.wav").write_bytes(b"x")
    tried = []

    def listen(path: Path) -> Judgement:
        tried.append(path)
        if len(tried) == 1:
            raise SlowRecordingError("it takes over 15 s to read")
        return judge(speech(8), 24_000)

    recordings = Recordings(tmp_path, listen, again=again)
    assert recordings.look(frozenset(), ENGLISH.prompt).broken == {"alice.wav": "it takes over 15 s to read"}
    for _ in range(3):
        found = recordings.look(frozenset(), ENGLISH.prompt)
    assert len(tried) == tries
    assert list(found.recordings) == (["alice"] if tries == 2 else [])


async def test_preparing_ahead_rejects_no_recording_that_is_slow(tmp_path: Path) -> None:
    path = record(tmp_path / "voices" / "alice.wav")
    record(tmp_path / "voices" / "bob.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.unfit["alice"] = SlowRecordingError(f"{path} can't be read: it takes long.")
        running.preparation.start()
        await until(lambda: [voice.name for voice in running.chatterbox.voices] == ["bob"])
        assert running.service.voices.catalogue.broken == {}
        assert not running.service.voices.is_unfit(running.service.voices.catalogue.find("alice"))
