"""A small file whose headers or metadata unpack to much fills no memory, and one with usual tags is read."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.sounds import FORMATS, speech, write
from wyoming_chatterbox.audio.decoding import examine, read_mono
from wyoming_chatterbox.errors import VoiceError

MEGABYTES = 80
"""Bytes that each packed thing unpacks to."""
PACKED = zlib.compress(bytes(MEGABYTES << 20), 9)


def tag(frames: bytes) -> bytes:
    return b"ID3\4\0\0" + sync_safe(len(frames)) + frames


def sync_safe(number: int) -> bytes:
    return bytes([number >> shift & 127 for shift in (21, 14, 7, 0)])


def packed_pictures(number: int = 4) -> bytes:
    picture = zlib.compress(b"\0image/png\0\x03\0\x89PNG\r\n\x1a\n" + bytes(MEGABYTES << 20), 9)
    size = sync_safe((MEGABYTES << 20) + 20)
    return tag(number * (b"APIC" + sync_safe(len(picture) + 4) + b"\0\x09" + size + picture))


def without_tag(content: bytes) -> bytes:
    if content[:3] != b"ID3":
        return content
    size = int.from_bytes(content[6:10], "big")
    return content[10 + (size & 127 | size >> 1 & 0x3F80 | size >> 2 & 0x1FC000) :]


def mp3(path: Path, before: bytes) -> Path:
    sound = without_tag(write(path, speech(3), FORMATS["cd.mp3"]).read_bytes())
    path.write_bytes(before + sound)
    return path


def wav(path: Path, before: int = 0) -> Path:
    """A tag in a chunk; `before` are the bytes of one ahead of it."""
    pcm, chunk = bytes(96_000), packed_pictures()
    inside = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 24_000, 48_000, 2, 16)
    inside += b"JUNK" + struct.pack("<I", before) + bytes(before)
    inside += b"data" + struct.pack("<I", len(pcm)) + pcm + b"id3 " + struct.pack("<I", len(chunk)) + chunk
    path.write_bytes(b"RIFF" + struct.pack("<I", len(inside)) + inside)
    return path


def atom(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def mov(path: Path) -> Path:
    size = MEGABYTES << 20
    inside = struct.pack(">I4sI4s", size, b"moov", size - 8, b"free") + bytes(size - 16)
    packed = atom(b"cmvd", struct.pack(">I", size) + zlib.compress(inside, 9))
    header = atom(b"moov", atom(b"cmov", atom(b"dcom", b"zlib") + packed))
    path.write_bytes(atom(b"ftyp", b"qt  \0\0\0\0qt  ") + header + atom(b"mdat", bytes(1000)))
    return path


def mp4(path: Path, samples: int, tracks: int = 1) -> Path:
    """A file whose tables say that each track has so many samples of AAC, all of one size, in one chunk."""

    def table(name: bytes, *numbers: int) -> bytes:
        return atom(name, struct.pack(f">{1 + len(numbers)}I", 0, *numbers))

    decoder = table(b"esds", 0x03190001, 0x00041140, 0x15000000, 0, 0x05021, 0x18806010, 0x02000000)
    codec = struct.pack(">6xH8xHHIIH", 1, 1, 16, 0, 48_000, 0) + decoder
    tables = table(b"stts", 1, samples, 1024) + table(b"ctts", 1, samples, 1) + table(b"stsc", 1, 1, samples, 1)
    tables += table(b"stsz", 1, samples) + table(b"stco", 1, 40)
    tables += atom(b"stsd", struct.pack(">II", 0, 1) + atom(b"mp4a", codec))
    about = table(b"mdhd", 0, 0, 48_000, 4_800_000, 0) + atom(b"hdlr", bytes(8) + b"soun" + bytes(13))
    track = atom(b"trak", atom(b"mdia", about + atom(b"minf", atom(b"stbl", tables))))
    header = atom(b"moov", tracks * track)
    path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(b"mdat", bytes(5000)) + header)
    return path


def mkv(path: Path, tracks: int) -> Path:
    def element(name: str, content: bytes) -> bytes:
        return bytes.fromhex(name) + struct.pack(">Q", len(content) | 1 << 56) + content

    def number(name: str, value: int) -> bytes:
        return element(name, value.to_bytes(4, "big"))

    private = element("63A2", zlib.compress(bytes(30 << 20), 9))
    compression = element("5034", number("4254", 0))
    encodings = element(
        "6D80", element("6240", number("5031", 0) + number("5032", 2) + number("5033", 0) + compression)
    )
    sound = element("E1", element("B5", struct.pack(">d", 24_000)) + number("9F", 1) + number("6264", 16))

    def track(index: int) -> bytes:
        numbers = number("D7", index) + number("73C5", index) + number("83", 2)
        return element("AE", numbers + element("86", b"A_PCM/INT/LIT") + sound + private + encodings)

    listed = element("1654AE6B", b"".join(track(index + 1) for index in range(tracks)))
    block = element("A3", b"\x81\0\0\x80" + bytes(48_000))
    cluster = element("1F43B675", number("E7", 0) + block)
    head = element("1A45DFA3", element("4282", b"matroska") + number("4287", 4) + number("4285", 2))
    path.write_bytes(head + element("18538067", element("1549A966", number("2AD7B1", 1_000_000)) + listed + cluster))
    return path


def test_what_is_packed_fills_no_memory(tmp_path: Path) -> None:
    bombs = [
        mp3(tmp_path / "one.mp3", packed_pictures()),
        mp3(tmp_path / "two.mp3", tag(bytes(100)) + packed_pictures()),
        wav(tmp_path / "chunk.wav"),
        # The tag's mark lies across two reads.
        *(wav(tmp_path / f"{shift}.wav", 2 * shift) for shift in (0, 17_000)),
        mov(tmp_path / "header.mov"),
        mkv(tmp_path / "one.mkv", 1),
        mkv(tmp_path / "many.mkv", 30),
        mp4(tmp_path / "one.m4a", 20_000_000),
        mp4(tmp_path / "many.m4a", 8_000_000, 8),
    ]
    code = """
