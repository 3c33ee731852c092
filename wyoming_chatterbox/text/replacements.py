"""Replaces written forms by others: whole words and phrases, the longest first.

A form is looked up in a tree of characters, so that thousands of forms cost no more time than a few.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TypeAlias

_Tree: TypeAlias = "dict[str, _Tree | str]"
"""Maps a character to the tree of what may follow it, and the empty string to what the form so far becomes."""

_SPACES = re.compile(r"[^\S\n]++")
_CONTRACTION = re.compile(r"['’](?:[tdm]|re|ve|ll)(?!\w)", re.IGNORECASE)
"""The end of a word such as "can't", which is another word than "can"; "Tom's" is Tom."""
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Chinese and Japanese know no spaces between words, and Korean adds endings to words."""
_PRIVATE = re.compile("[\U000f0000-\U000ffffd]")
_VARIANTS = {"'": "’", "-": "‐‑"}
"""Characters that forms hold, and others that texts hold in their place."""
_TYPOGRAPHY = str.maketrans({variant: char for char, variants in _VARIANTS.items() for variant in variants})


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
        self._starts_in = re.compile(_one_of(self._starts) if self._starts else "(?!)").search
        """Finds a character that a form may begin with."""

    def replaced(self, text: str) -> str:
        """Return the text with the longest forms replaced."""
        out = _Output()
        at = done = 0
        while start := self._starts_in(text, at):
            at = start.start()
            found = None if at and joined(text[at - 1], text[at]) else self._longest(text, at)
            if found is None:
                at += 1
                continue
            out.keep(text[done:at])
            at = done = found[0]
            out.replace(found[1])
        out.keep(text[done:])
        return "".join(out.parts)

    def _longest(self, text: str, at: int) -> tuple[int, str] | None:
        """Find the longest form at `at`: return where it ends and what it becomes, or None if there is none."""
        best: tuple[int, str] | None = None
        for tree, folds in self._trees:
            found = _follow(tree, text, at, folds=folds)
            if found and (best is None or found[0] > best[0]):
                best = found
        return best


class _Output:
    """Text with replacements, which never grow together with their neighbours."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._last = ""
        """The character that was given out last."""
        self._at_seam = False
        """Whether a replacement was given out last."""
        self._drop_space = False

    def keep(self, text: str) -> None:
        """Give out text as it is."""
        if not text:
            return
        last = text[-1]
        if self._drop_space and text[0] == " ":
            text = text[1:]
        elif self._at_seam and joined(self._last, text[0]):
            text = " " + text
        self._drop_space = self._at_seam = False
        self._last = last if text else self._last
        self.parts.append(text)

    def replace(self, text: str) -> None:
        """Give out a replacement; an empty one leaves no second space behind."""
        self._at_seam = True
        if not text:
            self._drop_space = self._last in ("", " ", "\n")
            return
        if joined(self._last, text[0]):
            self.parts.append(" ")
        self._drop_space = False
        self._last = text[-1]
        self.parts.append(text)


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


def _follow(tree: _Tree, text: str, at: int, *, folds: bool) -> tuple[int, str] | None:
    """Find the longest form of one tree."""
    best: tuple[int, str] | None = None
    branch: _Tree | str | None = tree
    while isinstance(branch, dict):
        given = branch.get("")
        if isinstance(given, str) and _word_ends(text, at):
            best = at, given
        if at == len(text):
            break
        if spaces := _SPACES.match(text, at):
            at = spaces.end()
            branch = branch.get(" ")
        else:
            char = text[at]
            at += 1
            branch = branch.get(_fold(char) if folds else char.translate(_TYPOGRAPHY))
    return best


def _word_ends(text: str, at: int) -> bool:
    """Whether no word goes on at `at`."""
    if at == len(text) or not is_in_word(text[at - 1]) or _PRIVATE.match(text[at - 1]):
        return True
    return not (_CONTRACTION.match(text, at) if text[at] in "'’" else joined(text[at - 1], text[at]))
