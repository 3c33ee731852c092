"""Judges a recording: where somebody speaks in it, how well it was recorded, and which part to clone a voice from.

It compares the power of short frames with the quietest and the loudest of them; no model is involved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..problem import Problem, Reason
from . import Block
from .clipping import NEARLY, clipping, has_flat_tops

_FRAME = 0.02
"""Seconds of a frame."""
_RUMBLE_RATE = 160
"""Samples a second, in Hz, that hold the rumble of traffic, wind and a table: no voice is as low."""
_LOUD_RUMBLE = 7.0
"""dB that rumble adds to a recording, above which samples near its peaks are many though nothing is cut off."""
_SILENCE = -75.0
"""dB of full scale: a recording that gets no louder holds no speech."""
_TOP_FRAMES, _TOP_SHARE = 25, 0.1
"""Loudest frames whose median is how loud a recording gets, and their share of those that sound, if that is more.

A door that slams is shorter, and a few loud words are a smaller share.
"""
_ABOVE_NOISE, _BELOW_TOP, _FAR_BELOW_TOP = 6.0, 12.0, 35.0
"""dB. Speech is that much above the noise; never does it have to be nearer to the top, nor can it be further below."""
_HYSTERESIS = 6.0
"""dB that speech must exceed the threshold by, somewhere between two pauses."""
_CLICK = 0.06
"""Seconds; a sound that is shorter is no speech."""
_PAUSE, _PAUSE_PER_PHRASE = 2.0, 6.0
"""Seconds, and times the longer phrase beside it: a pause that is shorter than both belongs to speech. Slow readers
pause for 1.5 s between sentences, and knocks with pauses between them are no speech."""
_PHRASE_BREAK = 0.3
"""Seconds; a pause that is shorter is inside a phrase."""
_BREAK = 0.15
"""Seconds; a part may begin or end in such a pause."""
_BEFORE, _AFTER = 0.1, 0.2
"""Seconds around speech that are kept."""
_STEP = 0.5
"""Seconds between two places where a part may begin amid speech."""
_AROUND_FRAMES = 25
"""Frames around one whose level and clipping count as its own."""
_WORTHLESS, _WORTHLESS_CLIPPED = 12.0, 0.05
"""dB from the usual level at which speech is worth nothing, and the share of samples cut off that is at its worst."""
_LOST_END = 1.5
"""Seconds that a part may be shorter to end in a pause."""

_STEADY = 2.5
"""dB; nobody speaks where the loudest tenth of the levels is less than this above their median. Fans have up to 2.3,
and speech in noise as loud as itself has over 4."""
_NOISY, _QUIET = 20.0, -45.0
"""dB between speech and noise, and of speech."""
_CLIPPED = 0.005
"""Share of the speech's samples that are cut off, above which a recording counts as clipped."""
_Levels = npt.NDArray[np.float32]
_Runs = npt.NDArray[np.intp]
"""Rows of a first frame and the frame after the last."""


@dataclass(frozen=True)
class Finding:
    """Something that a better recording would not have."""

    code: str
    """`clipped`, `noisy` or `quiet`."""
    words: str
    """A sentence about "it", which says what to do."""


