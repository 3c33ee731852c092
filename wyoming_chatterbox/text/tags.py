"""HTML and SSML tags in a text: where they end, and what each of them does to the text around it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from .directions import is_direction, sound_of
from .markup_patterns import MAX_TAG_LENGTH, NEWLINES
from .pauses import break_seconds, seconds_of


class Effect(Enum):
    """The effect of a tag on the text."""

    NOTHING = auto()
    GAP = auto()
    """It stood for something that can't be said."""
    LINE = auto()
    PARAGRAPH = auto()
    CELL = auto()
    PAUSE = auto()
    SOUND = auto()
    HIDE = auto()
    """The text inside it is not said."""
    INSTEAD = auto()
    """Other words are said instead of what is inside it."""
    SPELL = auto()
    LANGUAGE = auto()


@dataclass(frozen=True)
class Tag:
    """A tag, and where it ends in the text."""

    end: int
    name: str = ""
    """In small letters."""
    effect: Effect = Effect.NOTHING
    closes: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """Seconds of the pause that it asks for."""
    sound: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PARAGRAPHS = _words("p blockquote h1 h2 h3 h4 h5 h6 table ul ol dl hr section article header footer")
_LINES = _words("br dd div dt li pre caption speak figcaption option fieldset legend nav main aside details summary")
_CELLS = _words("td th")
_INLINE = _words("""
    a abbr audio b big body button center cite code col colgroup del em emphasis figure font form head html i
    img input ins kbd label mark media meta metadata phoneme picture prosody q s samp say-as small span strike strong
    sub sup svg tbody textarea tfoot thead tr track tt u var video voice wbr desc lexicon answer response
    final
""")
_HIDDEN = _words("""
    think thinking thought thoughts reasoning reflection scratchpad tool_call tool_calls script style title
""")
"""Names of tags around what a language model only thinks, and around what no reader of a page sees."""
_SPELLED = {
    "characters": "characters",
    "character": "characters",
    "spell-out": "characters",
    "verbatim": "characters",
    "letters": "characters",
    "digits": "digits",
    "telephone": "digits",
    "ordinal": "ordinal",
}

_NAME = r"[A-Za-z][\w:.-]{0,40}+"
# Either no attributes or one with a value: "a<b and c>d" is arithmetic.
_KNOWN = re.compile(rf"<(/?)({_NAME})(?:[ \t/]*+|[ \t/](?=[^<>]*=)[^<>\[\]{NEWLINES}]*+)>")
_KNOWN_BEGUN = re.compile(rf"</?({_NAME})[ \t/][^<>\[\]{NEWLINES}]*+\Z")
_VALUE = r"(?:\"[^\"<>\n]*+\"|'[^'<>\n]*+')"
_UNKNOWN = re.compile(
    rf"</({_NAME})[ \t]*+>|<({_NAME})(?:(?:[ \t]++[\w:.-]++={_VALUE})++[ \t]*+/?>|[ \t]*+/>)"
)  # fmt: skip
_UNKNOWN_BEGUN = re.compile(
    rf"</?{_NAME}(?:[ \t]++[\w:.-]++={_VALUE})*+(?:[ \t]++(?:[\w:.-]++(?:=(?:\"[^\"<>\n]*+|'[^'<>\n]*+)?)?)?)?/?\Z"
)  # fmt: skip
_ANY = re.compile(r"<(?:(/?)([A-Za-z][\w:.-]*+)[^<>]*+|\?[^<>]*+|![A-Za-z][^<>]*+)>")
_ANY_BEGUN = re.compile(r"<(?:[/?!]?[A-Za-z][^<>]*+|[/?!]?|!\[[CDAT]{0,5})\Z")
_PREFIXED = re.compile(r"[a-z]+:[a-z-]+")
_PAUSE = re.compile(r"<(?:(?:pause|break|silence|wait)[ :=]\s?([\d.,]+\s?[a-z]*)\s?/?|#([\d.]+)#)>", re.IGNORECASE)
_PAUSE_BEGUN = re.compile(r"<(?:(?:pause|break|silence|wait)[ :=]\s?[\d.,]*\s?[a-z]*\s?/?|#[\d.]*#?)\Z", re.IGNORECASE)
_ADDRESS = re.compile(
    r"<(?:(?:(?:https?|ftp)://|mailto:|tel:)[^\s<>\[\]]*+|[^\s<>@\[\]]++@[^\s<>@\[\]]++)>", re.IGNORECASE
)
_BEGUN = re.compile(r"<[^\s<>\[\]]*+\Z")
_PROLOGUE = re.compile(r"<(?:\?[A-Za-z][^<>\n]*+|![A-Za-z][^<>\n]*+|\|[A-Za-z][\w ]{0,40}+\|)>")
"""The prologue of an HTML or XML document, and a language model's marks such as `<|im_end|>`."""
_PROLOGUE_BEGUN = re.compile(r"<(?:[?!](?:[A-Za-z][^<>\n]*+)?|\|(?:[A-Za-z][\w ]{0,40}+\|?)?)\Z")
_CDATA = re.compile(r"<!\[CDATA\[")
_ATTRIBUTE = re.compile(r"([\w:.-]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>/]++))")


