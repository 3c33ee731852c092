"""The lanes of the suite, the order of its files, and the checkpoints that its tests share."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck

from tests import unchanged
from tests.examples import ALL, DEFAULT
from tests.page_showing import chromium, show  # noqa: F401

_HOME = TemporaryDirectory(prefix="wyoming-chatterbox-", ignore_cleanup_errors=True)
# Nothing that a test forgets to say a directory for reads or writes a person's own data.
os.environ["XDG_DATA_HOME"] = _HOME.name

SECONDS = {
    "test_checkpoint": 8, "test_decoding": 15, "test_discovery": 10, "test_engine_faults": 11, "test_gpu_path": 12,
    "test_http": 5, "test_http_cases": 6, "test_http_malformed": 5, "test_http_speech": 5, "test_encoding_streams": 7,
    "test_judging": 5, "test_leaving": 7, "test_lockout": 8, "test_loudness": 5, "test_malformed": 5, "test_page": 25,
    "test_page_late": 20, "test_page_presses": 15, "test_page_tuning": 15,
    "test_page_sound": 15, "test_page_voices": 15, "test_places": 5,
    "test_sentences": 5, "test_shaping": 8, "test_sound_stream": 6, "test_sound_tags": 5, "test_spoken": 6,
    "test_t3": 6, "test_tails": 15, "test_tempo": 8, "test_text_forms": 5, "test_vocoder": 5, "test_wyoming": 5,
}  # fmt: skip
"""Seconds that a file's tests take together, those aside that are marked slow; small files aren't listed."""

USUAL_SECONDS = 5
"""Seconds of a test that is marked slow without a number."""

Tiny = Callable[[str], Path]
"""Layout -> the directory of its tiny checkpoint, which every test shares and none may change."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run every test at its full depth, which takes half an hour")


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes depends on who else is busy on this machine.
    timeless: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    # Whoever changes a line should hear of that line: at full depth, every run tries other examples.
    hypothesis.settings.register_profile("default lane", max_examples=DEFAULT, derandomize=True, **timeless)
    hypothesis.settings.register_profile("all", max_examples=ALL, **timeless)
    hypothesis.settings.load_profile("all" if config.getoption("--all") else "default lane")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage meanwhile: all that is imported stays, and going through it takes a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out full depth, unless it is asked for, and packaging that passed before; put the slowest files first.

    Two workers take one file after the other: those that start last should be short, so that both end together.
    """
    if not config.getoption("--all") and "full" not in config.option.markexpr:
        left_out = {item for item in items if item.get_closest_marker("full")}
        left_out.update(unchanged.passed_before(config, items))
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    files = Counter({item.path: SECONDS.get(item.path.stem, 0) for item in items})
    for item in items:
        if slow := item.get_closest_marker("slow"):
            files[item.path] += slow.args[0] if slow.args else USUAL_SECONDS
    items.sort(key=lambda item: -files[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    unchanged.remember(item, report)
    return report


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """Leave modules and all else that stays out of collections: going through torch's objects takes 0.2 s each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Make the tiny checkpoint of a layout when it is first asked for, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def get(layout: str) -> Path:
        # Importing it takes seconds, as it imports the stock model.
        from tests import checkpoints

        directory = base / f"tiny-{layout}"
        if not directory.exists():
            draft = Path(mkdtemp(dir=base))
            checkpoints.make(layout, draft)
            try:
                draft.rename(directory)
            except OSError:
                assert directory.exists()  # Another worker was faster.
        return directory

    return get
