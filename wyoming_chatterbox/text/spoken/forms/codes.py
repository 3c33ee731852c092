"""Numbers that are no quantities: telephone numbers, addresses of machines, versions, codes."""

from __future__ import annotations

import re

from .written import Found, Written

_IP = re.compile(r"(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?:(?P<mark>[:/])(?P<number>\d{1,5}))?(?![\d.]*\d)")
_BARE = re.compile(r"\d+(?![\w.:-])")
_IP_V6 = re.compile(
    r"(?:(?=[0-9a-f:]*::)|(?=(?:[0-9a-f]+:){7}))(?=[a-f:]*\d)(?=[\d:]*[a-f])[0-9a-f]{1,4}(?::{1,2}[0-9a-f]{1,4}){1,7}(?![\w:])",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.IGNORECASE)
_MIXED = re.compile(r"(?=[0-9A-Z]{8})\d+[A-Z]+\d[0-9A-Z]*(?![\w-])|(?=[0-9a-f]{16})\d+[a-f]+\d[0-9a-f]*(?![\w-])")
_CHAIN = re.compile(r"\d+(?:-\d+){2,}(?!\w|-\d|[.,:/]\d)")
_PAIR = re.compile(r"[1-9]\d+-0\d{2,}(?![\w-]|[.,:/]\d|\s?[°%€$])")
"""A number of an order, which no range is: "2026-0815"."""
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_HEX = re.compile(r"0x[0-9A-Fa-f]+(?!\w)")
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:-?(?P<stage>a|b|rc|alpha|beta|dev)\.?(?P<number>\d+))?(?!\w)")
_OTHER_VERSION = re.compile(r"([^\W\d_]+) \d[\d.]*(?:,|\s[^\W\d_]{1,4}) \Z")
_SIGN_AFTER = re.compile(r"\s?[°%€$]")
_RELEASE = re.compile(r"20[2-9]\d\.(?:1[0-2]|[1-9])(?![\d]|[.,]\d)")
_PHONE = re.compile(
    r"(?:\+\d{1,3}(?:[ .\-/\u00a0]?\(?\d{1,5}\)?){1,6}"
    r"|\(\d{2,5}\)[ \-/]?\d{2,8}(?:[ \-]\d{2,5}){0,4}"
    r"|\d{1,2}[ -]\(?\d{3}\)?[ -]\d{3}[ -]\d{4}"
    r"|\d{3}(?P<mark>[-. ])\d{3}(?P=mark)\d{4}"
    r"|\d{3}-\d{4}"
    r"|\d{3} \d{3}-\d{4}|1[38]00 \d{3} \d{3}"
    r"|0\d(?:[ .-]\d\d){4}"
    r"|0\d{1,4}(?:[ /-]\d{2,8}){1,5})"
    r"(?![\w]|[.,:/-]\d|\s?[€$£%°])"
)
_EXTENSION = re.compile(r",?\s?x\.?\s?(?P<n>\d{1,5})(?!\w)")
_VANITY = re.compile(r"1-[2-9]\d\d(?=-[A-Z]{2})")
"""A telephone number whose last digits are letters: "1-800-FLOWERS"."""
_ZIP = re.compile(r"\d{5}(?:-\d{4})?(?![\w]|[.,]\d|-\d)")
_HOUSE_BEFORE = re.compile(r"\d\s?[a-zA-Z]?, \Z")
_STATE_BEFORE = re.compile(r"(?<![^\W_])[A-Z]{2},?\s\Z")
_OTHER_CALLED = re.compile(r"([^\W\d_]+) \d{3} [^\W\d_]{1,3} \Z")
_GROUPS_OF_FOUR = re.compile(r"\d{4}(?:[ -]\d{4}){2,4}(?![\d-])")
_AFTER_WORD = re.compile(r"\d[\d /.-]{3,18}\d(?![\w])")
_EMERGENCY = re.compile(r"(?:11[0-9]|000|061|080|1[0-9]{2}|9(?:11|33|88|99))(?![\w]|[.,:]\d|\s?[°%€$])")
_SHORT = re.compile(r"\d{3}(?![\w]|[.,:-]\d|\s?[%°%€$])")
_ENDING_DIGITS = re.compile(r"(?!1[5-9]|20)\d{4}(?!\w|[.,:]\d|\s?[%°€$]|\s[^\W\d_](?!\w))")
"""The last digits of a card, and no year."""
_CODE = re.compile(r"\d+(?:[ -]\d{2,})*(?![\w]|[.,:]\d)")
_IS = re.compile(r"([^\W\d_]+) (?:is|was|ist|lautet|est|es|è) \Z")
_CALLED = re.compile(r"([^\W\d_]+) (?:sie )?(?:the|at|die|den|sie|le|al|lo|il|o|para(?: o)?|pod) \Z", re.IGNORECASE)
_TELLS = frozenset(["is", "was", "ist", "lautet", "est", "es", "è"])
_BEFORE_CALLED = frozenset(["the", "at", "die", "den", "sie", "le", "al", "lo", "il", "o", "para", "pod"])
_LEAST_AFTER_WORD = 5
_LEAST_DIGITS = 7


