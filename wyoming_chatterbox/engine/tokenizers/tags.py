"""Tags in square brackets, such as `[laugh]`: sounds for the models that make them, and nothing for any other.

No tag is ever read aloud. A model's vocabulary may also take a bracketed word for a sign of its own, as `[it]` for a
language or `[STOP]` for the end of the text: such a word loses its brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...families import SOUNDS

_DELIVERY = (
    "advertisement", "angry", "crying", "dramatic", "fear", "happy", "narration", "sarcastic", "surprised",
    "whispering",
)  # fmt: skip
_UNTRAINED = (
    "bark", "chew", "cry", "exhale", "gibberish", "giggle", "guffaw", "howl", "humming", "inhale", "kiss", "laughter",
    "meow", "mumble", "music", "shhh", "singing", "sip", "sneeze", "snore", "uh", "um", "whisper", "whistle",
)  # fmt: skip
TAGS = (*SOUNDS, *_DELIVERY, *_UNTRAINED)
"""All tags of the official vocabularies: the sounds, turbo's ways of speaking, and those that english and multilingual
have tokens for without making the sound."""

_BRACKETED = re.compile(r"\[\s*([^\[\]\s](?:[^\[\]\n]{0,30}[^\[\]\s])?)\s*\]")


class Tags:
    """Settles the tags of one model's texts."""

    def __init__(self, kept: Iterable[str] = (), reserved: Iterable[str] = ()) -> None:
        """`kept` are the tags that the model has tokens for; `reserved` are other tokens, with their brackets."""
        self._kept = {_key(name): f"[{name}]" for name in kept}
        self._reserved = {_key(token) for token in reserved} - {f"[{name}]" for name in TAGS}
        dropped = "|".join(name.replace(" ", r"[\s_]+") for name in TAGS if name not in self._kept)
        self._dropped = re.compile(rf"(?:\s*\[\s*(?:{dropped})\s*\])+\s*([.,!?;:…]?)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Write kept tags as the model knows them and drop the others; a text of nothing else becomes an empty one."""
        if "[" not in text:
            return text
        text, dropped = self._dropped.subn(lambda match: match[1] or " ", text)
        if dropped and not any(char.isalnum() for char in text):
            return ""
        return _BRACKETED.sub(self._written, text.strip() if dropped else text)

    def _written(self, match: re.Match[str]) -> str:
        key = _key(match[1])
        if key in self._kept:
            return self._kept[key]
        return match[1] if f"[{key}]" in self._reserved else match[0]


def _key(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