@dataclass(frozen=True)
class Judgement:
    """Findings about a recording. Levels are in dB of full scale; -120 stands for nothing at all."""

    seconds: float
    speech_seconds: float
    """Seconds in which somebody speaks, pauses under 2 s among them."""
    level: float
    """RMS of the speech."""
    peak: float
    noise: float
    """RMS of the pauses, or of the quietest frames where there are none."""
    clipped: float
    """Share of the speech's samples that are cut off, 0 to 1."""
    findings: tuple[Finding, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()
    """Seconds at which somebody begins and ends to speak, with the same pauses."""
    peaks: bytes = b""
    """Its picture, as `peaks` makes it; empty if nobody did."""

    def densest(self, longest: float) -> float:
        """Return the most seconds of speech that any `longest` seconds hold."""
        starts = (start for begin, end in self.spans for start in (begin, end - longest))
        return max((self._speech_within(start, start + longest) for start in starts), default=0.0)

    def _speech_within(self, start: float, stop: float) -> float:
        return sum(max(0.0, min(end, stop) - max(begin, start)) for begin, end in self.spans)


@dataclass(frozen=True)
class _Heard:
    frames: npt.NDArray[np.float32]
    """Samples (frames, n), less the mean of all, and without loud rumble unless that was cut off itself."""
    levels: _Levels
    """dB of full scale of each frame, without rumble."""
    runs: _Runs
    """Speech, without its pauses."""
    floor: float

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        edges = np.zeros(len(self.levels) + 1, np.int8)
        edges[self.runs[:, 0]] += 1
        edges[self.runs[:, 1]] -= 1
        return np.cumsum(edges[:-1]).astype(bool)


def judge(wave: Block, rate: int) -> Judgement:
    """Judge mono samples at `rate` Hz."""
    seconds = len(wave) / rate
    heard = _hear(wave, rate)
    peak = float(np.abs(wave).max(initial=0.0))
    if not len(heard.runs):
        return Judgement(seconds, 0.0, -120.0, _decibels(peak**2), heard.floor, 0.0)
    speech = heard.mask
    level = _mean(heard.levels[speech])
    pauses = heard.levels[~speech]
    noise = float(np.percentile(pauses, 20)) if len(pauses) * _FRAME > 2 * _BREAK else heard.floor
    spans = _with_pauses(heard.runs)
    times = tuple((float(first * _FRAME), float(min(last * _FRAME, seconds))) for first, last in spans)
    spoken = sum(end - begin for begin, end in times)
    clipped, _ = clipping(heard.frames[speech])
    steady = not len(pauses) and _is_steady(heard.levels)
    findings = tuple(_findings(level, noise, clipped, steady=steady))
    return Judgement(seconds, spoken, level, _decibels(peak**2), noise, clipped, findings, times)


def too_short(judgement: Judgement, shortest: float, longest: float) -> Reason | None:
    """Say of "it" why no `longest` seconds of it hold over `shortest` of speech, in a sentence; None if they do."""
    densest = judgement.densest(longest)
    if densest > shortest:
        return None
    if not judgement.seconds:
        return Reason("it holds no samples", Problem("recording-empty"))
    if not judgement.speech_seconds:
        return Reason("it is silent: no speech is heard in it", Problem("recording-silent"))
    of_all = f" in {judgement.seconds:.1f} s" if judgement.seconds >= judgement.speech_seconds + 1 else ""
    holds, needed = f"it holds {judgement.speech_seconds:.1f} s of speech{of_all}", f"over {shortest:g} s are needed"
    values = {"speech": round(judgement.speech_seconds, 1), "needed": shortest}
    if judgement.speech_seconds <= shortest:
        return Reason(f"{holds}, and {needed}", Problem("recording-short", values))
    return Reason(
        f"{holds}, but only {densest:.1f} s of it within {longest:g} s, and {needed}: leave out the long pauses",
        Problem("recording-pauses", values | {"densest": round(densest, 1), "within": longest}),
    )


def best_stretch(wave: Block, rate: int, longest: float) -> slice:
    """Return the samples of mono `wave` at `rate` Hz to clone a voice from: speech with little silence around it.

    Where that is longer than `longest` seconds, it is the part with the most and cleanest speech, which begins in a
    pause if there is one. The slice is empty if nobody speaks.
    """
    heard = _hear(wave, rate)
    if not len(heard.runs):
        return slice(0, 0)
    parts = _joined(heard.runs, _BREAK)
    before, after = round(_BEFORE / _FRAME), round(_AFTER / _FRAME)
    first, last = max(0, parts[0, 0] - before), min(len(heard.levels), parts[-1, 1] + after)
    most = max(1, int(longest / _FRAME + 1e-6))
    if last - first > most:
        first = _best_start(heard, parts, most)
        last = _end(parts, first, most, after)
    size = _frame_size(rate)
    return slice(int(first) * size, min(int(last) * size, len(wave)))


def _best_start(heard: _Heard, parts: _Runs, most: int) -> int:
    """Return the frame at which the best `most` frames begin."""
    total = np.concatenate([[0.0], np.cumsum(_worth(heard))])
    pauses = np.maximum(parts[:, 0] - round(_BEFORE / _FRAME), 0)
    latest = max(min(int(parts[-1, 1]), len(total) - 1) - most, 0) + round(_LOST_END / _FRAME)
    latest = min(max(latest, int(pauses[0])), len(total) - 1)
    pauses = pauses[pauses <= latest]
    starts = np.concatenate([pauses, np.arange(pauses[0], latest + 1, round(_STEP / _FRAME))])
    value = total[np.minimum(starts + most, len(total) - 1)] - total[starts]
    # A beginning in a pause is worth a second of speech.
    value[: len(pauses)] += 1.0 / _FRAME
    return int(starts[np.argmax(value)])


def _worth(heard: _Heard) -> npt.NDArray[np.float64]:
    """Return what each frame is worth for a clone: 1 if it is speech of the usual level, -1 if it is clipped speech."""
    speech = heard.mask
    powers = np.where(speech, 10.0 ** (heard.levels.astype(np.float64) / 10.0), 0.0)
    around = np.ones(_AROUND_FRAMES)
    powers = np.convolve(powers, around, "same") / np.maximum(np.convolve(speech, around, "same"), 1.0)
    levels = 10.0 * np.log10(np.maximum(powers, 1e-12))
    clipped = np.zeros(len(speech))
    share, cut_at = clipping(heard.frames[speech])
    if share > _CLIPPED:
        near = (np.abs(heard.frames) >= NEARLY * cut_at).mean(axis=1)
        clipped = np.clip(np.convolve(near, around, "same") / _AROUND_FRAMES / _WORTHLESS_CLIPPED, 0.0, 1.0)
    usual = float(np.median(levels[speech & (clipped < 1.0)])) if (speech & (clipped < 1.0)).any() else 0.0
    off = np.clip(np.abs(levels - usual) / _WORTHLESS, 0.0, 1.0)
    return np.where(speech, 1.0 - np.maximum(off, 2.0 * clipped), 0.0)


def _end(parts: _Runs, first: int, most: int, after: int) -> int:
    """Return the frame at which a part ends: in the last pause of it, if that is late."""
    last = first + most
    ends = parts[:, 1]
    ends = ends[(ends <= last) & (ends > max(first, last - round(_LOST_END / _FRAME)))]
    return min(int(ends[-1]) + after, last) if len(ends) else last


def _hear(wave: Block, rate: int) -> _Heard:
    nowhere: _Runs = np.zeros((0, 2), np.intp)
    frames = _framed(wave, rate)
    if not len(frames):
        return _Heard(frames, np.zeros(0, np.float32), nowhere, -120.0)
    sound = _without_rumble(frames.ravel(), rate).reshape(frames.shape)
    whole = _levels(frames)
    # Next to a click the filter makes sound that isn't there.
    levels = np.minimum(_levels(sound), whole)
    rumbles = _mean(whole) > _mean(levels) + _LOUD_RUMBLE
    sounding = levels[levels > _SILENCE - 15]
    floor = float(np.percentile(sounding, 10)) if len(sounding) else -120.0
    # A few words are soon less than a tenth of the noise around them.
    sounding = levels[levels > max(_SILENCE - 15, floor + _ABOVE_NOISE)]
    loudest = min(len(levels), max(_TOP_FRAMES, round(_TOP_SHARE * len(sounding))))
    top = float(np.median(np.partition(levels, len(levels) - loudest)[-loudest:]))
    if top < _SILENCE:
        return _Heard(frames, levels, nowhere, floor)
    low = max(top - _FAR_BELOW_TOP, min(floor + _ABOVE_NOISE, top - _BELOW_TOP))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], levels >= low, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    runs = runs[np.maximum.reduceat(levels, runs[:, 0]) >= low + _HYSTERESIS] if len(runs) else runs
    joined = _joined(runs, _CLICK)
    kept = joined[joined[:, 1] - joined[:, 0] > round(_CLICK / _FRAME)]
    heard = _Heard(frames, levels, kept, floor)
    if not rumbles or has_flat_tops(frames[heard.mask], sound[heard.mask]):
        return heard
    return replace(heard, frames=sound)


