"""The tables of written forms and how they are said, in tests/spoken, and how the two are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DIRECTORY = Path(__file__).parent / "spoken"


class Case(NamedTuple):
    """A written form, and all right ways to say it."""

    language: str
    written: str
    spoken: tuple[str, ...]


def cases(table: str = "*") -> Iterator[Case]:
    """Those of the tables whose names match, or of all: a language has one, or one for each topic."""
    for path in sorted(DIRECTORY.glob(f"{table}.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            language, written, spoken = line.split("\t")
            yield Case(language, written, tuple(plainly(answer) for answer in spoken.split(" | ")))


def plainly(text: str) -> str:
    """Without case, punctuation, hyphens and extra spaces."""
    return " ".join(re.sub(r"[^\w\s]", "", re.sub(r"[-‐‑–—]", " ", text.lower())).split())
