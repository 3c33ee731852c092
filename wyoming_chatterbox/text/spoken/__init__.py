"""Written forms to words: numbers, units, money, dates, times and symbols, as a person would say them, in the voice's language."""

from .stream import SpokenText, spell

__all__ = ["SpokenText", "spell"]
