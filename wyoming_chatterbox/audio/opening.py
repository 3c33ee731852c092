"""Opens recordings for ffmpeg's libraries: a regular file on this machine, and nothing else.

ffmpeg gets a file's bytes, neither its path nor any other file, and no format that names other files, as playlists do.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .. import regular_files
from ..errors import VoiceError
from ..problem import Problem
from .recording_file import RecordingFile

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_BYTES = 500_000_000
MOST_WORK_SECONDS = 15.0
"""Seconds that reading a file may take."""

_FORMATS = (
    *("aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "au", "avi", "caf", "dsf", "eac3", "flac", "flv"),
    *("iff", "loas", "m4v", "matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "nistsphere", "oga", "ogg"),
    *("qcp", "rm", "sln", "sox", "tak", "truehd", "tta", "voc", "w64", "wav", "webm", "wv"),
)
"""Containers, by ffmpeg's names, each of which holds its sound itself."""
_MOST_STREAMS = "8"
"""Each may have a header that takes megabytes."""


_MOST_ALLOCATED = 32 << 20
"""Bytes that ffmpeg may allocate at once: a header of some bytes can say that gigabytes of samples follow.

An MP4 of eight hours needs as many to find its samples.
"""


@contextmanager
def opened(path: Path) -> Iterator[tuple[RecordingFile, InputContainer]]:
    """Open a recording for as long as the block runs, and let ffmpeg find out what it is.

    What ffmpeg raises, then or inside the block, becomes a `VoiceError`, a sentence about "it". Raises `OSError` too.
    """
    import av

    _bound_memory()
    with _sound(path) as content:
        file = RecordingFile(content, MOST_WORK_SECONDS)
        try:
            container = av.open(
                file,
                "r",
                **_any_metadata(),
                container_options={
                    "format_whitelist": ",".join(_FORMATS),
                    "protocol_whitelist": "none",
                    "codec_whitelist": _audio_codecs(),
                    "max_streams": _MOST_STREAMS,
                },
                timeout=MOST_WORK_SECONDS,
                io_open=_refuse,
            )
            with container:
                yield file, container
        except VoiceError:
            raise
        except av.FFmpegError as err:
            file.check()
            raise VoiceError("it is no sound file, or only a part of one", Problem("recording-unreadable")) from err
        except OSError:
            raise
        except Exception as err:
            # Whatever a file does to its decoder, the other files must still be read.
            message = f"it can't be decoded: {type(err).__name__}"
            raise VoiceError(message, Problem("recording-unreadable")) from err


@contextmanager
def _sound(path: Path) -> Iterator[BinaryIO]:
    with regular_files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise VoiceError("it is empty", Problem("recording-empty"))
        if size > MOST_BYTES:
            message = f"it has {size / 1e6:.0f} MB, and at most {MOST_BYTES / 1e6:.0f} MB are taken"
            raise VoiceError(message, Problem("recording-large", {"megabytes": MOST_BYTES / 1e6}))
        yield file


@cache
def _bound_memory() -> None:
    """Set the most that ffmpeg's libraries allocate at once, wherever this process uses them; PyAV can't.

    Does nothing where a build of PyAV hides the function.
    """
    from av import _core

    with suppress(OSError, AttributeError):
        # What is linked to its module is found through it.
        ctypes.CDLL(_core.__file__).av_max_alloc(ctypes.c_size_t(_MOST_ALLOCATED))


def _any_metadata() -> dict[str, Any]:
    """Return the arguments by which metadata may be in any encoding; from PyAV 19 on, it may be anyway."""
    import av

    return {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


def _refuse(url: str, flags: int, options: dict[str, str]) -> object:
    raise VoiceError("it names other files, and a recording holds its sound itself", Problem("recording-list"))


@cache
def _audio_codecs() -> str:
    """List decoders for sound; a picture inside a file is never decoded, as a small one can fill the memory."""
    from av.codec import Codec, codecs_available
    from av.codec.codec import UnknownCodecError

    names: list[str] = []
    for name in sorted(codecs_available):
        try:
            if Codec(name, "r").type == "audio":
                names.append(name)
        except UnknownCodecError:  # It only encodes.
            continue
    return ",".join(names)
