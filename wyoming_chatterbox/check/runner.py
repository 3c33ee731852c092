"""Runs the checks one after the other, each within its time, and prints what they find."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from .. import __version__
from ..config import Config
from ..daemon_thread import in_daemon_thread
from ..privacy import silence_libraries
from . import computing, downloading, folders, ports, speaking
from .findings import Finding, Level, Machine, problem, warning

Look = Callable[[Machine], list[Finding]]


@dataclass(frozen=True)
class Check:
    """One subject."""

    subject: str
    look: Look
    seconds: float = 30.0
    """Seconds that it may take: a network share may hang."""
    matters: bool = False
    """Whether Chatterbox can't speak if it takes longer, or fails."""
    late: Look | None = None
    """Tells what it means that it takes longer."""


CHECKS = (
    Check("Wyoming", ports.wyoming, 10.0, matters=True),
    Check("page", ports.page, 10.0),
    Check("device", computing.device, 120.0, matters=True),
    Check("model", computing.model, matters=True),
    Check("precision", computing.precision, matters=True),
    Check("memory", computing.memory),
    Check("files", downloading.files, 120.0, matters=True),
    Check("hub", downloading.hub, downloading.HUB_SECONDS, late=downloading.hub_is_late),
    Check("disk", downloading.disk, 4 * downloading.HUB_SECONDS),
    Check("folders", folders.folders),
    Check("formats", speaking.formats),
    Check("voices", speaking.voices, 2 * speaking.LISTEN_SECONDS),
    Check("pronunciations", speaking.pronunciations, 10.0),
    Check("standby voice", speaking.standby, 60.0),
)
_SUBJECT_WIDTH = max(len(check.subject) for check in CHECKS)
_MARK_WIDTH = max(len(level.value) for level in Level)


def run(config: Config, out: TextIO = sys.stdout) -> int:
    """Check this machine, and print what is found as it is found.

    Returns 0 if Home Assistant would hear Chatterbox, else 1.
    """
    silence_libraries()
    # What libraries log is none of the findings.
    logging.getLogger().addHandler(logging.NullHandler())
    machine, found = Machine(config), []
    print(
        f"wyoming-chatterbox {__version__}: what this machine would run. No model is loaded or downloaded.\n", file=out
    )
    for check in CHECKS:
        findings = _looked(check, machine)
        found += findings
        for line in _lines(check.subject, findings):
            print(line, file=out, flush=True)
    print(f"\n{verdict(machine, found)}", file=out, flush=True)
    return 1 if any(finding.level is Level.PROBLEM for finding in found) else 0


def verdict(machine: Machine, found: list[Finding]) -> str:
    """Say in one line what would happen."""
    problems = sum(finding.level is Level.PROBLEM for finding in found)
    warnings = sum(finding.level is Level.WARNING for finding in found)
    if problems:
        told = f"It would not work: {_counted(problems, 'problem')}."
        if any(finding.stops_server for finding in found):
            return f"{told} The server would not start."
        heard = "the standby voice alone" if machine.has_standby else "nothing"
        return f"{told} Home Assistant would hear {heard}."
    told = f"It would work, with {_counted(warnings, 'warning')}: " if warnings else "It would work: "
    if machine.running is not None:
        return f"{told}wyoming-chatterbox runs at {machine.running} already; end it before you start another."
    what = f"Chatterbox {machine.family}" if machine.family else "Chatterbox"
    if machine.precision is not None:
        what += f" in {machine.precision.name} on {machine.device}"
    if machine.to_come:
        what += ", once its files are downloaded"
    return f"{told}Home Assistant would hear {what}."


def _looked(check: Check, machine: Machine) -> list[Finding]:
    bad = problem if check.matters else warning
    try:
        return in_daemon_thread(lambda: check.look(machine), check.subject).result(check.seconds)
    except TimeoutError:
        if check.late is not None:
            return check.late(machine)
        return [bad(f"no answer within {check.seconds:g} s", "Does a disk or a network share hang?")]
    except Exception as err:
        return [bad(f"this can't be checked: {type(err).__name__}: {err}", "Please report this as a fault.")]


def _lines(subject: str, findings: list[Finding]) -> Iterator[str]:
    margin = " " * (_MARK_WIDTH + _SUBJECT_WIDTH + 4)
    for finding in findings:
        yield f"{finding.level.value:{_MARK_WIDTH}}  {subject:{_SUBJECT_WIDTH}}  {finding.words}"
        if finding.advice:
            yield f"{margin}-> {finding.advice}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
