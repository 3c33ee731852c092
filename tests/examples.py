"""How many examples Hypothesis tries: few in the default lane, many with `script/test --all`."""

from __future__ import annotations

import hypothesis

DEFAULT = 50
ALL = 400


def examples(share: float) -> hypothesis.settings:
    """Settings with this share of the lane's examples: above 1 for a test whose examples take no time."""
    return hypothesis.settings(max_examples=max(1, round(hypothesis.settings().max_examples * share)))
