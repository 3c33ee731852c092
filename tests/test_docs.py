"""Every command in the docs works: it is run here or by the test that is named, or it says that it needs more.

Commands stand in fenced blocks, ```sh. ```sh network and ```sh gpu are for what needs a network or a GPU.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process import server_process
from tests.sounds import FORMATS, speech, write
from wyoming_chatterbox import config

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKS = {"gpu", "network"}
RUN_BY = {
    "script/build": "tests/test_release.py",
    "script/docs": "tests/test_told_once.py",
    "script/lint": ".ci/run",
    "script/measure": "tests/test_docs.py",
    "script/python -m tests.measure_memory": "tests/test_process_memory.py",
    "script/python -m wyoming_chatterbox.bench": "tests/test_bench.py",
    "script/python -m wyoming_chatterbox.compare": "tests/test_compare.py",
    "script/python -m wyoming_chatterbox.text": "tests/test_text_command.py",
    "script/release": "tests/test_release.py",
    "script/setup": ".ci/run",
    "script/test": ".ci/run",
    "script/test-homeassistant": ".ci/run",
}
"""Commands, by how they begin, and what runs them."""

FENCED = re.compile(r"(?ms)^( *)```(\w+)?([^\n]*)\n(.*?)^\1```$")
COMMAND = re.compile(
    r"(\$ )?(script/|(cd|cp|curl|docker|echo|export|git|mkdir|pip|python3?|sudo|uv|wyoming-chatterbox) )"
)


@dataclass(frozen=True)
class Command:
    page: str
    text: str
    marks: frozenset[str]

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def commands(page: Path) -> list[Command]:
    """The commands of a page, each on one line, without comments."""
    return [
        Command(page.name, text, frozenset(info.split()))
        for _, language, info, block in FENCED.findall(page.read_text())
        if language == "sh"
        for line in block.replace("\\\n", " ").splitlines()
        if (text := re.sub(r"(^|\s+)# .*", "", " ".join(line.split())))
    ]


COMMANDS = [command for page in PAGES for command in commands(page)]
PLAIN = [command for command in COMMANDS if not command.marks]
CURL = [command for command in PLAIN if command.text.startswith("curl ")]
RUN = [command for command in COMMANDS if command.text.startswith("script/run")] + [
    Command(page.name, text, frozenset())
    for page in PAGES
    for text in re.findall(r"`(script/run[^`]*)`", page.read_text())
]
FILES = [command for command in PLAIN if command.text.startswith(("cp ", "echo ", "mkdir "))]


def run_by(command: Command) -> str | None:
    return next((place for start, place in RUN_BY.items() if f"{command.text} ".startswith(f"{start} ")), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_fenced_blocks_that_say_what_they_need(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    assert [line for line in re.findall(r"(?m)^ {4,}(\S.*)$", text) if COMMAND.match(line)] == []
    assert [command for command in commands(page) if not command.marks <= MARKS] == []
    languages = {language for _, language, _, block in FENCED.findall(page.read_text()) if COMMAND.match(block)}
    assert languages <= {"sh"}


@pytest.mark.parametrize("command", PLAIN, ids=str)
def test_a_command_without_a_mark_is_run_by_a_test(command: Command) -> None:
    here = command in CURL or command in RUN or command in FILES
    assert here or run_by(command), f"{command}: nothing runs it; see RUN_BY, or mark its block as one of {MARKS}"


@pytest.mark.parametrize(("start", "place"), RUN_BY.items())
def test_what_runs_a_command_names_it(start: str, place: str) -> None:
    name = start.split()[-1].split("/")[-1]
    assert name in (ROOT / place).read_text()


@pytest.mark.parametrize("command", RUN, ids=str)
def test_flags_in_the_docs_are_flags_of_the_server(command: Command, tmp_path: Path) -> None:
    flags = shlex.split(command.text)[1:]
    if flags != ["--help"]:
        config.load(flags, {}, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_the_docs_speak_of_are_there(page: Path) -> None:
    text = page.read_text()
    linked = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if ":" not in target]
    assert [target for target in linked if not (page.parent / target).exists()] == []
    named = re.findall(r"`((?:script|docs|docker|addon|tests)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists() and name not in ("docker/.env", "docker/voices")] == []


def test_commands_that_make_files_make_them(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docker", tmp_path / "docker", ignore=shutil.ignore_patterns(".env", "voices"))
    for command in FILES:
        subprocess.run(["bash", "-c", command.text], cwd=tmp_path, check=True)
    assert FILES == [] or (tmp_path / "docker" / ".env").exists()


@pytest.mark.slow(2)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_every_curl_command_gets_an_answer(tmp_path: Path) -> None:
    assert CURL
    (tmp_path / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    write(tmp_path / "alice.wav", speech(7), FORMATS["s16.wav"])
    async with server_process(tmp_path) as server:
        await server.answering()
        for command in CURL:
            text = re.sub(r"http://(localhost|127\.0\.0\.1):4123", server.http, command.text)
            assert text != command.text, f"{command}: to another port than the server's"
            assert await shell(text, tmp_path) == (0, ""), str(command)


async def shell(text: str, directory: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_shell(
        text,
        cwd=directory,
        env={**os.environ, "HOME": str(directory), "CURL_HOME": str(directory)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.full
@pytest.mark.slow(35)
@pytest.mark.timeout(400)
def test_measure_measures_a_tiny_model() -> None:
    command = [sys.executable, "-m", "tests.measure", "--size", "tiny", "--rounds", "1", "--texts", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "real-time factor" in done.stdout
