"""Reasons why something can't be done, as a code and values: the page has the words, in its languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Problem:
    """One problem."""

    code: str = "unknown"
    """Why Chatterbox can't speak: dns, refused, timeout, tls, proxy, not-found, forbidden, disk-full, no-space,
    checksum, files-missing, files-broken, out-of-memory, no-device, not-numbers, hung, offline or unknown. What is
    wrong with a request or a recording has codes of its own; docs/HTTP.md lists them."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values that the words need: host, file, place, bytes_needed, device, ..."""


UNKNOWN = Problem()


class Reason(str):
    """A sentence in English about "it", and the problem that it tells of."""

    problem: Problem

    def __new__(cls, text: str, problem: Problem = UNKNOWN) -> Self:
        reason = super().__new__(cls, text)
        reason.problem = problem
        return reason
