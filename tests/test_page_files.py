"""The page's files: small at first, in four languages, and without what its policy forbids."""

from __future__ import annotations

import hashlib
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.page_server import STATIC
from tests.page_words import all_texts, words
from wyoming_chatterbox.errors import UnexpectedError

LANGUAGES = ("de", "fr", "es")
FIRST_LOAD_BYTES = 60_000
VENDORED = STATIC / "vendor"


def first_load() -> set[Path]:
    """The files that a browser fetches before anything is pressed: what index.html names, and what that imports."""
    found = {STATIC / "index.html"}
    links = re.findall(r'(?:href|src)="([\w./-]+\.(?:css|js|svg))"', (STATIC / "index.html").read_text())
    waiting = [STATIC / link for link in links]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        if file.suffix == ".js":
            waiting += [
                STATIC / name for name in re.findall(r'^import .*?"\./([\w./-]+)";$', file.read_text(), re.MULTILINE)
            ]
    return found


def test_the_first_load_is_small() -> None:
    files = first_load()
    assert {"index.html", "page.css", "page.js", "speak.js"} <= {file.name for file in files}
    sizes = {file.name: file.stat().st_size for file in files}
    assert sum(sizes.values()) < FIRST_LOAD_BYTES, sizes


def test_imports_make_no_circle() -> None:
    imports = {
        file.name: set(
            re.findall(r'^import .*?"\./([\w.-]+)";$|\bimport\("\./([\w.-]+)"\)', file.read_text(), re.MULTILINE)
        )
        for file in STATIC.glob("*.js")
    }
    order = TopologicalSorter({name: {one or other for one, other in found} for name, found in imports.items()})
    assert {"say.js", "speak.js", "page.js"} <= set(order.static_order())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_all_texts_and_no_more(language: str) -> None:
    said = words(language)
    assert set(said) == all_texts()
    for english, text in said.items():
        assert text.strip(), english
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", text)), english
        assert english.endswith(".") == text.endswith("."), english


def test_the_page_has_words_for_what_the_server_refuses() -> None:
    """By the codes in `Problem("code", ...)`: those of requests and files, in all folders but the engine's."""
    known = set(re.findall(r'^  "([a-z0-9-]+)": later', (STATIC / "refusals.js").read_text(), re.MULTILINE))
    package = STATIC.parents[1]
    sent = {
        code
        for folder in ("audio", "speech", "text", "voices", "web")
        for file in (package / folder).glob("*.py")
        for code in re.findall(r'\bProblem\(\s*"([a-z0-9-]+)"', file.read_text())
    }
    assert sent | {UnexpectedError.problem.code} == known
    documented = (package.parent / "docs" / "HTTP.md").read_text()
    assert [code for code in known if not re.search(rf"(?<![\w-]){code}(?![\w-])", documented)] == []


def test_every_text_in_code_is_found() -> None:
    # A text that is put together, or chosen inside `t(...)`, would never be translated.
    for file in STATIC.glob("*.js"):
        for argument in re.findall(r"\bt\(([^)\n]*)", file.read_text()):
            assert argument.startswith('"') or re.match(r"[\w.\[\]$?]+( \?\? \"\{name\}\")?(,|$)", argument), (
                file.name,
                argument,
            )


@pytest.mark.parametrize("file", sorted(STATIC.glob("*.html")), ids=lambda file: file.name)
def test_html_holds_no_script_and_no_style(file: Path) -> None:
    html = file.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert not re.search(r"<script(?![^>]* src=)", html)
    for address in re.findall(r'(?:href|src)="([^"]*)"', html):
        assert re.match(r"#|[a-z][\w.-]*$|https://my\.home-assistant\.io/redirect/", address), address
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_an_id_is_given_once() -> None:
    ids = [name for file in STATIC.glob("*.html") for name in re.findall(r'\bid="([^"]+)"', file.read_text())]
    assert len(ids) == len(set(ids))


def test_elements_that_code_asks_for_are_there() -> None:
    ids = {name for file in STATIC.glob("*.html") for name in re.findall(r'\bid="([^"]+)"', file.read_text())}
    for file in STATIC.glob("*.js"):
        for name in re.findall(r"\bui\.(\w+)", file.read_text()):
            assert name in ids, f"{file.name} asks for {name}"


def test_a_library_is_the_one_that_its_table_names() -> None:
    rows = re.findall(r"^\| (\S+) \| .* \| ([0-9a-f]{64}) \|$", (VENDORED / "README.md").read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == {file.name for file in VENDORED.glob("*.js")}
    for name, digest in rows:
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest
        assert (VENDORED / name).with_suffix(".LICENSE").is_file()
