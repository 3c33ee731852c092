"""Words of a language that have a full stop inside of sentences: abbreviations and ordinals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


def words(text: str) -> frozenset[str]:
    """Words between white space."""
    return frozenset(text.split())


# Never the end of a sentence: something always follows. Capitals matter, so that "one more rep." ends a sentence and
# "Rep. Smith" does not.
_TITLES = """
    Mr Mrs Ms Mx Messrs Dr Prof Rev Hon Gen Col Capt Cpt Lt Sgt Maj Cmdr Gov Sen Rep Amb Supt Adm Pres St Mt Ft
    vs approx cf viz incl excl
    Hr Hrn Frl Mme Mmes Mlle Mlles MM Mgr Ste Sr Sra Srta Sres Dra Dña Sig Dott
"""
_NEVER_ENDS = """
    Fr Dipl.-Ing Dipl Ing Mag ca bzw bspw evtl ggf inkl exkl vgl sog geb gest zzgl abzgl bzgl lt stk Hd
    av env p.ex p.es
    Ud Uds Vd Vds p.ej EE EE.UU
    тыс bijv dhr mevr f.eks bl np tzn prof mgr dr mr mrs sr sra ул ul pl
    см sok cad mah bkz kl klo dvs evt ekskl exkl bv esim ts tj örn cth напр δηλ sig sigg dott avv geom sig.ra
    डॉ प्रो उदा रु Sto Sta Lic Exmo Egr św
"""
_NEVER_ENDS_IN = {"de": "Fa Co", "pl": "al", "es": "RR Ctra dpto Pza"}
_SCALES = "Mio Mrd Mill mln mld млн млрд milj mill"
"""Millions and billions: what is counted follows, or a new sentence."""

_NAMED_AFTER_PEOPLE = """
    Day Boulevard Blvd Drive Dr Avenue Ave Street St Highway Parkway Way Bridge Park High Middle Elementary School
    Library Center Memorial Hospital Foundation Award
"""
"""Behind a name: "Martin Luther King Jr. Day"."""
_COUNTED_IN_GERMAN = "Stck Tsd Pck Pckg Pkg Pr Tabl Fl"
"""Behind a number, the same as scales: nouns have a capital too, as in "1 Pck. Zucker"."""
_TIMED_IN_GERMAN = """
    Verspätung Verzögerung Pause Zeit Fahrt Fahrzeit Fußweg Fußmarsch Gehzeit Flug Flugzeit Wartezeit Aufenthalt Ruhe
    Schlaf Arbeit Training Sport Bewegung Spielzeit Nachspielzeit Rückstand Vorsprung Applaus
"""
"""Behind minutes and hours: "10 Min. Verspätung"."""
_BEFORE_TIMES = "Sat Sun Wed Matt Rom Ex Cor Gal"
"""Words or names that are abbreviations before a time or a verse: "Sun. 1 PM", "Matt. 5:3"."""

# Between two sentences as likely as inside one: an end if a capital follows.
_SOMETIMES_ENDS = "etc a.m p.m inc ltd co corp bros jr al ave blvd dept ph.d b.a m.a"
_SOMETIMES_ENDS_ELSEWHERE = """
    usw u.s.w str jh jhdt std u.ä o.ä q.b n.chr v.chr chr j.-c enz itd itp osv o.s.v m.fl vb т.д т.п
"""

# Abbreviations only where a number follows: "No. 5" is one, "No. Never." is none.
_ENDS_UNLESS_NUMBER_FOLLOWS = """
    no nos nr nrs Art max min sec pp p pg fig figs vol ch chap tel ext rm apt ep eps para op pt mk rs rt hwy lvl hr hrs
    rte ste rev eqs lat lon qty wt ht mins secs temp temps gen avg elev fl bldg lb lbs ft yr yrs gal qt ca
    mon tue tues thu thurs fri jan feb mar apr jun jul aug sep sept oct nov dec
"""
# Words in other languages: "Bom dia.", "Vamos ver.", "Sie ist 80 Jahre alt.".
_ENDS_UNLESS_NUMBER_FOLLOWS_IN_ENGLISH = "ver b eq App Cat dep arr pop alt mag dia est agg sc ps"
_LETTERED = "apt app ste rm bldg fig figs vol pt sec eq rte ver rev ext"
"""A letter may follow in place of a number: "Apt. B"."""
_ENDS_UNLESS_NUMBER_FOLLOWS_ELSEWHERE = """
    nrn núm num nº art abs bd kap abb abt sek godz pág págs tab
    okt dez
    maks blz es máx mín aprox mind tlf tél tfno τηλ αρ σελ тел макс ок д кв стр гл рис руб ч мин сек дн
    mo di mi do fr sa so mer seg qua qui
    lun jeu ven sam dim jue mié sáb gio sab pon wt śr czw niedz mån tis tors tor fre lör sön tir lør søn
    пн вт ср чт пт сб вс janv févr avr juil déc ene abr dic giu lug ott fev des mrt wrz paź
    янв февр апр авг сент окт нояб дек
    fr.o.m t.o.m vie jue za zo vr apdo cap pag pagg hfst afb rozdz rys sid sob böl sf hlm puh yakl περ t zm int
    apto bl esc bestelnr séc prob umid luftfukt gl zw th Gr род ум корп κεφ εικ παρ σάβ δευ гл ст п с табл
