"""Words for numbers, units, money, dates and times, in every language of the models."""

import itertools
import re
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import given

from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.text.spoken.language import Language
from wyoming_chatterbox.text.spoken.numbers import Number
from wyoming_chatterbox.text.spoken.plurals import Plurals

UNITS = [
    "celsius", "fahrenheit", "kelvin", "degree", "km/h", "m/s", "mph", "knots", "kWh", "Wh", "MWh", "kW", "W",
    "MW", "GW", "V", "mV", "kV", "A", "mA", "Ah", "mAh", "Hz", "kHz", "MHz", "GHz", "hPa", "mbar", "bar", "Pa",
    "kPa", "psi", "inHg", "mmHg", "kg", "g", "mg", "µg", "t", "lb", "oz", "µg/m³", "mg/m³", "ppm", "ppb", "lx",
    "lm", "dB", "dBm", "percent", "permille", "l", "dl", "cl", "ml", "l/min", "m³", "cm³", "ft³", "gal", "m³/h",
    "m²", "cm²", "km²", "ft²", "ha", "m", "cm", "mm", "µm", "km", "in", "ft", "yd", "mi", "ms", "s", "min", "h",
    "d", "week", "month", "year", "bit", "kbit", "Mbit", "Gbit", "B", "kB", "MB", "GB", "TB", "Mbit/s", "kbit/s",
    "Gbit/s", "MB/s", "VA", "kVA", "var", "rpm", "revolution", "cal", "kcal", "J", "kJ", "MJ", "N", "ohm", "hp",
    "W/m²", "kWh/m²", "mm/h",
]  # fmt: skip
WORDS = [
    "decimal", "minus", "plus", "to", "per", "about", "plus_minus", "at_least", "at_most", "less", "greater",
    "times", "divided", "equals", "not_equal", "number", "and", "or", "at", "version", "dot", "slash", "colon",
    "dash", "underscore", "hash", "star", "section", "degree", "squared", "cubed", "power", "root", "infinity",
]  # fmt: skip
NUMBERS = [*range(130), 199, 200, 201, 234, 365, 700, 999, 1000, 1001, 1100, 1234, 1999, 2000, 2005, 2026, 5000, 10_000]
NUMBERS += [11_000, 12_345, 21_000, 99_999, 100_000, 123_456, 200_000, 999_999, 1_000_000, 2_000_000, 1_234_567_890]

every_language = pytest.mark.parametrize("code", MULTILINGUAL_LANGUAGES)


def language(code: str) -> Language:
    found = Language.get(code)
    assert found
    return found


def number(text: str, scale: int = 0) -> Number:
    return Number.read(text, scale=scale)


def assert_words(said: str) -> None:
    """It can be spoken: no digit, sign, abbreviation or place of a pattern is in it, and no space too many."""
    assert said, "nothing is said"
    assert not re.search(r"\d|[{}/%°‰²³€$£¥]|\.(?!\.)|\s\s|^\s|\s$", said), said


def test_a_language_without_data_is_none() -> None:
    assert Language.get("xx") is None
    assert Language.get("") is None
    assert Language.get("../de") is None


def test_a_language_is_read_once() -> None:
    assert Language.get("de") is Language.get("de")


@every_language
def test_every_number_has_its_own_words(code: str) -> None:
    said = [language(code).cardinal(n) for n in NUMBERS]
    for words in said:
        assert_words(words)
    assert len(set(said)) == len(said)


@every_language
@pytest.mark.parametrize(
    "gender", ["masculine", "feminine", "neuter", "common", "inanimate", "native", "no such gender"]
)
def test_every_gender_has_numerals(code: str, gender: str) -> None:
    for n in NUMBERS:
        assert_words(language(code).cardinal(n, gender=gender))


@every_language
def test_ordinals_and_years(code: str) -> None:
    ordinals = [language(code).ordinal(n) for n in range(1, 101)]
    years = [language(code).year(n) for n in (800, 1066, 1492, 1700, 1805, *range(1900, 2101))]
    for words in (*ordinals, *years):
        assert_words(words)
    assert len(set(ordinals)) == len(ordinals)
    assert len(set(years)) == len(years)


