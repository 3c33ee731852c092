"""Markup inside a line: emphasis, links, brackets, tags, URLs, emoji and characters by name."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection

from . import markup_patterns as patterns
from .arrival import Arrival
from .brackets import Bracket, acted_at, bracket_at, citation_end
from .emphasis import Emphasis
from .formulas import Formula, formula_at
from .hidden import HiddenText
from .items import Pause
from .links import cited_end, link_end, url_end
from .spacing import SpacedText
from .styles import CIRCLED, without_style
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
        self._emphasis = Emphasis()
        self._in_url = False
        self._code = 0
        self._link_tails: list[int] = []

    @property
    def in_code(self) -> bool:
        """Whether code inside the line is being read."""
        return bool(self._code)

    def begin_line(self) -> None:
        """Note that another line begins: code and a URL end with the line."""
        self._in_url = False
        self._code = 0

    def clear(self) -> None:
        """Forget open marks, because a paragraph ends."""
        self._emphasis.clear()

    def rest_of_url(self, text: str, at: int) -> int:
        """Return the position after what is left of a URL too long to be waited for."""
        if self._in_url:
            if rest := patterns.URL.match(text, at):
                return rest.end()
            self._in_url = False
        return at

    def step(self, text: str, at: int) -> int | None:
        """Deal with the text at `at`; return the position after it, or None if it takes more text to tell."""
        char = text[at]
        if char in CIRCLED:
            return self._number(CIRCLED[char], at + 1)
        if word := patterns.LETTERS.match(text, at):
            return self._word(text, word)
        if char == "]" and self._link_tails:
            return at + self._link_tails.pop()
        after = at if self._arrival.ssml else self._mark(text, at, char)
        if after == at and not (self._code or self._hidden.in_code):
            after = self._angle(text, at) if char == "<" else self._inline(text, at, char)
        if after != at:
            return after
        self._write(char)
        return at + 1

    def _write(self, char: str) -> None:
        """Write a character that is no markup; leave it out if it can't be said."""
        if patterns.EMOJI.match(char):
            self._line.gap()
        elif char.isspace():
            self._line.space()
        elif not (patterns.VARIATION.match(char) or unicodedata.category(char) in patterns.INVISIBLE):
            self._line.write(char)

    def _number(self, number: str, after: int) -> int:
        """Write a number that a single sign stood for."""
        if self._arrival.before.isalnum():
            self._line.gap()
        self._line.write(number)
        self._line.gap()
        return after

    def _mark(self, text: str, at: int, char: str) -> int | None:
        """Deal with a keycap, or a mark of emphasis or code; return `at` itself if there is none."""
        if char in "0123456789#*":
            after = self._keycap(text, at)
            if after != at:
                return after
        if char == "*" and not self._code and not self._arrival.before.isalnum():
            acted = self._acted(text, at)
            if acted != at:
                return acted
        if char in "*_~`":
            return self._emphasis_mark(text, at)
        if char == "．" and self._arrival.before.isdecimal():
            if at + 1 == len(text) and self._arrival.more:
                return None
            if text[at + 1 : at + 2].isdecimal():
                self._line.write(".")
                return at + 1
        return at

    def _keycap(self, text: str, at: int) -> int | None:
        follows = text[at + 1 : at + 3]
        if self._arrival.more and follows in ("", patterns.EMOJI_STYLE) and text[at] != "*":
            return None
        for keycap in (patterns.KEYCAP, patterns.EMOJI_STYLE + patterns.KEYCAP):
            if follows.startswith(keycap):
                if text[at].isdecimal():
                    return self._number(text[at], at + 1 + len(keycap))
                self._line.gap()
                return at + 1 + len(keycap)
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
        inside = self._arrival.before.isascii() and self._arrival.before.isalpha()
        if patterns.SCHEME.fullmatch(word[0]) and not inside:
            marks = {"www": ".", "mailto": ":"}.get(word[0].lower(), "://")
            if self._arrival.more and len(text) - after < len(marks) and marks.startswith(text[after:]):
                return None
            if text.startswith(marks, after):
                return self._url(text, word, after + len(marks))
        self._line.write(word[0])
        return after

    def _url(self, text: str, scheme: re.Match[str], body: int) -> int | None:
        rest = patterns.URL.match(text, body)
        end = rest.end() if rest else body
        if end - scheme.start() > patterns.MAX_TARGET_LENGTH:
            self._in_url = True
            self._line.gap()
            return end
        if end == len(text) and self._arrival.more:
            return None
        end = url_end(text, body, end)
        if end == body:
            self._line.write(scheme[0])
            return scheme.end()
        self._line.gap()
        return end

    def _inline(self, text: str, at: int, char: str) -> int | None:
        """Deal with markup inside a line; return `at` itself if there is none."""
        if self._tagged.spell(char):
            return at + 1
        if char == "&":
            return self._entity(text, at)
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
            return self._link(text, at, at + 1) if text.startswith("[", at + 1) else at
        if char in ":;=" and self._arrival.before.isspace():
            after = self._emoticon(text, at)
            if after != at:
                return after
        if char == ":":
            return self._short_name(text, at)
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
            if escaped in patterns.ESCAPABLE and not (escaped == "]" and self._link_tails):
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
            self._write(char)
        return formula.end

    def _bracket(self, text: str, at: int) -> int | None:
        """Deal with a pause, a sound, a citation or a link; enter the label of a link."""
        bracket = bracket_at(text, at, more=self._arrival.more)
        if bracket is None:
            return None
        if not isinstance(bracket, Bracket):
            return at if self._arrival.ssml else self._link(text, at, at)
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

    def _link(self, text: str, at: int, bracket: int) -> int | None:
        """Enter the label of the link or image whose `[` is at `bracket`; return `at` itself if there is none.

        Links that stand in round brackets without other text are citations.
        """
        if self._arrival.before == "(" and not self._link_tails:
            cited = cited_end(text, bracket, more=self._arrival.more)
            if cited is None:
                return None
            if cited > bracket:
                self._line.gap()
                return cited
        link = link_end(text, bracket, more=self._arrival.more)
        if link is None:
            return None
        closing, end = link
        if not end:
            return at
        self._link_tails.append(end - closing)
        return bracket + 1

    def _emoticon(self, text: str, at: int) -> int | None:
        """Deal with an emoji of punctuation, such as `:-)`."""
        if self._arrival.more and not self._arrival.stalled and patterns.EMOTICON_BEGUN.match(text, at):
            return None
        emoticon = patterns.EMOTICON.match(text, at)
        if emoticon:
            self._line.gap()
        return emoticon.end() if emoticon else at

    def _short_name(self, text: str, at: int) -> int | None:
        """Deal with the name of an emoji, such as `:smile:`."""
        if self._arrival.before.isalnum():
            return at
        if name := patterns.SHORT_NAME.match(text, at):
            if name.end() == len(text) and self._arrival.more:
                return None
            self._line.gap()
            return name.end()
        return (
            None
            if self._arrival.more and not self._arrival.stalled and patterns.SHORT_NAME_BEGUN.match(text, at)
            else at
        )

    def _angle(self, text: str, at: int) -> int | None:
        """Deal with a tag, a comment or `<https://...>`; any other `<` is literal."""
        tag = tag_at(text, at, more=self._arrival.more, ssml=self._arrival.ssml, comments=not self._link_tails)
        if not isinstance(tag, Tag):
            return tag
        if tag.name == "speak" and (tag.closes or self._line.is_empty):
            self._arrival.ssml = not tag.closes
        self._tagged.carry_out(tag)
        return tag.end

    def _entity(self, text: str, at: int) -> int | None:
        """Deal with a character's name or number, such as `&amp;`."""
        if entity := patterns.ENTITY.match(text, at):
            written = html.unescape(entity[0])
            if written != entity[0]:
                for char in without_style(written):
                    self._write(char)
                return entity.end()
        elif self._arrival.more and not self._arrival.stalled and patterns.ENTITY_BEGUN.match(text, at):
            return None
        return at
