"""How much each lane tries: few examples and parameters in the default lane, all of them with `script/test --all`."""

from __future__ import annotations

from collections.abc import Iterable

import hypothesis
import pytest
from _pytest.mark import ParameterSet

DEFAULT = 50
ALL = 400


def examples(share: float) -> hypothesis.settings:
    """Settings with this share of the lane's examples: above 1 for a test whose examples take no time."""
    return hypothesis.settings(max_examples=max(1, round(hypothesis.settings().max_examples * share)))


def parameters(*default: object, full: Iterable[object]) -> list[ParameterSet]:
    """Parameters of a test, tuples where it takes several: those of the default lane, and those of full depth alone."""
    return [_parameter(each) for each in default] + [_parameter(each, pytest.mark.full) for each in full]


def _parameter(value: object, *marks: pytest.MarkDecorator) -> ParameterSet:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=marks)
