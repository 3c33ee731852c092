"""Words that are written short, in full: "z. B.", "Mme", "π.χ."."""

from __future__ import annotations

import re

from .written import Found, Written


def shortened(written: Written, at: int) -> Found | None:
    """Find a word that is written short; the full stop stays where the text ends with it."""
    found = written.writing.short.match(written.text, at)
    if not found:
        return None
    short = re.sub(r"\s", "", found[0])
    said = written.writing.shortened.get(short) or written.writing.shortened[short[0].lower() + short[1:]]
    ends_text = short[-1] == "." and not written.text[found.end() :].strip()
    return found.end() - ends_text, said
