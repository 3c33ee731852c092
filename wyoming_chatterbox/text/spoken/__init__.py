"""Numbers, units, money, dates, times and symbols in words, as a person would say them, in the voice's language."""

from .stream import SpokenText, spell

__all__ = ["SpokenText", "spell"]
