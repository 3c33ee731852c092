"""Formulas of language models, in LaTeX, are said; dollars are money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import Texts, in_pieces, shown, split
from wyoming_chatterbox.text.pipeline import items_of

FORMULAS = [
    ("The area is $A = \\pi r^2$ with $r = 3$.", "The area is A equals pi r squared with r equals three."),
    ("It is about $28.27$, and $c$ is a side.", "It is about twenty eight point two seven, and c is a side."),
    ("$$E = mc^2$$", "E equals mc squared"),
    ("$$\n\\text{Area} = 3 \\times 4 \\approx 12\n$$", "Area equals three times four about twelve"),
    ("So \\[ \\frac{1}{2} \\times 3 = 1.5 \\] holds.", "So one half times three equals one point five holds."),
    (
        "\\( x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a} \\)",
        "x equals (minus b plus or minus the square root of (b squared minus four ac)) divided by two a",
    ),
    ("\\(v = \\frac{100 \\text{ km}}{2 \\text{ h}}\\)", "v equals (one hundred kilometers) divided by (two hours)"),
    (
        "It is $25^\\circ\\text{C}$ or $77\\,^{\\circ}F$.",
        "It is twenty five degrees Celsius or seventy seven degrees Fahrenheit.",
    ),
    ("$50\\%$ of $\\boxed{42}$", "Fifty percent of forty two"),
    ("$2x + 1$, $a \\leq b$, $x \\to \\infty$", "Two x plus one, a at most b, x to infinity"),
    ("$3 \\cdot 10^8\\ \\text{m/s}$", "Three times ten to the power of eight meters per second"),
    ("$y = 5 - 3$, $-5$, $-b$, $\\sin(\\theta)$", "y equals five minus three, minus five, minus b, sin ( theta )"),
    ("$\\left(\\frac{a}{b}\\right)^2$", "( a divided by b ) squared"),
]
MONEY = [
    ("It costs $5 and $10, $5-$10 or $5–10.", "It costs $5 and $10, $5-$10 or $5–10."),
    ("About \\$7, US$5, 5$ and 6$.", "About $7, US$5, 5$ and 6$."),
    ("$3 x $4, $5 + tax is $6.", "$3 x $4, $5 + tax is $6."),
    ("$HOME and $PATH", "$HOME and $PATH"),
    ("The cheap $$ place", "The cheap place"),
    ("C:\\Users\\me and \\n", "C:\\Users\\me and \\n"),
]


@pytest.mark.parametrize(("written", "said"), FORMULAS)
def test_a_formula_is_said(written: str, said: str) -> None:
    assert shown(items_of(written, "en")) == [said]


@pytest.mark.parametrize(("written", "said"), MONEY)
def test_what_is_no_formula_stays(written: str, said: str) -> None:
    assert split(written) == [said]


def test_each_of_them_is_the_same_cut_anywhere() -> None:
    for written, _ in FORMULAS + MONEY:
        for at in range(1, len(written)):
            assert in_pieces([written[:at], written[at:]]) == split(written), (written[:at], written[at:])
        assert in_pieces(written) == split(written)


SCRAPS = st.sampled_from([
    *"$\\{}()[]^_=+-.,! \n5xb", "\\(", "\\)", "\\[", "\\]", "$$", "\\frac{1}{2}", "\\text{a b}", "\\sqrt{",
    "word ", "3.5", "US",
])  # fmt: skip


@given(st.lists(SCRAPS, max_size=30))
def test_scraps_of_formulas_are_the_same_letter_by_letter(scraps: list[str]) -> None:
    text = "".join(scraps)
    assert in_pieces(scraps) == in_pieces(text) == split(text)


def test_an_amount_of_money_keeps_nobody_waiting() -> None:
    texts = Texts()
    assert texts.add("It costs $5. That is") == ["It costs $5."]
    assert texts.add(" $6 less. Or") == ["That is $6 less."]


def test_a_hundred_kilobytes_of_formulas_are_no_trouble() -> None:
    for unit in ("$", "\\(", "$(", "$a", "\\[x", "$\\frac{", "$ $x ", "$5,"):
        assert isinstance(split((unit * 100_000)[:100_000]), list)
