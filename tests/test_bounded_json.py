"""The size that JSON would have in memory is known before it is parsed."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wyoming_chatterbox.server import bounded_json
from wyoming_chatterbox.server.bounded_json import MAX_DEPTH, MAX_VALUES, Size

NASTY = st.text(st.sampled_from('"\\/[]{},:\n\t\x00é😀\ud800 ab'), max_size=12) | st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NASTY,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(NASTY, inner, max_size=6),
    max_leaves=40,
)
STYLES = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2])})


def encoded(value: Any, **style: Any) -> bytes:
    return json.dumps(value, **style).encode("utf-8", "surrogatepass")


def size_of(value: Any) -> Size:
    """The size by walking over what was parsed."""
    if not isinstance(value, dict | list):
        return Size(0, 0)
    inner = [size_of(child) for child in (value.values() if isinstance(value, dict) else value)]
    return Size(
        1 + max((size.depth for size in inner), default=0),
        max(len(inner), 1) + sum(size.values for size in inner),
    )


@given(value=VALUES, style=STYLES)
def test_the_size_is_that_of_what_is_parsed(value: Any, style: dict[str, Any]) -> None:
    assert bounded_json.measure(encoded(value, **style)) == size_of(value)


@given(
    text=NASTY,
    repeats=st.integers(1, 3000),
    voice=st.none() | st.fixed_dictionaries({}, optional={"name": NASTY, "language": NASTY, "speaker": NASTY}),
    context=VALUES,
    style=STYLES,
)
def test_no_event_of_a_wyoming_client_is_refused(
    text: str, repeats: int, voice: Any, context: Any, style: dict[str, Any]
) -> None:
    data = {"text": text * repeats, "voice": voice, "context": {"of": [context]}}
    event = encoded({"type": "synthesize", "data": data}, **style)
    assume(size_of(context).depth < MAX_DEPTH - 4)
    assert json.dumps(bounded_json.loads(event)) == json.dumps(json.loads(event))


@given(st.text(st.sampled_from('"\\[]{},:1 a'), max_size=40) | st.text(st.sampled_from(string.printable), max_size=40))
def test_it_takes_what_json_takes_and_nothing_else(text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match="is not JSON"):
            bounded_json.loads(text.encode())
    else:
        assert json.dumps(bounded_json.loads(text.encode())) == json.dumps(value)


def test_as_many_values_and_as_deep_as_is_allowed() -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    wide = encoded([{}] * (MAX_VALUES // 2))
    assert json.loads(deep) == bounded_json.loads(deep)
    assert json.loads(wide) == bounded_json.loads(wide)
    with pytest.raises(ValueError, match="16 deep"):
        bounded_json.loads(b"[" + deep + b"]")
    with pytest.raises(ValueError, match="1000 values"):
        bounded_json.loads(encoded([{}] * (MAX_VALUES // 2 + 1)))


@pytest.mark.parametrize(
    "bomb",
    [
        b'{"x":[' + b'{"a":1},' * 500_000,
        b"[" * 4_000_000,
        b'["' + b'","' * 1_000_000 + b'"]',
        b'{"' + b'":"","' * 700_000 + b'":""}',
        b'["\\\\",' + b"{}," * 1_000_000 + b"{}]",
        b'["\\\\\\"",' + b"[]," * 1_000_000 + b"[]]",
        encoded([{}] * 500_000).decode().encode("utf-16"),
    ],
    ids=["objects", "depth", "strings", "keys", "after a backslash", "after a quote", "another encoding"],
)
def test_a_bomb_is_refused_unparsed(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", lambda *_: pytest.fail("parsed"))
    with pytest.raises(ValueError, match=r"values|deep|not JSON"):
        bounded_json.loads(bomb)
