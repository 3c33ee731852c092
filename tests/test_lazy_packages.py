"""A package's modules are imported without its `__init__`, and whoever asks for more gets the whole package."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from wyoming_chatterbox.engine.upstream.lazy_packages import leave_unopened, replacing, standing_in

FILES = {
    "outer/__init__.py": "from .heavy import Heavy\nfrom .inner.leaf import Leaf\n",
    "outer/heavy.py": "class Heavy: pass\n",
    "outer/light.py": "class Light: pass\n",
    "outer/inner/__init__.py": "CONSTANT = 1\nfrom .leaf import Leaf\n",
    "outer/inner/leaf.py": "class Leaf: value = 1\n",
    "outer/inner/light.py": "class Light: pass\n",
    "outer/inner/asking.py": "from . import CONSTANT\n",
    "outer/math/__init__.py": "def used(): return 'real'\ndef unused(): return 'real'\n",
    "outer/broken/__init__.py": "raise ImportError('something is not installed')\n",
    "outer/broken/light.py": "",
    "user.py": "from outer.math import used, unused\n",
}


@pytest.fixture(autouse=True)
def outer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("outer", "user")]:
        del sys.modules[name]


def light() -> tuple[ModuleType, ModuleType]:
    leave_unopened("outer", "outer.inner")
    return importlib.import_module("outer.light"), importlib.import_module("outer.inner.light")


def test_no_init_runs() -> None:
    shallow, deep = light()
    assert shallow.Light is not deep.Light
    assert "outer.heavy" not in sys.modules
    assert "outer.inner.leaf" not in sys.modules


@pytest.mark.parametrize(
    "statements",
    [
        "import outer",
        "from outer import Heavy",
        "import outer.heavy",
        "from outer.inner import CONSTANT",
        "import outer.inner.leaf",
        "from outer.inner.leaf import Leaf",
        "from outer.inner import leaf",
        "import outer.inner.asking",
    ],
)
def test_the_whole_package_is_there_for_whoever_asks(statements: str) -> None:
    shallow, deep = light()
    exec(statements)
    import outer  # type: ignore[import-not-found]

    assert outer.Heavy is outer.heavy.Heavy
    assert outer.Leaf.value == outer.inner.CONSTANT == 1
    assert outer.light is shallow
    assert outer.inner.light is deep
    assert type(outer) is ModuleType
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = outer.nothing


def test_a_package_that_is_imported_already_stays_as_it_is() -> None:
    import outer

    heavy = outer.Heavy
    shallow, _ = light()
    assert outer.light is shallow
    assert outer.Heavy is heavy
    assert sys.modules["outer"] is outer


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"outer\.nothing"):
        leave_unopened("outer", "outer.nothing")
    import outer

    assert outer.Heavy


def test_an_init_that_fails_fails_for_whoever_asks_each_time() -> None:
    leave_unopened("outer", "outer.broken")
    importlib.import_module("outer.broken.light")
    for _ in range(2):
        with pytest.raises(ImportError, match="not installed"):
            exec("from outer.broken import something")


def test_two_threads_that_ask_at_once_both_get_it() -> None:
    light()
    import outer

    found: list[object] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        found.append(outer.Leaf)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [outer.Leaf] * 4


def test_modules_imported_meanwhile_alone_get_the_replacement() -> None:
    with replacing(outer={"math": {"used": lambda: "ours", "unused": None}}):
        user = importlib.import_module("user")
        assert user.used() == "ours"
    assert user.used() == "ours"
    assert {"outer", "outer.math"}.isdisjoint(sys.modules)
    import outer.math  # type: ignore[import-not-found]

    assert outer.math.used() == "real"


def test_who_had_the_package_before_still_has_it() -> None:
    import outer.math

    with replacing(outer={"math": {"used": lambda: "ours", "unused": None}}):
        user = importlib.import_module("user")
    assert user.used() == "ours"
    assert sys.modules["outer.math"] is outer.math
    assert outer.math.used() == "real"


def test_a_package_that_is_not_installed_can_be_replaced() -> None:
    with pytest.raises(ZeroDivisionError), replacing(nowhere={"name": 1, "inner": {"name": 2}}):
        import nowhere  # type: ignore[import-not-found]
        from nowhere.inner import name  # type: ignore[import-not-found]

        assert (nowhere.name, nowhere.inner.name, name) == (1, 2, 2)
        raise ZeroDivisionError
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        importlib.import_module("nowhere")


def test_who_only_asks_whether_a_package_is_there_is_answered_meanwhile() -> None:
    with replacing(nowhere={"inner": {}}):
        assert importlib.util.find_spec("nowhere") is not None
        assert importlib.util.find_spec("nowhere.inner") is not None
    assert importlib.util.find_spec("nowhere") is None


def test_modules_imported_while_nothing_stood_in_are_imported_again() -> None:
    with standing_in("outer"), standing_in("outer.inner"):
        first = importlib.import_module("outer.inner.light")
    assert "outer.inner.light" not in sys.modules
    import outer
    import outer.inner.light  # type: ignore[import-not-found]

    assert outer.Leaf.value == 1
    assert outer.inner.light is not first
