"""Stage directions in a text: sounds that some models make, and all those that nobody can say.

`[laugh]` reaches a family that knows it. What only tells how to speak, or what is to be heard, is silent everywhere.
"""

from __future__ import annotations

from ..families import SOUNDS

_SPELLINGS = {
    "laugh": "laughs laughing laughter lol haha",
    "chuckle": "chuckles chuckling",
    "gasp": "gasps gasping",
    "cough": "coughs coughing",
    "sigh": "sighs sighing",
    "groan": "groans groaning",
    "sniff": "sniffs sniffing sniffle sniffles sniffling",
    "shush": "shushes shushing shh",
}
_SOUND_OF = {name: name for name in SOUNDS} | {
    spelling: sound for sound, spellings in _SPELLINGS.items() for spelling in spellings.split()
}
_SOUND_OF |= dict.fromkeys(("clears throat", "clearing throat", "throat clearing"), "clear throat")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The ten delivery tags of turbo and nano first: what the models make of them is disputed.
_SILENT = _words("""
    angry crying dramatic fear happy narration sarcastic surprised whispering advertisement
    amused angrily annoyed anxious anxiously awkward bored breath breathes breathing breathless calm calmly cheerful
    cheerfully cheering cheers clapping claps confused cries cry curious curiously deadpan delighted disappointed
    disgusted dramatically embarrassed emotional empathetic enthusiastic enthusiastically excited excitedly exhale
    exhales exhaling fearful frowns frustrated gently giggle giggles giggling grins grunt grunts gulp gulps happily
    hesitant hesitates hiccup hum humming hums inhale inhales inhaling intense jingle joyful kiss mischievously moan
    moans monotone mumbles music muttering mutters narrator nervous nervously neutral pants panting playful playfully
    pauses pondering proud quietly relieved robotic sad sadly scared scream screaming screams serious seriously shout
    shouting shouts shy sings singing smile smiles smiling snicker snickers snore snores snorts sobbing sobs soft
    softly sternly surprise swallows sympathetic tense terrified thoughtful thoughtfully tired warm warmly
    weeping wheezing whisper whispers whistle whistles wink winks woo yawn yawning yawns yell yelling yells applause
    beat
""")
_HOW = _words("""
    softly quietly loudly gently slightly nervously awkwardly warmly lightly heavily deeply happily sadly hard harder
    again playing plays fades voice tone in out a bit little and evil sarcastically audibly continues stops starts
    begins stifled dramatic cheerful upbeat soft sad excited calm serious whispering happy angry
""")
_ACTED = {spelling for spelling in _SOUND_OF if spelling.endswith(("s", "ing"))} | _words("""
    breathes cries exhales frowns giggles giggling grins grunts gulps hesitates inhales mumbles mutters pauses screams
    shouts sings smiles smiling snickers snorts sobs sobbing swallows whispers whispering whistles winks yawns yawning
""")
_PHRASES = frozenset(("citation needed", "sound effect", "background music", "end of message", "no audio", "inaudible"))
_MOST_WORDS = 4


def sound_of(words: str) -> str | None:
    """Return the sound that a stage direction asks for, by its name among `SOUNDS`; None if it is none of them."""
    return _SOUND_OF.get(" ".join(words.lower().split()))


def is_direction(words: str) -> bool:
    """Whether words in brackets are a stage direction rather than text: `whispering`, `laughs softly`."""
    spoken = words.lower().split()
    if not 0 < len(spoken) <= _MOST_WORDS:
        return False
    if " ".join(spoken) in _PHRASES or sound_of(words):
        return True
    known = [word in _SILENT or word in _SOUND_OF for word in spoken]
    return any(known) and all(is_known or word in _HOW for word, is_known in zip(spoken, known, strict=True))


def is_acted(words: str) -> bool:
    """Whether words in round brackets or between asterisks tell what somebody does: `sighs`, `laughs softly`."""
    first, *others = words.lower().split()
    return sound_of(words) == "clear throat" or (first in _ACTED and all(word in _HOW for word in others))