@every_language
@given(digits=st.text("0123456789", min_size=1, max_size=30), fraction=st.text("0123456789", max_size=12))
def test_no_digit_is_left_of_any_number(code: str, digits: str, fraction: str) -> None:
    for negative, scale in itertools.product((False, True), (0, 3, 5, 6, 9, 12)):
        said = language(code).number(Number(digits, fraction, negative, scale))
        assert_words(said)
        assert said.startswith(language(code).word("minus")) == negative or code in ("ar", "sw")
    assert_words(language(code).digits(digits))


@every_language
def test_numbers_of_any_length_are_said(code: str) -> None:
    found, digits = language(code), "9" * 5000
    for long in (Number(digits), Number("1", digits), Number(digits, digits, scale=6), Number("0" * 20 + "7")):
        assert_words(found.number(long))
        assert_words(found.measure(long, "celsius"))
        assert_words(found.money(long, "EUR"))
    assert_words(found.cardinal(int("9" * 4000)))


def test_digits_of_other_scripts_are_digits() -> None:
    arabic = language("ar")
    assert arabic.decimal("٢١", "٠٥") == arabic.decimal("21", "05")
    assert arabic.measure(Number("٥"), "celsius") == arabic.measure(Number("5"), "celsius")
    assert language("hi").digits("०१") == language("hi").digits("01")


@every_language
def test_decimals_that_differ_are_said_differently(code: str) -> None:
    fractions = ["0", "00", "05", "5", "50", "25", "250", "025", "125", "1234"]
    said = [language(code).decimal("21", fraction) for fraction in fractions]
    assert len(set(said)) >= len(said) - 1
    for words in said:
        assert_words(words)


@every_language
@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_has_words(code: str, unit: str) -> None:
    found = language(code)
    assert found.measures(unit)
    for amount in ("1", "2", "3", "5", "11", "21", "100", "0.5", "1.0", "1.5", "-4", "+4", "1000000"):
        assert_words(found.measure(number(amount), unit))
    assert_words(found.measure((number("10"), number("15")), unit))
    assert_words(found.measure(number("1.5", scale=6), unit))


@every_language
def test_a_unit_without_words_is_refused(code: str) -> None:
    for unit in ("", "/", "furlong", "kg/furlong", "furlong/h", "kg/"):
        assert not language(code).measures(unit)
        with pytest.raises(KeyError):
            language(code).measure(number("1"), unit)


@every_language
def test_every_currency_has_words(code: str) -> None:
    found = language(code)
    for currency in set(found.currencies.values()):
        for amount in ("1", "2", "5", "21", "0.05", "0.5", "1.01", "12.50", "1234.00", "-3.20", "1.234"):
            assert_words(found.money(number(amount), currency))
        assert_words(found.money((number("10"), number("15")), currency))
        assert_words(found.money(number("5.3", scale=9), currency))
    with pytest.raises(KeyError):
        found.money(number("1"), "XXX")


@every_language
def test_every_date_has_words(code: str) -> None:
    found = language(code)
    days = [found.date(None, month, day) for month in range(1, 13) for day in range(1, 32)]
    for words in (*days, found.date(2026, 11, 25), found.date(1999, 1, 1, 6), found.date(2026, 11), found.date(2026)):
        assert_words(words)
    assert len(set(days)) == len(days)
    assert len({found.month(month) for month in range(1, 13)}) == 12
    assert len({found.weekday(weekday) for weekday in range(1, 8)}) == 7


@every_language
def test_every_time_of_day_has_words(code: str) -> None:
    found = language(code)
    times = [found.clock(hour, minute) for hour in range(24) for minute in range(60)]
    for words in (*times, found.clock(24), found.clock(7, 0, 0), found.clock(7, 5, 9), found.clock(0, 0, 1)):
        assert_words(words)
    assert len(set(times)) == len(times)
    halves = [
        found.clock(hour, minute, None, half) for half in ("am", "pm") for hour in (12, 1, 11) for minute in (0, 5, 30)
    ]
    for words in halves:
        assert_words(words)
    assert len(set(halves)) == len(halves)


@every_language
def test_durations_and_fractions_have_words(code: str) -> None:
    found = language(code)
    assert_words(found.duration([(number("2"), "d"), (number("3"), "h"), (number("1"), "min"), (number("21"), "s")]))
    for numerator, denominator, whole in itertools.product((1, 2, 3, 5), (2, 3, 4, 5, 6, 8, 10, 17), (0, 1, 2)):
        assert_words(found.fraction(numerator, denominator, whole))


