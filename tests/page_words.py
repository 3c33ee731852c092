"""The English texts of the page, which are the keys to its other languages: those in HTML, and those in code."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

from tests.page_server import STATIC

_SAID = re.compile(r'\b(?:t|later)\(\s*("(?:[^"\\]|\\.)*")')
_VOID = {"meta", "link", "input", "img", "br", "circle", "path"}
_ATTRIBUTES = ("aria-label", "placeholder")


class _Texts(HTMLParser):
    """Collects texts as `collect` in words.js does: an element inside a text is {0}, {1}, ..."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._open: list[tuple[str, list[str], bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        silent = bool(self._open and self._open[-1][2]) or given.get("translate") == "no"
        if not silent:
            self.found.update(value for name in _ATTRIBUTES if (value := given.get(name)))
        if self._open:
            parts = self._open[-1][1]
            parts.append(f"{{{sum(part.startswith('{') for part in parts)}}}")
        if tag not in _VOID:
            silent = silent or tag in ("code", "head", "script")
            self._open.append((tag, [], silent))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][1].append(data)

    def handle_endtag(self, tag: str) -> None:
        opened, parts, silent = self._open.pop()
        assert opened == tag, f"</{tag}> ends <{opened}>"
        text = " ".join("".join(parts).split())
        if not silent and re.search(r"[^\W\d_]", re.sub(r"\{\d\}", "", text)):
            self.found.add(text)


def in_html(file: Path) -> set[str]:
    """The texts of a file of HTML."""
    parser = _Texts()
    parser.feed(f"<body>{file.read_text()}</body>" if "<body>" not in file.read_text() else file.read_text())
    return parser.found


def in_code(file: Path) -> set[str]:
    """The texts that a module says by `t`, at once or `later`."""
    return {json.loads(text) for text in _SAID.findall(file.read_text())}


def all_texts() -> set[str]:
    """All texts of the page."""
    html = (text for file in STATIC.glob("*.html") for text in in_html(file))
    code = (text for file in STATIC.glob("*.js") for text in in_code(file))
    return {*html, *code}


def words(language: str) -> dict[str, str]:
    """The texts of a language, by the English ones."""
    read: dict[str, str] = json.loads((STATIC / "words" / f"{language}.json").read_text())
    return read