def _with_pauses(runs: _Runs) -> _Runs:
    """Join the runs of speech that only pauses lie between."""
    phrases = _joined(runs, _PHRASE_BREAK)
    lengths = phrases[:, 1] - phrases[:, 0]
    longer = np.maximum(lengths[1:], lengths[:-1]) * _FRAME
    return _joined(phrases, np.minimum(_PAUSE, _PAUSE_PER_PHRASE * longer))


def _joined(runs: _Runs, pause: float | npt.NDArray[np.float64]) -> _Runs:
    """Join runs that are less than `pause` seconds apart; it may differ from gap to gap."""
    if not len(runs):
        return runs
    apart = runs[1:, 0] - runs[:-1, 1] >= np.round(np.asarray(pause) / _FRAME)
    firsts = np.concatenate([[True], apart])
    lasts = np.concatenate([apart, [True]])
    return np.stack([runs[firsts, 0], runs[lasts, 1]], axis=1)


def _frame_size(rate: int) -> int:
    return max(1, round(rate * _FRAME))


def _framed(wave: Block, rate: int) -> npt.NDArray[np.float32]:
    """Return frames of samples, less the mean of all: a microphone may have a direct voltage. Zeros fill the last."""
    size = _frame_size(rate)
    padded = np.pad(wave, (0, -len(wave) % size))
    padded[: len(wave)] -= wave.mean() if len(wave) else 0.0
    return padded.reshape(-1, size)


