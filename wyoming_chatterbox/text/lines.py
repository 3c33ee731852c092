"""Whether a line break stands inside a sentence or ends one.

Templates and hard-wrapped text break lines inside sentences; lists, headings and verses have a sentence on each line.
The line after the break tells: a small letter or a number goes on, a capital begins anew. After a line that ends with a
colon, lines that begin alike are the items of a list.
"""

from __future__ import annotations

import re
from enum import Enum, auto

WRAPPED_LENGTH = 60
"""Characters from which on a line that ends without punctuation was probably broken to fit a width."""

_ENDED = re.compile(r"[.!?…‽؟۔।॥։:。！？｡：؛][\"'”’»«›)\]}」』）*_ ]*\Z")
_UNENDED = re.compile(r"[,;(\[{–—&+/=、，؛-]\s*\Z")
_LAST_WORD = re.compile(r"([^\W\d_]+)['’]?\s*\Z")
_MARKER = re.compile(
    r"(?:\d{1,9}[.)]|[-*+–—•‣◦▪●#|=~`])(?:\s|\Z)|[#|=•‣◦▪●]|```|~~~|[-*_]{3}|<(?!/?(?:b|i|em|strong|a|span)\b)"
)
_CELL = re.compile(r"<(?:t[dh]\b|/t[dhr]\b)", re.IGNORECASE)
_BEGUN = re.compile(r"(?:\d{1,9}[.)]?|[-+−±–—$€£*_~`\"'“„‚«»(\[¿¡‘’]{0,8}|</?[A-Za-z]{0,10})\Z")
_SKIPPED = re.compile(r"[*_~`\"'“„‚«(\[¿¡‘’]{0,8}")
_NUMBER = re.compile(r"[-+−±]?[$€£]?\d")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that hardly ever are a sentence's last. "On", "an" and "off" often are: "The light is on".
_GOES_ON = _words("""
    a and are as at be because been both but by each every for from had has have his if in into is its my near of or
    our per since than the their to until was were when where which while whose with within without would your we they
    der die das den dem des im am ins ein eine einen einem einer eines und oder aber ohne von vom zum zur bei beim nach
    vor unter zwischen für gegen durch dass weil wenn als wie ihre ihren mein meine dein deine kein keine beträgt liegt
    le la les l un une du de d et ou mais avec sans pour par sur sous dans en chez est sont était ont sera ce cette ces
    son sa ses mon ma mes ton ta tes notre votre que qui dont où très
    el los las una unos unas y e o u pero con sin por para sobre entre desde hasta es son está están fue era ha su sus
    mi mis tu tus muy al del
    il lo gli i uno della dello dei degli delle di da nel nella sul sulla per tra fra che è sono hanno suo sua mio mia
    alla
    het een van maar met zonder voor naar tussen zijn waren heeft
    os as um uma com sem em no na do dos das são não muito
    och eller men utan för av på är et og er
    i lub ale z bez dla od na w o jest są
    и или но с без для от на в о не
""")


class Start(Enum):
    """How a line begins."""

    CAPITAL = auto()
    SMALL = auto()
    NUMBER = auto()
    OTHER = auto()
    """With a letter of a script that has no capitals, or with a sign."""
    CELL = auto()
    """With a tag that belongs to the row before."""
    MARKER = auto()
    """With what begins a list, a heading, a table or a block."""


def start_of(text: str, at: int, *, more: bool) -> Start | None:
    """Return how the line that begins at `at` begins; None if it takes more text to tell."""
    if more and _BEGUN.match(text, at):
        return None
    if _CELL.match(text, at):
        return Start.CELL
    if _MARKER.match(text, at):
        return Start.MARKER
    if _NUMBER.match(text, at):
        return Start.NUMBER
    skipped = _SKIPPED.match(text, at)
    at = skipped.end() if skipped else at
    if at >= len(text):
        return None if more else Start.OTHER
    char = text[at]
    if char.isupper() or char.istitle():
        return Start.CAPITAL
    if char.islower():
        return Start.SMALL
    return Start.NUMBER if _NUMBER.match(text, at) else Start.OTHER


class Lines:
    """Knows how the current line began, and whether it is one of a list after a colon."""

    def __init__(self) -> None:
        self._start = Start.OTHER
        self._in_list = False
        self._has_items = False

    def is_ended(self, tail: str) -> bool:
        """Whether a line that ends with `tail` has ended its sentence itself."""
        return bool(_ENDED.search(tail))

    def goes_on(self, tail: str, length: int, following: Start) -> bool:
        """Whether a line of `length` characters goes on in the next one, which begins with `following`."""
        if following in (Start.MARKER, Start.CELL):
            return following is Start.CELL
        if _UNENDED.search(tail) or (following is Start.SMALL and not self._in_list):
            return True
        if is_inside_phrase(tail):
            return True
        if self._in_list:
            return following is Start.SMALL and self._start is Start.CAPITAL
        if following is Start.NUMBER:
            return self._start is not Start.NUMBER
        return length >= WRAPPED_LENGTH

    def begin(self, start: Start) -> None:
        """Note how a line begins that is the first one of its sentence."""
        self._start = start

    def end(self, tail: str) -> None:
        """Note the end of a sentence's last line."""
        if tail.rstrip().endswith((":", "：")):
            self._in_list, self._has_items = True, False
        else:
            self._has_items = True
            self._in_list = self._in_list and not self.is_ended(tail)

    def end_paragraph(self) -> None:
        """Note a blank line: it ends a list, but not before its first item."""
        self._in_list = self._in_list and not self._has_items


def is_inside_phrase(tail: str) -> bool:
    """Whether text that ends with `tail` is in the middle of a phrase: its last word wants another."""
    word = _LAST_WORD.search(tail)
    return bool(word and word[1].lower() in _GOES_ON)
