"""`python -m wyoming_chatterbox.text` shows what would be said, starts at once, and names what is wrong on one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import HEAVY, in_a_fresh_process
from wyoming_chatterbox.text.__main__ import main

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "wyoming_chatterbox.text"]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def run(*arguments: str, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments], input=given, capture_output=True, cwd=ROOT, env={**os.environ, **environment}
    )


def test_a_text_is_answered_by_an_utterance_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "**Hello** there. How are you?") == ["Hello there.", "How are you?"]
    assert shown(capsys, "Several", "words") == ["Several words"]
    assert shown(capsys, "...") == []


def test_the_server_s_options_count(capsys: pytest.CaptureFixture[str]) -> None:
    text = "The kitchen light is on, and the front door is locked."
    assert shown(capsys, "--max-chunk-length", "40", text) == [
        "The kitchen light is on,",
        "and the front door is locked.",
    ]


def test_pauses_sounds_and_other_languages_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'Wait for it. [pause 500ms] [laugh] It is here. <lang xml:lang="de">Guten Tag, Anna.</lang>'
    assert shown(capsys, text) == ["Wait for it.", "(pause 0.5 s)", "It is here.", "(de) Guten Tag, Anna."]
    assert shown(capsys, "--turbo", text)[2] == "[laugh] It is here."
    paused = shown(capsys, "--sentence-pause", "0.25", "--lead-in", "1", "It is one. It is two.")
    assert paused == ["(pause 1 s)", "It is one.", "(pause 0.25 s)", "It is two."]
    code = "Run this:\n```\nls\n```\nThat is all."
    assert shown(capsys, code) == ["Run this:", "That is all."]
    assert shown(capsys, "--code", "read", code) == ["Run this:", "ls.", "That is all."]


def test_a_user_s_pronunciations_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("IKEA: ee kay ah\nde:\n  IKEA: Ickeeah\n")
    assert shown(capsys, "--pronunciations", str(file), "At IKEA.") == ["At ee kay ah."]
    assert shown(capsys, "--pronunciations", str(file), "--language", "DE", "Bei IKEA.") == ["Bei Ickeeah."]


def test_standard_input_is_answered_line_by_line() -> None:
    given = "It is one. It is two!\n\nÄpfel\r\n\xff".encode("latin-1")
    done = run(given=given, PYTHONIOENCODING="utf-8")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == ["It is one. / It is two!", "", "pfel", ""], (
        "what is no UTF-8 is left out"
    )


def test_whoever_reads_no_more_ends_it_without_a_word() -> None:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"One.\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"One.\n", "an answer comes before the next line"
        process.stdout.close()
        process.stdin.write(b"Two.\n")
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_no_terminal_is_too_poor(encoding: str) -> None:
    done = run("Žofie \udcff says.", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert done.stdout.endswith(b"says.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--language", "xx", "a"], "argument --language: invalid choice: 'xx' (choose from 'ar', 'da', "),
        (["--max-chunk-length", "3", "a"], "--max-chunk-length can't be '3': it takes a whole number from 40 to 1000"),
        (["--pronunciations", "/no/file.yaml", "a"], "/no/file.yaml can't be read: No such file or directory"),
        (["--nothing", "a"], "unrecognized arguments: --nothing (--help shows all options)"),
    ],
)
def test_what_is_wrong_is_told_on_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"wyoming_chatterbox.text: {message}")
    assert told.count("\n") == 1


def test_a_bad_line_of_the_pronunciations_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("a: b\na: c\n")
    assert main(["--pronunciations", str(file), "a"]) == 2
    assert f"{file}, line 2: 'a' stands in line 1 already" in capsys.readouterr().err


def test_it_imports_nothing_heavy() -> None:
    code = "import json, sys, wyoming_chatterbox.text.__main__\nprint(json.dumps({'modules': list(sys.modules)}))"
    modules = in_a_fresh_process(code)["modules"]
    assert HEAVY.union({"torch", "numpy", "onnxruntime", "aiohttp", "wyoming"}).isdisjoint(modules)
