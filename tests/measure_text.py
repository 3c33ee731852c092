"""Measure what written forms cost: `python -m tests.measure_text`.

Times of one core, not of the wall: the work is done on the event loop. Each line gives what was seen beside what is
aimed at.
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.spoken_cases import cases
from wyoming_chatterbox.text.spoken import spell

IMPORT = """
import time
begun = time.process_time()
import wyoming_chatterbox.text.spoken
print(time.process_time() - begun)
"""
FIRST_TEXT = """
import time
from wyoming_chatterbox.text.spoken import spell
begun = time.process_time()
spell("It is 21.5 °C at 3:05 PM on 2026-11-25.", {!r})
print(time.process_time() - begun)
"""
PLAIN = "The light in the living room is on and the front door is locked, so have a good evening, everyone."
TRIES = 5


def in_a_new_process(code: str) -> float:
    """Seconds that the code prints, the least of some tries."""
    runs = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True) for _ in range(TRIES)]
    return min(float(run.stdout) for run in runs)


def for_100_characters(texts: list[str], language: str = "en") -> float:
    """Seconds, the least of some tries."""
    tries = []
    for _ in range(TRIES):
        begun = time.process_time()
        for text in texts:
            spell(text, language)
        tries.append(time.process_time() - begun)
    return min(tries) / sum(map(len, texts)) * 100


def show(what: str, seconds: float, aim: str) -> None:
    print(f"{what:<60} {seconds * 1000:8.2f} ms   (aim: {aim})")


def main() -> None:
    show("Import of text.spoken", in_a_new_process(IMPORT), "under 100")
    for language in ("en", "de", "ja", "ru"):
        show(f"First text in {language}, its tables read", in_a_new_process(FIRST_TEXT.format(language)), "once")
    replies = [case.written for case in cases("replies")]
    show("100 characters without forms", for_100_characters([PLAIN]), "under 1")
    show("100 characters of replies", for_100_characters(replies), "under 1")
    for language in ("en", "de", "fr", "es", "it"):
        forms = [case.written for case in cases(f"{language}*")]
        show(f"100 characters of nothing but forms in {language}", for_100_characters(forms, language), "under 1")
    for length in (1_000, 10_000, 100_000):
        text = " ".join(replies * (length // 1_000))[:length]
        show(f"100 characters of a reply of {length}", for_100_characters([text]), "the same for all lengths")


if __name__ == "__main__":
    main()
