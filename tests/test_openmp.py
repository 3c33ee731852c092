"""PyTorch's threads don't keep busy what other programs, or one another, need."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow(6), pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP comes with Linux")]

CODE = """
from wyoming_chatterbox.engine.openmp import wait_briefly
wait_briefly()
import torch
"""


@pytest.mark.parametrize(
    ("said", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")]
)
def test_they_turn_for_a_moment_unless_the_environment_says_otherwise(said: dict[str, str], expected: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    environment |= said | {"OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment, check=True)
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr) == [expected]
