"""Written text, made fit to be spoken."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cleaning import clean


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Bold** and *italic*, __bold__ and _italic_, ~~gone~~.", "Bold and italic, bold and italic, gone."),
        ("***Both*** at **_once_**.", "Both at once."),
        ("**Note:** mind the `x`. **Done.** Good", "Note: mind the x. Done. Good"),
        ("これは**重要**です。", "これは重要です。"),
        ("un**believ**able", "unbelievable"),
        ("# Title\n\nText", "Title. Text"),
        ("###### Small\nText", "Small. Text"),
        ("> Quoted\n> > twice.\nnot", "Quoted twice. not"),
        ("A\n\n---\n\n***\n___\n* * *\nB", "A. B"),
        ("Title\n=====\nText", "Title. Text"),
        ("Run `ls_all *` now", "Run ls_all * now"),
        ("Run ``a`b`` now", "Run ab now"),
        ("```python\nprint(2 * 3)\n```\nDone", "Done"),
        ("~~~\nx = a*b*c\n~~~\nAll *done*", "All done"),
        ("Inline ```code``` too", "Inline code too"),
        ("[label](https://example.com/a_(b)?c=d) follows", "label follows"),
        ('[**bold** label](/path "a title") follows', "bold label follows"),
        ("![alternative](picture.png) follows", "alternative follows"),
        ("[![build](https://x.org/b.svg)](https://x.org) passes", "build passes"),
        ("Write to [us](mailto:us@example.com)!", "Write to us!"),
        ("\\*not emphasised\\* and 1\\. too", "*not emphasised* and 1. too"),
        ("H<sub>2</sub>O is <b>wet</b><br>Is it?", "H2O is wet. Is it?"),
        ("<p>One</p><p class='x'>Two</p>", "One. Two."),
        ("Seen<!-- not this --> here", "Seen here"),
        ("Done :) Sorry :-( Hm ;-) Ha :D =) and :'( too :)).", "Done Sorry Hm Ha and too."),
        ("AT&amp;T, 5&nbsp;&lt; 6", "AT&T, 5 < 6"),
    ],
)
def test_markup_is_not_read_aloud(written: str, spoken: str) -> None:
    assert clean(written) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "snake_case and LONG_NAME_2",
        "2 * 3 is 6, 2*3*4 is 24, 2**3 is 8",
        "5 > 3 and x < y, a<b and c>d",
        "C# and F# are #1 and #hashtags",
        "I ~ 5, ~5 and a ~ b",
        "it's John's, isn't it? 'Quoted' and so on.",
        "foo() and f(x) and bar[0] and [sic] (aside)",
        "a 5* hotel",
        "It is -5 degrees, 20 °C, 50 % and 3.50 €.",
        "a | b and AT&T & co",
        "Really?! Yes!",
        "List<String> and std::vector<int>",
        "The file C:\\temp\\new and a/b",
        "[an aside](that is no link)",
        "x =(5), Note :(see below), a :Data and b := 3, (at 5:)",
        "version v1.2.3 of file.txt at 10.0.0.1 on example.com",
    ],
)
def test_what_only_looks_like_markup_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("- Milk\n- Eggs\n- Bread!\n", "Milk. Eggs. Bread!"),
        ("* Milk\n+ Eggs\n• Bread\n– Tea\n", "Milk. Eggs. Bread. Tea."),
        ("- [ ] Wash\n- [x] Dry\n", "Wash. Dry."),
        ("Term\n: What it means\n", "Term. What it means."),
        ("→ Milk\n→ Eggs → two\n", "Milk. Eggs → two."),
        ("> [!NOTE]\n> It is on.\n", "It is on."),
        ("Left ██░░ 80 %\n━━━━\nOn\n", "Left 80 %. On."),
        ("· Milk\n· Eggs\n", "Milk. Eggs."),
        ("- One\n  - Nested\n    - Deeper\n", "One. Nested. Deeper."),
        ("1. **First**: here\n2. Second\n", "1. First: here. 2. Second."),
        ("You need:\n\n- Milk\n", "You need: Milk."),
        ("* *Slanted* one\n* **Bold** one\n", "Slanted one. Bold one."),
        ("> - Quoted item\n", "Quoted item."),
        ("買い物\n- 牛乳\n", "買い物。牛乳。"),
        ("सूची\nदूध\n", "सूची। दूध।"),
        ("| Name | Age |\n|:-----|----:|\n| Bob | 42 |\n\nEnd", "Name, Age. Bob, 42. End"),
        ("| **a** | | c (d) |\n", "a, c (d)."),
        ("One\r\nTwo\rThree\u2028Four", "One. Two. Three. Four"),
    ],
)
def test_lines_and_list_items_and_rows_end_a_sentence_of_their_own(written: str, spoken: str) -> None:
    assert clean(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello 😀!", "Hello!"),
        ("😀 Hello 👋 there", "Hello there"),
        ("Done✅and dusted", "Done and dusted"),
        ("Family 👩‍👩‍👧‍👦, flag 🇩🇪, thumb 👍🏽, heart ❤️, rainbow 🏳️‍🌈.", "Family, flag, thumb, heart, rainbow."),
        ("England 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f wins", "England wins"),
        ("1️⃣ First\n2⃣ Second\n#️⃣ Third *️⃣", "1 First. 2 Second. Third"),
        ("Good (😀) and [👍] bad", "Good and bad"),
        ('"Hi 😀" is 1 greeting', "Hi is 1 greeting"),
        ("☀️ 25 °C ⭐⭐⭐", "25 °C"),
    ],
)  # fmt: skip
def test_emoji_are_not_read_aloud(written: str, spoken: str) -> None:
    assert clean(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("See https://example.com/a?b=c#d for more.", "See for more."),
        ("See www.example.com. Then go.", "See. Then go."),
        ("It is here (https://example.com/x_(y)), I think.", "It is here, I think."),
        ("Look: <https://example.com> or <me@example.com>!", "Look: or!"),
        ("**https://example.com** is bold", "is bold"),
        ("Here. https://example.com. There.", "Here. There."),
        ("詳細はhttps://example.com/を見て。", "詳細は を見て。"),
        ("Write mailto:me@example.com or ftp://example.com/x now", "Write or now"),
        ("Go to homeassistant://navigate/x now", "Go to now"),
        ("[https://example.com](https://example.com) it is", "it is"),
        ("The http protocol, www and http:// are old", "The http protocol, www and http:// are old"),
        ("x" * 50 + " https://" + "y" * 5000 + " z", "x" * 50 + " z"),
    ],
)  # fmt: skip
def test_urls_are_not_read_aloud(written: str, spoken: str) -> None:
    assert clean(written) == spoken


@pytest.mark.parametrize(
    "written",
    [
        "",
        " \n\t",
        "😀",
        "👍🏽 🎉\n❤️",
        "!!!",
        "... — …",
        "**",
        "---",
        "https://example.com.",
        "```\n```",
        "<br>",
        "|--|",
    ],
)
def test_nothing_to_say_is_nothing(written: str) -> None:
    assert clean(written) == ""


def test_white_space_collapses_and_invisible_characters_go() -> None:
    assert clean("  a \t b\u00a0\u3000c\u200bd\ufeff\x00\x1b\u00ad\u202e e\ud800 ") == "a b cd e"


@pytest.mark.slow(1)
@given(st.text())
@example("[" * 3000)
@example("[![" * 3000)
@example("\ud83d\ude00")
def test_any_text_can_be_cleaned(text: str) -> None:
    spoken = clean(text)
    assert spoken == spoken.strip()
    assert "  " not in spoken
    assert "\n" not in spoken


@given(st.lists(st.from_regex(r"[A-Za-zäöüéñ]{1,8}", fullmatch=True), min_size=1))
def test_plain_words_are_left_as_they_are(words: list[str]) -> None:
    assert clean(" ".join(words)) == " ".join(words)
