"""Replaces written forms by others in text that arrives in pieces: whole words and phrases, the longest first.

A form is looked up in a tree of characters, so that thousands of forms cost no more time than a few. What may be the
beginning of a form waits for the text after it, at most as long as the longest form is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

_Tree: TypeAlias = "dict[str, _Tree | str]"
"""Maps a character to the tree of what may follow it, and the empty string to what the form so far becomes."""

_MAX_SPACES = 16
"""White space in the text that one space of a form stands for, in characters."""
_SPACES = re.compile(rf"[^\S\n]{{1,{_MAX_SPACES}}}+")
_CONTRACTION = re.compile(r"['’](?:[tdm]|re|ve|ll)(?!\w)", re.IGNORECASE)
"""The end of a word such as "can't", which is another word than "can"; "Tom's" is Tom."""
_CONTRACTION_LENGTH = 4
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Chinese and Japanese know no spaces between words, and Korean adds endings to words."""
_PRIVATE = re.compile("[\U000f0000-\U000ffffd]")
_VARIANTS = {"'": "’", "-": "‐‑"}
"""Characters that forms hold, and others that texts hold in their place."""
_TYPOGRAPHY = str.maketrans({variant: char for char, variants in _VARIANTS.items() for variant in variants})


class Stage(Protocol):
    """Takes text in pieces, and returns what is certain about it; the result doesn't depend on where it was cut."""

    @property
    def waiting(self) -> bool:
        """Whether some text is held until more of it comes."""
        ...

    def add(self, piece: str, /) -> str:
        """Take the next piece of text."""
        ...

    def settle(self) -> str:
        """Decide about held text because no more came for a while, unless it ends in the middle of a word."""
        ...

    def finish(self) -> str:
        """Decide about the rest, because no more text will come. The stage can then take another text."""
        ...


class _Undecided:
    """More text has to come before it is known whether a form is there."""


_UNDECIDED: Final = _Undecided()


class Replacements:
    """Written forms, each with what it becomes."""

    def __init__(self, table: Mapping[str, str], otherwise: Replacements | None = None) -> None:
        """Take the forms of `table`; those of `otherwise` match too, unless one of `table` is at least as long.

        A form without capital letters matches any case, another one only as it is written; that one comes first. A
        space matches any white space within a line.
        """
        as_written: _Tree = {}
        in_any_case: _Tree = {}
        self._starts: set[str] = set()
        for written, given in table.items():
            folds = written == written.lower()
            for form in {unicodedata.normalize(kind, written) for kind in ("NFC", "NFD")}:
                plain = "".join(map(_fold, form)) if folds else form.translate(_TYPOGRAPHY)
                _plant(in_any_case if folds else as_written, plain, given)
                self._starts.update(_starts(plain[0], folds))
        self._trees = [(as_written, False), (in_any_case, True)]
        if otherwise is not None:
            self._trees += otherwise._trees
            self._starts |= otherwise._starts
        self.starts = re.compile(_one_of(self._starts) if self._starts else "(?!)")
        """Finds a character that a form may begin with."""

    def longest(self, text: str, at: int, *, more: bool) -> tuple[int, str] | _Undecided | None:
        """Find the longest form at `at`: return where it ends and what it becomes, or None if there is none."""
        best: tuple[int, str] | None = None
        for tree, folds in self._trees:
            found = _follow(tree, text, at, folds=folds, more=more)
            if isinstance(found, _Undecided):
                return found
            if found and (best is None or found[0] > best[0]):
                best = found
        return best


