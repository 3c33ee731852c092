"""/v1/voices: the voices to see and to hear, and new ones to be added, changed, deleted and brought back.

Only the catalogue says which file a voice has; a name from a client becomes a path for new files alone, once it is
checked. `Access` has refused pages of other servers and strangers before any of this.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from ..engine.voice import kept_files
from ..errors import ConflictError, VoiceError
from ..problem import Problem
from ..quoting import quoted
from ..speech.service import Service
from ..voices.catalogue import DEFAULT
from ..voices.file_names import name_of_file, suffix_of
from ..voices.finding import VoiceName
from ..voices.library import Deletion, Library
from ..voices.names import folded
from ..voices.profile import SUFFIXES as PROFILE_SUFFIXES
from ..voices.profile import Profile
from ..voices.recordings import SUFFIXES
from . import voice_entries
from .answers import RefusedError, json_answer
from .preview_sentences import SENTENCES
from .samples import sample
from .speech import speak
from .speech_request import body_of, json_object, parse
from .uploads import Received, Receiver, too_large
from .voice_fields import check_aliases, check_free, check_language, flag_of, name_of, profile_from

_PATH = "/v1/voices"
_ONE = _PATH + "/{name:[^/]+}"
_MAX_PREVIEW = 300
"""Characters of a preview's text."""
_FORM_BYTES = 200_000
"""Bytes of a form besides its file."""
_SOUND_TYPES = ("audio/", "video/", "application/octet-stream", "application/ogg")
"""How the type of a body begins that is the recording itself; phones and browsers put sound into video files too."""


def add_voices(app: web.Application, service: Service, library: Library | None = None) -> None:
    """Add the routes to an application; `library` stands in for the one of the service's voices folder."""
    folder = service.voices
    forget = partial(kept_files.forget, service.config.prepared_voices_directory)
    voices = Voices(service, library or Library(folder.directory, folder.profile, forget))
    app.router.add_get(_PATH, voices.index)
    app.router.add_post(_PATH, voices.create)
    app.router.add_get(_ONE, voices.show)
    app.router.add_patch(_ONE, voices.change)
    app.router.add_delete(_ONE, voices.delete)
    app.router.add_post(_ONE + "/undelete", voices.undelete)
    app.router.add_get(_ONE + "/sample", voices.sample)
    app.router.add_get(_ONE + "/preview", voices.preview, allow_head=False)
    app.on_startup.append(voices.start)
    app.on_cleanup.append(voices.close)


