"""The code of a language without its region."""

from __future__ import annotations


def bare_code(language: str) -> str:
    """ "en-US", "de_AT", "DE" -> "en", "de", "de"; English where none is said."""
    return language.lower().replace("_", "-").partition("-")[0] or "en"