@every_language
def test_what_is_said_of_a_date_is_recognised(code: str) -> None:
    found = language(code)
    for month in range(1, 13):
        assert found.months[found.month(month).lower()] == month
        assert found.months[found.month(month, alone=False).lower()] == month
    for weekday in range(1, 8):
        assert found.weekdays[found.weekday(weekday).lower()] == weekday
    assert set(found.months.values()) == set(range(1, 13))
    assert set(found.weekdays.values()) == set(range(1, 8))
    assert set(found.half_days.values()) == {"am", "pm"}


@every_language
def test_every_language_has_every_word(code: str) -> None:
    for name in WORDS:
        assert language(code).word(name), name
    assert language(code).word("no such word") == ""
    assert language(code).decimal_mark in ".,"
    assert language(code).decimal_mark not in language(code).group_marks


Saying = Callable[[Language], str]
EXPECTED: list[tuple[str, Saying, str]] = [
    ("en", lambda it: it.year(1999), "nineteen ninety nine"),
    ("en", lambda it: it.decimal("21", "05"), "twenty one point zero five"),
    ("en", lambda it: it.measure(number("1"), "celsius"), "one degree Celsius"),
    ("en", lambda it: it.measure(number("1.0"), "celsius"), "one point zero degrees Celsius"),
    ("en", lambda it: it.measure((number("10"), number("15")), "percent"), "ten to fifteen percent"),
    ("en", lambda it: it.money(number("5.3", scale=9), "USD"), "five point three billion dollars"),
    ("en", lambda it: it.money(number("0.05"), "GBP"), "five pence"),
    ("en", lambda it: it.clock(3, 5, half="pm"), "three oh five PM"),
    ("en", lambda it: it.clock(12, 0, half="am"), "twelve AM"),
    ("en", lambda it: it.clock(0), "midnight"),
    ("en", lambda it: it.fraction(3, 4), "three quarters"),
    ("en", lambda it: it.fraction(1, 2, 2), "two and a half"),
    ("en", lambda it: it.per(it.money(number("0.3"), "EUR"), "kWh"), "thirty cents per kilowatt hour"),
    ("de", lambda it: it.cardinal(1), "eins"),
    ("de", lambda it: it.measure(number("1"), "h"), "eine Stunde"),
    ("de", lambda it: it.measure(number("1"), "d"), "ein Tag"),
    ("de", lambda it: it.money(number("1"), "EUR"), "ein Euro"),
    ("de", lambda it: it.number(number("1", scale=6)), "eine Million"),
    ("de", lambda it: it.date(None, 5, 3), "dritter Mai"),
    ("de", lambda it: it.date(None, 5, 3, after="Der"), "dritte Mai"),
    ("de", lambda it: it.fraction_of("h", 1, 2), "eine halbe Stunde"),
    ("de", lambda it: it.fraction_of("l", 1, 2, 2), "zweieinhalb Liter"),
    ("de", lambda it: it.clock(15, 30), "fünfzehn Uhr dreißig"),
    ("de", lambda it: it.clock(3, 5, half="pm"), "fünfzehn Uhr fünf"),
    ("de", lambda it: it.year(1999), "neunzehnhundertneunundneunzig"),
    ("fr", lambda it: it.measure(number("21"), "h"), "vingt-et-une heures"),
    ("fr", lambda it: it.measure(number("1.5"), "h"), "un virgule cinq heure"),
    ("fr", lambda it: it.decimal("3", "14"), "trois virgule quatorze"),
    ("fr", lambda it: it.decimal("3", "05"), "trois virgule zéro cinq"),
    ("fr", lambda it: it.date(None, 5, 1), "premier mai"),
    ("fr", lambda it: it.fraction_of("h", 3, 4), "trois quarts d'heure"),
    ("fr", lambda it: it.money(number("5", scale=6), "EUR"), "cinq millions d'euros"),
    ("fr", lambda it: it.money(number("5000000"), "USD"), "cinq millions de dollars"),
    ("es", lambda it: it.measure(number("21"), "celsius"), "veintiún grados Celsius"),
    ("es", lambda it: it.measure(number("1"), "h"), "una hora"),
    ("es", lambda it: it.date(2026, 11, 25), "veinticinco de noviembre de dos mil veintiséis"),
    ("it", lambda it: it.measure(number("1"), "h"), "un'ora"),
    ("it", lambda it: it.fraction_of("h", 1, 2), "mezz'ora"),
    ("it", lambda it: it.measure(number("21"), "celsius"), "ventuno gradi Celsius"),
    ("pt", lambda it: it.measure(number("2"), "h"), "duas horas"),
    ("pl", lambda it: it.measure(number("2"), "h"), "dwie godziny"),
    ("pl", lambda it: it.measure(number("22"), "celsius"), "dwadzieścia dwa stopnie Celsjusza"),
    ("pl", lambda it: it.measure(number("12"), "celsius"), "dwanaście stopni Celsjusza"),
    ("pl", lambda it: it.ordinal(23, form="feminine"), "dwudziesta trzecia"),
    ("pl", lambda it: it.ordinal(112, form="genitive"), "sto dwunastego"),
    ("pl", lambda it: it.date(2026, 11, 25), "dwudziestego piątego listopada dwa tysiące dwudziestego szóstego roku"),
    ("pl", lambda it: it.clock(15, 30), "piętnasta trzydzieści"),
    ("pl", lambda it: it.clock(22, 5, after="o"), "dwudziestej drugiej zero pięć"),
    ("ru", lambda it: it.measure(number("2"), "min"), "две минуты"),
    ("ru", lambda it: it.measure(number("21"), "min"), "двадцать одна минута"),
    ("ru", lambda it: it.measure(number("111"), "celsius"), "сто одиннадцать градусов Цельсия"),
    ("ru", lambda it: it.measure(number("21.5"), "celsius"), "двадцать одна целая пять десятых градуса Цельсия"),
    ("ru", lambda it: it.fraction_of("l", 1, 2), "половина литра"),
    ("ru", lambda it: it.date(2026, 11, 25), "двадцать пятого ноября две тысячи двадцать шестого года"),
    ("ru", lambda it: it.year(1999, after="в", before="году"), "тысяча девятьсот девяносто девятом"),
    ("ru", lambda it: it.year(1999), "тысяча девятьсот девяносто девять"),
    ("pl", lambda it: it.year(2026, after="W", before="roku"), "dwa tysiące dwudziestym szóstym"),
    ("pl", lambda it: it.year(1932, after="od", before="roku"), "tysiąc dziewięćset trzydziestego drugiego"),
    ("ru", lambda it: it.clock(12, 30, after="до"), "двенадцати тридцати"),
    ("ru", lambda it: it.money(number("1.5", scale=6), "RUB"), "одна целая пять десятых миллиона рублей"),
    ("ar", lambda it: it.measure(number("2"), "d"), "يومان"),
    ("ar", lambda it: it.measure(number("3"), "h"), "ثلاث ساعات"),
    ("ar", lambda it: it.measure(number("3"), "d"), "ثلاثة أيام"),
    ("ar", lambda it: it.measure(number("13"), "h"), "ثلاث عشرة ساعة"),
    ("he", lambda it: it.measure(number("2"), "h"), "שעתיים"),
    ("he", lambda it: it.measure(number("3"), "d"), "שלושה ימים"),
    ("he", lambda it: it.measure(number("1"), "min"), "דקה אחת"),
    ("hi", lambda it: it.number(number("1.5", scale=6)), "पंद्रह लाख"),
    ("fi", lambda it: it.date(None, 11, 25), "kahdeskymmenesviides marraskuuta"),
    ("sv", lambda it: it.measure(number("2"), "d"), "två dagar"),
    ("no", lambda it: it.measure(number("2"), "d"), "to dager"),
    ("da", lambda it: it.ordinal(21), "enogtyvende"),
    ("tr", lambda it: it.measure(number("25"), "km/h"), "saatte yirmi beş kilometre"),
    ("tr", lambda it: it.measure((number("10"), number("15")), "percent"), "yüzde on ila on beş"),
    ("ja", lambda it: it.date(2026, 11, 25), "二千二十六年十一月二十五日"),
    ("ja", lambda it: it.clock(3, 5, half="pm"), "午後三時五分"),
    ("ja", lambda it: it.number(number("5.3", scale=9)), "五十三億"),
    ("ko", lambda it: it.clock(3, 5, half="pm"), "오후 세 시 오 분"),
    ("ko", lambda it: it.clock(15, 30), "십오 시 삼십 분"),
    ("ko", lambda it: it.measure(number("2"), "h"), "두 시간"),
    ("zh", lambda it: it.measure(number("2"), "h"), "两小时"),
    ("zh", lambda it: it.measure(number("2"), "percent"), "百分之二"),
    ("zh", lambda it: it.money(number("1234"), "CNY"), "一千二百三十四元"),
    ("zh", lambda it: it.year(2005), "二零零五"),
    ("zh", lambda it: it.clock(2, 5), "两点零五分"),
    # Faults of the rules that the numerals come from.
    ("ar", lambda it: it.cardinal(11), "أحد عشر"),
    ("ar", lambda it: it.cardinal(12, gender="feminine"), "اثنتا عشرة"),
    ("ar", lambda it: it.cardinal(300), "ثلاثمائة"),
    ("ar", lambda it: it.cardinal(2000), "ألفان"),
    ("de", lambda it: it.ordinal(2_000_000), "zweimillionste"),
    ("el", lambda it: it.cardinal(2090), "δύο χιλιάδες ενενήντα"),
    ("fr", lambda it: it.ordinal(91), "quatre-vingt-onzième"),
    ("it", lambda it: it.ordinal(12_345), "dodicimilatrecentoquarantacinquesimo"),
    ("it", lambda it: it.ordinal(3, form="feminine"), "terza"),
    ("it", lambda it: it.ordinal(10_000), "diecimillesimo"),
    ("no", lambda it: it.ordinal(20), "tjuende"),
    ("pl", lambda it: it.ordinal(20), "dwudziesty"),
    ("ru", lambda it: it.ordinal(800), "восьмисотый"),
    ("ru", lambda it: it.ordinal(1900, form="genitive"), "тысяча девятисотого"),
    ("zh", lambda it: it.year(2026), "二零二六"),
    ("ja", lambda it: it.year(2026), "二千二十六"),
    ("sw", lambda it: it.measure(number("25"), "km/h"), "kilomita ishirini na tano kwa saa"),
    ("sw", lambda it: it.clock(7), "saa moja asubuhi"),
    ("sw", lambda it: it.clock(7, after="Saa"), "moja asubuhi"),
]


