"""One sound that is hardly speech makes no reply far too loud, and a voice that is really so quiet is learnt."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from tests.serving import until
from wyoming_chatterbox.engine import Voice
from wyoming_chatterbox.speech.levels import Levels, Speaker

TARGET = -18.0


def speaker(engine: str) -> Speaker:
    return Speaker.of(engine, Voice("alice", "en", Path("/voices/alice.wav"), (1, 2, 3)))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
def test_a_first_sigh_teaches_nothing_of_a_family_that_is_known(seconds: float) -> None:
    levels = Levels()
    levels.learn(speaker("turbo"), -50, seconds)
    assert levels.gain(speaker("turbo"), TARGET) == pytest.approx(9, abs=0.1)


def test_a_sigh_of_a_voice_that_is_known_teaches_nothing() -> None:
    levels = Levels()
    for _ in range(6):
        levels.learn(speaker("chatterbox"), -27, 3)
    levels.learn(speaker("chatterbox"), -62, 3)
    assert levels.gain(speaker("chatterbox"), TARGET) == pytest.approx(9, abs=0.1)


def test_a_first_short_word_does_not_outweigh_what_is_expected() -> None:
    levels = Levels()
    levels.learn(speaker("turbo"), -34, 0.5)
    assert levels.gain(speaker("turbo"), TARGET) < 12


def test_a_first_sigh_is_bounded_by_the_prompts_of_the_family_and_soon_forgotten() -> None:
    levels = Levels()
    levels.learn(speaker("multilingual"), -55, 0.6)
    assert levels.gain(speaker("multilingual"), TARGET) <= 18
    levels.learn(speaker("multilingual"), -24, 3)
    assert levels.gain(speaker("multilingual"), TARGET) == pytest.approx(6, abs=0.1)


def test_a_voice_that_stays_so_quiet_is_learnt() -> None:
    levels = Levels()
    for _ in range(4):
        levels.learn(speaker("turbo"), -44, 3)
    assert levels.gain(speaker("turbo"), TARGET) == pytest.approx(26, abs=0.1)


def test_the_model_s_own_voice_has_no_version() -> None:
    assert Speaker.of("turbo", Voice("alice", "en", None, (1, 2, 3))).version is None


async def test_nobody_else_reads_what_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "levels.json"
    levels = Levels(kept)
    levels.learn(speaker("turbo"), -25, 3)
    levels.keep()
    await until(kept.exists)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    await asyncio.sleep(0)