import resource, sys
from pathlib import Path
from wyoming_chatterbox.audio.decoding import read_mono
from wyoming_chatterbox.errors import VoiceError

read_mono(Path(sys.argv[1]), 24_000)
for name in sys.argv[1:]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read_mono(Path(name), 24_000)
    except VoiceError:
        pass
    print(Path(name).name, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""
    plain = mp3(tmp_path / "plain.mp3", b"")
    done = subprocess.run([sys.executable, "-c", code, plain, *bombs], check=True, capture_output=True, text=True)
    grown = {name: int(size) for name, size in map(str.split, done.stdout.splitlines())}
    assert len(grown) == 1 + len(bombs)
    assert max(grown.values()) < 30, grown


FOOTED = b"\4\0\x10" + sync_safe(50)
"""The beginning of a tag that has a footer, which is the same."""


@pytest.mark.parametrize(
    "before", [tag(bytes(100)), 3 * tag(bytes(5000)), b"ID3" + FOOTED + b"x" * 50 + b"3DI" + FOOTED]
)
def test_tags_before_the_sound_are_passed_over(tmp_path: Path, before: bytes) -> None:
    alone = read_mono(mp3(tmp_path / "alone.mp3", b""), 24_000)
    tagged = read_mono(mp3(tmp_path / "tagged.mp3", before), 24_000)
    assert tagged.tolist() == alone.tolist()


def test_sound_with_packed_tags_is_still_read(tmp_path: Path) -> None:
    assert examine(mp3(tmp_path / "a.mp3", packed_pictures())).codec.startswith("mp3")
    assert len(read_mono(wav(tmp_path / "a.wav"), 24_000)) == 48_000


@pytest.mark.parametrize("make", [mov, lambda path: mkv(path, 1)])
def test_a_header_that_is_compressed_is_named(tmp_path: Path, make: object) -> None:
    assert callable(make)
    with pytest.raises(VoiceError, match="its header is compressed: save it as WAV"):
        read_mono(make(tmp_path / "a"), 24_000)
