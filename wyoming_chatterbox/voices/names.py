"""Names of voices and files: when two are the same, and which can be shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from ..quoting import quoted
from .languages import spoken_as

JOINERS = "\u200c\u200d"
"""Format characters that are part of words in some languages, and of some emoji."""

_OF_SYSTEMS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found", "__macosx"),
        *("$recycle.bin", "recycler", "system volume information", "thumbs.db", "desktop.ini"),
    )
)
"""Names, in small letters, of files and folders that network storage and systems make by themselves, such as those of
copies and of deleted files."""
_LISTED = 12
"""Names that an error lists."""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is none of a person's: hidden, or made by a system."""
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def folded(name: str) -> str:
    """Return what is equal for names that differ only in case or in how Unicode composes their letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def without_language(name: str, language: str) -> str:
    """Return `alice` for `alice-de` if the language is `de`, else the name as it is."""
    stem, code = name[:-3], name[-2:]
    return stem if stem and name[-3] == "-" and spoken_as(code, (language,)) else name


def can_be_shown(name: str) -> bool:
    """Whether all characters are visible, no stray bytes, and leave the order of the others as it is."""
    return all(char in JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)


def shown(name: str) -> str:
    """Return a name as it is, or quoted if it can't be shown."""
    return name if can_be_shown(name) else quoted(name)


def listed(names: Sequence[str]) -> str:
    """List names for a person: the first ones, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
