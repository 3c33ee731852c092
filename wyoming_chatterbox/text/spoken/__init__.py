"""Numbers, units, money, dates, times and symbols in words, as a person would say them, in the voice's language."""

from .spelling import spell

__all__ = ["spell"]
