"""Patterns and tables that recognize markdown, HTML tags, emoji and URLs, for `markup`."""

from __future__ import annotations

import re

NEWLINES = "\n\r\v\f\x85\u2028\u2029"
MAX_LABEL_LENGTH = 500
MAX_TARGET_LENGTH = 2000
MAX_TAG_LENGTH = 1000
MAX_SCHEME_LENGTH = 32

LETTERS = re.compile(r"[A-Za-z]+|[^\W\d_A-Za-z]+")
RUN = {mark: re.compile(re.escape(mark) + "{1,64}") for mark in "*_~`>#"}
SCHEME = re.compile(rf"[a-z]{{1,{MAX_SCHEME_LENGTH}}}|(?i:h(?:t(?:t(?:ps?)?)?)?|w{{1,3}})")
FENCE_INFO = re.compile(rf"[^`{NEWLINES}]{{0,200}}+")
BLANK = re.compile(r"[ \t]{0,200}+")
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
# Either no attributes or one with a value: "a<b and c>d" is arithmetic.
TAG = re.compile(rf"</?([A-Za-z][A-Za-z0-9]*+)(?:[ \t/]*+|[ \t/](?=[^<>]*=)[^<>\[\]{NEWLINES}]*+)>")
TAG_BEGUN = re.compile(rf"</?([A-Za-z][A-Za-z0-9]*+)[ \t/][^<>\[\]{NEWLINES}]*+\Z")
AUTOLINK = re.compile(
    r"<(?:(?:(?:https?|ftp)://|mailto:|tel:)[^\s<>\[\]]*+|[^\s<>@\[\]]++@[^\s<>@\[\]]++)>", re.IGNORECASE
)
ANGLE_BEGUN = re.compile(r"<[^\s<>\[\]]*+\Z")
ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#39|#x27);")
ENTITY_BEGUN = re.compile(r"&[#a-z0-9]{0,5}\Z")
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " ", "#39": "'", "#x27": "'"}
# Scripts written without spaces end a URL, as do quotes and brackets that no URL holds unescaped.
URL = re.compile(r"[^\s<>\[\]\"`{}|\\^„“”‘’«»‹›…\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]+")
URL_TRAIL = ".,;:!?'*_~"
EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\u2194-\u2199\u21a9\u21aa\u2139\u2122"
    "\u24c2\u3030\u303d\u3297\u3299\ufffc\ufffd]"
)
VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
EMOJI_STYLE = "\ufe0f"
KEYCAP = "\u20e3"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Me"})

BULLETS = frozenset("-*+–—")
ROUND_BULLETS = frozenset("•‣◦▪●")
ESCAPABLE = frozenset("\\`*_{}[]()#+-.!|~<>")
BLOCK_TAGS = """
    blockquote br dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre speak table tr ul
"""
INLINE_TAGS = """
    a abbr audio b big body break button center cite code del details em emphasis figure font head html i img input ins
    kbd label mark phoneme prosody q s samp say small span strike strong sub summary sup tbody td th thead tt u var
    video voice
"""
TAGS = dict.fromkeys(BLOCK_TAGS.split(), True) | dict.fromkeys(INLINE_TAGS.split(), False)
"""Names of HTML and SSML tags: whether each ends a line."""
