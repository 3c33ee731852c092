"""Full stops of abbreviations: which of them end the sentence too."""

import pytest

from tests.reading import shown
from wyoming_chatterbox.text.pipeline import Reading, TextPipeline, items_of

AS_WRITTEN = Reading(words=lambda text, language: text)


def check(marked: str, language: str) -> None:
    """A bar stands where a sentence ends."""
    sentences = [sentence.strip() for sentence in marked.split("|")]
    text = marked.replace("|", "")
    assert shown(items_of(text, language, AS_WRITTEN)) == sentences
    pipeline = TextPipeline(language, AS_WRITTEN)
    assert shown([item for char in text for item in pipeline.add(char)] + pipeline.finish()) == sentences


@pytest.mark.parametrize(
    "marked",
    [
        "They sold 3 Mio. units of it.| It made 4 Mio.| They are rich.| That is 2 mln.| The rest is gone.",
        "We close at 5 p.m.| The door stays open.",
        "We close at 5 p.m.| Monday is a holiday.| We open at 9 a.m.| Saturday was busy.",
        "We meet at 5 p.m. Monday or at 9 a.m. Saturday for lunch.| It's 6 p.m. ET now.",
        "We close at 5 p.m. on Monday.",
        "It's 5 p.m.| 20 people came.| That was at 3 p.m.| 3 lights are on.",
        "It opens soon (at 5 p.m.)| Then he left (at 6 p.m.).| That was all.",
        "He lives in the U.S.| The house is in Washington, D.C.| It is old.| The U.S. Army left.",
        "I took vitamin C.| It helped.| We chose plan B.| Then it rained.| J. K. Rowling and George W. Bush met.",
        "Turn onto Elm St.| Continue 2 mi. to St. Louis.| Drive past Mount St. Helens.",
        "Take 3 at $5 ea. = $15 on Feb. & Mar. 3 from 8 a.m. & 8 p.m. on.| Done.",
        "He has a Ph.D.| She has none.",
        "Take fruit, e.g. the apple, i.e. This one.",
        "It is Martin Luther King Jr. Day.| I met John Smith Jr.| He was old.| Ask Sammy Davis Jr.",
        "I met Sammy Davis Jr.| Frank Sinatra sang.| He lives on MLK Jr. Blvd. near here.",
    ],
)
def test_an_abbreviation_may_end_a_sentence(marked: str) -> None:
    check(marked, "en")


