"""A folder full of files that nobody should have: each is a voice or is named, and none stops another or the server."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from tests.client import PATIENCE, describe
from tests.http_serving import http
from tests.serving import until
from tests.sounds import FORMATS, Format, speech, write
from tests.test_recording import sparse
from tests.test_voices import look, names
from wyoming_chatterbox.audio.judging import Judgement
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.families import ENGLISH, TURBO
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.recordings import MAX_DEPTH, SUFFIXES, Recordings, listen

RATE = 24_000
NONE: frozenset[str] = frozenset()


def good(path: Path, name: str = "s16.wav") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, speech(3), FORMATS[name])


def samples(path: Path, wave: object, rate: int = RATE, **options: str) -> Path:
    soundfile.write(path, np.asarray(wave), rate, **options)
    return path


def bomb(path: Path, codec: str, rate: int, hours: float) -> Path:
    """Hours of silence in a small file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.open(strict=False)
        size = stream.codec_context.frame_size or 65_535
        frame = av.AudioFrame.from_ndarray(np.zeros((1, size), np.int16), "s16", "mono")
        frame.sample_rate = rate
        for start in range(0, round(hours * 3600 * rate), size):
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def picture(width: int, height: int) -> bytes:
    """A grey PNG, whose size says little about the memory that it fills."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((width + 1) * height), 1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_cover(path: Path, content: bytes) -> Path:
    """Put a picture before the sound of an MP3, as ID3v2.3 does."""
    sound = good(path, "cd.mp3").read_bytes()
    body = b"\0image/png\0\x03\0" + content
    frame = b"APIC" + struct.pack(">IH", len(body), 0) + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + frame + sound)
    return path


def listener(path: Path) -> None:
    """Leave a socket at a path, which may be longer than a socket's name can be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/s")
        Path(f"{short}/s").rename(path)


def header(path: Path, claims: int) -> Path:
    """A WAV that says how many bytes of sound it holds."""
    content = bytearray(good(path).read_bytes())
    start = content.index(b"data") + 4
    content[4:8] = content[start : start + 4] = struct.pack("<I", claims)
    path.write_bytes(content)
    return path


def truncated(path: Path, share: float) -> Path:
    content = good(path, path.name.partition("-")[2]).read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    return path


VOICES: dict[str, Callable[[Path], object]] = {
    "good.wav": good,
    "telephone.wav": lambda path: good(path, "telephone.wav"),
    "studio.wav": lambda path: good(path, "studio.wav"),
    "phone.m4a": lambda path: good(path, "rec.m4a"),
    "browser.webm": lambda path: good(path, "rec.webm"),
    "mp3-inside.wav": lambda path: good(path, "mp3-inside.wav"),
    "wav-inside.ogg": lambda path: good(path, "wav-inside.mp3"),
    "LOUD.WAV": good,
    "eight.wav": lambda path: samples(path, np.stack([speech(3)] * 8, 1)),
    "left.flac": lambda path: write(path, np.stack([speech(3), 0 * speech(3)]), Format("flac")),
    "beyond.wav": lambda path: samples(path, 3 * speech(3), subtype="FLOAT"),
    "direct.wav": lambda path: samples(path, speech(3) + 0.4),
    "film.mp4": lambda path: write(path, speech(3), Format("aac"), video=True),
    "cover.mp3": lambda path: with_cover(path, picture(20, 20)),
    "cover-bomb.mp3": lambda path: with_cover(path, picture(8_000, 8_000)),
    "sub/inner.wav": good,
    "sub/deeper/inner2.opus": lambda path: good(path, "voice.opus"),
    "folder.wav/inside.wav": good,
    "streamed.wav": lambda path: header(path, 0xFFFF_FFFF),
    "a..b.wav": good,
    "山田 太郎.wav": good,
    "x" * 251 + ".wav": good,
    "trailing.mp3": lambda path: path.write_bytes(good(path, "cd.mp3").read_bytes() + bytes(100_000)),
    "padded.wav": lambda path: path.write_bytes(good(path).read_bytes() + b"nothing" * 1000),
}
"""Files that are voices, each by the name of its file."""

