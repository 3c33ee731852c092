"""A voice as people know it, and how it speaks unless a request says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from ..engine import Voice
from ..option import Option
from ..options import OPTIONS, Options


@dataclass(frozen=True)
class Style:
    """How a voice speaks: by a request, the voice itself, the options. None leaves a setting to the next of them."""

    exaggeration: float | None = None
    cfg_weight: float | None = None
    temperature: float | None = None
    seed: int | None = None
    speed: float | None = None
    """Times as fast as the model speaks, with the pitch kept; 0.25 to 4."""
    loudness: float | None = None
    """LUFS that replies are levelled to; 0 leaves them as they are."""
    sentence_pause: float | None = None
    """Seconds of silence between two sentences."""

    def over(self, other: Style) -> Style:
        """Take each setting from here where it is set, else from `other`."""
        return Style(
            **{
                entry.name: getattr(other, entry.name) if (value := getattr(self, entry.name)) is None else value
                for entry in fields(Style)
            }
        )


STYLE_OPTIONS: dict[str, Option] = {
    option.name: option for option in OPTIONS if option.name in {entry.name for entry in fields(Style)}
}
"""The option that says which values a setting takes, by the setting's name."""


NO_STYLE = Style()
"""Says nothing: everything is left to whoever is asked next."""


def style_of(options: Options) -> Style:
    """Take from the options how all voices speak; `sentence_pause` is left to how texts are read."""
    return Style(
        exaggeration=options.exaggeration,
        cfg_weight=options.cfg_weight,
        temperature=options.temperature,
        seed=options.seed,
        speed=options.speed,
        loudness=options.loudness,
    )


@dataclass(frozen=True)
class NamedVoice(Voice):
    """A voice that a request can name, with what people see of it."""

    label: str = "Chatterbox"
    """The name that people see, without the language; `name` stays the same when it changes."""
    stem: str = "default"
    """Its name in all its languages: that of its recording or profile, without the suffix."""
    style: Style = field(default_factory=Style)
    aliases: tuple[str, ...] = ()
    """Further names that requests may use."""
    recorded_language: str | None = None
    """The language that is spoken in the recording, as ISO 639-1; None if nobody said so."""
