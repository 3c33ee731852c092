"""Prepared voices on disk, so that a recording is prepared once and not after every start.

A voice is a file in the safetensors format, named by all that it was made from: the recording's content and the way of
preparing it. So two names of one recording share a voice, and whatever changes makes another. Several servers may use
one folder. What a recording sounds like is private: only the server's user can read the files.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from tempfile import NamedTemporaryFile

import torch
from safetensors.torch import load, save

from ...errors import VoiceError
from ..failures import first_line, is_out_of_memory
from ..upstream.chatterbox_tts import SPEECH_VOCAB_SIZE
from .conditionals import Conditionals
from .kept_files import SUFFIX

_LOGGER = logging.getLogger(__name__)

_FORMAT = "wyoming-chatterbox voice 1"
_NAME = re.compile(r"[0-9a-f]{64}\.safetensors")
_UNFINISHED = re.compile(r"\..*\.part")
_UNFINISHED_SECONDS = 600.0
"""Age in seconds at which an unfinished file was left behind by a crash; writing one takes milliseconds."""
_LARGEST_BYTES = 2_000_000
"""Bytes of the largest file that can be a voice; voices of 10 s take a sixth of a megabyte."""
_SPEAKER, _MEL, _EMBEDDING = 256, 80, 192
"""Widths of a voice's tensors: see `Conditionals`."""


class VoiceStore:
    """Prepared voices in a folder; the least recently used go first. No trouble with the disk is an error."""

    def __init__(self, folder: Path, most: int = 1000, most_bytes: int = 300_000_000) -> None:
        """Holds at most `most` voices and `most_bytes`, but always the latest voice. Makes the folder."""
        self._folder = folder
        self._most = most
        self._most_bytes = most_bytes
        self.trouble: str | None = None
        """Why voices can't be kept; None if they can."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
            self._tidy()
        except OSError as err:
            self._in_trouble(err)

    @property
    def capacity(self) -> int:
        """Voices that are kept; 0 while none can be."""
        return self._most if self.trouble is None else 0

    def load(self, name: str) -> Conditionals | None:
        """Return the voice of that name, on the host; None if it isn't here, or if its file is damaged."""
        path = self._path(name)
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_BYTES:
                raise ValueError("it is no voice")
            voice = _decoded(path.read_bytes(), name)
            # Using it makes it young; where times can't be set, the oldest goes first.
            with suppress(OSError):
                _make_young(path)
        except OSError as err:
            if not isinstance(err, FileNotFoundError):
                _LOGGER.debug("%s can't be read: %s", path, err.strerror)
            return None
        except Exception as err:
            # Whatever its bytes do to a parser, the voice is made again.
            if is_out_of_memory(err):
                raise
            _LOGGER.info("%s is damaged, so its voice is prepared again: %s", path, first_line(err))
            with suppress(OSError):
                path.unlink()
            return None
        return voice

    def save(self, name: str, voice: Conditionals) -> None:
        """Keep a voice of the host: whole or, if the disk is full or read-only, not at all."""
        unfinished: Path | None = None
        try:
            content = _encoded(voice, name)
            # Nobody else can read such a file, whatever the umask.
            with NamedTemporaryFile(dir=self._folder, prefix=".", suffix=".part", delete=False) as file:
                unfinished = Path(file.name)
                file.write(content)
            with suppress(OSError):
                _make_young(unfinished)
            unfinished.replace(self._path(name))
            self.trouble = unfinished = None
            self._tidy()
        except OSError as err:
            self._in_trouble(err)
        finally:
            if unfinished is not None:
                with suppress(OSError):
                    unfinished.unlink()

    def _tidy(self) -> None:
        """Remove the voices that are too many, the least recently used first, and what crashes have left behind."""
        voices: list[tuple[int, int, Path]] = []
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.lstat()
                if _NAME.fullmatch(path.name):
                    voices.append((status.st_mtime_ns, status.st_size, path))
                elif _UNFINISHED.fullmatch(path.name) and status.st_mtime < time.time() - _UNFINISHED_SECONDS:
                    path.unlink()
        voices.sort(reverse=True)
        held = 0
        for number, (_, size, path) in enumerate(voices):
            held += size
            if number and (number >= self._most or held > self._most_bytes):
                with suppress(OSError):
                    path.unlink()

    def _in_trouble(self, err: OSError) -> None:
        if self.trouble is None:
            _LOGGER.warning(
                "Prepared voices can't be kept in %s, so they are prepared again after each start: %s",
                self._folder,
                err.strerror or first_line(err),
            )
        self.trouble = err.strerror or first_line(err)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


def _make_young(path: Path) -> None:
    # The system's own stamps are milliseconds coarse, and of files with the same one any could go first.
    now = time.time_ns()
    os.utime(path, ns=(now, now))


def _encoded(voice: Conditionals, name: str) -> bytes:
    tensors = {entry: value.contiguous() for entry, value in vars(voice).items() if value is not None}
    content: bytes = save(tensors, {"format": _FORMAT, "name": name, "sha256": _digest(tensors)})
    return content


def _decoded(content: bytes, name: str) -> Conditionals:
    """Return the voice in a file. Raises whatever the parser does, and `VoiceError` if the content can't be right."""
    tensors = load(content)
    about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__")
    if tensors.keys() != {field.name for field in fields(Conditionals)}:
        raise VoiceError("it holds other tensors")
    if about != {"format": _FORMAT, "name": name, "sha256": _digest(tensors)}:
        raise VoiceError("its checksum differs")
    voice = Conditionals(**tensors)
    _check(voice)
    return voice


def _check(voice: Conditionals) -> None:
    """Refuse what the networks can't take: looking up a token beyond an embedding makes a GPU unusable."""
    frames = voice.prompt_mel.shape[1] if voice.prompt_mel.ndim == 3 else 0
    for value, shape in (
        (voice.speaker, (1, _SPEAKER)),
        (voice.prompt_mel, (1, frames, _MEL)),
        (voice.embedding, (1, _EMBEDDING)),
    ):
        if value.dtype != torch.float32 or tuple(value.shape) != shape or not value.isfinite().all():
            raise VoiceError("its numbers are no voice's")
    for tokens in (voice.t3_prompt, voice.prompt_tokens):
        if (
            tokens is None
            or tokens.dtype != torch.long
            or tokens.ndim != 2
            or len(tokens) != 1
            or not tokens.numel()
            or not 0 <= int(tokens.min()) <= int(tokens.max()) < SPEECH_VOCAB_SIZE
        ):
            raise VoiceError("its tokens are no voice's")
    if voice.prompt_tokens.shape[1] > frames // 2:
        raise VoiceError("its prompt has more tokens than sound")


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()
