"""Names of the files that the server itself puts into the voices folder.

A name works on every file system that a folder may be carried to, and can be shown to people as it is.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ..errors import RequestError
from ..problem import Problem
from ..quoting import quoted
from .catalogue import DEFAULT
from .names import JOINERS, folded

MAX_NAME_BYTES = 120
"""Bytes of a name in UTF-8: some encrypted file systems take names of 143 bytes, and a suffix comes behind it."""
_SEPARATORS = '/\\:*?"<>|'
"""Characters that separate paths, or that Windows refuses."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that are devices on Windows, with any suffix."""
_SHORTEST_HEAD = 12
"""Bytes that tell a format: some have its name behind a length."""
_CHUNKED = (b"RIFF", b"RIFX", b"RF64", b"FORM")


def checked_name(given: str) -> str:
    """Return a voice's name with its white space and accents in one form; `RequestError` says what is wrong with it."""
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in given):
        raise RequestError("name must be without line breaks and other control characters")
    name = unicodedata.normalize("NFC", " ".join(given.split()))
    if not name:
        raise RequestError("name is empty: give the voice a name, such as 'alice'")
    if (size := len(name.encode("utf-8", "replace"))) > MAX_NAME_BYTES:
        message = f"name is {size} bytes long in UTF-8, and at most {MAX_NAME_BYTES} are taken"
        raise RequestError(message, Problem("name-long", {"bytes": size, "most": MAX_NAME_BYTES}))
    if bad := sorted(set(name).intersection(_SEPARATORS)):
        message = f"name can't be {quoted(name)}: leave {' '.join(bad)} out, which file names can't have"
        raise RequestError(message, Problem("name-characters", {"characters": " ".join(bad)}))
    if not all(map(_is_shown, name)):
        message = f"name can't be {quoted(name)}: it has characters that can't be shown"
        raise RequestError(message, Problem("name-hidden"))
    if all(character in JOINERS or character == " " for character in name):
        raise RequestError(f"name can't be {quoted(name)}: nothing of it can be seen", Problem("name-hidden"))
    if name.startswith(".") or name.endswith("."):
        message = f"name can't be {quoted(name)}: it must neither begin nor end with a full stop"
        raise RequestError(message, Problem("name-stop"))
    if _DEVICES.fullmatch(name):
        message = f"name can't be {quoted(name)}: on Windows that is a device, not a file"
        raise RequestError(message, Problem("name-device", {"name": name}))
    if folded(name) == DEFAULT:
        message = f"name can't be {quoted(name)}: that is the model's own voice"
        raise RequestError(message, Problem("name-own", {"name": name}))
    return name


def name_of_file(file_name: str) -> str:
    """Return the name that a client's file would have as a voice: without folders, whosever they are, and suffix."""
    return Path(file_name.replace("\\", "/")).stem


def suffix_of(head: bytes) -> str | None:
    """Return the suffix for a sound file that begins with `head` (some dozen bytes); None if its kind is unknown."""
    if len(head) < _SHORTEST_HEAD:
        return None
    for begin, suffix in _BEGINNINGS:
        if head.startswith(begin):
            return suffix
    if head[:4] in _CHUNKED:
        return {b"WAVE": ".wav", b"AIFF": ".aiff", b"AIFC": ".aiff"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return ".m4a"
    if head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # The layer's bits are 0 in AAC's frames, and never in those of MPEG's layers.
        return ".mp3" if head[1] & 0x06 else ".aac"
    return None


_BEGINNINGS = (
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\x1aE\xdf\xa3", ".webm"),
    (b"caff", ".caf"),
    (b"0&\xb2u\x8ef\xcf\x11", ".wma"),
    (b".snd", ".au"),
    (b"#!AMR", ".amr"),
    (b"wvpk", ".wv"),
)


def _is_shown(character: str) -> bool:
    return character in JOINERS or unicodedata.category(character)[0] not in "CZ" or character == " "
