"""Tokens streamed to sound: as many samples as in one piece, nearly the same ones, and no seam to be heard."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Tiny
from tests.examples import examples
from wyoming_chatterbox.engine import SAMPLE_RATE, Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.s3gen.flow import cut_prompt, fade_in, integrate
from wyoming_chatterbox.engine.s3gen.pacing import HOPS, LOOK_AHEAD, Fixed, Pace
from wyoming_chatterbox.engine.s3gen.stream import FrameNoise, SoundStream, Source, WaveStream, stream
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.errors import Cancelled
from wyoming_chatterbox.families import FAMILIES

from . import checkpoints

Sound = npt.NDArray[np.float32]
CPU = torch.device("cpu")
TOKENS = torch.randint(6561, (160,), generator=torch.Generator().manual_seed(1)).tolist()


def never() -> bool:
    return False


def loaded(layout: str, directory: Path) -> Networks:
    networks = load(directory, FAMILIES[layout], checkpoints.FLOAT32)
    # Untrained, it hears no voice in anything, and the source would be noise alone.
    pitch: Any = networks.vocoder.f0_predictor
    pitch.classifier.bias += 150
    return networks


@pytest.fixture(scope="module")
def english(tiny: Tiny) -> Networks:
    return loaded("english", tiny("english"))


@pytest.fixture(scope="module")
def turbo(tiny: Tiny) -> Networks:
    return loaded("turbo", tiny("turbo"))


@pytest.fixture(params=["english", "turbo"])
def networks(request: pytest.FixtureRequest) -> Networks:
    found: Networks = request.getfixturevalue(request.param)
    return found


def sounding(networks: Networks, seed: int = 5, cancelled: Callable[[], bool] = never, **settings: Any) -> SoundStream:
    return SoundStream(networks.flow, networks.vocoder, networks.conditionals, seed, cancelled, **settings)


def whole(networks: Networks, tokens: Sequence[int], seed: int = 5, **settings: Any) -> Sound:
    """The utterance in one window."""
    return sounding(networks, seed, **settings).finish(tokens)


def pieces(networks: Networks, tokens: Sequence[int], hops: Sequence[int], seed: int = 5) -> list[Sound]:
    """The utterance fed in pieces of `hops` tokens, the last again and again; the first has the look-ahead too."""
    sound = sounding(networks, seed)
    blocks: list[Sound] = []
    at = 0
    for hop in chain([hops[0] + LOOK_AHEAD], hops[1:], repeat(hops[-1])):
        if at + hop > len(tokens):
            return [*blocks, sound.finish(tokens[at:])]
        blocks.append(sound.feed(tokens[at : at + hop]))
        at += hop
    raise AssertionError


def log_mel(sound: Sound) -> npt.NDArray[np.float32]:
    """(80, frames)."""
    mel: npt.NDArray[np.float32] = chatterbox_tts.mel_spectrogram(torch.from_numpy(sound)[None])[0].numpy()
    return mel


@pytest.mark.parametrize("count", [0, 1, 2, 5, 13, 39])
def test_it_has_as_many_samples_as_in_one_piece(networks: Networks, count: int) -> None:
    blocks = list(stream(sounding(networks), iter(TOKENS[:count]), Fixed(*HOPS)))
    assert sum(len(block) for block in blocks) == len(whole(networks, TOKENS[:count])) == 960 * count
    assert all(block.dtype == np.float32 and np.isfinite(block).all() for block in blocks)


@pytest.mark.slow(6)
@examples(0.15)
@given(count=st.integers(0, 60), hops=st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_whatever_the_hops_no_token_is_lost(turbo: Networks, count: int, hops: list[int]) -> None:
    assert sum(len(block) for block in pieces(turbo, TOKENS[:count], hops)) == 960 * count


@pytest.mark.slow(1)
def test_in_pieces_it_sounds_as_in_one_and_most_so_at_the_seams(networks: Networks) -> None:
    blocks = pieces(networks, TOKENS, HOPS[:2])
    at_once = log_mel(whole(networks, TOKENS))
    distance = np.abs(log_mel(np.concatenate(blocks)) - at_once).mean(axis=0)
    frames = np.cumsum([len(block) for block in blocks[:-1]]) // 480
    assert len(frames) >= 5
    near = np.abs(np.arange(len(distance))[:, None] - frames).min(axis=1) <= 4
    assert distance[near].mean() <= 1.5 * distance[~near].mean()
    # Fresh noise, which is what most goes wrong at seams, is many times further away.
    other = np.abs(log_mel(whole(networks, TOKENS, seed=6)) - at_once).mean()
    assert distance.mean() < other / 3


def test_no_step_at_a_seam_is_larger_than_within_blocks(networks: Networks) -> None:
    blocks = pieces(networks, TOKENS, HOPS)
    steps = np.abs(np.diff(np.concatenate(blocks)))
    seams = np.cumsum([len(block) for block in blocks])[:-1] - 1
    assert steps[seams].max() <= np.delete(steps, seams).max()


@pytest.mark.slow(2)
def test_the_context_brings_it_closer_to_one_piece(english: Networks) -> None:
    at_once = whole(english, TOKENS)
    errors = []
    for context in (0, 60):
        sound = sounding(english, context=context)
        streamed = np.concatenate(list(stream(sound, iter(TOKENS), Fixed(10, 25, 50))))
        errors.append(float(np.abs(log_mel(streamed) - log_mel(at_once)).mean()))
    assert errors[1] < 0.7 * errors[0]


def test_a_window_is_no_longer_than_prompt_context_and_new_tokens(turbo: Networks) -> None:
    lengths: list[int] = []
    hook = turbo.flow.decoder.estimator.final_proj.register_forward_hook(
        lambda _module, inputs, _output: lengths.append(inputs[0].shape[2])
    )
    prompt = turbo.conditionals.prompt_tokens.shape[1]
    try:
        list(stream(sounding(turbo, context=20), iter(TOKENS), Fixed(10, 25, 50)))
    finally:
        hook.remove()
    assert max(lengths) == 2 * (prompt + 20 + 50 + LOOK_AHEAD)


def test_only_the_very_beginning_is_faded_in(turbo: Networks) -> None:
    blocks = pieces(turbo, TOKENS[:60], HOPS[:1])
    assert not blocks[0][:480].any()
    assert all(np.abs(block[:480]).max() > 0.2 * np.abs(block).max() for block in blocks[1:])


def test_the_same_seed_gives_the_same_sound_and_leaves_torchs_own_numbers_alone(turbo: Networks) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = np.concatenate(pieces(turbo, TOKENS[:40], HOPS))
    assert torch.equal(torch.rand(3), expected)
    assert np.array_equal(first, np.concatenate(pieces(turbo, TOKENS[:40], HOPS)))
    assert not np.allclose(first, np.concatenate(pieces(turbo, TOKENS[:40], HOPS, seed=6)), atol=1e-3)


@pytest.mark.parametrize("stop", [1, 2, 3, 6])
def test_cancelling_stops_before_the_next_evaluation_of_the_estimator(english: Networks, stop: int) -> None:
    evaluations, asked = 0, 0

    def count(*_: Any) -> None:
        nonlocal evaluations
        evaluations += 1

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked >= stop

    hook = english.flow.decoder.estimator.final_proj.register_forward_hook(count)
    try:
        with pytest.raises(Cancelled):
            sounding(english, cancelled=cancelled).feed(TOKENS[:13])
    finally:
        hook.remove()
    assert evaluations == stop - 1
    assert asked == stop


class TestThePrompt:
    def test_is_cut_to_its_first_seconds_at_two_frames_a_token(self, turbo: Networks) -> None:
        voice = turbo.conditionals
        cut = cut_prompt(voice, 0.2)
        assert cut.prompt_tokens.tolist() == voice.prompt_tokens[:, :5].tolist()
        assert torch.equal(cut.prompt_mel, voice.prompt_mel[:, :10])
        assert cut.speaker is voice.speaker
        assert cut.t3_prompt is voice.t3_prompt

    def test_is_whole_without_a_limit_or_with_a_longer_one(self, turbo: Networks) -> None:
        for seconds in (None, 99.0):
            assert cut_prompt(turbo.conditionals, seconds).prompt_tokens.shape == (1, 12)

    def test_loses_half_a_token_that_a_recording_may_end_with(self, turbo: Networks) -> None:
        odd = replace(turbo.conditionals, prompt_mel=turbo.conditionals.prompt_mel[:, :23])
        cut = cut_prompt(odd)
        assert (cut.prompt_tokens.shape[1], cut.prompt_mel.shape[1]) == (11, 22)
        sound = SoundStream(turbo.flow, turbo.vocoder, odd, 5, never)
        assert len(sound.finish(TOKENS[:20])) == 960 * 20

    def test_of_another_length_gives_as_many_samples(self, turbo: Networks) -> None:
        assert len(whole(turbo, TOKENS[:20], prompt_seconds=0.2)) == 960 * 20


class TestTheSource:
    def test_is_the_packages(self, turbo: Networks) -> None:
        module = copy.deepcopy(turbo.vocoder.m_source)
        module.l_sin_gen.noise_std = 0.0
        pitch = 150 + 40 * torch.sin(torch.arange(30) / 5)
        mine = Source(module, torch.Generator().manual_seed(7))(pitch, 30)
        torch.manual_seed(7)
        theirs, _, _ = module(pitch.repeat_interleave(480)[None, :, None])
        assert mine.std() > 0.01
        torch.testing.assert_close(mine[0, 0], theirs[0, :, 0], atol=1e-3, rtol=0)

    @pytest.mark.parametrize("pitch", [0.0, 150.0])
    def test_is_as_noisy_as_the_packages(self, turbo: Networks, pitch: float) -> None:
        module = copy.deepcopy(turbo.vocoder.m_source)
        module.l_sin_gen.sine_amp, module.l_sin_gen.noise_std = (0.1, 0.003) if pitch == 0 else (0.0, 0.1)
        frames = torch.full((100,), pitch)
        mine = Source(module, torch.Generator().manual_seed(7))(frames, 100)
        theirs, _, _ = module(frames.repeat_interleave(480)[None, :, None])
        assert float(mine.std()) == pytest.approx(float(theirs.std()), rel=0.03)

    def test_goes_on_where_it_was_whatever_was_looked_at_ahead(self, turbo: Networks) -> None:
        pitch = 150 + 40 * torch.sin(torch.arange(30) / 5)
        at_once = Source(turbo.vocoder.m_source, torch.Generator().manual_seed(7))(pitch, 30)
        source = Source(turbo.vocoder.m_source, torch.Generator().manual_seed(7))
        parts = [source(pitch[:16], 10)[..., :4800], source(pitch[10:22], 7)[..., :3360], source(pitch[17:], 13)]
        torch.testing.assert_close(torch.cat(parts, dim=2), at_once, atol=1e-4, rtol=0)


def test_the_vocoder_makes_of_a_mel_in_pieces_what_it_makes_of_it_in_one(turbo: Networks) -> None:
    vocoder = copy.deepcopy(turbo.vocoder)
    checkpoints.pass_on(vocoder)
    noise = torch.randn(1, 80, 100, generator=torch.Generator().manual_seed(2))
    mel = torch.nn.functional.avg_pool1d(noise, 5, stride=1, padding=2) * 2 - 4
    with torch.inference_mode():
        source = Source(vocoder.m_source, torch.Generator().manual_seed(3))(vocoder.f0_predictor(mel)[0], 100)
        expected = vocoder.decode(x=mel, s=source)[0]
        expected[:960] *= fade_in(CPU)
        wave = WaveStream(vocoder, torch.Generator().manual_seed(3))
        parts = [wave.feed(mel[..., :26], 20, last=False), wave.feed(mel[..., 20:66], 40, last=False)]
        parts.append(wave.feed(mel[..., 60:], 40, last=True))
    assert [len(part) for part in parts] == [20 * 480 - 960, 40 * 480, 40 * 480 + 960]
    assert expected.abs().max() < 0.99
    error = np.concatenate(parts) - expected.numpy()
    assert error.std() < 0.01 * float(expected.std())
    assert np.abs(error).max() < 0.2 * float(expected.std())


def test_a_frames_noise_is_the_same_with_whichever_others_it_is_asked_for() -> None:
    noise, other = (FrameNoise(torch.Generator().manual_seed(1), 80) for _ in range(2))
    assert torch.equal(noise(0, 300)[100:150], other(100, 150))
    assert torch.equal(other(0, 300), noise(0, 300))
    assert abs(float(noise(0, 300).std()) - 1) < 0.05


def test_one_window_is_what_the_flow_and_the_packages_vocoder_make(networks: Networks) -> None:
    """Which tests elsewhere hold against the package itself."""
    tokens, prompt = TOKENS[:20], networks.conditionals.prompt_mel.shape[1]
    draws = torch.Generator().manual_seed(5)
    noise = FrameNoise(draws, 80)(0, prompt + 40).T[None]
    with torch.inference_mode():
        mel = integrate(networks.flow, torch.tensor(tokens), networks.conditionals, noise, never)
        source = Source(networks.vocoder.m_source, draws)(networks.vocoder.f0_predictor(mel)[0], 40)
        wave = networks.vocoder.decode(x=mel, s=source)[0]
    np.testing.assert_allclose(whole(networks, tokens)[960:], wave[960:].numpy(), atol=1e-6)


def test_blocks_are_as_large_as_planned(turbo: Networks) -> None:
    drawn = 0

    def tokens() -> Iterator[int]:
        nonlocal drawn
        for token in TOKENS[:150]:
            drawn += 1
            yield token

    assert [drawn for _ in stream(sounding(turbo), tokens(), Fixed(10, 25, 50))] == [14, 39, 89, 139, 150]


def test_no_window_is_spent_on_the_look_ahead_alone(turbo: Networks) -> None:
    for count, blocks in ((13, 1), (14, 2), (38, 2), (39, 3)):
        assert len(list(stream(sounding(turbo), iter(TOKENS[:count]), Fixed(10, 25)))) == blocks


def test_what_blocks_took_is_learnt_less_the_listeners_time(turbo: Networks) -> None:
    clock, pace = [0.0], Pace()

    def tokens() -> Iterator[int]:
        for token in TOKENS[:60]:
            clock[0] += 0.02
            yield token

    for _ in stream(sounding(turbo), tokens(), Fixed(20), pace, lambda: clock[0]):
        clock[0] += 5.0
    assert pace.token == pytest.approx(0.02)
    assert pace.window == 0.0


@pytest.mark.slow(2)
@pytest.mark.parametrize("layout", ["english", "turbo"])
def test_chatterbox_speaks_in_blocks_and_the_same_for_the_same_seed(tiny: Tiny, layout: str) -> None:
    engine = Chatterbox.load(tiny(layout), FAMILIES[layout], checkpoints.FLOAT32, blocks=True)
    utterance = Utterance("Hi.", Voice("own", "en"), seed=3)
    blocks = list(engine.speak(utterance, never))
    assert len(blocks) > 2
    assert all(len(block) and block.dtype == np.float32 and np.abs(block).max() <= 1 for block in blocks)
    assert sum(map(len, blocks)) % 960 == 0
    assert len(blocks[0]) < 0.4 * SAMPLE_RATE
    assert np.array_equal(np.concatenate(blocks), np.concatenate(list(engine.speak(utterance, never))))


@pytest.mark.slow(2)
@pytest.mark.parametrize(("seconds_per_token", "blocks"), [(1e-6, "several"), (1.0, "one")])
def test_chatterbox_begins_as_early_as_its_speed_allows(tiny: Tiny, seconds_per_token: float, blocks: str) -> None:
    engine = Chatterbox.load(tiny("turbo"), FAMILIES["turbo"], checkpoints.FLOAT32)
    text = "As long as this is, it is nearly nothing."
    engine._pace = Pace(token=seconds_per_token, window=seconds_per_token, tokens_per_byte=3.0)
    first, *rest = engine.speak(Utterance(text, Voice("own", "en"), seed=3, repeatable=False), never)
    assert (len(first) < 0.5 * SAMPLE_RATE) == (blocks == "several")
    # What the watermark held back comes last.
    assert (sum(map(len, rest)) > 0.2 * SAMPLE_RATE) == (blocks == "several")
    assert (len(first) + sum(map(len, rest))) % 960 == 0


@pytest.mark.slow(1)
def test_with_a_seed_a_cpu_speaks_an_utterance_whole(tiny: Tiny) -> None:
    engine = Chatterbox.load(tiny("turbo"), FAMILIES["turbo"], checkpoints.FLOAT32)
    engine._pace = Pace(token=1e-6, window=1e-6)
    block, *rest = engine.speak(Utterance("Hi.", Voice("own", "en"), seed=3), never)
    assert sum(map(len, rest)) < 0.2 * SAMPLE_RATE < len(block)