@pytest.mark.parametrize(("code", "say", "expected"), EXPECTED, ids=[f"{code}: {said}" for code, _, said in EXPECTED])
def test_what_a_language_says(code: str, say: Saying, expected: str) -> None:
    assert say(language(code)) == expected


def test_spellings_of_months_days_halves_and_scales() -> None:
    german, english = language("de"), language("en")
    assert german.months["sept"] == german.months["sep"] == german.months["september"] == 9
    assert german.months["jänner"] == 1
    assert german.weekdays["so"] == german.weekdays["sonntag"] == 7
    assert english.half_days["p.m."] == english.half_days["pm"] == "pm"
    assert german.scales["mio"] == german.scales["millionen"] == 6
    assert english.scales["bn"] == english.scales["billion"] == 9


def test_signs_of_currencies_are_those_of_the_country() -> None:
    assert language("en").currencies["$"] == "USD"
    assert language("en").currencies["EUR"] == "EUR"
    assert [language(code).currencies["kr"] for code in ("da", "no", "sv")] == ["DKK", "NOK", "SEK"]
    assert [language(code).currencies["¥"] for code in ("ja", "zh")] == ["JPY", "CNY"]


def test_the_gender_of_a_unit_that_is_written_out() -> None:
    german = language("de")
    assert german.cardinal(1, gender=german.nouns["stunde"]) == "eine"
    assert german.cardinal(1, gender=german.nouns["tag"]) == "ein"


def test_a_number_is_read_with_sign_and_fraction() -> None:
    assert number("-21.5") == Number("21", "5", negative=True)
    assert number("−4") == Number("4", negative=True)
    assert number("+3") == Number("3", plus=True)
    assert number(".5") == Number("0", "5")


def test_plural_rules_look_at_whole_and_fraction() -> None:
    russian = Plurals(
        {
            "one": "v = 0 and i % 10 = 1 and i % 100 != 11",
            "few": "v = 0 and i % 10 = 2..4 and i % 100 != 12..14",
            "many": "v = 0 and i % 10 = 0 or v = 0 and i % 10 = 5..9 or v = 0 and i % 100 = 11..14",
        }
    )
    expected = {"one": "1 21 101", "few": "2 3 24 102", "many": "0 5 11 12 14 20 111", "other": "1.5 2.0"}
    for category, numbers in expected.items():
        for text in numbers.split():
            whole, _, fraction = text.partition(".")
            assert russian.category(whole, fraction) == category, text


def test_a_plural_rule_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="no plural rule"):
        Plurals({"one": "n is 1"})
