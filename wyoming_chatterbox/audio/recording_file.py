"""Reads a recording's bytes for ffmpeg, without those by which a small file fills the memory.

ffmpeg unpacks what is compressed in headers and metadata, a thousandfold and for each of many entries. No recorder
writes such a thing, so it is kept from ffmpeg: an ID3 tag is no tag to it, and other packed headers end the file.
"""

from __future__ import annotations

import os
import re
import time
from typing import BinaryIO

from ..errors import SlowRecordingError, VoiceError
from ..problem import Problem

_TAG = re.compile(rb"ID3[\x02-\x04][^\xff][\x00-\xff][\x00-\x7f]{4}")
"""The beginning of an ID3v2 tag, as ffmpeg knows it."""
_TAG_HEADER = 10
"""Bytes of that beginning."""
_PACKED_MOV = b"dcomzlib"
"""A QuickTime header that is compressed."""
_MATROSKA, _TRACKS = b"\x1a\x45\xdf\xa3", b"\x16\x54\xae\x6b"
"""IDs of Matroska's first element, and of the list of its tracks."""
_COMPRESSION = (b"\x6d\x80", b"\x62\x40", b"\x50\x34")
"""IDs of elements inside each other, by which a track says that it is compressed."""
_MOST_TRACKS_BYTES = 4_000_000
_AROUND = 12
"""Bytes around those that are read, which are searched too: a mark may begin in one read and end in the next."""
_UNKNOWN_SIZE = 0x7FFF_0000
"""Bytes from which on a WAV's size is one that was not known when its header was written."""


class RecordingFile:
    """A file as PyAV reads it; it seems to end when time is over, as an error here would be lost inside ffmpeg."""

    def __init__(self, file: BinaryIO, seconds: float) -> None:
        """`seconds` is how long reading may take."""
        self._file = file
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._packed = False
        self._first = self._end_of_tags()
        self._is_matroska = self._at(self._first, 4) == _MATROSKA
        file.seek(self._first)

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def check(self) -> None:
        """Raise `SlowRecordingError` if reading takes too long, and `VoiceError` for what would fill the memory."""
        if self._packed:
            raise VoiceError("its header is compressed: save it as WAV", Problem("recording-packed"))
        if self._is_late:
            slow = Problem("recording-slow", {"seconds": self._seconds})
            raise SlowRecordingError(f"it takes over {self._seconds:g} s to read", slow)

    def read(self, size: int) -> bytes:
        if self._packed or self._is_late:
            return b""
        start = self._file.tell()
        read = self._file.read(size)
        before = min(_AROUND, start)
        window = self._at(start - before, before) + read + self._at(start + len(read), _AROUND)
        if _PACKED_MOV in window or (self._is_matroska and self._compresses_tracks(window, start - before)):
            self._packed = True
            return b""
        if _TAG.search(window) is None:
            return read
        harmless = _TAG.sub(lambda tag: bytes(3) + tag[0][3:], window)
        return harmless[before : before + len(read)]

    def seek(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_SET:
            offset += self._first
        try:
            position = self._file.seek(offset, whence)
        except (OSError, ValueError):  # A broken file may point anywhere.
            position = self._file.seek(0, os.SEEK_END)
        if position < self._first:
            position = self._file.seek(self._first)
        return position - self._first

    def tell(self) -> int:
        return self._file.tell() - self._first

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes that are there, and bytes that a WAV's header promises: ffmpeg reads that as if it fitted."""
        there = self._file.seek(0, os.SEEK_END) - self._first
        self._file.seek(self._first)
        head = self._at(self._first, 8)
        if len(head) < 8 or head[:4] != b"RIFF":
            return there, there
        size = int.from_bytes(head[4:], "little")
        return there, size + 8 if size < _UNKNOWN_SIZE else there

    def _at(self, position: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, position)

    def _end_of_tags(self) -> int:
        """Return the position after all ID3 tags that the file begins with."""
        position = 0
        while not self._is_late and _TAG.match(head := self._at(position, _TAG_HEADER)):
            size = 0
            for byte in head[6:]:
                size = size << 7 | byte
            # A tag may end as it begins.
            position += _TAG_HEADER * (2 if head[5] & 0x10 else 1) + size
        return position

    def _compresses_tracks(self, window: bytes, position: int) -> bool:
        """Whether a Matroska file's tracks, listed somewhere in `window`, are compressed, or may be."""
        found = window.find(_TRACKS)
        while found >= 0:
            inside = position + found + len(_TRACKS)
            head = self._at(inside, 8)
            # The zero bits that a length begins with tell how many bytes more it has.
            more = 8 - head[0].bit_length() if head else 0
            length = int.from_bytes(head[: more + 1], "big") & ((1 << 7 * (more + 1)) - 1)
            if length > _MOST_TRACKS_BYTES:
                return True
            tracks = self._at(inside + more + 1, length)
            if all(mark in tracks for mark in _COMPRESSION):
                return True
            found = window.find(_TRACKS, found + 1)
        return False