"""
_ONLY_IN = {
    "pl": "ok ur", "es": "dom hab", "it": "dom bin", "pt": "dom sex ter", "nl": "ma wo", "fi": "ma ke la su",
    "sv": "ons", "da": "ons", "no": "ons",
}  # fmt: skip
"""Abbreviations of one language that are words in all others."""

_MONTHS = """
    Januar Jänner Jan Februar Feber Feb März April Apr Mai Juni Juli August Aug September Sept Oktober Okt November Nov
    Dezember Dez Jahrhundert Jahrhunderts
    OG UG Stock Etage Obergeschoss Untergeschoss Stockwerk Halbjahr Quartal Halbzeit Liga Bundesliga Weltkrieg Advent
    Weihnachtsfeiertag Geburtstag Spieltag
"""
_BEFORE_ORDINAL = """
    am der die das dem den des im vom zum zur beim bis ab seit meinen meinem deinen deinem seinen seinem ihren ihrem
    unseren unserem euren eurem
"""

# What no title, no saint and no street is called: "the Rep. He left", "on Main St. The house".
_BEGINNERS = """
    The This That These Those It It's He She They We You There Then If When While But And So However Today Tonight
    Tomorrow Its His Her Their Our My Your Please In At On From For Continue Turn Go Take Keep Merge Stay Follow Make
    Drive Arrive
"""
_GERMAN_BEGINNERS = """
    Der Die Das Dies Diese Dieser Dieses Sie Er Es Wir Ich Ihr Man Im In Am Auf Auch Aber Und Doch Damit Danach Dann
    Dort Davon Heute Gestern Morgen Zum Zur Für Bei Nach Von Jetzt Nun Hier
"""


@dataclass(frozen=True)
class Abbreviations:
    """The words of a language that have a full stop inside of sentences, written here without it."""

    never_ends: frozenset[str]
    scales: frozenset[str]
    """End a sentence only if one of the `beginners` follows."""
    counted: frozenset[str]
    """The same, behind a number."""
    unless_followed: Mapping[str, frozenset[str]]
    """End a sentence, unless one of these nouns follows."""
    before_times: frozenset[str]
    """End a sentence, unless a time or a verse follows."""
    sometimes_ends: frozenset[str]
    """In small letters."""
    unless_number_follows: frozenset[str]
    """In small letters; those with a capital are words without it."""
    lettered: frozenset[str]
    """Those of them that a letter may follow in place of a number."""
    behind_number: frozenset[str]
    """May end a sentence behind a number; else what they stand for follows: "г. Москва", "kr. 500"."""
    months: frozenset[str]
    """Follow an ordinal: "am 3. Mai", "im 2. Stock"."""
    before_ordinal: frozenset[str]
    streets: bool
    """Whether words may end with "str.", for "Straße", or "nr.", for "Nummer"."""
    beginners: frozenset[str]
    """Words that begin a sentence and no name."""

    @classmethod
    @cache
    def of(cls, language: str) -> Abbreviations:
        """Return those of an ISO 639-1 code: English has its own, and all others have those of any language."""
        if language == "en":
            return cls(
                never_ends=words(_TITLES),
                scales=words(_SCALES),
                counted=frozenset(),
                unless_followed={"Jr": words(_NAMED_AFTER_PEOPLE)},
                before_times=words(_BEFORE_TIMES),
                sometimes_ends=words(_SOMETIMES_ENDS),
                unless_number_follows=words(_ENDS_UNLESS_NUMBER_FOLLOWS + _ENDS_UNLESS_NUMBER_FOLLOWS_IN_ENGLISH),
                lettered=words(_LETTERED),
                behind_number=frozenset(),
                months=frozenset(),
                before_ordinal=frozenset(),
                streets=False,
                beginners=words(_BEGINNERS),
            )
        return cls(
            never_ends=words(_TITLES + _NEVER_ENDS + _NEVER_ENDS_IN.get(language, "")),
            scales=words(_SCALES),
            counted=words(_COUNTED_IN_GERMAN if language == "de" else ""),
            unless_followed=dict.fromkeys(("Min", "Std", "Sek") if language == "de" else (), words(_TIMED_IN_GERMAN)),
            before_times=frozenset(),
            sometimes_ends=words(_SOMETIMES_ENDS + _SOMETIMES_ENDS_ELSEWHERE),
            unless_number_follows=words(
                _ENDS_UNLESS_NUMBER_FOLLOWS + _ENDS_UNLESS_NUMBER_FOLLOWS_ELSEWHERE + _ONLY_IN.get(language, "")
            ),
            # Only "apr. J.-C.", "séc. V", "Gr. M": a single capital is a word in many, as in "Creo que no. Y tú?"
            lettered=words("apr séc sec gr"),
            behind_number=words("г гг kr hr"),
            months=words(_MONTHS),
            before_ordinal=words(_BEFORE_ORDINAL),
            streets=True,
            beginners=words(_BEGINNERS + _GERMAN_BEGINNERS),
        )
