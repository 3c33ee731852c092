"""Text as language models and templates write it reaches an engine as a person would say it, however it is cut."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given

from tests.client import plain, streamed
from tests.reading import UNSPOKEN, in_pieces, split
from tests.serving import serving
from tests.test_sentences import texts_in_pieces
from wyoming_chatterbox.families import spoken_sounds
from wyoming_chatterbox.text.pipeline import Reading
from wyoming_chatterbox.text.styles import CIRCLED, without_style

SOUNDS = frozenset(spoken_sounds("turbo"))
WITH_SOUNDS = Reading(sounds=SOUNDS)
READ_CODE = Reading(read_code=True)

# What is written, and what is said of it: utterances are divided by a slash, ⏎ is a line break.
LINES = [
    ("The temperature is⏎  21 degrees⏎  and rising.", "The temperature is 21 degrees and rising."),
    ("The washing machine⏎is done", "The washing machine is done"),
    ("There are four fruits:⏎Apple⏎Banana⏎Orange", "There are four fruits: / Apple. / Banana. / Orange"),
    ("You need:⏎milk⏎eggs⏎2 lemons⏎bread", "You need: / milk. / eggs. / 2 lemons. / bread"),
    ("The light in the⏎Living Room is⏎On.", "The light in the Living Room is On."),
    ("The light is on⏎The door is open", "The light is on. / The door is open"),
    ("Das Licht in der⏎Küche ist an⏎Die Tür ist zu", "Das Licht in der Küche ist an. / Die Tür ist zu"),
    ("Good morning,⏎Alice.⏎It is warm.", "Good morning, Alice. / It is warm."),
    ("5 lights are on⏎3 windows are open", "5 lights are on. / 3 windows are open"),
    ("> The washing machine⏎> is done", "The washing machine is done"),
    ("Das kostet 1,5 Mio. Euro. Es ist viel.", "Das kostet 1,5 Mio. Euro. / Es ist viel."),
    ("Noch 2 godz. 3 min. To jest wszystko.", "Noch 2 godz. 3 min. / To jest wszystko."),
    ("# The title⏎of the text", "The title. / of the text"),
    ("- Milk and eggs⏎- bread⏎⏎and so on", "Milk and eggs. / bread. / and so on"),
    ("✅ Milk⏎✅ Bread", "Milk. / Bread"),
    ("The door is⏎⏎open", "The door is. / open"),
    ("**Note**⏎It *is*⏎*on*", "Note. / It is on"),
    ("1. Take two eggs⏎2. Beat them⏎3) Bake", "1. Take two eggs. / 2. Beat them. / 3) Bake"),
    (
        "This is a line of a text that somebody has broken at seventy⏎Paris, as in the old days.",
        "This is a line of a text that somebody has broken at seventy Paris, as in the old days.",
    ),
    ("It is⏎-4 degrees", "It is -4 degrees"),
    ("It costs⏎$4.99", "It costs $4.99"),
    ("A<br>b<br/>c", "A. / b. / c"),
    ("One⏎---⏎Two", "One. / Two"),
    ("One line \\⏎of two", "One line of two"),
]
LISTS = [
    ("Here's the list: 1. Milk 2. Eggs 3. Bread", "Here's the list: / 1. Milk / 2. Eggs / 3. Bread"),
    ("Steps: 1) Open it 2) Close it", "Steps: / 1) Open it / 2) Close it"),
    ("1. Milk 2. Eggs 3. Bread", "1. Milk / 2. Eggs / 3. Bread"),
    ("1. The score was 2. Then we left.", "1. The score was 2. / Then we left."),
    ("It is at 3. Then we go.", "It is at 3. / Then we go."),
    ("Items: • One thing • Two • Three", "Items: / One thing / Two / Three"),
    ("<ul><li>Milk</li><li>Eggs and ham</li></ul>", "Milk. / Eggs and ham."),
    ("<ol><li>Milk<li>Eggs</ol>So it is.", "Milk. / Eggs. / So it is."),
]
CODE = [
    ("Here you go: ```⏎scene: movie⏎``` Enjoy the film!", "Here you go: / Enjoy the film!"),
    ("Sure! ```yaml⏎alias: x⏎```⏎**Bold** and done.", "Sure! / Bold and done."),
    ("```Turn off the lights", "Turn off the lights"),
    ("```Turn off the lights```", "Turn off the lights"),
    ("```⏎The light is on.", "The light is on."),
    ("```yaml⏎alias: x", ""),
    ("Sure:⏎```yaml⏎alias: x⏎⏎mode: single⏎⏎It turns the light on.⏎⏎- id: 5", "Sure: / It turns the light on."),
    (
        "```py⏎print('It is on. ')⏎⏎def f():⏎    Return it now.⏎⏎# Call it here.⏎⏎Note: **Restart** it now!⏎",
        "Note: Restart it now!",
    ),
    (
        "```markdown⏎# Title⏎Some *text*.⏎```yaml⏎a: 1⏎```⏎And more.⏎```⏎The end.",
        "Title. / Some text. / And more. / The end.",
    ),
    ("Run it:⏎```python title=x⏎print(1)```⏎It is done.", "Run it: / It is done."),
    ("Run it:⏎````md⏎```yaml⏎a: 1⏎```⏎````⏎It is done.", "Run it: / It is done."),
    ("~~~ Sale ~~~ Half price", "Sale. / Half price"),
    ("~~~yaml⏎a: ~~~ b⏎~~~⏎It is done.", "It is done."),
    ("  ```⏎  a: 1⏎  ```⏎It is done.", "It is done."),
    ("- One thing⏎  ```sh⏎  ls⏎  ```⏎- Another thing", "One thing. / Another thing"),
    ("Call ```ls``` and `rm` now", "Call ls and rm now"),
    ("```sh⏎ls⏎```⏎Then this.⏎```sh⏎rm⏎```⏎And that.", "Then this. / And that."),
]
TABLES = [
    ("<tr><td>Kitchen</td><td>21</td></tr>", "Kitchen, 21"),
    ("<table><tr><th>Room</th><th>Is</th></tr><tr><td>Hall</td><td>on</td></tr></table>", "Room, Is. / Hall, on."),
    ("<tr>⏎  <td>Hall</td>⏎  <td>on</td>⏎</tr>⏎<tr>⏎<td>Bad</td></tr>", "Hall, on. / Bad"),
    ("Name | Value⏎--- | ---⏎A | 1", "Name, Value. / A, 1"),
    ("| Day | Max. | Wind |⏎|-|-|-|⏎| 27.11. | 5° | 10% |", "Day, Max., Wind. / 27.11., 5°, 10%"),
    ("| It rains. Stay in. | OK |", "It rains. / Stay in. / OK"),
    ("He (😀 she) ran (▲ 2%)", "He (she) ran (▲ 2%)"),
    ("Name | Value⏎:-- | --:⏎Room A | 1⏎Room B | 2⏎⏎A | B", "Name, Value. / Room A, 1. / Room B, 2. / A | B"),
    ("| Room | Is |⏎|---|---|⏎| Hall | on |", "Room, Is. / Hall, on"),
    ("<div>One thing</div><div>Another<p>and so on", "One thing. / Another. / and so on"),
]
SILENT = [
    ("<think>I should check the sensor.</think>It is 5 pm.", "It is 5 pm."),
    ("<think>⏎So.⏎⏎Well.⏎</think>⏎⏎It is on.", "It is on."),
    ("It is on. <thinking>Is it?</thinking> It is.", "It is on. / It is."),
    ("It is <think>or not?</think> on.", "It is. / on."),
    ("Use the <script> tag, or <title> and <style>.", "Use the tag, or and."),
    ("The <think> tag is a tag.", "The tag is a tag."),
    ("<reasoning>never closed. At all", ""),
    ("<|im_start|>It is on.<|im_end|>", "It is on."),
    ("<!DOCTYPE html><title>No</title><details><summary>Yes</summary>it is</details>", "Yes. / it is."),
    ("<script>let a = 1 < 2;</script>It is on.", "It is on."),
    ("Juventus won 2-1 ([legaseriea.it](https://www.legaseriea.it/en)).", "Juventus won 2-1."),
    ("It is so ([a.it](https://a.it/x), [B](https://b.it)), or ([c](https://c.it) too).", "It is so, or (c too)."),
    ("It is so (source: legaseriea.it) [[1]](https://a.b).", "It is so."),
    ("$$x = 5$$ it costs $5", "x = 5 it costs $5"),
    ("Juventus won (legaseriea.it).", "Juventus won."),
    ("Juventus won (legaseriea.it, gazzetta.it/a).", "Juventus won."),
    ("It is so [1][2].【4:0†source】", "It is so."),
    ("It is so[1, 2], I think[^3].", "It is so, I think."),
    ("It is so [1](https://a.b) and true【1†L2-L3】.", "It is so and true."),
    ("It is so \ue200cite\ue202turn0search0\ue201.", "It is so."),
    ("A[0] and x[12a] stay", "A[0] and x[12a] stay"),
    ("Well done :smile: and :+1:!", "Well done and!"),
    ("At 10:30:15 a note:this:that", "At 10:30:15 a note:this:that"),
    ('<amazon:effect name="whispered">psst</amazon:effect> it is', "psst it is"),
    ("<foo bar='x'>a</foo> b <q/>c", "a b c"),
    ("a <b and c> d, List<String>, <Enter>", "a <b and c> d, List<String>, <Enter>"),
    ("20&deg;C &ndash; 5&#8364; &#x41;&nosuch; R&D", "20°C – 5€ A&nosuch; R&D"),
    ("[whispering] Hello [music playing] you. [happy]", "Hello you."),
    ("*laughs* Oh my. (sighs softly) I see *it*. (Laughs) *clears throat*", "Oh my. / I see it."),
    ("It (the cough) is *bad* (singing) **laughs**", "It (the cough) is bad (singing) laughs"),
    ("[sic] the kitchen, [redacted]", "[sic] the kitchen, [redacted]"),
    ('He said "hello" to „me“ and «you».', "He said hello to me and you."),
    ("𝐁𝐨𝐥𝐝 Ｈｅｌｌｏ ①", "Bold Hello 1"),
    ("Step①: ❷ ﬁne 🔟 Ⅳ 5ᵗʰ", "Step 1: 2 fine 10 IV 5th"),
    ("1️⃣ Milk, 2️⃣Eggs", "1 Milk, 2 Eggs"),
    ("10 m² and ½ and 3³", "10 m² and ½ and 3³"),
    ("３．５ですよ。", "3.5ですよ。"),
]
SHORT = [
    ("First... second.", "First... / second."),
    ("OK. Done. The light is on.", "OK. Done. The light is on."),
    ("Sure! The light is on. Done.", "Sure! The light is on. / Done."),
    ("Yes.⏎The light is on.", "Yes. The light is on."),
    ("Sure!⏎⏎Here is a recipe:⏎⏎Milk:⏎⏎Take some.", "Sure! Here is a recipe: / Milk: / Take some."),
    ("OK⏎Done. I am ready.", "OK. / Done. I am ready."),
    ("Hi.", "Hi."),
    ("It stopped. but went on.", "It stopped. but went on."),
]
PAUSES = [
    ('Hello <break time="1s"/> world', "Hello / (pause 1 s) / world"),
    ("Hello. [pause:500ms] World.", "Hello. / (pause 0.5 s) / World."),
]
ALL = LINES + LISTS + CODE + TABLES + SILENT + SHORT + PAUSES

TAGS = [
    ("[laugh] That is funny.", "[laugh] That is funny."),
    ("Oh! [gasp]", "Oh! [gasp]"),
    ("That is terrible. [gasp]", "That is terrible. [gasp]"),
    ("That is terrible. [gasp]⏎[sigh]⏎⏎Well, I know.", "That is terrible. [gasp] [sigh] / Well, I know."),
    ("[sigh]⏎Well, I know.", "[sigh] Well, I know."),
    ("It is done. [laugh] but not yet.", "It is done. / [laugh] but not yet."),
    ("[Laughs] Hi, <sigh/> you [happy] there. *[coughs]*", "[laugh] Hi, [sigh] you there. [cough]"),
    ("*chuckles* So it is (sighs).", "[chuckle] So it is [sigh]."),
    ("[clear throat] So it is.", "[clear throat] So it is."),
    ("[laugh]", "[laugh]"),
]


@pytest.mark.parametrize(("written", "said"), ALL)
def test_text_becomes_utterances(written: str, said: str) -> None:
    assert " / ".join(split(written.replace("⏎", "\n"))) == said


@pytest.mark.parametrize(("written", "said"), TAGS)
def test_a_family_that_knows_sounds_gets_them_with_a_sentence(written: str, said: str) -> None:
    assert " / ".join(split(written.replace("⏎", "\n"), reading=WITH_SOUNDS)) == said


def test_each_of_them_is_the_same_cut_anywhere() -> None:
    for written, _ in ALL + TAGS:
        text = written.replace("⏎", "\n")
        whole = split(text, reading=WITH_SOUNDS)
        for at in range(1, len(text)):
            assert in_pieces([text[:at], text[at:]], reading=WITH_SOUNDS) == whole, (text[:at], text[at:])


@pytest.mark.parametrize("reading", [Reading(), WITH_SOUNDS, READ_CODE, Reading(max_length=12)])
def test_each_of_them_is_the_same_letter_by_letter(reading: Reading) -> None:
    for written, _ in ALL + TAGS:
        text = written.replace("⏎", "\n")
        assert in_pieces(text, reading=reading) == split(text, reading=reading)


@pytest.mark.parametrize("ssml", [False, True])
@pytest.mark.parametrize("reading", [Reading(), WITH_SOUNDS, READ_CODE, Reading(20, SOUNDS, sentence_pause=0.5)])
@given(texts_in_pieces())
def test_random_text_is_the_same_cut_anywhere(reading: Reading, ssml: bool, pieces: list[str]) -> None:
    assert in_pieces(pieces, reading=reading, ssml=ssml) == split("".join(pieces), reading=reading, ssml=ssml)


@pytest.mark.slow(4)
def test_a_million_characters_of_anything_lose_no_letter() -> None:
    """Were time quadratic in the length, this would run into the suite's limit."""
    chance = random.Random(1)
    planes = [(0x20, 0x3000), (0x20, 0xD800), (0xE000, 0x110000)]
    text = "".join(
        chr(chance.randrange(*chance.choice(planes))) if chance.random() < 0.8 else " " for _ in range(1_000_000)
    )
    plain = "".join(CIRCLED.get(char, char) for char in without_style(text))
    assert [char for part in split(text) for char in part if char.isalnum()] == [
        char for char in plain if char.isalnum()
    ]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("auto", ["Oh! [gasp]", "It is on. [laugh]"]),
        ("turbo", ["Oh! [gasp]", "It is on. [laugh]"]),
        ("nano", ["Oh! [gasp]", "It is on. [laugh]"]),
        ("english", ["Oh! It is on."]),
        ("multilingual", ["Oh! It is on."]),
    ],
)
async def test_the_model_decides_about_sounds(tmp_path: Path, model: str, said: list[str]) -> None:
    async with serving(tmp_path, "--model", model) as running:
        await plain(running.uri, "Oh! [gasp]\nIt is on. [laugh]")
        await streamed(running.uri, ["Oh! ", "[ga", "sp]\nIt is on", ". [laugh]"])
        assert running.chatterbox.texts == said * 2


async def test_code_is_read_where_an_option_says_so(tmp_path: Path) -> None:
    for flags, said in (((), ["So it is:"]), (("--code", "read"), ["So it is:", "a: b * c."])):
        async with serving(tmp_path, *flags, languages=(UNSPOKEN,)) as running:
            await plain(running.uri, "So it is:\n```yaml\na: b * c\n```\n")
            assert running.chatterbox.texts == said
