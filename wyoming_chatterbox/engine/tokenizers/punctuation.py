"""Each family's punctuation rules, as chatterbox-tts 0.1.7 applies them before its tokenizer."""

from __future__ import annotations

_TURBO = (
    ("…", ", "), (":", ","), ("—", "-"), ("–", "-"), (" ,", ","), ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"),
)  # fmt: skip
# The order matters: a rule may change the result of one before.
_LLAMA = (("...", ", "), _TURBO[0], _TURBO[1], (" - ", ", "), (";", ", "), *_TURBO[2:])
_ENDS = (".", "!", "?", "-", ",")
_ENDS_ELSEWHERE = (*_ENDS, "、", "，", "。", "？", "！")
_DOUBLE_QUOTES = dict.fromkeys(map(ord, '"“”„‟❝❞〝〞〟＂'))


def english(text: str) -> str:
    """Normalise a text for English. None of these functions takes an empty text."""
    return _normalised(text, _LLAMA, _ENDS)


def multilingual(text: str) -> str:
    """Normalise a text as for English, with more marks that it may end with."""
    return _normalised(text, _LLAMA, _ENDS_ELSEWHERE)


def multilingual_v3(text: str) -> str:
    """Normalise a text as `multilingual` does, without a capital at its beginning, as Multilingual v3 was trained."""
    return _normalised(text, _LLAMA, _ENDS_ELSEWHERE, capital=False)


def turbo(text: str) -> str:
    """Normalise a text for turbo and nano."""
    return _normalised(text, _TURBO, _ENDS)


def unquoted(text: str) -> str:
    """Remove double quotation marks, which turbo and nano voice as a sigh; the result may be empty."""
    bare = text.translate(_DOUBLE_QUOTES)
    return bare if bare == text or bare.strip() else ""


def _normalised(text: str, rules: tuple[tuple[str, str], ...], ends: tuple[str, ...], *, capital: bool = True) -> str:
    if capital and text[:1].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in rules:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    return text if text.endswith(ends) else text + "."
