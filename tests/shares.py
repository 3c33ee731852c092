"""Stand-ins for what lies on a network share that can hang."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class _OnAShare(type(Path())):  # type: ignore[misc]
    """A path on a share, which hangs while `answers` is not set; a path that is made of it is none."""

    answers: threading.Event

    def __new__(cls, *parts: object) -> Self:
        # Some versions of Python make a path in `__new__`, and others in `__init__`.
        self: Self = super().__new__(cls, *parts)
        self.answers = threading.Event()
        self.answers.set()
        return self


class SharedFile(_OnAShare):
    """A file on a share."""

    def stat(self, **options: bool) -> os.stat_result:
        self.answers.wait()
        return super().stat(**options)  # type: ignore[no-any-return]


class SharedFolder(_OnAShare):
    """A folder on a share; it counts the looks at it."""

    looks = 0
    at_once = 0
    most_at_once = 0

    def iterdir(self) -> Iterator[Path]:
        self.looks += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.answers.wait()
        self.at_once -= 1
        return iter(list(Path(self).iterdir()))
