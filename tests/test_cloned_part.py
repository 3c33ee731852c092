"""A voice is cloned from the part of a recording in which somebody speaks, as the package makes it of that part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch

from tests import checkpoints
from tests.conftest import Tiny
from tests.examples import parameters
from tests.sounds import FORMATS, Wave, speech, write
from tests.test_chatterbox_parity import stock
from wyoming_chatterbox.audio.decoding import read_mono
from wyoming_chatterbox.audio.judging import best_stretch
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.voice.conditionals import Conditionals
from wyoming_chatterbox.engine.voice.draft import Draft
from wyoming_chatterbox.engine.voice.reading import Reader
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.families import FAMILIES

pytestmark = pytest.mark.slow(3)

RATE = 24_000
LONGEST = {"english": 10, "multilingual": 10, "turbo": 15, "nano": 15}


@pytest.fixture(scope="module", params=parameters("english", "turbo", full=["multilingual", "nano"]))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def networks(family: str, tiny: Tiny) -> Networks:
    return load(tiny(family), FAMILIES[family], checkpoints.FLOAT32)


def silence(seconds: float) -> Wave:
    return np.zeros(round(seconds * RATE), np.float32)


def clone(networks: Networks, path: Path) -> Conditionals:
    length = networks.t3.hp.speech_cond_prompt_len
    rules = networks.family.prompt
    draft = Draft(path, networks.preparation, rules, length, torch.device("cpu"), Reader())
    return draft.finish(lambda: False)


def wav(path: Path, wave: Wave) -> Path:
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    return path


def same(one: Conditionals, other: Conditionals) -> bool:
    return all(torch.equal(value, vars(other)[name]) for name, value in vars(one).items())


@pytest.mark.parametrize("before", [3.0, 12.0])
def test_silence_before_speech_changes_nothing(networks: Networks, tmp_path: Path, before: float) -> None:
    spoken = np.concatenate([silence(0.1), speech(9.6), silence(0.2)])
    alone = clone(networks, wav(tmp_path / "alone.wav", spoken))
    late = clone(networks, wav(tmp_path / "late.wav", np.concatenate([silence(before), spoken, silence(4)])))
    assert same(alone, late)


def test_it_is_what_the_package_makes_of_the_same_part(
    networks: Networks, family: str, tiny: Tiny, tmp_path: Path
) -> None:
    """The part of 40 s in stereo from a phone is written down as it is, and the package reads that."""
    wave = np.concatenate([silence(12), speech(12), silence(3), 0.8 * speech(10), silence(3)])
    path = write(tmp_path / "phone.m4a", np.stack([wave, 0.5 * wave]), FORMATS["rec.m4a"])
    read = read_mono(path, RATE)
    part = read[best_stretch(read, RATE, LONGEST[family])]
    assert LONGEST[family] - 2 < len(part) / RATE <= LONGEST[family]
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(part)
    assert -30 < loudness < -18
    theirs = stock(family, tiny(family))
    mine = clone(networks, path)
    theirs.prepare_conditionals(str(wav(tmp_path / "part.wav", part)))
    assert mine.t3_prompt is not None
    assert mine.t3_prompt.tolist() == theirs.conds.t3.cond_prompt_speech_tokens.tolist()
    assert mine.prompt_tokens.tolist() == theirs.conds.gen["prompt_token"].tolist()
    for ours, wanted in (
        (mine.speaker, theirs.conds.t3.speaker_emb),
        (mine.prompt_mel, theirs.conds.gen["prompt_feat"]),
        (mine.embedding, theirs.conds.gen["embedding"]),
    ):
        torch.testing.assert_close(ours, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("factor", "reaches"), [(0.1, -30.0), (3.0, -18.0)])
def test_what_is_far_too_quiet_or_too_loud_is_levelled(
    networks: Networks, family: str, tmp_path: Path, factor: float, reaches: float
) -> None:
    spoken = np.concatenate([silence(0.1), speech(9.6), silence(0.2)])
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(spoken)
    lowest, highest = FAMILIES[family].prompt.loudness
    wanted = 10 ** ((min(max(reaches, lowest), highest) - loudness) / 20) * spoken
    levelled = clone(networks, wav(tmp_path / "levelled.wav", wanted.astype(np.float32)))
    other = clone(networks, wav(tmp_path / "other.wav", np.float32(factor) * spoken))
    torch.testing.assert_close(other.prompt_mel, levelled.prompt_mel, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(other.speaker, levelled.speaker, atol=1e-3, rtol=1e-3)


@pytest.mark.slow(3)
def test_a_long_recording_is_a_voice_from_its_best_part(networks: Networks, family: str, tmp_path: Path) -> None:
    sparse = np.concatenate([np.concatenate([speech(1.6), silence(4)])] * 25)
    best = np.append(speech(17.6, pitch=220), silence(1))
    path = wav(tmp_path / "long.wav", np.concatenate([sparse, best, sparse, sparse]))
    assert soundfile.info(path).duration > 400
    alone = clone(networks, wav(tmp_path / "best.wav", best))
    long = clone(networks, path)
    torch.testing.assert_close(long.speaker, alone.speaker, atol=0.02, rtol=0)
    assert long.prompt_mel.shape[1] > 8 * 50


@pytest.mark.parametrize(
    ("wave", "reason"),
    [
        (np.append(silence(20), speech(0.7)), "it holds 0.[67] s of speech in 20.7 s, and over [15] s are needed"),
        (silence(20), "silent"),
        (np.zeros(0, np.float32), "it holds no samples"),
    ],
)
def test_too_little_speech_is_refused(networks: Networks, tmp_path: Path, wave: Wave, reason: str) -> None:
    path = wav(tmp_path / "alice.wav", wave)
    with pytest.raises(VoiceError, match=reason) as caught:
        clone(networks, path)
    assert str(caught.value).startswith(f"{path} ")
