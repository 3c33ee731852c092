"""Where a sentence ends: which full stops end none, and how much of the text after one it takes to tell."""

from __future__ import annotations

import re

CLOSERS = "\"'”’“»«›‹)\\]}」』）】〉》〕］｝"
WIDE_STOPS = "。！？｡"

_GREEK = "\u0370-\u03ff\u1f00-\u1fff"
"""Letters before a semicolon that is a question mark."""

STOP = re.compile(
    rf"\n|(?P<stops>[.!?…‽؟۔।॥։።‼⁇⁈⁉{WIDE_STOPS}]{{1,64}}+|(?<=[{_GREEK}]);|\u037e)(?P<closers>[{CLOSERS}]{{0,64}}+)"
)
"""A newline, or final punctuation with the quotes and brackets that close after it."""

NO_END = -1

_OPENERS = "([{\"'„“«»‚‘‹›¿¡「『（【《"
_LOOK_BACK_CHARACTERS = 40
_QUOTE_LOOK_BACK_CHARACTERS = 1000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never the end of a sentence: something always follows. Capitals matter, so that "one more rep." ends a sentence and
# "Rep. Smith" does not.
_NEVER_ENDS = _words("""
    Mr Mrs Ms Mx Messrs Dr Prof Rev Hon Gen Col Capt Cpt Lt Sgt Maj Cmdr Gov Sen Rep Pres St Mt Ft vs approx cf viz
    incl excl
    Hr Hrn Fr Frl Dipl.-Ing Dipl Ing Mag ca bzw bspw evtl ggf inkl exkl vgl sog geb gest zzgl abzgl bzgl lt stk
    Mme Mmes Mlle Mlles MM Mgr Ste av env p.ex p.es
    Sr Sra Srta Sres Dra Dña Ud Uds Vd Vds p.ej EE EE.UU Sig Dott
    Mio Mrd Mill mln mld млн млрд тыс bijv dhr mevr f.eks bl np tzn prof mgr dr mr mrs sr sra ул ul pl
    см sok cad mah bkz kl klo milj mill dvs evt ekskl exkl bv esim ts tj örn cth напр δηλ sig sigg dott avv geom sig.ra
    डॉ प्रो उदा रु Sto Sta Lic Exmo Egr św
""")

# Between two sentences as likely as inside one: an end if a capital follows.
_SOMETIMES_ENDS = _words("""
    etc a.m p.m inc ltd co corp bros jr al ave blvd dept ph.d b.a m.a
    usw u.s.w str jh jhdt std u.ä o.ä n.chr v.chr chr j.-c enz itd itp osv o.s.v m.fl vb т.д т.п
""")

# Abbreviations only where a number follows: "No. 5" is one, "No. Never." is none.
_ENDS_UNLESS_NUMBER_FOLLOWS = _words("""
    no nos nr nrn núm num nº art abs bd kap abb abt max min sek godz pp pg pág págs fig figs vol ch chap sec tel ext rm
    apt tab ep eps para op pt mk rs rt hwy lvl hr hrs mins secs temp temps gen avg elev fl bldg
    mon tue tues thu thurs fri jan feb mar apr jun jul aug sep sept oct nov dec okt dez
    ok maks blz es máx mín aprox mind tlf tél tfno τηλ αρ σελ тел макс ок д кв стр гл рис руб ч мин сек дн
    mo di mi do fr sa so mer seg qua qui
    lun jeu ven sam dim jue mié sáb gio sab pon wt śr czw niedz mån tis tors tor fre lör sön tir lør søn
    пн вт ср чт пт сб вс janv févr avr juil déc ene abr dic giu lug ott fev des mrt wrz paź
    янв февр апр авг сент окт нояб дек
    fr.o.m t.o.m vie jue dom za zo vr apdo cap pag pagg hfst afb rozdz rys sid sob böl sf hlm puh yakl περ t ur zm int
    apto bl esc bestelnr род ум корп
    κεφ εικ παρ σάβ δευ гл ст п с табл
""")

# Behind a number they may end a sentence; else what they stand for follows: "г. Москва", "kr. 500".
_ENDS_BEHIND_NUMBER = _words("г гг kr hr")

# Single letters of abbreviations written with spaces: "z. B.", "d. h.", "p. ej."; capitals are initials anyway.
_LOWER_INITIALS = frozenset("acdehinopsuvzκ")

_SPACED = ("p. ex", "p. ej", "p. es", "per es", "ad es")

