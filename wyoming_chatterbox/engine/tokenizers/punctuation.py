"""Each family's punctuation rules, by which chatterbox-tts 0.1.7 prepares a text for its tokenizer."""

from __future__ import annotations

_TURBO = (
    ("…", ", "), (":", ","), ("—", "-"), ("–", "-"), (" ,", ","), ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"),
)  # fmt: skip
# In this order: what one rule makes of a text, the next may change.
_LLAMA = (("...", ", "), _TURBO[0], _TURBO[1], (" - ", ", "), (";", ", "), *_TURBO[2:])
_ENDS = (".", "!", "?", "-", ",")
_ENDS_ELSEWHERE = (*_ENDS, "、", "，", "。", "？", "！")


def english(text: str) -> str:
    """Of a text that isn't empty, as all of these."""
    return _normalised(text, _LLAMA, _ENDS)


def multilingual(text: str) -> str:
    """As for English, with more marks that a text may end with."""
    return _normalised(text, _LLAMA, _ENDS_ELSEWHERE)


def turbo(text: str) -> str:
    """For turbo and nano."""
    return _normalised(text, _TURBO, _ENDS)


def _normalised(text: str, rules: tuple[tuple[str, str], ...], ends: tuple[str, ...]) -> str:
    if text[:1].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in rules:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    return text if text.endswith(ends) else text + "."
