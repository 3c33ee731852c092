"""Makes utterances of sentences: what reaches an engine, and the pauses between.

A model babbles on a single word, so a sentence of one word is said together with the next one: "OK. Done. The light is
on." A line that ends without punctuation stays apart, such as an item of a list or a heading, as a listener has to tell
it apart; and so does what trails off: "First... second." Sounds such as `[laugh]` never stand alone where there is a
sentence before or after.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from .boundaries import CLOSERS
from .cutting import cut, is_sayable
from .items import Item, Pause, Say
from .pauses import LONGEST

_ENDED = re.compile(rf"[.!?…‽؟۔।॥։。！？｡,;:،؛、，；：—–-][{CLOSERS}]*\Z")
_STOPPED = re.compile(rf"[.!?‽؟۔।॥။։。！？｡][{CLOSERS}]*\Z")
_TRAILS_OFF = re.compile(rf"(?:…|\.\.|。。)[{CLOSERS}]*\Z")
_TAIL_LENGTH = 40
"""Characters, with room for the quotes and brackets that close behind a full stop."""
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_WITHOUT_SPACES = re.compile("[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_WIDE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff9f]")
_MOST_SHORT = 60
"""Characters of short sentences that wait for a longer one."""
_MOST_CHARACTERS_OF_A_WORD = 3
"""Characters that a sentence has in a script without spaces that is as short as a word."""
_SPACES = re.compile(r" +(?= )| +(?=[.,](?:\s|\Z))")
"""Spaces before another one, or before a full stop or comma that an emoji or a quote stood before."""
_QUOTES = dict.fromkeys(map(ord, '"“”„‟«»〝〞〟＂'))


class Utterances:
    """Takes sentences whose numbers and symbols are words, and returns what is said of them."""

    def __init__(
        self, *, max_length: int, sounds: Collection[str], sentence_pause: float, paragraph_pause: float, lead_in: float
    ) -> None:
        """`max_length` in characters, pauses in seconds; `sounds` are the names of the tags that stay."""
        self._max_length = max_length
        names = "|".join(sorted(map(re.escape, sounds), reverse=True))
        self._tags = re.compile(rf"\s*(?:\[(?:{names})\][\s.!?…,]*)+") if sounds else None
        self._sentence_pause = sentence_pause
        self._paragraph_pause = max(sentence_pause, paragraph_pause)
        self._lead_in = lead_in
        self._held = ""
        self._language: str | None = None
        self._joins = False
        """Whether the next sentence is said together with the one that is held."""
        self._is_short = False
        self._is_tag = False
        self._ends_paragraph = False
        self._due = 0.0
        """Seconds of silence before the next utterance."""
        self._asked = 0.0
        """Seconds of the pauses that the text has asked for since the last utterance."""
        self._begun = False

    @property
    def waiting(self) -> bool:
        """Whether a sentence is held."""
        return bool(self._held)

    def say(self, text: str, language: str | None, *, ends_line: bool = False, is_part: bool = False) -> list[Item]:
        """Take a sentence; a line that it ends without punctuation gets a full stop.

        `is_part` says that the sentence goes on.
        """
        text = _SPACES.sub("", text.translate(_QUOTES)).strip()
        if not is_sayable(text):
            return []
        is_tag = bool(self._tags and self._tags.fullmatch(text))
        tail = text[-_TAIL_LENGTH:]
        stays_apart = is_part or bool(_TRAILS_OFF.search(tail)) or (ends_line and not _STOPPED.search(tail))
        if ends_line and not (is_tag or _ENDED.search(tail)):
            text += _full_stop_for(text)
        is_short = is_tag or self._is_word(text)
        items: list[Item] = []
        if self._held and not self._takes(text, language, is_tag):
            items += self.release()
        elif self._held:
            text = self._held + _between(self._held, text) + text
            is_short, is_tag = is_short and self._is_short, is_tag and self._is_tag
        waits = is_short and not stays_apart and len(text) <= _MOST_SHORT
        self._held, self._language, self._ends_paragraph = text, language, False
        self._is_short, self._is_tag, self._joins = is_short, is_tag, is_tag or waits
        if is_part or not (self._joins or self._tags):
            items += self._give(is_part)
        return items

    def next_begins(self) -> list[Item]:
        """Note that more text follows, which begins with no sound: only a short sentence waits for it."""
        return [] if self._joins else self.release()

    def release(self) -> list[Item]:
        """Return what is held: nothing follows that it could be said with."""
        return self._give() if self._held else []

    def end_paragraph(self) -> None:
        """Note the end of a paragraph."""
        if self._held:
            self._ends_paragraph = True
        elif self._begun and not self._asked:
            self._due = self._paragraph_pause

    def pause(self, seconds: float) -> list[Item]:
        """Take a pause that the text asks for, in place of the usual one; 0 only divides."""
        items = self.release()
        seconds = min(seconds, LONGEST - self._asked)
        if seconds > 0:
            self._due, self._asked = 0.0, self._asked + seconds
            items += [*self._pause(), Pause(seconds)]
        return items

    def _takes(self, text: str, language: str | None, is_tag: bool) -> bool:
        """Whether the next sentence is said together with the one that is held."""
        if language != self._language or len(self._held) + 1 + len(text) > self._max_length:
            return False
        if is_tag or self._is_tag:
            return True
        # An engine that knows one script alone can still say the sentences in that one.
        scripts = {_script(self._held), _script(text)} - {""}
        is_divided = self._ends_paragraph and self._paragraph_pause > self._sentence_pause
        return self._joins and not is_divided and len(scripts) <= 1

    def _is_word(self, text: str) -> bool:
        """Whether a sentence is a single word, or as short as one in a script without spaces."""
        if self._tags:
            text = self._tags.sub(" ", text)
        if _WITHOUT_SPACES.search(text):
            return sum(char.isalnum() for char in text) <= _MOST_CHARACTERS_OF_A_WORD
        return len(_WORD.findall(text)) <= 1

    def _give(self, is_part: bool = False) -> list[Item]:
        # A tag of two words is not cut in two.
        text, self._held = self._held.replace("[clear throat]", "[clear\u00a0throat]"), ""
        says = [Say(part.replace("\u00a0", " "), self._language) for part in cut(text, self._max_length)]
        items = [*self._pause(), *says]
        self._due = 0.0 if is_part else self._paragraph_pause if self._ends_paragraph else self._sentence_pause
        self._joins, self._ends_paragraph, self._asked = False, False, 0.0
        return items

    def _pause(self) -> list[Item]:
        """Return the pause that is due, which before all else is the lead-in."""
        seconds, self._begun = self._due if self._begun else self._lead_in, True
        return [Pause(seconds)] if seconds else []


def _script(text: str) -> str:
    """Return the name of the script that a text begins in; Chinese and Japanese are one."""
    if _WITHOUT_SPACES.search(text):
        return "CJK"
    letter = next((char for char in text if char.isalpha()), "")
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def _between(before: str, after: str) -> str:
    """Return what joins two sentences: a space where their script has spaces."""
    return "" if _WIDE.match(before[-1]) and _WIDE.match(after) else " "


def _full_stop_for(text: str) -> str:
    """Return the full stop of the script that a text ends in."""
    letter = next(char for char in reversed(text) if char.isalnum())
    name = unicodedata.name(letter, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return "。"
    return "।" if name.startswith("DEVANAGARI") else "."