NAMED: dict[str, Callable[[Path], object]] = {
    "zero.wav": Path.touch,
    "zero.m4a": Path.touch,
    "one-byte.mp3": lambda path: path.write_bytes(b"\xff"),
    "text.wav": lambda path: path.write_text("Dear Alice,\n" * 500),
    "text.opus": lambda path: path.write_text("x"),
    "zeros.flac": lambda path: path.write_bytes(bytes(200_000)),
    "garbage.mp3": lambda path: path.write_bytes(np.random.default_rng(0).bytes(300_000)),
    "ten-hours.wav": lambda path: header(path, 10 * 3600 * 16_000),
    "many-channels.wav": lambda path: sparse(path, 30_000, 8_000, 0.1),
    "channels.wav": lambda path: sparse(path, 64, 48_000, 1),
    "nine.wav": lambda path: samples(path, np.stack([speech(3)] * 9, 1)),
    "slow.wav": lambda path: sparse(path, 1, 3_999, 2),
    "fast.wav": lambda path: sparse(path, 1, 1_000_000, 1),
    "no-rate.wav": lambda path: sparse(path, 1, 0, 1),
    "bomb.flac": lambda path: bomb(path, "flac", 48_000, 1),
    "bomb.opus": lambda path: bomb(path, "libopus", 48_000, 0.05),
    "silent.wav": lambda path: samples(path, 0 * speech(5)),
    "quietest.wav": lambda path: samples(path, 1e-6 * speech(5), subtype="FLOAT"),
    "nan.wav": lambda path: samples(path, np.where(speech(3) > 0.2, np.nan, speech(3)), subtype="FLOAT"),
    "inf.wav": lambda path: samples(path, np.where(speech(3) > 0.2, np.inf, speech(3)), subtype="FLOAT"),
    "enormous.wav": lambda path: samples(path, 1e300 * speech(3).astype(float), subtype="DOUBLE"),
    "one-sample.wav": lambda path: samples(path, [0.5]),
    "none.wav": lambda path: samples(path, []),
    "short.wav": lambda path: samples(path, speech(0.5)),
    "mostly-silent.wav": lambda path: samples(path, np.append(0 * speech(5), speech(0.5))),
    "half-x.flac": lambda path: truncated(path, 0.5),
    "half-rec.m4a": lambda path: truncated(path, 0.9),
    "tail-cd.mp3": lambda path: truncated(path, 0.01),
    "stub-s16.wav": lambda path: truncated(path, 0.0002),
    "picture.wav": lambda path: path.write_bytes(picture(10, 10)),
    "picture.mp4": lambda path: path.write_bytes(picture(8_000, 8_000)),
    "photo.jpg": lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100)),
    "list.m3u8": lambda path: path.write_text("#EXTM3U\n#EXTINF:10,\n/etc/passwd\n"),
    "list.wav": lambda path: path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1/a.ts\n"),
    "concat.wav": lambda path: path.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"),
    "page.mp4": lambda path: path.write_text("<html><script>alert(1)</script></html>"),
    "archive.zip": lambda path: path.write_bytes(b"PK\5\6" + bytes(18)),
    "notes.txt": lambda path: path.write_text("alice is the first"),
    "program.py": lambda path: path.write_text("print('hello')"),
    "nothing": Path.touch,
    "pipe.wav": os.mkfifo,
    "listener.wav": listener,
    "device.wav": lambda path: path.symlink_to("/dev/zero"),
    "terminal.wav": lambda path: path.symlink_to("/dev/tty"),
    "dangling.wav": lambda path: path.symlink_to("nowhere"),
    "circle.wav": lambda path: path.symlink_to("circle.wav"),
    "folder.wav": Path.mkdir,
    "default.wav": good,
    "good.wma": lambda path: good(path, "x.wma"),
    "sub/good.wav": good,
    "two\nlines.wav": good,
    "red\x1b[31m.wav": good,
    "drow\u202eover.wav": good,
    "\u2066isolated.wav": good,
    "stray\udcff.wav": good,
    "sub/gap\u2028gap.wav": good,
    "line\nbreak/inner3.wav": good,
    "\x07.txt": lambda path: path.write_text("bell"),
}
"""Files that are named with their reason, each by the name of its file."""

IGNORED: dict[str, Callable[[Path], object]] = {
    ".hidden.wav": good,
    "....wav": good,
    ".folder/alice.wav": good,
    "good.yaml": lambda path: path.write_text("speed: 0.9"),
    "around": lambda path: path.symlink_to("."),
    "sub/up": lambda path: path.symlink_to(".."),
    "sub/again": lambda path: path.symlink_to("../sub"),
}
"""Files that are no recordings and not meant to be."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "voices"
    folder.mkdir()
    (folder / "folder.wav").mkdir()
    for name, make in (VOICES | NAMED | IGNORED).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            make(path)
    return folder


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """A WAV that somebody records into, of a length that nobody knows."""
    start = bytearray(good(path).read_bytes())
    stop = threading.Event()

    def write_on() -> None:
        with path.open("ab") as file:
            while not stop.wait(0.001):
                file.write(bytes(start[1000:3000]))
                file.flush()

    header(path, 0xFFFF_FFFF)
    thread = threading.Thread(target=write_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def printable(name: str) -> str:
    """A name as it is shown: in quotation marks if it can't be shown as it is."""
    return (
        name
        if name.isprintable()
        else "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name) + "'"
    )


