"""Whatever ffmpeg's libraries decode is read as mono samples; a file opens nothing but itself, and has bounds."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.sounds import FORMATS, Format, Wave, speech, write
from tests.test_recording import sparse
from wyoming_chatterbox.audio import decoding, opening
from wyoming_chatterbox.audio.decoding import examine, read_mono
from wyoming_chatterbox.audio.judging import judge
from wyoming_chatterbox.errors import VoiceError

RATE = 24_000
PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n",
    "m3u8 over http": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "m3u8 key": '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI="{path}"\n#EXTINF:10,\n{path}\n',
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 0\n",
    "dash": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet mimeType="audio/mp4">'
    '<Representation id="a">'
    "<BaseURL>http://127.0.0.1:{port}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "smil": '<smil><body><audio src="http://127.0.0.1:{port}/a.mp3"/></body></smil>',
    "pls": "[playlist]\nFile1={path}\nNumberOfEntries=1\n",
    "asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/a.mp3"/></entry></asx>',
    "imf": '<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"></AssetMap>',
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    wanted = speech(4)
    path = write(tmp_path / name, wanted, FORMATS[name])
    facts = examine(path)
    assert (facts.channels, facts.rate) == (1, FORMATS[name].rate)
    read = read_mono(path, RATE)
    assert read.dtype == np.float32
    assert len(read) == pytest.approx(len(wanted), abs=0.05 * RATE)
    # A codec for telephones loses what is above 4 kHz, a lossy one moves phases, some begin 20 ms late.
    found, expected = judge(read, RATE), judge(wanted, RATE)
    assert found.speech_seconds == pytest.approx(expected.speech_seconds, abs=0.1)
    assert found.level == pytest.approx(expected.level, abs=1)


def outline(wave: Wave) -> list[float]:
    """The RMS of each 0.1 s."""
    pieces = wave[: RATE * 38 // 10].reshape(-1, RATE // 10)
    return [float(value) for value in np.sqrt(np.mean(pieces**2, axis=1))]


@pytest.mark.parametrize("name", ["s16.wav", "s24.wav", "s32.wav", "u8.wav", "float.wav", "double.wav", "mulaw.wav"])
def test_samples_are_those_that_another_library_reads(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, speech(1), FORMATS[name])
    wanted, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(read_mono(path, rate), wanted)


@pytest.mark.parametrize("codec", ["s16.wav", "rec.m4a", "voice.opus", "cd.mp3"])
@pytest.mark.parametrize("other", [0.0, 1e-3])
def test_a_silent_channel_takes_nothing_from_one_that_sounds(tmp_path: Path, codec: str, other: float) -> None:
    alone = read_mono(write(tmp_path / f"alone-{codec}", speech(4), FORMATS[codec]), RATE)
    for first in (True, False):
        both = [speech(4), other * np.random.default_rng(0).normal(size=4 * RATE).astype(np.float32)]
        path = write(tmp_path / f"both-{codec}", np.stack(both if first else both[::-1]), FORMATS[codec])
        assert examine(path).channels == 2
        assert outline(read_mono(path, RATE)) == pytest.approx(outline(alone), abs=0.01)


def test_channels_that_sound_are_averaged(tmp_path: Path) -> None:
    path = write(tmp_path / "both.wav", np.stack([speech(2), 0.5 * speech(2)]), Format("pcm_f32le", RATE))
    np.testing.assert_allclose(read_mono(path, RATE), 0.75 * speech(2), atol=1e-6)


def test_sound_beside_pictures_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", speech(4), Format("aac"), video=True)
    assert len(read_mono(path, RATE)) == pytest.approx(4 * RATE, abs=0.05 * RATE)


def test_pictures_that_last_longer_than_the_sound_are_no_sign_of_a_missing_end(tmp_path: Path) -> None:
    path = tmp_path / "video.mkv"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=24_000, layout="mono")
        for number in range(60):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            picture.pts = number
            container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
        samples = (speech(8) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts = 24_000, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert len(read_mono(path, 24_000)) == pytest.approx(8 * 24_000, abs=100)


def test_a_picture_without_sound_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * number, np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    refused(tmp_path / "film.mp4", "no sound")


def test_metadata_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "alice.wav", speech(2), FORMATS["s16.wav"])
    content = path.read_bytes()
    title = b"INFOINAM" + struct.pack("<I", 6) + b"Zo\xeb\xff\xfe\0"
    content += b"LIST" + struct.pack("<I", len(title)) + title
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) - 8) + content[8:])
    assert len(read_mono(path, RATE)) == 2 * RATE


@pytest.mark.parametrize("name", ["s16.wav", "x.flac", "rec.m4a", "x.aiff", "rec.webm", "x.wv"])
def test_half_a_file_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, speech(4), FORMATS[name])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "cut off|only a part")


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_whose_length_was_not_known_when_it_was_begun_is_read(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "streamed.wav", speech(4), FORMATS["s16.wav"])
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", size)
    start = content.index(b"data") + 4
    content[start : start + 4] = struct.pack("<I", size)
    path.write_bytes(content)
    assert len(read_mono(path, RATE)) == 4 * RATE


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_not_numbers_are_named(tmp_path: Path, value: float) -> None:
    wave = speech(4)
    wave[70_000] = value
    soundfile.write(tmp_path / "broken.wav", wave, RATE, subtype="FLOAT")
    refused(tmp_path / "broken.wav", "not numbers")


def test_a_file_that_is_not_there_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_mono(tmp_path / "nobody.wav", RATE)


def test_a_file_has_a_most_of_bytes(tmp_path: Path) -> None:
    with (tmp_path / "huge.wav").open("wb") as file:
        file.truncate(opening.MOST_BYTES + 1)
    refused(tmp_path / "huge.wav", "at most 500 MB")


def test_a_file_has_a_most_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "alice.flac", speech(4), FORMATS["x.flac"])
    monkeypatch.setattr(opening, "MOST_WORK_SECONDS", 0.0)
    refused(path, "takes over 0 s")


@pytest.fixture
def port() -> Iterator[tuple[int, list[object]]]:
    """A port on this machine, and who connected to it."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, address = server.accept()
                except OSError:
                    return
                callers.append(address)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("suffix", ["wav", "m3u8", "mp4"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_opens_nothing(tmp_path: Path, kind: str, suffix: str, port: tuple[int, list[object]]) -> None:
    number, callers = port
    # Whoever opens a pipe waits for a writer.
    os.mkfifo(tmp_path / "other.wav")
    path = tmp_path / f"playlist.{suffix}"
    path.write_text(PLAYLISTS[kind].format(path=tmp_path / "other.wav", port=number))
    refused(path, "no sound file")
    assert callers == []


def refused(path: Path, reason: str) -> None:
    with pytest.raises(VoiceError, match=reason):
        read_mono(path, RATE)


BROKEN = [
    "s16.wav", "float.wav", "x.flac", "cd.mp3", "x.ogg", "x.oga", "voice.opus", "rec.m4a", "lossless.m4a", "x.aac",
    "rec.webm", "x.mka", "x.aiff", "x.caf", "x.wma", "x.au", "x.w64", "x.ac3", "x.wv", "x.tta", "x.ts", "x.avi",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A file of each format, and its content."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: write(folder / name, speech(1), FORMATS[name]).read_bytes() for name in BROKEN}


@pytest.mark.parametrize("name", BROKEN)
@examples(0.5)
@given(data=st.data())
def test_a_damaged_file_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, bytes], name: str, data: st.DataObject
) -> None:
    content = bytearray(whole[name])
    # Headers are at the beginning, and in some formats at the end.
    places = st.one_of(
        st.integers(0, 200), st.integers(0, len(content) - 1), st.integers(len(content) - 200, len(content) - 1)
    )
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        content[place] = value
    if data.draw(st.booleans()):
        del content[data.draw(places) :]
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}"
    path.write_bytes(content)
    try:
        examine(path)
        read = read_mono(path, RATE)
    except VoiceError:
        return
    assert np.isfinite(read).all()
    assert len(read) <= decoding.LONGEST_SECONDS * RATE


def test_a_header_that_promises_ten_hours_costs_nothing(tmp_path: Path) -> None:
    path = sparse(tmp_path / "long.wav", 1, 8_000, 2)
    content = bytearray(path.read_bytes())
    hours = 10 * 3600 * 8_000 * 2
    content[4:8] = struct.pack("<I", hours + 36)
    content[40:44] = struct.pack("<I", hours)
    path.write_bytes(content)
    refused(path, "cut off")
