"""The comparison of precisions as one HTML page that asks for nothing else: players, spectrograms, figures."""

from __future__ import annotations

import base64
import io
import struct
import wave
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.samples import CHANNELS, WIDTH, to_pcm
from ..engine import SAMPLE_RATE, Block

_WINDOW = 1024
"""Samples of one column of a spectrogram: 43 ms."""
_COLUMNS = 1000
"""The most columns of a spectrogram."""
_RANGE = 80.0
"""dB under the reference's loudest that are black."""


@dataclass(frozen=True)
class Spoken:
    """One precision's sound, and what was measured."""

    name: str
    """The WAV file's, without its ending."""
    figures: Mapping[str, Any]
    """As `engine.comparing.run` gives them."""
    wav: bytes

    @property
    def label(self) -> str:
        """The precision, and what the device made of it if that is another."""
        asked, used = self.figures["precision"], self.figures.get("used")
        return str(asked) if used in (None, asked) else f"{asked} ({used})"


@dataclass(frozen=True)
class Figure:
    """A line of the table."""

    name: str
    label: str
    meaning: str
    text: Callable[[Any], str]


FIGURES = (
    Figure(
        "top1",
        "top-1 agreement",
        "How often T3 finds the same next token likeliest as the reference does, the reference's tokens so far being"
        " given to both.",
        lambda value: f"{value:.1%}",
    ),
    Figure(
        "kl",
        "KL divergence, nats a token",
        "How far T3's probabilities of the next token are from the reference's: 0 is the same.",
        lambda value: f"{value:.3g}",
    ),
    Figure(
        "mel_db",
        "log-mel distance, dB",
        "How far the flow's sound is from the reference's, made of the same tokens and noise: the mean over all times"
        " and pitches.",
        lambda value: f"{value:.3g}",
    ),
    Figure(
        "same_draws",
        "own tokens as the reference's",
        "How many tokens, drawn with the same seed, are the reference's before the first that is another; from there on"
        " it is another reading, not a worse one.",
        str,
    ),
    Figure(
        "tokens_per_s",
        "tokens/s",
        "How fast T3 draws speech tokens; 25 are a second of sound.",
        lambda value: f"{value:.1f}",
    ),
    Figure(
        "first_audio_s",
        "first audio, s",
        "From the text to the first sound, once the model is warm.",
        lambda value: f"{value:.3g}",
    ),
    Figure(
        "peak_memory",
        "peak memory, MB",
        "The most that was held at once: on a GPU there, else by the process, loading it included.",
        lambda value: _megabytes(value),
    ),
)


def shown(figure: Figure, figures: Mapping[str, Any]) -> str:
    """A figure as people read it; a dash where there is none, as the reference's distance from itself."""
    value = figures.get(figure.name)
    return "–" if value is None else figure.text(value)


def parts_of(spoken: list[Spoken]) -> list[tuple[str, list[str]]]:
    """Memory by part, and that of all weights: the part, and MB in each precision."""
    rows = [(part, [one.figures["parts"][part] for one in spoken]) for part in spoken[0].figures["parts"]]
    rows.append(("all of these", [sum(one.figures["parts"].values()) for one in spoken]))
    return [(part, [_megabytes(value) for value in values]) for part, values in rows]


def _megabytes(value: int) -> str:
    return f"{value / 1e6:.0f}" if value >= 100e6 else f"{value / 1e6:.3g}"


def page(settings: Mapping[str, Any], spoken: list[Spoken]) -> str:
    """The report: `settings` are what was the same for all, by name; the first of `spoken` is the reference."""
    names = [one.label for one in spoken]
    spectra = [spectrum(one.wav) for one in spoken]
    top = float(spectra[0].max())
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>\n" for name, value in settings.items())
    fidelity = "".join(_row(figure.label, [shown(figure, one.figures) for one in spoken]) for figure in FIGURES)
    memory = "".join(_row(part, cells) for part, cells in parts_of(spoken))
    meanings = "".join(f"<dt>{escape(figure.label)}</dt><dd>{escape(figure.meaning)}</dd>\n" for figure in FIGURES)
    sounds = "".join(
        _sound(one, levels, top, reference=number == 0)
        for number, (one, levels) in enumerate(zip(spoken, spectra, strict=True))
    )
    return document(
        f"Chatterbox in {', '.join(names)}",
        f"""<dl>
{facts}</dl>
<h2>Sound</h2>
<p>All speak the reference's tokens, with the same noise. So what differs here is the flow's and the vocoder's doing;
what becomes of T3 in fewer bits, the agreement and the divergence below tell.</p>
{sounds}<p>Spectrograms: 0 to 12 kHz from bottom to top, {_RANGE:.0f} dB from black to white.</p>
<h2>Figures</h2>
<table>
{_head("", names)}{fidelity}</table>
<h2>Memory by part, MB</h2>
<table>
{_head("10⁶ bytes, counted from the tensors", names)}{memory}</table>
<h2>What the figures mean</h2>
<dl>
{meanings}</dl>
""",
    )


