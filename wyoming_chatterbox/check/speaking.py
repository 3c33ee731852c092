"""Checks what is spoken: voices, pronunciations, formats and the standby voice."""

from __future__ import annotations

from ..errors import ConfigError, RequestError
from ..families import prompt_rules, spoken_languages
from .findings import Finding, Machine, warning

LISTEN_SECONDS = 20.0
"""Seconds after which no further recording is listened to."""
_SHOWN = 8
"""Voices that are named, and files that are no voices."""


def formats(machine: Machine) -> list[Finding]:
    """Say which formats recordings and replies can have."""
    advice = "Install it again: script/setup --force, or pull the image anew."
    try:
        import av
    except (ImportError, OSError) as err:
        told = f"PyAV can't be imported ({err}), so recordings can't become voices"
        return [warning(told, advice)]
    from ..audio.encoding import FORMATS

    made: list[str] = []
    lacking: list[str] = []
    for form in FORMATS.values():
        try:
            form.encoder().finish()
            made.append(form.name)
        except (RequestError, av.FFmpegError):
            lacking.append(form.name)
    about = f"PyAV {av.__version__}, ffmpeg {getattr(av, 'ffmpeg_version_info', '') or 'inside'}"
    if lacking:
        return [warning(f"{about} can't make {', '.join(lacking)}", advice)]
    return [Finding(f"{', '.join(made)}, with {about}")]


def voices(machine: Machine) -> list[Finding]:
    """Say which voices there are, and which files are none, and why."""
    from ..voices.catalogue import DEFAULT
    from ..voices.languages import Languages
    from ..voices.names import without_language
    from ..voices.naming import make_catalogue
    from ..voices.profiles import Profiles
    from ..voices.recordings import Recordings

    config = machine.config
    model, folder = machine.model or config.model, config.voices_directory
    if not folder.exists():
        told = f"the model's own alone: there is no {folder} yet"
        return [Finding(told) if config.voices_dir is None else warning(told, "Check --voices-dir.")]
    others = [config.pronunciations] if config.pronunciations is not None else ()
    try:
        found = Recordings(folder, seconds=LISTEN_SECONDS).look(frozenset({DEFAULT}), prompt_rules(model), config.voice)
        profiles = Profiles(folder, others).look(found.profiles)
    except OSError as err:
        return [warning(f"{folder} can't be read: {err.strerror}", "Check --voices-dir and its permissions.")]
    languages = Languages.of(spoken_languages(model), config.languages)
    broken = found.broken | profiles.broken
    catalogue = make_catalogue(found.recordings, broken, languages, config.voice, profiles.good, found.unheard)
    names = dict.fromkeys(without_language(voice.name, voice.language) for voice in catalogue.voices)
    own = [name for name in names if name != DEFAULT]
    told = f"{len(own) or 'none'} besides the model's own, in {folder}{': ' if own else ''}{_listed(own)}"
    if found.unheard:
        told += f"; {len(found.unheard)} recordings were not listened to yet"
    findings = [Finding(told)]
    for file, reason in list(catalogue.broken.items())[:_SHOWN]:
        findings.append(warning(f"{file} is not used: {reason}", "Mend it, or take it out of the folder."))
    if len(catalogue.broken) > _SHOWN:
        findings.append(warning(f"{len(catalogue.broken) - _SHOWN} more files are not used"))
    if not catalogue.has_preferred:
        told = f"there is no voice {config.voice!r} (--voice), so the model's own speaks"
        findings.append(warning(told, f"There are: {_listed([voice.name for voice in catalogue.voices])}."))
    if languages.trouble is not None:
        findings.append(warning(languages.trouble, "Check --languages and --model."))
    return findings


def pronunciations(machine: Machine) -> list[Finding]:
    """Say whether the file of pronunciations is good."""
    from ..text.pronunciation_yaml import read

    path = machine.config.pronunciations
    if path is None:
        return [Finding("none (--pronunciations)")]
    if not path.exists():
        return [warning(f"there is no {path} yet", "Check --pronunciations; it is read as soon as it is there.")]
    try:
        return [Finding(f"{len(read(path).entries)} in {path}")]
    except ConfigError as err:
        return [warning(f"{err}; none are used", "Mend that line; the server reads the file again by itself.")]


def standby(machine: Machine) -> list[Finding]:
    """Say whether the standby voice loads."""
    if not machine.config.standby:
        return [Finding("off (--no-standby): clients get an error while Chatterbox can't speak")]
    try:
        from ..engine.standby import Standby

        about = Standby().describe()
    except Exception as err:  # Whatever a library raises, the voice is not there.
        told = f"the standby voice does not load: {type(err).__name__}: {err}"
        return [warning(told, "Install it again: script/setup --force, or pull the image anew.")]
    machine.has_standby = True
    return [Finding(f"{about.details['package']} speaks while Chatterbox can't")]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
