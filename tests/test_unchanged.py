"""A test whose inputs are unchanged runs again only when it is told to, and one that failed runs always."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import unchanged

pytest_plugins = ["pytester"]

PLUGIN = """
import pytest
from tests import unchanged

def pytest_configure(config):
    config.addinivalue_line("markers", "inputs(patterns): ...")

def pytest_collection_modifyitems(config, items):
    gone = unchanged.passed_before(config, items)
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if item not in gone]

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    unchanged.remember(item, report)
    return report
"""
TESTS = """
import pathlib, pytest

@pytest.mark.inputs("docker/*")
def test_that_reads():
    assert pathlib.Path("docker/Dockerfile").read_text() != "wrong"

def test_that_reads_nothing():
    pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(unchanged, "ROOT", pytester.path)
    pytester.makeconftest(PLUGIN)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(test_packaging=TESTS)
    (pytester.path / "docker").mkdir()
    (pytester.path / "docker" / "Dockerfile").write_text("one")
    return pytester.path


def outcomes(pytester: pytest.Pytester, *arguments: str) -> dict[str, int]:
    unchanged.digest.cache_clear()
    result = pytester.inline_run(*arguments)
    passed, _, failed = result.listoutcomes()
    return {"passed": len(passed), "failed": len(failed)}


def test_it_runs_again_once_its_inputs_have_changed(pytester: pytest.Pytester, project: Path) -> None:
    assert outcomes(pytester) == {"passed": 2, "failed": 0}
    assert outcomes(pytester) == {"passed": 1, "failed": 0}
    (project / "docker" / "Dockerfile").write_text("two")
    assert outcomes(pytester) == {"passed": 2, "failed": 0}
    (project / "docker" / "more").touch()
    assert outcomes(pytester) == {"passed": 2, "failed": 0}


def test_a_failure_is_not_remembered(pytester: pytest.Pytester, project: Path) -> None:
    (project / "docker" / "Dockerfile").write_text("wrong")
    assert outcomes(pytester) == {"passed": 1, "failed": 1}
    assert outcomes(pytester) == {"passed": 1, "failed": 1}


def test_without_a_cache_everything_runs(pytester: pytest.Pytester, project: Path) -> None:
    assert outcomes(pytester, "-p", "no:cacheprovider") == {"passed": 2, "failed": 0}
    assert outcomes(pytester, "-p", "no:cacheprovider") == {"passed": 2, "failed": 0}


def test_a_pattern_without_files_is_a_mistake(project: Path) -> None:
    unchanged.digest.cache_clear()
    with pytest.raises(ValueError, match="dockerr"):
        unchanged.digest(("dockerr/*",))
