"""Which of a model's languages a client or a user means, and which of them are offered.

Codes of ISO 639-2 and 639-3 are known by a table. Cut to two letters, Filipino (`fil`) would be Finnish, and Swedish
(`swe`) Swahili.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ..errors import VoiceError
from ..problem import Problem

_CODES = {
    "ar": "ara arb",
    "da": "dan",
    "de": "deu ger",
    "el": "ell gre",
    "en": "eng",
    "es": "spa",
    "fi": "fin",
    "fr": "fra fre",
    "he": "heb iw",
    "hi": "hin",
    "it": "ita",
    "ja": "jpn",
    "ko": "kor",
    "ms": "msa may zsm",
    "nl": "nld dut",
    "no": "nor nb nob nn nno",
    "pl": "pol",
    "pt": "por",
    "ru": "rus",
    "sv": "swe",
    "sw": "swa swh",
    "tr": "tur",
    "zh": "zho chi cmn",
}
"""The other codes of each language. Varieties that a model would mispronounce are not among them: Cantonese (`yue`),
Swiss German (`gsw`), Indonesian (`id`, `ind`)."""
_BY_CODE = {other: code for code, others in _CODES.items() for other in others.split()}
_OTHER_CHINESE = frozenset({"gan", "hak", "hsn", "lzh", "min", "nan", "wuu", "yue"})
"""Subtags after `zh` that make it another language than Mandarin."""
_USUAL = "en"


def spoken_as(tag: str, languages: Collection[str]) -> str | None:
    """Return which of `languages` a tag such as `de`, `en_GB`, `zh-Hans-CN`, `nb` or `swe` means; None if none of them.

    Case, region, script, and the ends of POSIX locales (`de_DE.UTF-8@euro`) don't count.
    """
    code, *further = re.split(r"[-_.@]", tag.strip().lower())
    if code == "zh" and not _OTHER_CHINESE.isdisjoint(further[:1]):
        return None
    code = _BY_CODE.get(code, code)
    return code if code in languages else None


@dataclass(frozen=True)
class Languages:
    """The languages that a model has, those that are offered, and the one for requests that name none."""

    model: tuple[str, ...]
    offered: tuple[str, ...]
    usual: str
    trouble: str | None = None
    """Which wishes can't be met and what there is instead, in a sentence."""

    @classmethod
    def of(cls, model: tuple[str, ...], wanted: tuple[str, ...] = ()) -> Languages:
        """Offer those that are `wanted`, the first of them as the usual one; all of the model's if it has none of them.

        Where nobody wants any, the usual one is English.
        """
        lacking = [tag for tag in wanted if spoken_as(tag, model) is None]
        offered = tuple(dict.fromkeys(code for tag in wanted if (code := spoken_as(tag, model))))
        trouble = None
        if lacking:
            stay = "" if offered else ", so that all of its languages are offered"
            trouble = f"The model doesn't speak {', '.join(lacking)} (--languages){stay}; it speaks {', '.join(model)}"
        usual = offered[0] if offered else _USUAL if _USUAL in model else model[0]
        return cls(model, offered or model, usual, trouble)

    @property
    def several(self) -> bool:
        """Whether the model has several languages, so that the names of voices tell them."""
        return len(self.model) > 1

    def check_offered(self, language: str) -> None:
        """Raise `VoiceError`, a sentence about "it", if a voice of a language isn't offered."""
        if language not in self.model:
            spoken = ", ".join(self.model)
            other = Problem("language-unknown", {"language": language, "languages": spoken})
            raise VoiceError(f"it is for {language}, and the model speaks {spoken}", other)
        if language not in self.offered:
            offered = ", ".join(self.offered)
            message = f"it is for {language}, and the languages offered are {offered} (--languages)"
            raise VoiceError(message, Problem("language-not-offered", {"language": language, "languages": offered}))

    def named_by(self, stem: str) -> str | None:
        """Return the model's language that a name ends with, as `alice-de` does; None for a model of one language."""
        base, dash, code = stem.rpartition("-")
        return spoken_as(code, self.model) if self.several and base and dash and len(code) == 2 else None