def address(written: Written, at: int) -> Found | None:
    """Find an address of a machine or an identifier: "192.168.1.10:8123", "fe80::1", "0x1F", a UUID."""
    language, text = written.language, written.text
    if _BARE.match(text, at):
        return None
    if found := _IP.match(text, at):
        parts = found["ip"].split(".")
        if all(int(part) < 256 and str(int(part)) == part for part in parts):
            said = written.joined(language.word("dot"), [language.digits(part) for part in parts])
            if found["mark"] == ":":
                said = written.joined(language.word("colon"), [said, language.digits(found["number"])])
            elif found["mark"]:
                said = written.joined(language.word("slash"), [said, language.cardinal(int(found["number"]))])
            return found.end(), said
    if found := _IP_V6.match(text, at):
        parts = [_singly(written, part) for part in found[0].split(":")]
        return found.end(), " ".join(written.joined(language.word("colon"), parts).split())
    if found := _UUID.match(text, at):
        return found.end(), ", ".join(_singly(written, part) for part in found[0].split("-"))
    if found := _MAC.match(text, at):
        return found.end(), ", ".join(_singly(written, pair) for pair in re.split("[:-]", found[0].upper()))
    if found := _HEX.match(text, at) or _MIXED.match(text, at):
        return found.end(), _singly(written, found[0])
    return None


def chain(written: Written, at: int) -> Found | None:
    """Find three numbers or more with dashes between: "1-2-3", the number of a book or an order."""
    if "-" not in written.text:
        return None
    if pair := _PAIR.match(written.text, at):
        return pair.end(), said_groups(written, pair[0])
    found = _CHAIN.match(written.text, at)
    if not found or written.char_before(at) == "-":
        return None
    groups = found[0].split("-")
    if any(len(group) > 2 or group[0] == "0" for group in groups):
        return found.end(), said_groups(written, found[0])
    return found.end(), written.space.join(written.language.cardinal(int(group)) for group in groups)


def _singly(written: Written, text: str) -> str:
    return " ".join(written.language.digits(char) if char.isdecimal() else char for char in text)


def version(written: Written, at: int) -> Found | None:
    """Find a version: "1.2.3", "2.1" after a word such as "version", a release of the year and month ("2026.11")."""
    text = written.text
    found = _VERSION.match(text, at)
    if not found:
        return None
    other = _OTHER_VERSION.search(written.left(at))
    before = other[1].lower() if other else written.word_before(at)
    named = before in written.writing.version or before in written.writing.parts
    long = found[0].count(".") > 1
    is_amount = _SIGN_AFTER.match(text, found.end()) or (long and _is_grouped(written, at))
    if is_amount or not (named or long or _RELEASE.match(text, at)):
        return None
    said = said_version(written, text[at : found.start("stage")].rstrip("-") if found["stage"] else found[0])
    if found["stage"]:
        said = written.space.join([said, found["stage"], written.language.cardinal(int(found["number"]))])
    return found.end(), said


def _is_grouped(written: Written, at: int) -> bool:
    """Whether the dots may be marks between thousands."""
    writing = written.writing
    return bool(writing.grouped.match(written.text, at) or writing.foreign.match(written.text, at))


def is_release(version: str) -> bool:
    """Whether a version is a year and a month: "2026.11"."""
    return bool(_RELEASE.fullmatch(version))


def said_version(written: Written, version: str) -> str:
    """Return the parts of a version in words, with the language's word for the dot between."""
    language = written.language
    dot = language.word("decimal") if language.decimal_mark == "." else language.word("dot")
    return written.joined(dot, [_part(written, part) for part in version.split(".")])