def document(title: str, body: str) -> str:
    """A page of its own that asks for nothing else, with its title above a body in HTML."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; \
style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}</body>
</html>
"""


def player(what: str, wav: bytes, levels: npt.NDArray[np.float64], top: float) -> str:
    """A player of a WAV file above its spectrogram; `what` names the sound for those who can't see it."""
    name, sound, image = escape(what), _data("audio/wav", wav), _data("image/png", picture(levels, top))
    return f"""<audio controls preload="metadata" aria-label="Sound in {name}" src="{sound}"></audio>
<img alt="Spectrogram of the sound in {name}" src="{image}">
"""


def _head(corner: str, names: list[str]) -> str:
    first, *others = (f'<th scope="col">{escape(name)}' for name in names)
    cells = "".join(f"{cell}</th>" for cell in (f"{first} (reference)", *others))
    return f"<thead><tr><td>{escape(corner)}</td>{cells}</tr></thead>\n"


def _row(label: str, cells: list[str]) -> str:
    return (
        f'<tr><th scope="row">{escape(label)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
    )


def _sound(one: Spoken, levels: npt.NDArray[np.float64], top: float, *, reference: bool) -> str:
    precision = escape(one.label)
    formats = "; ".join(
        f"{part}: " + ", ".join(f"{_megabytes(size)} MB {name}" for name, size in sizes.items())
        for part, sizes in one.figures["formats"].items()
    )
    return f"""<section>
<h3>{precision}{" (reference)" if reference else ""}</h3>
<p>{escape(one.figures["reason"])}. Held are {escape(formats)}.</p>
{player(one.label, one.wav, levels, top)}</section>
"""


def wav_bytes(sound: Block) -> bytes:
    """A WAV file: samples (n,) in 16 bits, 24 kHz."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(CHANNELS)
        file.setsampwidth(WIDTH)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(to_pcm(sound))
    return content.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def spectrum(wav: bytes) -> npt.NDArray[np.float64]:
    """The levels of a 16-bit WAV file in dB, (frequencies, times), the lowest frequency first."""
    with wave.open(io.BytesIO(wav)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    padded = np.pad(samples, (0, _WINDOW))
    hop = max(_WINDOW // 4, -(-len(samples) // _COLUMNS))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop]
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)).T
    # Two bins a line: the page has no room for more.
    power = (magnitudes[:-1] ** 2).reshape(_WINDOW // 4, 2, -1).mean(axis=1)
    levels: npt.NDArray[np.float64] = 10 * np.log10(power + 1e-10)
    return levels


def picture(levels: npt.NDArray[np.float64], top: float) -> bytes:
    """Levels as a PNG file, the lowest frequency at the bottom and `top` the lightest."""
    shades = np.clip((levels - top) / _RANGE + 1, 0, 1) * 255
    return png(np.round(shades[::-1]).astype(np.uint8))


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG file (ISO/IEC 15948) of shades (height, width), coloured from black over red and yellow to white."""
    height, width = pixels.shape
    shade = np.arange(256) / 255
    palette = np.stack([np.clip(3 * shade - offset, 0, 1) for offset in range(3)], axis=1)
    lines = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # Each line begins with its filter: none.
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", np.round(palette * 255).astype(np.uint8).tobytes())
        + _chunk(b"IDAT", zlib.compress(lines, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #8886; text-align: right; }
th[scope=row], thead td { text-align: left; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.5rem; }
code { overflow-wrap: anywhere; }
thead th { white-space: nowrap; }
audio, img { display: block; width: 100%; margin: .5rem 0; }
img { height: 12rem; image-rendering: pixelated; background: #000; }
@media (max-width: 40rem) { .pair, dl { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
"""
