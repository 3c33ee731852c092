"""Garbage goes, in a process of its own: here, beside torch and all tests, a single collection takes a second."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.checkout import ROOT


@pytest.mark.slow(4)
def test_what_is_alive_while_chatterbox_loads_can_be_collected_later() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/garbage_cases.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