class ReplacedText:
    """A `Stage` that replaces forms."""

    def __init__(self, forms: Replacements) -> None:
        self._replacements = forms
        self._start()

    def _start(self) -> None:
        self._held = ""
        self._before = ""
        """The character before the held text, as it was written."""
        self._last = ""
        """The character that was given out last."""
        self._at_seam = False
        """Whether a replacement was given out last."""
        self._drop_space = False

    @property
    def waiting(self) -> bool:
        return bool(self._held)

    def add(self, piece: str) -> str:
        self._held += piece
        return self._advance(more=True)

    def settle(self) -> str:
        return self._advance(more=not self._held or is_in_word(self._held[-1]))

    def finish(self) -> str:
        rest = self._advance(more=False)
        self._start()
        return rest

    def _advance(self, *, more: bool) -> str:
        text, at, done = self._held, 0, 0
        parts: list[str] = []
        while start := self._replacements.starts.search(text, at):
            at = start.start()
            if joined(text[at - 1] if at else self._before, text[at]):
                at += 1
                continue
            found = self._replacements.longest(text, at, more=more)
            if isinstance(found, _Undecided):
                break
            if found is None:
                at += 1
                continue
            parts += self._kept(text[done:at])
            at = done = found[0]
            parts += self._replaced(found[1])
        else:
            at = len(text)
        parts += self._kept(text[done:at])
        if at:
            self._before = text[at - 1]
        self._held = text[at:]
        return "".join(parts)

    def _kept(self, text: str) -> Iterator[str]:
        """Give out text as it is."""
        if not text:
            return
        if self._drop_space and text[0] == " ":
            text = text[1:]
        elif self._at_seam and joined(self._last, text[0]):
            yield " "
        self._drop_space = self._at_seam = False
        self._last = text[-1:] or self._last
        yield text

    def _replaced(self, text: str) -> Iterator[str]:
        """Give out a replacement; an empty one leaves no second space behind."""
        self._at_seam = True
        if not text:
            self._drop_space = self._last in ("", " ", "\n")
            return
        if joined(self._last, text[0]):
            yield " "
        self._drop_space = False
        self._last = text[-1]
        yield text


def joined(before: str, after: str) -> bool:
    """Whether two characters are within one word; there may be none before, as an empty string."""
    if not (before and is_in_word(before) and is_in_word(after)):
        return False
    if unicodedata.category(after).startswith("M"):
        return True
    return not (_WITHOUT_SPACES.match(before) or _WITHOUT_SPACES.match(after))


def is_in_word(char: str) -> bool:
    """Whether a character is a part of words; one for private use stands for a word."""
    return char.isalnum() or char == "_" or unicodedata.category(char).startswith("M") or bool(_PRIVATE.match(char))


def through(stages: Iterable[Stage], text: str, *, settle: bool = False, finish: bool = False) -> str:
    """Send text through stages one after the other; settle or finish each of them if that is asked."""
    for stage in stages:
        text = stage.add(text)
        if settle:
            text += stage.settle()
        if finish:
            text += stage.finish()
    return text


def _fold(char: str) -> str:
    folded = char.translate(_TYPOGRAPHY).casefold()
    return folded if len(folded) == 1 else char


def _starts(char: str, folds: bool) -> str:
    """Return the characters of a text that are taken for `char`."""
    return char + _VARIANTS.get(char, "") + (char.upper() + char.title() if folds else "")


def _one_of(chars: set[str]) -> str:
    """Write a pattern for one of these characters, or for all beyond U+FFFF: `re` looks for those one by one."""
    low = "".join(sorted(char for char in chars if char <= "\uffff"))
    high = "\U00010000-\U0010ffff" if len(low) < len(chars) else ""
    return f"[{re.escape(low)}{high}]"


def _plant(tree: _Tree, form: str, given: str) -> None:
    for char in form:
        branch = tree.setdefault(char, {})
        assert isinstance(branch, dict)
        tree = branch
    tree.setdefault("", given)


def _follow(tree: _Tree, text: str, at: int, *, folds: bool, more: bool) -> tuple[int, str] | _Undecided | None:
    """Find the longest form of one tree."""
    best: tuple[int, str] | None = None
    branch: _Tree | str | None = tree
    while isinstance(branch, dict):
        given = branch.get("")
        if isinstance(given, str):
            ends = _word_ends(text, at, more=more)
            if ends is None:
                return _UNDECIDED
            if ends:
                best = at, given
            if len(branch) == 1:
                break
        if at == len(text):
            if more:
                return _UNDECIDED
            break
        char = text[at]
        if spaces := _SPACES.match(text, at):
            at = spaces.end()
            if at == len(text) and more and len(spaces[0]) < _MAX_SPACES:
                return _UNDECIDED if " " in branch else best
            branch = branch.get(" ")
        else:
            at += 1
            branch = branch.get(_fold(char) if folds else char.translate(_TYPOGRAPHY))
    return best


def _word_ends(text: str, at: int, *, more: bool) -> bool | None:
    """Whether no word goes on at `at`; None if that depends on text to come."""
    if not is_in_word(text[at - 1]) or _PRIVATE.match(text[at - 1]):
        return True
    if at == len(text):
        return None if more else True
    if text[at] not in "'’":
        return not joined(text[at - 1], text[at])
    rest = text[at + 1 : at + _CONTRACTION_LENGTH]
    if more and len(rest) < _CONTRACTION_LENGTH - 1 and (not rest or rest.isalpha()):
        return None
    return not _CONTRACTION.match(text, at)