def _without_rumble(wave: Block, rate: int) -> Block:
    """Return what is above about 65 Hz."""
    import soxr

    low = soxr.resample(soxr.resample(wave, rate, _RUMBLE_RATE, "LQ"), _RUMBLE_RATE, rate, "LQ")[: len(wave)]
    sound = wave.copy()
    sound[: len(low)] -= low
    return sound


def _levels(frames: npt.NDArray[np.float32]) -> _Levels:
    """Return the power of each frame in dB."""
    power = np.einsum("ij,ij->i", frames, frames) / frames.shape[1]
    levels: _Levels = 10.0 * np.log10(np.maximum(power, 1e-12)).astype(np.float32)
    return levels


def _is_steady(levels: _Levels) -> bool:
    """Whether a sound is as even as a fan's, apart from single bangs."""
    return bool(np.percentile(levels, 90) - np.percentile(levels, 50) < _STEADY)


def _findings(level: float, noise: float, clipped: float, *, steady: bool) -> list[Finding]:
    findings = []
    if clipped > _CLIPPED:
        findings.append(Finding("clipped", "it is clipped: record further from the microphone, or turn that down"))
    if level < _QUIET:
        findings.append(Finding("quiet", f"it is very quiet ({level:.0f} dB): record closer to the microphone"))
    if steady or level - noise < _NOISY:
        words = f"it is noisy: the noise is only {level - noise:.0f} dB below the speech; record in a quiet room"
        if steady or level - noise < _ABOVE_NOISE:
            words = "it is noisy: no speech stands out; record in a quiet room, without music"
        findings.append(Finding("noisy", words))
    return findings


def _mean(levels: _Levels) -> float:
    return _decibels(float(np.mean(10.0 ** (levels.astype(np.float64) / 10.0))))


def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, 1e-12))
