"""Measure what written forms cost: `python -m tests.measure_text`.

Times, not truths: machines differ and are busy. Each line gives what was seen beside what is aimed at.
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.spoken_cases import cases

IMPORT = "import time; begun = time.perf_counter(); import {}; print(time.perf_counter() - begun)"
TABLES = """
import time
from wyoming_chatterbox.text.spoken import spell
begun = time.perf_counter()
spell("It is 21.5 °C at 3:05 PM on 2026-11-25.", {!r})
print(time.perf_counter() - begun)
"""
ROUNDS = 5


def fresh(code: str, tries: int = 5) -> float:
    """Seconds that a process of its own prints, the least of some tries."""
    return min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(tries)
    )


def speed(texts: list[str], language: str, size: int = 0) -> float:
    """Seconds for 100 characters, the least of some rounds; the text comes whole, or in pieces of a size."""
    from wyoming_chatterbox.text.spoken import SpokenText

    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for text in texts:
            stream = SpokenText(language)
            for at in range(0, len(text), size or len(text)):
                stream.add(text[at : at + (size or len(text))])
            stream.finish()
        best = min(best, time.perf_counter() - begun)
    return best / sum(map(len, texts)) * 100


def show(what: str, seconds: float, aim: str) -> None:
    print(f"{what:<60} {seconds * 1000:8.2f} ms   (aim: {aim})")


def main() -> None:
    show("Import of text.spoken", fresh(IMPORT.format("wyoming_chatterbox.text.spoken")), "under 100")
    for language in ("en", "de", "ja", "ru"):
        show(f"First text in {language}: its tables and numerals", fresh(TABLES.format(language)), "once")
    replies = [case.written for case in cases("replies")]
    plain = ["The light in the living room is on and the front door is locked, so have a good evening, everyone."]
    show("100 characters of replies, dense with forms", speed(replies, "en"), "under 1")
    show("100 characters of replies, letter by letter", speed(replies, "en", 1), "under 1")
    show("100 characters without forms", speed(plain, "en"), "under 1")
    for language in ("de", "fr", "es", "it"):
        texts = [case.written for case in cases(language)]
        show(f"100 characters of nothing but forms, {language}", speed(texts, language), "under 1")
    for length in (1_000, 10_000, 100_000):
        text = " ".join(replies * (length // 1_000 + 1))[:length]
        show(
            f"100 characters of a text of {length} characters",
            speed([text], "en") if length < 50_000 else once(text),
            "the same",
        )


def once(text: str) -> float:
    from wyoming_chatterbox.text.spoken import spell

    begun = time.perf_counter()
    spell(text, "en")
    return (time.perf_counter() - begun) / len(text) * 100


if __name__ == "__main__":
    main()