def _part(written: Written, part: str) -> str:
    language = written.language
    if len(part) > 1 and part[0] == "0":
        return language.digits(part)
    return language.year(int(part)) if len(part) == 4 and part[:2] in ("19", "20") else language.cardinal(int(part))


def phone(written: Written, at: int) -> Found | None:
    """Find a telephone number, or other digits that are said one by one: "+1 555-123-4567", "call 112", "PIN 4821"."""
    text, writing = written.text, written.writing
    if not (text[at].isdecimal() or text[at] in "+("):
        return None
    found = _PHONE.match(text, at)
    called = _CALLED.search(written.left(at)) if written.word_before(at) in _BEFORE_CALLED else None
    before = called[1].lower() if called else written.word_before(at)
    if found and _count(found[0]) >= _LEAST_DIGITS and not _is_amount(written, found):
        said, name = said_groups(written, found[0]), writing.abbreviations.get("ext.")
        if name and (extension := _EXTENSION.match(text, found.end())):
            return extension.end(), f"{said}, {name} {written.language.digits(extension['n'])}"
        return found.end(), said
    if found := _VANITY.match(text, at):
        return found.end(), said_groups(written, found[0])
    if (found := _ZIP.match(text, at)) and _STATE_BEFORE.search(written.left(at)):
        return found.end(), said_groups(written, found[0])
    if (found := writing.postcode.match(text, at)) and _HOUSE_BEFORE.search(written.left(at)):
        return found.end(), said_groups(written, found[0])
    if found := _GROUPS_OF_FOUR.match(text, at):
        return found.end(), said_groups(written, found[0])
    if found := writing.phones.match(text, at):
        return found.end(), said_groups(written, found[0])
    if written.is_dense:
        words = writing.phone | writing.emergency | writing.code
        before = next((word for word in words if _ends_with(written, at, word)), "")
    if before in writing.phone and (found := _AFTER_WORD.match(text, at)) and _count(found[0]) >= _LEAST_AFTER_WORD:
        return found.end(), said_groups(written, found[0])
    if _is_called(written, at, before) and (
        (found := _EMERGENCY.match(text, at))
        or (writing.short_numbers and not written.counts(at + 3) and (found := _SHORT.match(text, at)))
    ):
        return found.end(), written.language.digits(found[0])
    found = _ENDING_DIGITS.match(text, at)
    if found and writing.ends_in.search(written.left(at)) and not written.counts(found.end()):
        return found.end(), written.language.digits(found[0])
    found = _CODE.match(text, at)
    told = _IS.search(written.left(at)) if before in _TELLS else None
    is_code = before in writing.code or (told and told[1].lower() in writing.code)
    if found and is_code and len(found[0]) > 2 and not (told and written.counts(found.end())):
        return found.end(), said_groups(written, found[0])
    return None


def _is_called(written: Written, at: int, before: str) -> bool:
    """Whether a telephone number of three digits is called, alone or as the second one: "call 311 or 988"."""
    other = _OTHER_CALLED.search(written.left(at)) if before == written.language.word("or") else None
    return before in written.writing.emergency or (other is not None and other[1].lower() in written.writing.emergency)


def _ends_with(written: Written, at: int, word: str) -> bool:
    return written.left(at).rstrip(" :：は是为").endswith(word)


def _count(digits: str) -> int:
    return sum(char.isdecimal() for char in digits)


def _is_amount(written: Written, found: re.Match[str]) -> bool:
    """Whether what looks like a telephone number is a number with spaces between its groups."""
    grouped = written.writing.grouped.match(written.text, found.start())
    return bool(grouped) and found["mark"] in (" ", ".") and found[0][0] not in "+(0"


def said_groups(written: Written, digits: str) -> str:
    """Groups of digits, said one by one; pairs as numbers where the language does so."""
    language = written.language
    groups = re.findall(r"\d+", digits)
    said = [
        language.cardinal(int(group))
        if written.writing.phone_pairs and len(group) == 2 and group[0] != "0"
        else language.digits(group)
        for group in groups
    ]
    plus = [language.word("add") or language.word("plus")] if digits.startswith("+") else []
    return written.space.join([*plus, ", ".join(said)])