def tag_at(text: str, at: int, *, more: bool, ssml: bool, comments: bool = True) -> Tag | int | None:
    """Read the `<` at `at`; return None if it takes more text to tell, and `at` itself if it is no tag.

    `more` says that more text may come; in `ssml` every tag is one, elsewhere only a known or plain one. A comment is
    a tag unless `comments` is false.
    """
    limit = at + MAX_TAG_LENGTH
    if ssml and (section := _CDATA.match(text, at)):
        return Tag(section.end())
    if pause := _PAUSE.match(text, at, limit):
        seconds = seconds_of(pause[1] or pause[2])
        return at if seconds is None else Tag(pause.end(), "break", Effect.PAUSE, seconds=seconds)
    tag = (_ANY if ssml else _KNOWN).match(text, at, limit)
    if tag and (ssml or _is_known(tag[2])):
        return _tag(tag.end(), tag[2] or "", bool(tag[1]), tag[0], ssml)
    if not ssml and (unknown := _UNKNOWN.match(text, at, limit)):
        return Tag(unknown.end(), (unknown[1] or unknown[2]).lower())
    if prologue := _PROLOGUE.match(text, at, limit):
        return Tag(prologue.end())
    if address := _ADDRESS.match(text, at, limit):
        return Tag(address.end(), effect=Effect.GAP)
    is_comment = comments and text.startswith("<!--", at)
    if is_comment and (end := text.find("-->", at + 4, limit)) >= 0:
        return Tag(end + 3)
    if more and len(text) < limit:
        begun = _KNOWN_BEGUN.match(text, at)
        waits = (
            is_comment
            or (ssml and _ANY_BEGUN.match(text, at))
            or _BEGUN.match(text, at)
            or _UNKNOWN_BEGUN.match(text, at)
            or _PAUSE_BEGUN.match(text, at)
            or _PROLOGUE_BEGUN.match(text, at)
            or (begun and _is_known(begun[1]))
        )
        return None if waits else at
    return at


def _is_known(name: str) -> bool:
    name = name.lower()
    return (
        name in _PARAGRAPHS
        or name in _LINES
        or name in _CELLS
        or name in _INLINE
        or name in _HIDDEN
        or name in ("break", "lang", "pause", "silence")
        or is_direction(name)
        or _PREFIXED.fullmatch(name) is not None
    )


def _tag(end: int, name: str, closes: bool, written: str, ssml: bool) -> Tag:
    name = name.lower()
    attributes = {found[1].lower(): found[2] or found[3] or found[4] or "" for found in _ATTRIBUTE.finditer(written)}
    effect, seconds, sound = Effect.NOTHING, 0.0, ""
    if name in _PARAGRAPHS:
        effect = Effect.PARAGRAPH
    elif name in _LINES or (name == "s" and ssml) or (name == "tr" and not closes):
        effect = Effect.LINE
    elif name in _INLINE and name not in ("sub", "say-as", "s", "tr"):
        pass
    elif name in _CELLS:
        effect = Effect.NOTHING if closes else Effect.CELL
    elif name in ("break", "pause", "silence"):
        seconds = break_seconds(attributes)
        is_none = attributes.get("strength", "").lower() == "none" and "time" not in attributes
        effect = Effect.NOTHING if closes else Effect.GAP if is_none else Effect.PAUSE
    elif name in _HIDDEN:
        effect = Effect.HIDE
    elif name == "sub" and (closes or "alias" in attributes):
        effect = Effect.INSTEAD
    elif name == "say-as":
        effect = Effect.SPELL
    elif name == "lang":
        effect = Effect.LANGUAGE
    elif is_direction(name):
        sound = sound_of(name) or ""
        effect = Effect.SOUND if sound and not closes else Effect.GAP
    return Tag(end, name, effect, closes, attributes, seconds, sound)


def spelling(tag: Tag) -> str:
    """Return how SSML's `<say-as>` has its text spelled: `characters`, `digits`, `ordinal`, or not at all."""
    return "" if tag.closes else _SPELLED.get(tag.attributes.get("interpret-as", "").lower(), "")


def language_of(tag: Tag) -> str | None:
    """Return the language of SSML's `<lang>`, as ISO 639-1; None if it says none."""
    written = tag.attributes.get("xml:lang", tag.attributes.get("lang", ""))
    code = re.match(r"[A-Za-z]{2}(?=[-_]|\Z)", written)
    return code[0].lower() if code else None