@pytest.mark.slow(10)
@pytest.mark.timeout(300)
async def test_each_is_a_voice_or_named_and_the_server_answers_meanwhile(
    tmp_path: Path, hostile: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with growing(hostile / "growing.wav"):
        async with http(tmp_path, voices_directory=hostile) as server:
            voices = server.running.service.voices
            answers = 0
            while "x" * 251 not in names(voices.catalogue) or voices._has_more:
                assert (await describe(server.running.uri)).tts
                answers += 1
                await asyncio.sleep(0.01)
            assert answers > 3
            wanted = {Path(name).stem for name in VOICES} | {"default", "growing"}
            offered = {voice.name for voice in (await describe(server.running.uri)).tts[0].voices}
            assert offered - {"growing"} == wanted - {"growing"}
            told = (await server.get("/info"))[1]["broken_recordings"]
            assert set(told) - {"growing.wav"} == set(map(printable, NAMED))
            assert all(len(reason) > 8 for reason in told.values())
            assert all(text.isprintable() for text in (*told, *told.values()))
    assert "x" * 251 in wanted
    lines = [record.getMessage() for record in caplog.records if "No voice from" in record.getMessage()]
    assert all(line.isprintable() for line in lines)
    # Ten lines, and one that counts the others; files that change in between may have some more.
    assert len(lines) < 20


def test_a_decoder_may_raise_whatever_it_likes(tmp_path: Path) -> None:
    raised = [
        RecursionError("deep"),
        MemoryError(),
        ValueError("odd"),
        VoiceError("it is odd"),
        OSError(5, "I/O error"),
    ]
    for number in range(len(raised)):
        good(tmp_path / f"{number}.wav")
    good(tmp_path / "last.wav")

    def judged(path: Path) -> Judgement:
        if path.stem == "last":
            return listen(path)
        raise raised[int(path.stem)]

    found = Recordings(tmp_path, judged).look(NONE, ENGLISH.prompt)
    assert list(found.recordings) == ["last"]
    assert list(found.broken.values()) == [
        "it can't be listened to: RecursionError",
        "it can't be listened to: MemoryError",
        "it can't be listened to: ValueError",
        "it is odd",
        "it can't be read: I/O error",
    ]


def test_a_look_ends_and_the_next_goes_on(tmp_path: Path) -> None:
    for name in ("bob", "carl", "dora", "alice"):
        good(tmp_path / f"{name}.wav")
    heard: list[str] = []

    def judged(path: Path) -> Judgement:
        heard.append(path.stem)
        return listen(path)

    recordings = Recordings(tmp_path, judged, seconds=0)
    looks = [recordings.look(NONE, ENGLISH.prompt, "dora") for _ in range(5)]
    # What is asked for comes first, then one more with each look.
    assert heard == ["dora", "alice", "bob", "carl"]
    assert [len(found.unheard) for found in looks] == [3, 2, 1, 0, 0]
    assert [sorted(found.recordings) for found in looks][1] == ["alice", "dora"]
    assert looks[3] == looks[4]


def test_a_long_recording_that_hardly_anybody_speaks_in_is_named(tmp_path: Path) -> None:
    phrase = np.append(speech(0.8), np.zeros(9 * RATE, np.float32))
    samples(tmp_path / "sparse.wav", np.tile(phrase, 9))
    samples(tmp_path / "slow.wav", np.tile(phrase[: round(2.3 * RATE)], 9))
    found = Recordings(tmp_path).look(NONE, TURBO.prompt)
    assert list(found.recordings) == ["slow"]
    (reason,) = found.broken.values()
    assert reason.endswith("s of it within 15 s, and over 5 s are needed: leave out the long pauses")


async def test_the_folder_is_looked_at_again_at_once_while_there_is_more(tmp_path: Path) -> None:
    for number in range(6):
        good(tmp_path / f"{number}.wav")
    voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    voices._recordings = Recordings(tmp_path, listen, seconds=0)
    await voices.start()
    try:
        await until(lambda: len(voices.catalogue.voices) == 7)
    finally:
        await voices.close()


async def test_a_voice_that_nobody_has_listened_to_yet_is_waited_for(tmp_path: Path) -> None:
    for number in range(6):
        good(tmp_path / f"{number}.wav")
    voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    voices._recordings = Recordings(tmp_path, listen, seconds=0)
    await voices.start()
    try:
        assert (await voices.find("5")).name == "5"
    finally:
        await voices.close()


async def test_slow_looks_log_as_few_lines_as_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.wav").touch()
    voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
    voices._recordings = Recordings(tmp_path, listen, seconds=0)
    await voices.start()
    try:
        await until(lambda: len(voices.catalogue.broken) == 30)
        await until(lambda: "more files" in caplog.text)
    finally:
        await voices.close()
    assert len(caplog.records) == 11
    assert "20 more files can't be used either" in caplog.text


class TestSubFolders:
    def test_their_recordings_are_voices_and_their_profiles_are_found(self, tmp_path: Path) -> None:
        for name in ("alice.wav", "family/bob.wav", "family/young/carl.wav"):
            good(tmp_path / name)
        (tmp_path / "family" / "bob.yaml").write_text("speed: 0.9")
        (tmp_path / "alice.yml").write_text("speed: 0.9")
        found = Recordings(tmp_path).look(NONE, ENGLISH.prompt)
        assert {name: recording.file for name, recording in found.recordings.items()} == {
            "alice": "alice.wav",
            "bob": "family/bob.wav",
            "carl": "family/young/carl.wav",
        }
        assert found.profiles == (tmp_path / "alice.yml", tmp_path / "family" / "bob.yaml")
        assert found.broken == {}

    def test_a_name_that_is_taken_is_named_with_its_folder(self, tmp_path: Path) -> None:
        for name in ("a/alice.wav", "alice.wav", "b/alice.mp3"):
            good(tmp_path / name, "cd.mp3")
        found = Recordings(tmp_path).look(NONE, ENGLISH.prompt)
        assert found.recordings["alice"].file == "alice.wav"
        assert found.broken == dict.fromkeys(("a/alice.wav", "b/alice.mp3"), "there is another voice named 'alice'")

    def test_a_folder_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        good(tmp_path / "alice.wav")
        good(tmp_path / "locked" / "bob.wav")
        (tmp_path / "locked").chmod(0)
        try:
            found = Recordings(tmp_path).look(NONE, ENGLISH.prompt)
        finally:
            (tmp_path / "locked").chmod(0o755)
        if os.geteuid():
            assert found.broken == {"locked/": "it can't be read: Permission denied"}
        assert "alice" in found.recordings

    def test_they_are_looked_into_so_deep(self, tmp_path: Path) -> None:
        deep = tmp_path
        for _ in range(MAX_DEPTH + 3):
            deep /= "d"
            deep.mkdir()
        (tmp_path / Path(*["d"] * MAX_DEPTH) / "x.wav").touch()
        found = Recordings(tmp_path).look(NONE, ENGLISH.prompt)
        inside = "/".join(["d"] * MAX_DEPTH)
        assert list(found.broken) == [f"{inside}/d", f"{inside}/x.wav"]

    async def test_one_that_cannot_be_cloned_is_named_with_its_folder(self, tmp_path: Path) -> None:
        good(tmp_path / "family" / "bob.wav")
        voices = VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default")
        bob = (await look(voices)).find("bob")
        assert not voices.is_unfit(bob)
        voices.reject(bob, "it can't be cloned")
        assert (await look(voices)).broken == {"family/bob.wav": "it can't be cloned"}
        assert voices.is_unfit(bob)


async def test_what_was_found_in_a_recording_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "voices").mkdir()
    write(tmp_path / "voices" / "alice.m4a", np.append(0 * speech(3), 0.05 * speech(5)), FORMATS["rec.m4a"])
    async with http(tmp_path) as server:
        own, alice = (await server.get("/info"))[1]["voices"]
        assert own["judgement"] is None
        judged = alice["judgement"]
        assert judged["seconds"] == pytest.approx(8, abs=0.1)
        assert judged["speech_seconds"] == pytest.approx(4.8, abs=0.3)
        assert judged["level"] == pytest.approx(-49, abs=2)
        (finding,) = judged["findings"]
        assert finding == {
            "code": "quiet",
            "text": f"it is very quiet ({round(judged['level'])} dB): record closer to the microphone",
        }
        assert await server.running.service.voices.refresh(PATIENCE)
    assert caplog.text.count(f"The voice from alice.m4a could be better: {finding['text']}") == 1


def test_the_suffixes_of_phones_browsers_and_studios_are_known() -> None:
    assert {Path(name).suffix for name in FORMATS} <= SUFFIXES
    assert SUFFIXES.isdisjoint({".yaml", ".yml", ".txt", ".json", ".m3u8", ".m3u", ".pls", ".sdp"})


def test_a_cover_picture_is_not_unpacked(tmp_path: Path) -> None:
    """A picture of 100 MB in a file of 500 KB."""
    path = with_cover(tmp_path / "cover.mp3", picture(10_000, 10_000))
    assert path.stat().st_size < 1_000_000
    code = """
import re, sys
from pathlib import Path
from wyoming_chatterbox.audio.decoding import read_mono

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

for name in sys.argv[1:]:
    assert len(read_mono(Path(name), 24_000))
    print(peak())
"""
    plain = good(tmp_path / "plain.mp3", "cd.mp3")
    done = subprocess.run([sys.executable, "-c", code, plain, path], check=True, capture_output=True, text=True)
    before, after = map(int, done.stdout.split())
    assert after - before < 40_000_000
