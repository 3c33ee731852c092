"""Patterns and tables that recognize markdown, HTML tags, emoji and URLs, for `markup`."""

from __future__ import annotations

import re

from .styles import CIRCLED

NEWLINES = "\n\r\v\f\x85\u2028\u2029"
MAX_LABEL_LENGTH = 500
MAX_TARGET_LENGTH = 2000
MAX_TAG_LENGTH = 1000
MAX_SCHEME_LENGTH = 32

LETTERS = re.compile(rf"[A-Za-z]+|[^\W\d_A-Za-z{''.join(CIRCLED)}]+")
RUN = {mark: re.compile(re.escape(mark) + "{1,64}") for mark in "*_~`>#"}
SCHEME = re.compile(rf"[a-z]{{1,{MAX_SCHEME_LENGTH}}}|(?i:h(?:t(?:t(?:ps?)?)?)?|w{{1,3}})")
CHECKBOX = re.compile(r"\[[ xX]\]\s")
CHECKBOX_BEGUN = re.compile(r"\[(?:[ xX]\]?)?\Z")
LABEL = re.compile(rf"[^\[\]{NEWLINES}]{{0,{MAX_LABEL_LENGTH}}}+")
TARGET_BODY = r"\([ \t]*+<?(?:[^\s()<>]++|\([^\s()<>]*+\))*+"
TARGET = re.compile(
    rf"{TARGET_BODY}>?(?:[ \t]++(?:\"[^\"{NEWLINES}]*+\"|'[^'{NEWLINES}]*+'))?[ \t]*+\)"
)  # fmt: skip
TARGET_BEGUN = re.compile(
    rf"{TARGET_BODY}(?:\([^\s()<>]*+)?>?(?:[ \t]++(?:\"[^\"{NEWLINES}]*+\"?|'[^'{NEWLINES}]*+'?)?)?[ \t]*+\Z"
)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
ENTITY_BEGUN = re.compile(r"&(?:#(?:\d{0,7}|[xX][0-9A-Fa-f]{0,6})|[A-Za-z][A-Za-z0-9]{0,31})?\Z")
# Scripts written without spaces end a URL, as do quotes and brackets that no URL holds unescaped.
URL = re.compile(r"[^\s<>\[\]\"`{}|\\^„“”‘’«»‹›…\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]+")
URL_TRAIL = ".,;:!?'*_~"
SHORT_NAME = re.compile(r":(?:[a-z][a-z0-9_+-]{1,40}|[+-]1|100):(?!\w)")
SHORT_NAME_BEGUN = re.compile(r":(?:[a-z][a-z0-9_+-]{0,40}|[+-]1?|10{0,2})?:?\Z")
EMOTICON = re.compile(r"[:;=]['’]?-?[)(]{1,5}(?![\w(])|[:;=]-?[DP](?!\w)")
EMOTICON_BEGUN = re.compile(r"[:;=]['’]?-?(?:[)(]{0,5}|[DP])?\Z")
ITEM = re.compile(r"(\d{1,9})[.)](?=\s)")
ITEM_BEGUN = re.compile(r"\d{1,9}[.)]?\Z")
TABLE = re.compile(
    rf"[^{NEWLINES}]{{0,1000}}+(?:\r\n?|\n)(?=[ \t|:-]{{3,1000}}+(?:[{NEWLINES}]|\Z))"
    r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)++\|?[ \t]*+"
)
"""The rest of a table's heading, and the line below it."""
TABLE_BEGUN = re.compile(rf"[^{NEWLINES}]{{0,1000}}+(?:(?:\r\n?|\n)[ \t|:-]{{0,1000}}+)?\Z")
INDENT = re.compile(r"[ \t]*+(?:>[ \t]*+){0,8}")
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2300-\u23ff\u2500-\u25b1\u25b3-\u25bb\u25bd-\u266c\u266e\u2670-\u27bf\u2b00-\u2bff\u2194-\u2199\u21a9\u21aa\u2139\u2122"
    "\u24c2\u3030\u303d\u3297\u3299\ufffc\ufffd]"
)
VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
EMOJI_STYLE = "\ufe0f"
KEYCAP = "\u20e3"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})

BULLETS = frozenset("-*+–—:→·")
ROUND_BULLETS = frozenset("•‣◦▪●")
ESCAPABLE = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
