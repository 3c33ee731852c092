"""The errors form the tree that is drawn at the top of their module."""

from __future__ import annotations

import re

from wyoming_chatterbox import errors
from wyoming_chatterbox.problem import Problem


def drawn() -> dict[str, str | None]:
    """Read the drawing: each class, and the class above it."""
    tree: dict[str, str | None] = {}
    path: list[str] = []
    assert errors.__doc__ is not None
    for branch, name in re.findall(r"^    ((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+)", errors.__doc__, re.MULTILINE):
        depth = len(branch) // 4
        path[depth:] = [name]
        tree[name] = path[depth - 1] if depth else None
    return tree


def defined() -> dict[str, str | None]:
    """Each class, and the class of this module that it is made from."""
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    return {kind.__name__: kind.__bases__[0].__name__ if kind.__bases__[0] in classes else None for kind in classes}


def test_the_drawing_shows_every_class_below_its_base_in_the_order_of_the_file() -> None:
    assert list(drawn().items()) == list(defined().items())


def test_running_out_of_memory_is_a_memory_error_too() -> None:
    assert issubclass(errors.OutOfMemoryError, MemoryError)
    assert str(errors.OutOfMemoryError("8 MB are too few")) == "8 MB are too few"


def test_each_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in vars(errors).values() if hasattr(kind, "code")]
    assert len(set(codes)) == len(codes)


def test_a_problem_goes_along_with_the_text_from_error_to_error() -> None:
    silent = Problem("recording-silent", {"seconds": 9})
    reason = errors.VoiceError("it is silent", silent).reason
    assert (reason, reason.problem) == ("it is silent", silent)
    assert errors.VoiceError(reason).problem == silent
    assert errors.VoiceError("it is no file").reason.problem == Problem()
    assert errors.FolderError("no room", Problem("folder-full"), full=True).problem.code == "folder-full"