_MONTHS = _words("""
    Januar Jänner Jan Februar Feber Feb März April Apr Mai Juni Juli August Aug September Sept Oktober Okt November Nov
    Dezember Dez Jahrhundert Jahrhunderts
""")
_AFTER_HALF_DAY = _words("""
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Tues Wed Thu Thurs Fri Sat
    ET EST EDT CT CST CDT MT MST MDT PT PST PDT GMT UTC BST CET CEST IST AEST AEDT
""")
# What no title, no saint and no street is called: "the Rep. He left", "on Main St. The house".
_BEGINNERS = _words("The This That It He She They We You There Then")
_BEFORE_ORDINAL = _words("am der die das dem den des im vom zum zur beim bis ab seit")

_SAYABLE = re.compile(r"[^\W_]")
_LETTER_GROUPS = re.compile(r"(?:\w\.-?)+\w")
_DAYS = re.compile(r"(?:\d{1,2}\.?[-–])?\d{1,2}")
_APOSTROPHE = re.compile("['’]")
_LONGEST_ENDING = 2
"""Letters behind an apostrophe that are no word: "they've", but "l'avv."."""
_JOINED = re.compile("[-–/]")
_SIGNS = "-−+"
_NUMBER = re.compile(r"\d{1,3}")
_ORDINAL_BEFORE = re.compile(r"\d(?:st|nd|rd|th) \w+\Z")
_MEASURE = re.compile(r"\d\s?[ACFKV]\Z")
"""An amount with a unit of one letter, which is no initial."""
_WORD = re.compile(r"[^\W\d_]+")


def sentence_end(text: str, stop: re.Match[str], start: int, *, quoted: int, more: bool) -> int | None:
    """Return where the sentence that begins at `start` ends, if it ends at `stop`; `NO_END` if it does not.

    `quoted` is the number of French quotes that are open before it; `more` says that more text may come. The result is
    None if it depends on that text: after a full stop it takes the first letter of what follows.
    """
    stops, closers, end = stop["stops"], stop["closers"], stop.end()
    if end == len(text):
        return None if more else end
    if any(char in WIDE_STOPS for char in stops):
        return end
    if text[end] != " ":
        return NO_END
    if not _SAYABLE.search(text, max(start, stop.start() - _LOOK_BACK_CHARACTERS), stop.start()):
        return end  # there is nothing to say before the stop, so what follows makes no difference
    if _is_quoted(text, start, end, quoted):
        if more and text[end:] in (" ", " »"):
            return None
        if text.startswith(" »", end) and not text[end + 2 : end + 3].isalnum():
            closers = "»"
            end += 2
            if text[end : end + 1] not in ("", " "):
                return NO_END
    if not (stops == "." or closers):
        return end  # an ellipsis too: whoever trails off makes a pause
    follows = text[end + 1 : end + 1 + _LOOK_BACK_CHARACTERS]
    if not follows.startswith("["):
        follows = follows.lstrip(_OPENERS)
    if more and not follows:
        return None
    if stops == ".":
        return _full_stop(text, stop, start, end, follows, more)
    return NO_END if follows[:1].islower() else end


def looks_complete(text: str, stop: re.Match[str], start: int = 0, *, patient: bool = False) -> bool:
    """Whether text that ends with `stop`, for now, looks like a whole sentence.

    A full stop after a digit may be a decimal point, and one after a letter may belong to an abbreviation: such text
    looks whole only to the `patient`, who have waited longer.
    """
    if text[stop.end() :].strip(" »"):
        return False
    if stop["stops"] != ".":
        return True
    word = _word_before(text, start, stop.start())
    if _NUMBER.fullmatch(text[start : stop.start()].strip()):
        return False
    if _is_number(word):
        return patient and not _is_ordinal_place(text, start, stop.start(), word)
    if len(word) == 1 or word.lower() in _SOMETIMES_ENDS:
        return patient and not _is_spaced(text, start, stop.start())
    return not (_is_never(word) or _is_spaced(text, start, stop.start()))


