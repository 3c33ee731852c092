"""Markup inside a line: emphasis, links, brackets, tags, URLs, emoji and characters by name."""

from __future__ import annotations

import re
from collections.abc import Collection

from . import markup_patterns as patterns
from .arrival import Arrival
from .brackets import Bracket, acted_at, bracket_at, citation_end
from .emphasis import Emphasis
from .formulas import Formula, formula_at
from .hidden import HiddenText
from .items import Pause
from .linked import LinkedText
from .links import link_end
from .signs import Signs
from .spacing import SpacedText
from .styles import CIRCLED
from .tagged import TaggedText
from .tags import Tag, tag_at


class InlineMarkup:
    """Writes the text of a line without its markup."""

    def __init__(
        self,
        line: SpacedText,
        arrival: Arrival,
        hidden: HiddenText,
        *,
        sounds: Collection[str],
        language: str,
    ) -> None:
        """`sounds` are the names of the tags that stay; `language` is the text's own, as ISO 639-1."""
        self._line = line
        self._arrival = arrival
        self._hidden = hidden
        self._tagged = TaggedText(line, hidden, sounds, language)
        self.links = LinkedText(line, arrival)
        self._signs = Signs(line, arrival)
        self._emphasis = Emphasis()
        self._code = 0

    @property
    def in_code(self) -> bool:
        """Whether code inside the line is being read."""
        return bool(self._code)

    def begin_line(self) -> None:
        """Note that another line begins: code and a URL end with the line."""
        self.links.begin_line()
        self._code = 0

    def clear(self) -> None:
        """Forget open marks, because a paragraph ends."""
        self._emphasis.clear()

    def step(self, text: str, at: int) -> int | None:
        """Deal with the text at `at`; return the position after it, or None if it takes more text to tell."""
        char = text[at]
        if char in CIRCLED:
            return self._signs.circled(text, at)
        if word := patterns.LETTERS.match(text, at):
            return self._word(text, word)
        if char == "]" and self.links.in_label:
            return self.links.leave(at)
        after = at if self._arrival.ssml else self._mark(text, at, char)
        if after == at and not (self._code or self._hidden.in_code):
            after = self._angle(text, at) if char == "<" else self._inline(text, at, char)
        if after != at:
            return after
        self._signs.write(char)
        return at + 1

    def _mark(self, text: str, at: int, char: str) -> int | None:
        """Deal with a keycap, or a mark of emphasis or code; return `at` itself if there is none."""
        if char in "0123456789#*":
            after = self._signs.keycap(text, at)
            if after != at:
                return after
        if char == "*" and not self._code and not self._arrival.before.isalnum():
            acted = self._acted(text, at)
            if acted != at:
                return acted
        if char in "*_~`":
            return self._emphasis_mark(text, at)
        if char == "．":
            return self._signs.wide_point(text, at)
        return at

    def _emphasis_mark(self, text: str, at: int) -> int | None:
        """Deal with a run of emphasis marks or back ticks: markup, or literal (`2 * 3`, `snake_case`)."""
        char = text[at]
        run = patterns.RUN[char].match(text, at)
        after = run.end() if run else at + 1
        before = self._arrival.before
        if after == len(text) and self._arrival.more and (not self._arrival.stalled or before.isspace()):
            return None
        if char == "*" and self._arrival.more and text[after:] == patterns.EMOJI_STYLE:
            return None
        follows = text[after : after + 1] or "\n"
        if self._hidden.in_code:
            self._line.write(text[at:after])
        elif char == "`":
            self._back_ticks(after - at, before, follows)
        elif self._code or not self._emphasis.take(char, after - at, before, follows):
            self._line.write(text[at:after])
        return after

    def _back_ticks(self, length: int, before: str, follows: str) -> None:
        if length == 1 and not self._code and before.isalpha() and follows.isalpha():
            self._line.write("'")
        elif not self._code:
            self._code = length
        elif self._code == length:
            self._code = 0

    def _word(self, text: str, word: re.Match[str]) -> int | None:
        """Deal with letters: a word, a part of one, or the beginning of a URL."""
        after = word.end()
        if self._tagged.spell(text[word.start()]):
            return word.start() + 1
        is_begun = text[after : after + 1] in ("", ":", ".")
        if is_begun and not (self._arrival.before.isascii() and self._arrival.before.isalpha()):
            end = self.links.url(text, word)
            if end != word.start():
                return end
        self._line.write(word[0])
        return after

    def _inline(self, text: str, at: int, char: str) -> int | None:
        """Deal with markup inside a line; return `at` itself if there is none."""
        if self._tagged.spell(char):
            return at + 1
        if char == "&":
            return self._signs.entity(text, at)
        if char == "[":
            return self._bracket(text, at)
        if self._arrival.ssml:
            if char == "]" and (text.startswith("]]>", at) or (self._arrival.more and text[at:] in ("]", "]]"))):
                return at + 3 if text.startswith("]]>", at) else None
            return at
        if char == "(":
            acted = self._acted(text, at)
            if acted != at:
                return acted
        if char in "(【\ue200":
            end = citation_end(text, at, more=self._arrival.more)
            if end is not None and end > at:
                self._line.gap()
            return end
        if char == "!":
            if at + 1 == len(text) and self._arrival.more and not self._arrival.stalled:
                return None
            return self.links.link(text, at, at + 1) if text.startswith("[", at + 1) else at
        if char in ":;=":
            after = self._signs.emoticon(text, at)
            if after != at:
                return after
        if char == ":":
            return self._signs.short_name(text, at)
        if char in "$\\":
            after = self._formula(text, at)
            if after != at:
                return after
        if text.startswith("$$", at):
            return at + 2
        if char == "\\":
            if at + 1 == len(text) and self._arrival.more:
                return None
            escaped = text[at + 1 : at + 2]
            if escaped and escaped in patterns.NEWLINES:
                return at + 1
            if escaped in patterns.ESCAPABLE and not (escaped == "]" and self.links.in_label):
                self._line.write(escaped)
                return at + 2
        return at

    def _formula(self, text: str, at: int) -> int | None:
        """Write a formula with signs in place of its commands; return `at` itself if there is none."""
        more = self._arrival.more and not self._arrival.stalled
        formula = formula_at(text, at, self._arrival.before, more=more)
        if not isinstance(formula, Formula):
            return formula
        for char in formula.text:
            self._signs.write(char)
        return formula.end

    def _bracket(self, text: str, at: int) -> int | None:
        """Deal with a pause, a sound, a citation or a link; enter the label of a link."""
        bracket = bracket_at(text, at, more=self._arrival.more)
        if bracket is None:
            return None
        if not isinstance(bracket, Bracket):
            return at if self._arrival.ssml else self.links.link(text, at, at)
        if bracket.pause is not None:
            self._line.divide(Pause(bracket.pause))
        elif bracket.sound:
            self._tagged.sound(bracket.sound)
        else:
            link = (0, bracket.end) if self._arrival.ssml else link_end(text, at, more=self._arrival.more)
            if link is None:
                return None
            self._line.gap()
            return max(link[1], bracket.end)
        return bracket.end

    def _acted(self, text: str, at: int) -> int | None:
        """Deal with what somebody does; return `at` itself if it is something else."""
        acted = acted_at(text, at, more=self._arrival.more and not self._arrival.stalled)
        if not isinstance(acted, Bracket):
            return acted
        self._tagged.sound(acted.sound or "")
        return acted.end

    def _angle(self, text: str, at: int) -> int | None:
        """Deal with a tag, a comment or `<https://...>`; any other `<` is literal."""
        tag = tag_at(text, at, more=self._arrival.more, ssml=self._arrival.ssml, comments=not self.links.in_label)
        if not isinstance(tag, Tag):
            return tag
        if tag.name == "speak" and (tag.closes or self._line.is_empty):
            self._arrival.ssml = not tag.closes
        self._tagged.carry_out(tag)
        return tag.end
