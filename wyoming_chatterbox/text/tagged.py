"""The effects of tags on the text around them: lines, cells, pauses, other words, single letters, another language."""

from __future__ import annotations

import re
from collections.abc import Collection

from .hidden import HiddenText
from .items import Pause, Switch
from .spacing import SpacedText
from .tags import Effect, Tag, language_of, spelling

_ENGLISH_ORDINALS = {"1": "st", "2": "nd", "3": "rd"}
_ORDINALS = {"es": "º", "fr": "e", "it": "º", "nl": "e", "pt": "º", "sv": ":e"}
"""Endings that make an ordinal of a number, by language; elsewhere it stays a number."""

_TALKED_ABOUT = re.compile(
    r"\b(?:an?|and|between|called|inside|like|of|or|the|tags?|us(?:e|ing)|with|your)\s*\Z", re.IGNORECASE
)
"""The text before a tag that somebody writes about: "the <think> tag"."""


class TaggedText:
    """Carries out tags on a line of text."""

    def __init__(self, line: SpacedText, hidden: HiddenText, sounds: Collection[str], language: str) -> None:
        """`sounds` are the names of the sounds that are kept; `language` is the text's own, as ISO 639-1."""
        self._line = line
        self._hidden = hidden
        self._sounds = sounds
        self._language = language
        self._languages: list[str | None] = []
        self._spelling = ""
        self._spelled = ""

    def carry_out(self, tag: Tag) -> None:
        """Do what a tag asks for."""
        match tag.effect:
            case Effect.LINE:
                self._line.end()
            case Effect.PARAGRAPH:
                self._line.end_paragraph()
            case Effect.CELL:
                self._line.separate()
            case Effect.GAP:
                self._line.gap()
            case Effect.SOUND:
                self.sound(tag.sound)
            case Effect.PAUSE:
                self._line.divide(Pause(tag.seconds))
            case Effect.LANGUAGE:
                self._switch(tag)
            case Effect.SPELL:
                self._spell(spelling(tag))
            case Effect.INSTEAD if not tag.closes:
                self._say(tag.attributes.get("alias", ""))
                self._hidden.hide("sub", is_block=False)
            case Effect.HIDE if tag.closes:
                self._line.end()
            case Effect.HIDE if _TALKED_ABOUT.search(self._line.tail):
                self._line.gap()
            case Effect.HIDE:
                self._hidden.hide(tag.name, is_block=True)

    def sound(self, name: str) -> None:
        """Write a sound as a tag, or leave it out."""
        if name in self._sounds:
            self._line.write(f"[{name}]")
        else:
            self._line.gap()

    def spell(self, char: str) -> bool:
        """Write a character if the text is spelled; return whether it was written."""
        if not self._spelling or (self._spelling == "ordinal" and not char.isdecimal()):
            return False
        if self._spelling == "ordinal":
            self._line.write(char)
            self._spelled += char
        elif char.isalnum():
            if self._spelled and self._spelled[-1].isalnum():
                self._line.space()
            self._line.write(char)
            self._spelled = char
        elif self._spelling == "digits" and char in "-–./ ()":
            if self._spelled:
                self._line.separate()
            self._spelled = ""
        else:
            self._spelled = ""
            return False
        return True

    def _spell(self, how: str) -> None:
        if self._spelling == "ordinal" and self._spelled:
            language = self._languages[-1] if self._languages else None
            if mark := _ordinal_mark(self._spelled, language or self._language):
                self._line.write(mark)
        self._spelling, self._spelled = how, ""

    def _say(self, words: str) -> None:
        for number, word in enumerate(words.split()):
            if number:
                self._line.space()
            self._line.write(word)

    def _switch(self, tag: Tag) -> None:
        before = self._languages[-1] if self._languages else None
        if tag.closes:
            if self._languages:
                self._languages.pop()
        else:
            self._languages.append(language_of(tag) or before)
        now = self._languages[-1] if self._languages else None
        if now != before:
            self._line.divide(Switch(now))


def _ordinal_mark(number: str, language: str) -> str:
    if language not in ("en", ""):
        return _ORDINALS.get(language, "")
    return _ENGLISH_ORDINALS.get("" if number[-2:-1] == "1" else number[-1], "th")