class Voices:
    """Answers requests about the voices of a service."""

    def __init__(self, service: Service, library: Library) -> None:
        self._service = service
        self._library = library
        self._folder = service.voices
        self._adding = asyncio.Lock()
        """Until the folder has been looked at again, the catalogue still calls a file broken that was replaced."""

    async def start(self, _: web.Application) -> None:
        """Remove what an earlier run left in the folder."""
        self._library.start()

    async def close(self, _: web.Application) -> None:
        """End what waits for the end of a minute."""
        self._library.close()

    async def index(self, _: web.Request) -> web.Response:
        """Answer with all voices, the files that are none, and the state of the folder."""
        writable = await self._library.writable()

        def answer() -> web.Response:
            return json_answer(voice_entries.listing(self._service, writable=writable))

        # With thousands of voices that takes a while.
        return await asyncio.to_thread(answer)

    async def show(self, request: web.Request) -> web.Response:
        """Answer with one voice."""
        return json_answer(self._described(self._find(request)))

    async def create(self, request: web.Request) -> web.Response:
        """Make a voice of a recording, or of a style of one that is there, and answer with it."""
        if request.content_type == "application/json":
            name = await self._add(Received(json_object(await body_of(request))))
        else:
            name = await self._receive(request)
        # Relative to the request, as a proxy may have taken the beginning of the path away.
        place = "" if request.path.endswith("/") else "voices/"
        return json_answer(self._shown(name), 201, {"Location": f"{place}{quote(name, safe='')}"})

    async def change(self, request: web.Request) -> web.Response:
        """Change what a voice's profile says, or its name, and answer with the voice."""
        entry = self._own(request)
        changes = json_object(await body_of(request))
        name = entry.name
        if "name" in changes:
            name = name_of(changes.pop("name"))
            if entry.name == DEFAULT:
                raise ConflictError("The model's own voice keeps its name; its label can be any")
            if folded(name) != folded(entry.name):
                check_language(self._folder, name, alone=entry.recording is None)
            check_free(self._folder.catalogue, name, entry)
        if "recording" in changes:
            message = "recording can't be changed: make another voice of that recording with POST /v1/voices"
            raise RefusedError(400, message, param="recording")
        check_aliases(self._folder.catalogue, profile_from(changes).aliases, name, entry.name)
        await self._library.change(_files(entry), changes, name)
        await self._folder.refresh()
        return json_answer(self._shown(name))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a voice, or a file that is none, and answer how long it can be brought back."""
        name = request.match_info["name"]
        catalogue = self._folder.catalogue
        if voice_entries.known(catalogue, name) is None and name in catalogue.broken:
            deletion = await self._library.delete_file(name)
        else:
            entry = self._own(request)
            if entry.name == DEFAULT:
                raise ConflictError("The model's own voice can't be deleted; PATCH takes back what its profile says")
            styles = request.query.get("styles", "").lower() in ("true", "1")
            deletion = await self._library.delete(_files(entry), with_styles=styles)
        await self._folder.refresh()
        undo = {"id": deletion.id, "seconds": self._library.undo_seconds}
        return json_answer({"name": deletion.name, "files": deletion.files, "undo": undo})

    async def undelete(self, request: web.Request) -> web.Response:
        """Bring back what was deleted last under a name, or what `id` says."""
        name = request.match_info["name"]
        deletion = await self._library.restore(name, request.query.get("id"))
        if deletion is None:
            message = (
                f"There is nothing to bring back of {quoted(name)}: a deletion can be undone for "
                f"{self._library.undo_seconds:g} s"
            )
            late = Problem("too-late", {"name": name, "seconds": self._library.undo_seconds})
            raise RefusedError(404, message, "too-late", param="name", problem=late)
        await self._folder.refresh()
        return json_answer(self._restored(deletion))

    async def sample(self, request: web.Request) -> web.StreamResponse:
        """Answer with the recording that a voice is cloned from."""
        entry = self._find(request)
        if entry.recording is None:
            message = f"{quoted(entry.name)} is the model's own voice, which has no recording"
            raise RefusedError(404, message, "no-recording", param="name")
        return await sample(request, self._library, entry.voices[0])

    async def preview(self, request: web.Request) -> web.StreamResponse:
        """Answer with a sentence that the voice speaks."""
        usual = self._folder.catalogue.usual_language
        voice = self._find(request).speaking(request.query.get("language") or None, usual)
        text = request.query.get("text") or SENTENCES.get(voice.language, SENTENCES["en"])
        if len(text) > _MAX_PREVIEW:
            raise RefusedError(400, f"text is over {_MAX_PREVIEW} characters long", param="text")
        form = request.query.get("response_format") or "wav"
        wanted = parse(json.dumps({"input": text, "response_format": form}).encode())
        return await speak(self._service, request, wanted, voice)

    async def _receive(self, request: web.Request) -> str:
        """Receive a recording, make a voice of it, and return the voice's name."""
        is_form = request.content_type == "multipart/form-data"
        if not is_form and not request.content_type.startswith(_SOUND_TYPES):
            message = (
                f"Content-Type must be multipart/form-data, audio/... or application/json, not "
                f"{quoted(request.content_type)}"
            )
            raise RefusedError(415, message, "bad-content-type", headers={"Connection": "close"})
        megabytes = self._service.config.max_upload_mb
        length = request.content_length or 0
        if length > megabytes * 1_000_000 + (_FORM_BYTES if is_form else 0):
            raise too_large(megabytes)
        async with self._library.receive(length) as upload:
            receiver = Receiver(self._library, upload, megabytes)
            received = await (receiver.form(request) if is_form else receiver.body(request))
            replaces = received.fields.pop("replaces", None)
            self._check_broken(replaces)
            if not upload.bytes:
                return await self._add(received, no_file=True)
            name, profile, instead = self._checked(received, has_file=True)
            if profile.recording is not None:
                raise RefusedError(400, "recording can't be sent together with a file", param="recording")
            try:
                await self._library.finish(upload, self._folder.examine)
            except VoiceError as err:
                message = f"This can't become a voice: {err}"
                raise RefusedError(422, message, "no-recording", param="file", problem=err.problem) from err
            suffix = suffix_of(upload.head) or Path(received.file_name).suffix.lower()
            if suffix not in SUFFIXES:
                kinds = ", ".join(sorted(kind[1:] for kind in SUFFIXES))
                message = f"This can't become a voice: send one of {kinds}"
                kind = Problem("recording-kind", {"kinds": kinds})
                raise RefusedError(422, message, "no-recording", param="file", problem=kind)
            async with self._adding:
                self._check_broken(replaces)
                await self._library.add(name, profile, upload, suffix, instead=instead, replaces=replaces)
                await self._folder.refresh()
            return name

    async def _add(self, received: Received, *, no_file: bool = False) -> str:
        """Make a voice without a recording of its own, and return its name."""
        name, profile, instead = self._checked(received, has_file=False)
        if profile.recording is None and no_file:
            fault = "is empty" if received.file_name else "is missing"
            raise RefusedError(400, f"file {fault}: send the recording", param="file")
        if profile.recording is not None:
            there = [entry.recording for entry in voice_entries.entries(self._folder.catalogue).values()]
            if self._folder.directory / profile.recording not in there:
                message = (
                    f"recording can't be {quoted(profile.recording)}: it takes the file name of a voice's recording"
                )
                raise RefusedError(400, message, param="recording")
        await self._library.add(name, profile, instead=instead)
        await self._folder.refresh()
        return name

    def _check_broken(self, file: str | None) -> None:
        """Refuse to replace a file that is a voice by now, or a profile; None is no file."""
        if file is None:
            return
        if file not in self._folder.catalogue.broken or Path(file).suffix.lower() in PROFILE_SUFFIXES:
            message = f"replaces can't be {quoted(file)}: it takes a file among the broken ones that is no profile"
            raise RefusedError(400, message, param="replaces", problem=Problem("files-changed"))

    def _checked(self, received: Received, *, has_file: bool) -> tuple[str, Profile, bool]:
        """Return the name and the profile of a new voice, and whether it may replace another."""
        fields = dict(received.fields)
        if not flag_of(fields, "consent", usual=True):
            message = "consent can't be false: a voice may only be copied if its owner agrees"
            raise RefusedError(400, message, param="consent")
        instead = flag_of(fields, "replace", usual=False)
        given = fields.pop("name", None) or name_of_file(received.file_name)
        if not given:
            raise RefusedError(400, "name is missing: give the voice a name, such as 'alice'", param="name")
        name = name_of(given)
        catalogue = self._folder.catalogue
        profile = profile_from(fields)
        check_language(self._folder, name, alone=not has_file and profile.recording is None)
        check_aliases(catalogue, profile.aliases, name)
        there = voice_entries.known(catalogue, name)
        if not instead:
            check_free(catalogue, name, None)
        elif there is not None and there.recording is not None and there.recording.parent != self._folder.directory:
            raise ConflictError(f"The recording of {quoted(there.name)} is in a folder inside: delete it first")
        return name, profile, instead

    def _own(self, request: web.Request) -> voice_entries.Entry:
        """Find a voice that is to be changed, by its own name only: it changes in all its languages."""
        name = request.match_info["name"]
        entry = self._find(request)
        if folded(entry.name) != folded(name):
            raise ConflictError(
                f"{quoted(name)} is the voice {quoted(entry.name)} in one language: use {quoted(entry.name)}, which "
                "stands for all of them"
            )
        return entry

    def _find(self, request: web.Request) -> voice_entries.Entry:
        return voice_entries.find(self._folder.catalogue, request.match_info["name"])

    def _described(self, entry: voice_entries.Entry) -> dict[str, Any]:
        return voice_entries.described(self._service, self._folder.catalogue, entry)

    def _shown(self, name: str) -> dict[str, Any]:
        """Describe a voice whose files have just changed, though the folder may not have been looked at since."""
        entry = voice_entries.known(self._folder.catalogue, name)
        if entry is not None:
            return self._described(entry)
        broken = self._folder.catalogue.broken
        reason = next((why for file, why in broken.items() if folded(Path(file).stem) == folded(name)), None)
        return {"id": name, "name": name, "state": "broken" if reason else "waiting", "reason": reason}

    def _restored(self, deletion: Deletion) -> dict[str, Any]:
        entry = voice_entries.known(self._folder.catalogue, deletion.name)
        return {
            "name": deletion.name,
            "files": deletion.files,
            "voice": self._described(entry) if entry is not None else None,
        }


def _files(entry: voice_entries.Entry) -> VoiceName:
    return VoiceName(entry.name, entry.recording)