def _full_stop(text: str, stop: re.Match[str], start: int, end: int, follows: str, more: bool) -> int | None:
    """Decide about a single full stop with white space after it, from the word before it and the text after it."""
    at = stop.start()
    word = _word_before(text, start, at)
    name = _APOSTROPHE.split(word)[-1]
    word = name if len(name) > _LONGEST_ENDING else word
    is_lower = follows[:1].islower()
    if _NUMBER.fullmatch(text[start:at].strip()):  # a list's number is no sentence of its own
        return NO_END
    if _is_number(word):
        if is_lower or _is_ordinal_place(text, start, at, word):
            return NO_END
        # German has an ordinal before a month: "am 3. Mai".
        return _unless_named(_MONTHS, follows, end, more) if _DAYS.fullmatch(word) else end
    if _MEASURE.search(text, max(start, at - _LOOK_BACK_CHARACTERS), at):
        return end if follows[:1].isupper() else NO_END
    if _is_spaced(text, start, at):
        return NO_END
    if _is_never(word):
        return _if_begun(text, start, at, word, follows, end, more)
    if word in _ENDS_BEHIND_NUMBER and not _is_number(_word_before(text, start, max(start, at - len(word) - 1))):
        return NO_END
    if word.lower() in _SOMETIMES_ENDS:
        if word.lower() in ("a.m", "p.m"):
            return _unless_named(_AFTER_HALF_DAY, follows, end, more) if follows[:1].isupper() else NO_END
        return end if follows[:1].isupper() else NO_END
    if _JOINED.split(word.lower())[-1] in _ENDS_UNLESS_NUMBER_FOLLOWS or word.lower().endswith("str"):
        if more and follows in _SIGNS:
            return None
        return (
            NO_END if is_lower or follows.lstrip(_SIGNS)[:1].isdigit() or follows.startswith((":", ",", ";")) else end
        )
    return NO_END if is_lower else end


def _if_begun(text: str, start: int, at: int, word: str, follows: str, end: int, more: bool) -> int | None:
    """Return `end` where a sentence begins after a title, or after a street behind an ordinal; else `NO_END`."""
    if len(word) == 1 or not word[0].isupper() or "." in word:
        return NO_END
    if _ORDINAL_BEFORE.search(text, max(start, at - _LOOK_BACK_CHARACTERS), at) and follows[:1].isupper():
        return end
    is_named = _is_one_of(_BEGINNERS, follows, more)
    return None if is_named is None else end if is_named else NO_END


def _unless_named(names: frozenset[str], follows: str, end: int, more: bool) -> int | None:
    """Return `end`, or `NO_END` before one of the names."""
    is_named = _is_one_of(names, follows, more)
    return None if is_named is None else NO_END if is_named else end


def _is_one_of(names: frozenset[str], follows: str, more: bool) -> bool | None:
    """Whether one of the names follows; None if it takes more text to tell."""
    name = _WORD.match(follows)
    if not name:
        return False
    if more and name.end() == len(follows) and any(known.startswith(name[0]) for known in names):
        return None
    return name[0] in names


def _is_quoted(text: str, start: int, end: int, quoted: int) -> bool:
    """Whether a French quote is open, to be closed by a space and a quote: `« Ça va ? » demanda-t-il.`"""
    since = max(start, end - _QUOTE_LOOK_BACK_CHARACTERS)
    return quoted + text.count("«", since, end) > text.count("»", since, end)


def _word_before(text: str, start: int, at: int) -> str:
    begin = max(start, at - _LOOK_BACK_CHARACTERS)
    space = text.rfind(" ", begin, at)
    return text[max(begin, space + 1) : at].lstrip(_OPENERS + "-–—/")


def _is_number(word: str) -> bool:
    return word[-1:].isdigit()


def _is_never(word: str) -> bool:
    if len(word) == 1:
        return word.isupper() or word in _LOWER_INITIALS
    lower = word.lower()
    # Of words in capitals only titles: "DR. SMITH", but neither "CAD" nor "mAh".
    if word in _NEVER_ENDS or (lower in _NEVER_ENDS and (word[1:].islower() or word.capitalize() in _NEVER_ENDS)):
        return True
    return lower not in _SOMETIMES_ENDS and bool(_LETTER_GROUPS.fullmatch(word))


def _is_spaced(text: str, start: int, at: int) -> bool:
    return text[max(start, at - _LOOK_BACK_CHARACTERS) : at].lower().endswith(_SPACED)


def _is_ordinal_place(text: str, start: int, at: int, word: str) -> bool:
    """Whether a number stands where German has an ordinal: `der 1. Platz`, `im 19. Jahrhundert`."""
    if len(word) > 3 or not word.isdigit():
        return False
    return _word_before(text, start, max(start, at - len(word) - 1)).lower() in _BEFORE_ORDINAL
