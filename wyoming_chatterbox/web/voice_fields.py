"""The fields of requests that add or change voices: checked before anything changes, and named where they are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..checks import boolean
from ..errors import ConflictError, RequestError, VoiceError
from ..problem import Problem
from ..quoting import json_kind, quoted
from ..voices.catalogue import DEFAULT, Catalogue
from ..voices.file_names import checked_name
from ..voices.folder import VoicesFolder
from ..voices.names import folded
from ..voices.naming import told_language
from ..voices.profile import KEYS, Profile, listed_keys, profile_of, unknown_key
from .answers import RefusedError
from .voice_entries import Entry, known


def name_of(given: Any) -> str:
    """Return the name of a new voice; `RefusedError` says what is wrong with it."""
    try:
        return checked_name(text_of("name", given))
    except RequestError as err:
        raise RefusedError(400, str(err), "bad-name", param="name", problem=err.problem) from err


def profile_from(fields: Mapping[str, Any]) -> Profile:
    """Check the fields of a profile; `RefusedError` names the one that is wrong, and what would be right."""
    for key, value in fields.items():
        if key not in KEYS:
            there = ("name", *KEYS)
            message = f"There is no field {quoted(key)}; {listed_keys(there)}"
            raise RefusedError(400, message, param=key, problem=unknown_key(key, there))
        try:
            profile_of({key: value})
        except VoiceError as err:
            raise RefusedError(400, str(err), param=key, problem=err.problem) from err
    return profile_of(fields)


def text_of(field: str, value: Any) -> str:
    """Return a field that is a string."""
    if not isinstance(value, str):
        raise RefusedError(400, f"{field} must be a string, not {json_kind(value)}", param=field)
    return value


def flag_of(fields: dict[str, Any], name: str, *, usual: bool) -> bool:
    """Take a field that is true or false from the others."""
    if (value := fields.pop(name, None)) is None:
        return usual
    try:
        return boolean(value)
    except ValueError as err:
        raise RefusedError(400, f"{name} can't be {quoted(str(value))}: it takes true or false", param=name) from err


def check_free(catalogue: Catalogue, name: str, but: Entry | None) -> None:
    """Raise `ConflictError` if another voice has a name or uses it as an alias."""
    for voice in catalogue.called(name):
        if but is not None and voice.stem == but.name:
            continue
        if folded(voice.stem) == folded(name):
            taken = Problem("name-taken", {"voice": voice.stem})
            raise ConflictError(f"There is a voice {quoted(voice.stem)} already", taken)
        if folded(name) in map(folded, voice.aliases):
            taken = Problem("name-is-alias", {"name": name, "voice": voice.stem})
            raise ConflictError(f"{quoted(name)} is an alias of the voice {quoted(voice.stem)} already", taken)


def check_aliases(catalogue: Catalogue, aliases: Iterable[str], *names: str) -> None:
    """Raise `RefusedError`, 409, if an alias is taken by another voice than the one of these names."""
    own = {folded(stem) for name in names for stem in (name, _without_language(name))}
    for alias in aliases:
        for voice in catalogue.called(alias):
            if own.isdisjoint((folded(voice.stem), folded(_without_language(voice.stem)))):
                message = f"The alias {quoted(alias)} can't be used, as the voice {quoted(voice.stem)} has that name"
                taken = Problem("alias-taken", {"alias": alias, "voice": voice.stem})
                raise RefusedError(409, message, ConflictError.code, param="aliases", problem=taken)


def check_language(folder: VoicesFolder, name: str, *, alone: bool) -> None:
    """Raise `RefusedError` if a name tells a language, and there can be no such voice.

    `alone` is a profile without a recording, which may be for one language of a voice that is there.
    """
    languages = folder.languages
    language = languages.named_by(name) if languages is not None else None
    if language is None and alone and known(folder.catalogue, name[:-3]) is not None:
        language = told_language(name)
    if languages is None or language is None:
        return
    try:
        if folded(name[:-3]) == DEFAULT:
            raise VoiceError("it is for the model's own voice", Problem("name-own", {"name": name}))
        languages.check_offered(language)
    except VoiceError as err:
        message = f"name can't be {quoted(name)}: {err}"
        raise RefusedError(400, message, "bad-name", param="name", problem=err.problem) from err


def _without_language(name: str) -> str:
    return name[:-3] if told_language(name) else name
