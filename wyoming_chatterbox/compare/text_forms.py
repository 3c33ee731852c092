"""The same sentences in both forms of multilingual's texts, side by side, for a person to judge by ear.

Nobody publishes which form a checkpoint was trained on, and no figure here can tell: the better one says the words
without stumbling, and has no extra sounds at the end.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..bench.runs import Bar, Figures, family_of, run_fresh, weights
from ..engine.tokenizers.text_forms import TEXT_FORMS
from ..errors import ConfigError
from .report import document, player, spectrum, wav_bytes

SENTENCES = {
    "ar": "بابُ المطبخِ مفتوحٌ، والضوءُ في الممرِّ مُضاء.",
    "da": "Døren til Køkkenet er åben, og Åse har ringet to gange.",
    "de": "Die Tür zur Küche ist offen, und Frau Müller hat um halb acht angerufen.",
    "el": "Η πόρτα της κουζίνας είναι ανοιχτή, και η Άννα έφτασε ήδη.",
    "en": "The kitchen door is open, and Anna from NASA has called twice.",
    "es": "La puerta de la cocina está abierta, y la señora Núñez llamó dos veces.",
    "fi": "Keittiön ovi on auki, ja Äiti soitti kaksi kertaa.",
    "fr": "La porte de la cuisine est ouverte, et Élise a déjà appelé deux fois.",
    "he": "דלת המטבח פתוחה, והאור במסדרון דולק.",
    "hi": "रसोई का दरवाज़ा खुला है, और गलियारे की बत्ती जल रही है।",
    "it": "La porta della cucina è aperta, e la signora Bianchi ha già chiamato.",
    "ja": "台所のドアが開いていて、廊下の電気がついています。",
    "ko": "부엌 문이 열려 있고, 복도의 불이 켜져 있습니다.",
    "ms": "Pintu dapur terbuka, dan Aisyah sudah menelefon dua kali.",
    "nl": "De keukendeur staat open, en Zoë heeft al twee keer gebeld.",
    "no": "Kjøkkendøren er åpen, og Åse har ringt to ganger.",
    "pl": "Drzwi do kuchni są otwarte, a Łukasz dzwonił już dwa razy.",
    "pt": "A porta da cozinha está aberta, e a dona Conceição já ligou duas vezes.",
    "ru": "Дверь на кухню открыта, а Анна Петровна уже звонила.",
    "sv": "Köksdörren är öppen, och Åsa har ringt två gånger.",
    "sw": "Mlango wa jikoni uko wazi, na Amina amepiga simu mara mbili.",
    "tr": "İpek Hanım iki kez aradı; mutfağın kapısı açık, ışık da yanıyor.",
    "zh": "厨房的门开着，走廊的灯也亮着。",
}
"""Sentences of about four seconds, with capitals and accents where a language has them."""

_SHOWN = ("en", "de", "fr", "tr", "ru", "zh", "ja", "ko")
"""The languages that are spoken if none is named: those in which the forms differ most."""

FORMS = {
    "v3": "capitals and accents as written, as the official demonstration of v3 has it",
    "v2": "small letters, Japanese in hiragana, as chatterbox-tts 0.1.7 has it",
}


@dataclass(frozen=True)
class Reading:
    """One sentence in one form."""

    name: str
    """The WAV file's, without its ending: `1-de-v3`."""
    language: str
    text: str
    form: str
    given: str
    """The text as the model is given it: its tokens, one after another."""
    seconds: float
    wav: bytes


def speak(options: argparse.Namespace) -> tuple[dict[str, Any], list[Reading]]:
    """Speak the sentences; the settings for the head of the report, and the readings, sentence by sentence.

    Raises `CheckpointError`, `ConfigError` or `BenchError`.
    """
    family = family_of(options)
    if family.name != "multilingual":
        raise ConfigError(f"text forms are multilingual's, and this is the {family.name} model")
    sentences = _sentences(options, family.languages)
    with (
        Bar((options.model == "random") + 1) as bar,
        weights(options, family, bar) as directory,
        tempfile.TemporaryDirectory(prefix="chatterbox-forms-") as scratch,
    ):
        file = Path(scratch, "sounds.npz")
        request: Figures = {
            "directory": str(directory),
            "device": options.device,
            "precision": options.precisions[0],
            "sentences": sentences,
            "voice": options.voice and str(options.voice),
            "seed": options.seed,
            "scratch": str(file),
        }
        bar.step(f"{len(sentences)} sentences in {len(TEXT_FORMS)} forms")
        figures = run_fresh("text_forms", request, "text forms")
        with np.load(file) as sounds:
            readings = [_reading(one, sentences, sounds) for one in figures["spoken"]]
    settings = {
        "model": "random weights" if options.model == "random" else f"{options.model} ({figures['t3_file']})",
        "form that the server uses for it": figures["form"],
        "voice": options.voice.name if options.voice else "the model's own",
        "device": f"{figures['device']} ({figures['device_name']}), {figures['precision']}",
        "seed": options.seed,
    }
    return settings, sorted(readings, key=lambda one: int(one.name.partition("-")[0]))


def _sentences(options: argparse.Namespace, spoken: tuple[str, ...]) -> list[tuple[str, str]]:
    if options.language is not None and options.language not in spoken:
        raise ConfigError(f"language is {options.language!r}; this model speaks {', '.join(spoken)}")
    shown = [code for code in _SHOWN if code in spoken] or list(spoken)
    if options.text is not None:
        return [(options.language or shown[0], options.text)]
    return [(code, SENTENCES[code]) for code in ([options.language] if options.language else shown)]


def _reading(one: Mapping[str, Any], sentences: list[tuple[str, str]], sounds: Mapping[str, Any]) -> Reading:
    language, text = sentences[one["number"] - 1]
    number, form, given = one["number"], one["form"], one["given"].replace("[SPACE]", " ")
    wav = wav_bytes(sounds[f"{number}-{form}"])
    return Reading(f"{number}-{language}-{form}", language, text, form, given, one["audio_s"], wav)


def page(settings: Mapping[str, Any], readings: list[Reading]) -> str:
    """The report: each sentence with its readings side by side."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>\n" for name, value in settings.items())
    meanings = "".join(f"<dt>{escape(form)}</dt><dd>{escape(what)}</dd>\n" for form, what in FORMS.items())
    sentences = "".join(
        f'<h2 lang="{escape(language)}" dir="auto">{escape(text)}</h2>\n<div class="pair">\n'
        f"{''.join(map(_shown, pair))}</div>\n"
        for (_, language, text), pair in groupby(
            readings, key=lambda one: (one.name.partition("-")[0], one.language, one.text)
        )
    )
    return document(
        "Chatterbox in two text forms",
        f"""<dl>
{facts}</dl>
<p>Which form says every word, and stops after the last? Listen to a language that you speak. The weights, the voice
and the seed are the same on both sides.</p>
<dl>
{meanings}</dl>
{sentences}""",
    )


def _shown(one: Reading) -> str:
    levels = spectrum(one.wav)
    return f"""<section>
<h3>{escape(one.form)}, {one.seconds:.1f} s</h3>
<p><code lang="{escape(one.language)}" dir="auto">{escape(one.given)}</code></p>
{player(f"{one.form}, sentence {one.name.partition('-')[0]}", one.wav, levels, float(levels.max()))}</section>
"""
