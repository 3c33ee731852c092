"""Where sentences end, and when they come out of text that arrives in pieces."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cleaning import clean
from tests.reading import Texts, split


def spoken(pieces: Iterable[str], max_length: int = 280) -> list[str]:
    stream = Texts(max_length)
    sentences = [sentence for piece in pieces for sentence in stream.add(piece)]
    return sentences + stream.finish()


def in_words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+", text)


def in_pieces(text: str, length: int = 3) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


# A bar stands where a sentence ends.
@pytest.mark.parametrize(
    "marked",
    [
        "Hello there.| How are you?| Fine! Good…| Really?! Hi. OK. Bye",
        'He said "No."| She left (at last!)| Then "What?"| “Quoted.” End.',
        "Dr. Smith, Mr. and Mrs. Jones and Prof. Lee live in St. Ives.| They do.",
        "Use fruit, e.g. Apples, i.e. Pomes, vs. Nuts.| It is approx. Ten.",
        "Apples, pears, etc. are fruit.| Bring pears, etc.| Then go.",
        "See No. 5 and Fig. 3.| No. Never.",
        "We met at 5 p.m. on Monday, not at 6 a.m.| Then we left.",
        "We meet at 5 p.m. Monday or at 6 p.m. ET.| It's 5 p.m.| The door is open.| At 9 a.m. Sunday it is quiet.",
        "See Ep. 5, para. 2 of Op. 3, Pt. 1, and pay Rs. 500.| It took 1 hr. 20 min. or so.| One para.| Then two.",
        "It's set to 21 C.| The fan is off.| Use 12 V. or 5 V, incl. Dr. Lee's.| Go to 12 E. 5th St. or 16 W. Main St.",
        "The U.S. Army and J. K. Rowling met George W. Bush.| Yes.",
        "It costs 3.50 or 10.30 for v1.2.3 at 192.168.1.1 on example.com in file.txt.| Right.",
        "It was 2024.| Then came 2025.| The end",
        "It stopped. but went on.| Well...| maybe. Well...| Maybe…| not.",
        "Read on.The space is missing",
        "Yahoo! Is it (what?) good?| I think 'so.'| Yes",
        "Acme Inc. is old.| So is Acme Inc.| They know.",
        "1. One item.| 2. Two items.",
    ],
)
def test_english_sentences(marked: str) -> None:
    check_marked(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "Am 3. Mai kommt Dr. Müller.| Am 12. Dezember geht er.| Gut.",
        "Das ist z.B. Obst, d.h. Äpfel, u.a. Birnen, bzw. Nüsse, ca. Zehn.| Ja.",
        "Das ist z. B. Obst, d. h. Äpfel.| Ja.",
        "Äpfel, Birnen usw. sind Obst.| Er mag Äpfel usw.| Dann ging er.",
        "Der 1. Platz im 19. Jahrhundert.| Das macht 3.| Danach ist Schluss.",
        "Nr. 5 lebt.| Der 2. war gut.| Es ist 10.30 Uhr.| Ende.",
        "Er rief: »Halt!«| »Warum?« fragte sie.| „Darum.“ Gut.",
        "Der Dipl.-Ing. Weber wohnt in der Gustav-Str. neben Nr. 7.| Ja.",
    ],
)
def test_german_sentences(marked: str) -> None:
    check_marked(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "He lives on 5th St.| The house is on Main St.| It is old.| On 5th St.| Turn left.",
        "I saw the Rep.| He left.| DR. SMITH knows St. Louis, Batman vs. The Joker.| Yes.",
        "Paid in CAD.| Now charge 5000 mAh.| Done.",
    ],
)
def test_abbreviations_that_end_a_sentence(marked: str) -> None:
    check_marked(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "M. Dupont et Mme. Durand sont là.| Bonjour ! Ça va ?| Oui.",
        "« Ça va ? » dit-il.| « Oui. Très bien ! »| Bon.",
        "« Ça va\u00a0? »| Il est parti.",
        "C’est p. ex. Paris, cf. Lyon.| L’an 50 av. J.-C. est loin.",
        "¿Qué tal, Sr. García?| ¡Muy bien, Dra. López!| ¿Y Ud. Cómo está?",
        "EE.UU. Es grande, p. ej. Texas.| Sí.",
    ],
)
def test_french_and_spanish_sentences(marked: str) -> None:
    check_marked(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "Det koster kr. 500.| Det er 5 kr.| Mødet er kl. 14.05.| Husk tlf. 12345678.| Godt.",
        "Mötet är tors. 26 november kl. 8.| Bra, dvs. 5 personer.",
        "Il sig. Rossi e il dott. Verdi arrivano gio. 26 novembre.| Bene.",
        "Rendez-vous jeu. 26 nov. à 8 heures.| Cita jue. 26 de noviembre.| Sí.",
        "W czw. 26 listopada, np. Anna.| Dobrze.",
        "Она живёт на ул. Ленина, д. 5, кв. 12.| Это стоит 1 руб. 50 копеек.| Да.",
        "Γεια σας κ. Παπαδόπουλε.| Τι ώρα είναι;| Είναι πέντε.",
        "Всё началось в 2026 г.| Она живёт в г. Москва.",
        "Vom 24.–26. Dezember ist frei.| Gut.",
        "Chiedi all'avv. Bianchi, es. 5 lampade.| I think they've.| Er wohnt in der Hauptstr. 12 bei hr. Jensen.| Ja.",
        "Offen Mo.-Fr. 8-18 Uhr, Tel.: 030 1234567.| Heute max. -3 Grad.| Das war alles.",
        "It is ok.| They know.| Um 5 Uhr, z. B. Dienstag.",
        "Ad es. Roma è bella.| См. Раздел 5.| Да.",
    ],
)
def test_sentences_with_abbreviations_of_other_languages(marked: str) -> None:
    check_marked(marked)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("こんにちは。元気ですか？「はい！」と言った。", ["こんにちは。", "元気ですか？", "「はい！」と言った。"]),
        ("本当！？すごい。。。３．５です", ["本当！？すごい。。。", "3.5です"]),
        ("你好。今天天气很好！是吗？（是。）好", ["你好。今天天气很好！", "是吗？（是。）好"]),
        ("مرحبا. كيف حالك؟ أنا بخير!", ["مرحبا. كيف حالك؟", "أنا بخير!"]),
        ("नमस्ते। आप कैसे हैं? मैं ठीक हूँ।", ["नमस्ते।", "आप कैसे हैं?", "मैं ठीक हूँ।"]),
    ],
)
def test_other_scripts(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences
    assert spoken(text) == sentences


def check_marked(marked: str) -> None:
    sentences = [" ".join(re.sub('["“”„«»]', "", sentence).split()) for sentence in marked.split("|")]
    text = marked.replace("|", "")
    assert split(text) == sentences
    assert spoken(in_words(text)) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "Hello there! ",
        "Hello there?\n",
        "Hello there.\n",
        "Hello there. S",
        'He said "Hi." S',
        "सादा दूध। ",
        "No, sir.\tS",
    ],
)
def test_a_sentence_comes_out_without_waiting_for_the_next(text: str) -> None:
    stream = Texts()
    before = [sentence for char in text[:-1] for sentence in stream.add(char)]
    assert before == []
    assert len(stream.add(text[-1])) == 1
    assert stream.pending == text.endswith("S")


def test_a_sentence_of_a_script_without_spaces_comes_out_with_the_first_character_of_the_next() -> None:
    stream = Texts()
    assert stream.add("「そうです。") == []
    assert stream.add("」") == []
    assert stream.add("次") == ["「そうです。」"]


@pytest.mark.parametrize(
    ("ambiguous", "then", "sentences"),
    [
        ("Am 3. ", "Mai geht es", []),
        ("Am 3. M", "ai geht es", []),
        ("Es sind 3. ", "Danach", ["Es sind 3."]),
        ("Es sind 3. ", "und mehr", []),
        ("It is on. ", "then", []),
        ("It is on. ", "Then", ["It is on."]),
        ("I say no. ", "Never", ["I say no."]),
        ("I say no. ", "5", []),
        ("At 5 p.m. ", "Then", ["At 5 p.m."]),
        ("« Oui ! ", "»", []),
    ],
)
def test_what_is_ambiguous_waits_for_what_follows(ambiguous: str, then: str, sentences: list[str]) -> None:
    stream = Texts()
    assert stream.add(ambiguous) == []
    assert stream.add(then) == sentences
    assert stream.pending


@pytest.mark.parametrize(
    "text",
    [
        "Hello there!",
        "**Hello there.**",
        'He said "Hello."',
        "(Hello.)",
        "Let me think…",
        "こんにちは。",
        "« Ça va ? »",
        "No. ",
        "OK. Done! ",
    ],
)
def test_a_stall_gives_out_what_looks_complete(text: str) -> None:
    stream = Texts()
    assert stream.add(text) == []
    assert stream.settle() == [clean(text)]
    assert not stream.pending
    assert stream.settle() == []


@pytest.mark.parametrize(
    "text",
    [
        "Hello there",
        "Hello there,",
        "I met Dr.",
        "I like fruit, e.g. ",
        "It is J.",
        "It costs 3.",
        "Am 3.",
        "1.",
        "The door",
        "The door\n",
        "Look at [this.",
        "See https://example.com/a.",
        "Hello *",
        "Wait. <b",
        "Apples etc.",
    ],
)
def test_a_stall_keeps_what_is_unfinished(text: str) -> None:
    stream = Texts()
    stream.add(text)
    assert stream.settle() == []
    assert stream.pending
    assert [*stream.finish()][-1:] == [split(text)[-1]]


def test_what_follows_a_stall_is_a_sentence_of_its_own() -> None:
    stream = Texts()
    assert stream.add("**It costs 3.") == []
    assert stream.settle() == []
    assert stream.settle(patient=True) == ["It costs 3."]
    assert stream.add("** Or more. And") == ["Or more."]
    assert stream.finish() == ["And"]


@pytest.mark.parametrize("pieces", [in_pieces, in_words, list])
def test_markup_split_across_pieces_never_comes_out_in_part(pieces: type[list[str]]) -> None:
    text = "See [the docs. Please](https://x.org/a.b) now. Or https://x.org/a.html. And <b class='x. y'>this</b>. End"
    assert spoken(pieces(text)) == ["See the docs.", "Please now.", "Or. And this.", "End"]


def test_an_unclosed_link_or_tag_is_not_waited_for_for_ever() -> None:
    for opening in ("[", "[label](http://", "<b ", "<!-- ", "https://"):
        stream = Texts()
        words = "word" * 600 if "/" in opening else "word. " * 400
        given = stream.add(opening + words) + stream.add(" More words. And")
        assert given[-1].endswith("More words.")


MARKDOWN_REPLY = """\
## Today's weather 🌤️