@pytest.mark.parametrize(
    "marked",
    [
        "OK then.| 3 lights are on.| I think so.| 2 doors are open.| The lamp is dim.| 5 others are bright.",
        "This is OK.| 3 lights are on.| It is ok.| 4 are off.| I like art.| 5 pictures hang here: see Art. 5.",
        "I am 30.| You are 25.| Then it was 5.| May I come in?",
        "It is set to 21 C.| 3 lamps use 5 V.| 2 fans are off.",
        "See No. 3, p. 12, Nr. 5 and fig. 2.| Call tel. 5550134.| It took 1 hr. 20 min. or so.",
        "He is 5 ft. 10 in. tall and weighs 5 lb. 3 oz. more.",
        "It took 20 min.| 3 people helped.| It weighs 5 lb.| 3 lights are on.| We are open 24 hrs.| 7 days are a week.",
        "At 8 a.m. 54°F, at 9 a.m. 57°F.| It was 5 p.m.| 3 lights were on.| I take vitamin D. 5 mg are enough.",
        "We live in Apt. B near Bldg. C.| It is no. 5.| No. I live in no. 7.",
        "I fed the cat.| 20 minutes later it slept.| Open the app.| 3 are offline.| It is a Cat. 5 storm (pop. ~500).",
        "The answer is no.| K is a letter.| We bought 3 lbs.| C is the answer.| See App. B, Ch. III and Art. IV.",
        "Open Mon.–Sat. 10–6.| They won (agg. 5-1) in Sc. 3.| I say hmm.| 3 lights are on.",
        "They play Sun. 1 PM and Sat. 10–6.| We sat.| 10 came on Sat.| 3 came on Sun. 1:30 p.m. sharp.",
        "See Matt. 5:3, Rom. 8:28 and Ps. 23.| I am Matt.| 3 of us are here.",
        "It takes 25 min. (18 mi.) by car, or 5 mi. (8 km) on foot.| He owns a tv.| 3 lights are on.| I do not.",
        "He walked 5 km.| 3 friends came.| He watched TV.| 3 lights were on.| It has 5 GB.| 3 are free.",
        "He was born on Nov. 5.| It is min. ~-5.| Then came Dec. 24 and Jan. 1.| That is all.",
    ],
)
def test_a_number_begins_a_sentence_unless_an_abbreviation_takes_it(marked: str) -> None:
    check(marked, "en")


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("de", "Das sind 3 Mio. Euro.| Das sind 3 Mio.| Sie kamen alle.| Es kostet 4 Mrd.| Der Rest fehlt."),
        ("de", "Das ist OK.| 3 Lichter sind an.| Siehe Nr. 5 und S. 12.| Das war am 3. Mai.| Gut."),
        (
            "de",
            "Der Zug hat 10 Min. Verspätung.| Es dauert noch 5 Min.| Dann gehen wir.| Nach 3 Std. Fahrt ist er da.",
        ),
        (
            "de",
            "Zubereitung: 20 Min.| Backzeit: 40 Min.| Er wartete 10 Min.| Anna kam.| Nimm 1 Pck. Mehl.",
        ),
        (
            "de",
            "Es dauert 5 Min.| Bitte warten.| Gl. 7 ist frei.| Er kommt zw. 10 und 12.| Napoleon I. war Kaiser.",
        ),
        (
            "de",
            "Sie feiert ihren 80. Geburtstag mit der 3./4. Klasse.| Gut.",
        ),
        ("de", "Heute sind es max. 7, min. –1 Grad.| Im 2. OG brennt Licht, im 3. Stock nicht.| Nimm Gr. M mit."),
        ("de", "Siehe Sendungsnr. 5 der Fa. Müller & Co. KG.| Gut."),
        ("it", "Parte dal bin. 3.| Va bene.| Sale q.b.| Mescola con prob. 20."),
        ("nl", "Afspraak ma. 30 nov. om tien uur.| Tot dan."),
        ("pt", "Vou sex. 4 dez. e volto no séc. V então.| Sim."),
        ("ru", "Это т. е. 5-я и т. к. 3 нет.| Да."),
        ("sv", "Köp t.ex. 3 äpplen, bl.a. 5 röda.| Ja."),
        ("pl", "W czw. 26 listopada, ok. 20 minut.| Dobrze, np. Anna."),
        ("de", "Oma ist 80 Jahre alt.| 2023 zog sie um.| Nimm, was er mag.| 3 Leute sind da.| Siehe Abb. 3."),
        (
            "fr",
            "Il est là où elle est.| 5 minutes passent.| En 50 apr. J.-C. et fig. 3.| Il dit : no.| Y a-t-il du lait ?",
        ),
        ("es", "Vamos a ver.| 3 luces arden.| Creo que no.| Y tú, ¿qué piensas?| O quizá sí.| El dom. 5 sale."),
        ("it", "Penso di no.| E poi se ne andò.| Ha detto di no.| O forse sì.| Vengo dom. 5 maggio."),
        ("pt", "Bom dia.| 3 luzes arderam.| Bom dia.| O tempo é bom.| Bom dia.| E agora?| No dom. 5 saio."),
        ("pl", "To jest ok.| W domu jest ciepło.| To mój dom.| 5 pokoi jest pustych."),
        ("fr", "Le dentiste est à 14 h.| Après, rien.| Cela dure 1 h. 20 min. et 5 s. au plus."),
        ("da", "Jeg har et ur.| 3 lamper er tændt."),
        ("de-AT", "Er kommt am 3. Mai um 5 Uhr."),
    ],
)
def test_other_languages_have_abbreviations_of_their_own(language: str, marked: str) -> None:
    check(marked, language)


def test_a_language_tag_changes_the_abbreviations() -> None:
    text = 'We meet. <lang xml:lang="de">Am 3. Mai ist es so weit.</lang> I am 3. May I come in?'
    assert shown(items_of(text, "en", AS_WRITTEN)) == [
        "We meet.", "Am 3. Mai ist es so weit.", "I am 3.", "May I come in?"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("They sold 3 Mio. It is good.", ["They sold three million.", "It is good."]),
        ('He comes at 5 p.m. "Fine," she says.', ["He comes at five PM.", "Fine, she says."]),
        ('He said "at 5 p.m."', ["He said at five PM."]),
        ("(It opens at 9 a.m.) Then go.", ["(It opens at nine AM.)", "Then go."]),
        ("I take vitamin D. 5 mg are enough.", ["I take vitamin D. five milligrams are enough."]),
        ("OK. 3 lights are on.", ["OK. Three lights are on."]),
        ('It takes 3 min. "', ["It takes three minutes."]),
        ("We close at 5 p.m. Monday is closed.", ["We close at five PM.", "Monday is closed."]),
    ],
)
def test_the_full_stop_of_the_sentence_is_kept(written: str, spoken: list[str]) -> None:
    assert shown(items_of(written, "en")) == spoken