Here's the **forecast** for *today*:

- **Morning:** 12.5 °C, cloudy
- **Afternoon:** 20 °C ☀️ (see [details](https://example.com/w?a=1))
1. Take a `jacket`.
2. Don't forget e.g. Sunscreen!

| Hour | Rain |
|------|-----:|
| 10 | 0.5 mm |

```yaml
light: "on"
```

Is there anything else? I can help, Dr. Jones. 😊
"""
MARKDOWN_SENTENCES = [
    "Today's weather.",
    "Here's the forecast for today:",
    "Morning: 12.5 °C, cloudy.",
    "Afternoon: 20 °C (see details).",
    "1. Take a jacket.",
    "2. Don't forget e.g. Sunscreen!",
    "Hour, Rain.",
    "10, 0.5 mm.",
    "Is there anything else?",
    "I can help, Dr. Jones.",
]
GERMAN_REPLY = "**Klar!** Am 3. Mai um 10.30 Uhr gibt's z. B. *Kuchen* 🎂. Mehr unter www.example.de/a. Noch etwas?"
GERMAN_SENTENCES = ["Klar! Am 3. Mai um 10.30 Uhr gibt's z. B. Kuchen.", "Mehr unter.", "Noch etwas?"]


@pytest.mark.parametrize("pieces", [in_pieces, in_words, list, lambda text: [text]])
@pytest.mark.parametrize(
    ("reply", "sentences"), [(MARKDOWN_REPLY, MARKDOWN_SENTENCES), (GERMAN_REPLY, GERMAN_SENTENCES)]
)
def test_a_reply_of_a_language_model_is_spoken_the_same_however_it_streams(
    pieces: type[list[str]], reply: str, sentences: list[str]
) -> None:
    assert spoken(pieces(reply)) == sentences


def test_long_sentences_are_cut_at_clauses_into_even_parts() -> None:
    text = "When the sun is out and the sky is blue, we walk along; when it rains, we stay at home and read."
    assert split(text, 60) == [
        "When the sun is out and the sky is blue, we walk along;",
        "when it rains, we stay at home and read.",
    ]
    assert split("one two three four five six", 15) == ["one two three", "four five six"]
    assert split("一二三四五、六七八九十", 8) == ["一二三四五、", "六七八九十"]
    assert split("It is 1,000,000 or 2,000,000", 20) == ["It is 1,000,000", "or 2,000,000"]
    assert [len(part) for part in split("x" * 700, 280)] == [280, 210, 210]


def test_a_character_is_not_cut_from_its_marks() -> None:
    assert all(not part.startswith("\u0301") for part in split("e\u0301" * 100, 7))
    assert split("e" + "\u0301" * 500, 50)[0] == "e" + "\u0301" * 49


def test_a_text_without_end_comes_out_before_it_ends() -> None:
    stream = Texts(50)
    given = [part for _ in range(100) for part in stream.add("word ")]
    assert len(given) > 5
    assert " ".join(given + stream.finish()) == " ".join(["word"] * 100)


def test_a_stream_can_be_used_again() -> None:
    stream = Texts()
    stream.add("```yaml\n**One [two")
    assert stream.finish() == []
    assert not stream.pending
    assert stream.add("# **The new.** And ") == ["The new."]
    assert stream.finish() == ["And"]
    assert stream.finish() == []


def test_a_length_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_length is 0"):
        Texts(0)


# Text in which much is markup, and whatever else unicode has.
MARKUP = st.sampled_from([
    *"*_~`[]()<>#|\\-+!?.…。」«»\"',:;&/ \n\r\t", "word ", "Word", "a", "5", "日本", "é", "e\u0301", "😀", "❤️", "🇩🇪",
    "1️⃣", "\u200d", "](", "![", "[a](b)", "<b>", "<br>", "<!--", "-->", "```", "~~~\n", "1. ", "- ", "> ", "# ", "**",
    "&amp;", "https://x.y", "www.x", "Dr. ", "Am 3. Mai ", "etc. ", "p.m. ", "No. ", "Hello. ", "... ", " » ", "[x] ",
    ":)", " ;-)", ":D", "$", "$$", "$x = 5$", "\\(", "\\)", "\\frac{1}{2}",
])  # fmt: skip
TEXTS = st.lists(MARKUP | st.text(max_size=3), max_size=30).map("".join)


@st.composite
def texts_in_pieces(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text))), max_size=20)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.slow(1)
@given(texts_in_pieces())
@example(["/", "```http://1", ". ", "[x] "])
@example(list("« Ça va ? » oui ! » 3. Mai."))
def test_no_character_is_lost_doubled_or_moved_by_the_cutting(pieces: list[str]) -> None:
    assert "".join("".join(spoken(pieces)).split()) == "".join(clean("".join(pieces)).split())


@given(texts_in_pieces(), st.integers(1, 30))
def test_sentences_have_something_to_say_and_keep_to_the_length(pieces: list[str], max_length: int) -> None:
    sentences = spoken(pieces, max_length)
    for sentence in sentences:
        assert 0 < len(sentence) <= max_length
        assert sentence == sentence.strip()
    assert letters(sentences) == letters([clean("".join(pieces))])


@given(st.lists(st.tuples(st.text(max_size=20) | TEXTS, st.booleans()), max_size=8))
def test_stalls_lose_nothing_of_plain_text_and_never_raise(pieces: list[tuple[str, bool]]) -> None:
    stream = Texts(40)
    for piece, stalls in pieces:
        stream.add(piece)
        if stalls:
            stream.settle()
    stream.finish()
    assert not stream.pending
    assert stream.add("And now this. B") == ["And now this."]


@given(st.lists(st.sampled_from(["Hello.", "you", "Dr.", "3.", "Well...", "J.", "(yes)", "No!", "e.g."]), max_size=30))
def test_no_word_is_lost_by_stalls(words: list[str]) -> None:
    stream = Texts(40)
    sentences = []
    for word in words:
        sentences += stream.add(word + " ") + stream.settle()
    assert " ".join(sentences + stream.finish()).split() == words


def letters(sentences: list[str]) -> str:
    return "".join(char for sentence in sentences for char in sentence if char.isalnum())


@pytest.mark.slow(1)
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "unit", ["(", "*", "[", ".", "7", "[![", "[a](", "<b ", "«a. ", "http://x)", "(😀", "\u0301", ".!"]
)
def test_a_hundred_kilobytes_of_hostile_text_are_no_trouble(unit: str) -> None:
    """Were time quadratic in the length, this would run into the limit."""
    text = (unit * 100_000)[:100_000]
    assert letters(spoken(in_pieces(text, 20), 1000)) == letters(split(text, 1000)) == letters([clean(text)])
