"""The comparison of precisions on a tiny checkpoint: what it measures, writes and shows; never how fast anything is."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import wave
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import Tiny
from tests.run_time_list import hiding_fixture  # noqa: F401
from wyoming_chatterbox.compare import __main__ as compare
from wyoming_chatterbox.compare.report import Spoken, page, picture, spectrum, wav_bytes
from wyoming_chatterbox.engine.measuring.compare import differences

HOSTILE = '</dd><script src="https://example.org/x.js">alert("&")</script>'
PRECISIONS = ["float32", "float32", "int8"]


class Page(HTMLParser):
    """The parts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def sources(self, tag: str) -> list[str]:
        return [attributes["src"] or "" for name, attributes in self.tags if name == tag]


def embedded(source: str, kind: str) -> bytes:
    start = f"data:{kind};base64,"
    assert source.startswith(start)
    return base64.b64decode(source.removeprefix(start), validate=True)


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture(scope="module")
def spoken(nano: Path) -> list[Spoken]:
    """Float32, the same again, and int8."""
    options = compare.parse(["--model", str(nano), "--device", "cpu", "--tokens", "20"])
    options.precisions = PRECISIONS  # a command line refuses the same one twice
    return compare.compare(options)


def made_up(precision: str, number: int) -> Spoken:
    """A precision that nothing spoke in."""
    sound = np.random.default_rng(number).uniform(-0.5, 0.5, 12000).astype(np.float32)
    figures: dict[str, Any] = {
        "precision": precision,
        "reason": f"{precision} was asked for",
        "formats": {"T3": {precision: 1000}},
        "parts": {"T3": 1_000_000},
        "same_draws": 3,
        "tokens_per_s": 100.0,
        "first_audio_s": 0.1,
        "peak_memory": 2_000_000,
    }
    return Spoken(f"{number}-{precision}", figures, wav_bytes(sound))


@pytest.mark.slow(8)
@pytest.mark.timeout(300)
class TestComparison:
    def test_a_precision_is_no_way_from_itself(self, spoken: list[Spoken]) -> None:
        figures = spoken[1].figures
        assert (figures["top1"], figures["kl"], figures["mel_db"]) == (1, 0, 0)
        assert figures["same_draws"] == figures["tokens"] == 20
        assert spoken[1].wav == spoken[0].wav

    def test_int8_is_a_little_way_from_float32(self, spoken: list[Spoken]) -> None:
        figures = spoken[2].figures
        assert 0.5 < figures["top1"] <= 1
        assert 0 < figures["kl"] < 0.1
        assert 0 < figures["mel_db"] < 2
        assert np.abs(spectrum(spoken[2].wav) - spectrum(spoken[0].wav)).mean() < 3

    def test_all_are_as_long_as_the_references_tokens(self, spoken: list[Spoken]) -> None:
        for one in spoken:
            with wave.open(io.BytesIO(one.wav)) as file:
                assert file.getparams()[:4] == (1, 2, 24000, 23 * 960)  # Three tokens of silence follow.

    def test_int8_holds_fewer_bytes(self, spoken: list[Spoken]) -> None:
        exact, held = spoken[0].figures, spoken[2].figures
        assert held["parts"]["T3"] < 0.7 * exact["parts"]["T3"]
        assert held["formats"]["T3"]["int8"] > 0
        assert exact["formats"]["T3"].keys() == {"float32"}
        assert held["used"] == "int8"

    def test_a_column_says_what_the_device_made_of_a_precision(self, spoken: list[Spoken]) -> None:
        assert [one.label for one in spoken] == [one.figures["precision"] for one in spoken]
        other = Spoken("4-int4", {"precision": "int4", "used": "int8"}, b"")
        assert other.label == "int4 (int8)"

    def test_the_figures_of_speed_are_there(self, spoken: list[Spoken]) -> None:
        for one in spoken:
            assert one.figures["tokens_per_s"] > 0
            assert one.figures["first_audio_s"] > 0
            assert one.figures["peak_memory"] > sum(one.figures["parts"].values())


@pytest.mark.slow(8)
@pytest.mark.timeout(300)
def test_the_command_writes_sound_files_and_a_report_with_the_same_sound(
    nano: Path, tmp_path: Path, hiding: dict[str, str]
) -> None:
    """It needs no package that isn't in docker/requirements.txt."""
    recording = tmp_path / "me & you.wav"
    soundfile.write(recording, 0.1 * np.random.default_rng(0).standard_normal(6 * 24000), 24000)
    output = tmp_path / "new" / "output"
    options = ["--model", str(nano), "--device", "cpu", "--tokens", "5", "--precisions", "int8", "int4"]
    options += ["--text", HOSTILE, "--voice", str(recording), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-m", "wyoming_chatterbox.compare", *options],
        capture_output=True,
        text=True,
        env=hiding,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "KL divergence" in done.stdout
    assert done.stdout.splitlines()[-1] == str(output / "report.html")
    assert sorted(path.name for path in output.iterdir()) == ["1-int8.wav", "2-int4.wav", "report.html"]
    report = Page((output / "report.html").read_text(encoding="utf-8"))
    sounds = [embedded(source, "audio/wav") for source in report.sources("audio")]
    assert sounds == [(output / "1-int8.wav").read_bytes(), (output / "2-int4.wav").read_bytes()]
    assert HOSTILE in report.words
    assert recording.name in report.words


class TestReport:
    def test_asks_for_nothing_from_outside(self) -> None:
        report = Page(page({"text": "Hello."}, [made_up("float32", 1), made_up("int8", 2)]))
        assert len(report.sources("audio")) == len(report.sources("img")) == 2
        for tag, attributes in report.tags:
            assert tag not in ("script", "link", "iframe", "object", "base")
            assert "href" not in attributes
            assert (attributes.get("src") or "data:").startswith("data:")

    def test_shows_hostile_words_as_words(self) -> None:
        report = Page(page({"text": HOSTILE, "voice": HOSTILE}, [made_up("float32", 1), made_up(HOSTILE, 2)]))
        assert "script" not in {tag for tag, _ in report.tags}
        assert report.words.count(HOSTILE) >= 4

    def test_a_tone_is_a_light_line_in_its_picture(self) -> None:
        tone = 0.5 * np.sin(2 * np.pi * 3000 * np.arange(24000) / 24000).astype(np.float32)
        levels = spectrum(wav_bytes(tone))
        pixels, _ = shades(picture(levels, float(levels.max())))
        middle = pixels[:, pixels.shape[1] // 2]
        # 3 of 12 kHz, the lowest at the bottom.
        assert abs(int(middle.argmax()) - 0.75 * len(middle)) <= 2
        assert middle.max() >= 250
        assert middle[: len(middle) // 2].max() < 100

    def test_silence_is_a_picture_too(self) -> None:
        levels = spectrum(wav_bytes(np.zeros(960, np.float32)))
        pixels, _ = shades(picture(levels, float(levels.max())))
        assert len(set(pixels.ravel().tolist())) == 1

    def test_a_long_sound_has_a_picture_of_bounded_width(self) -> None:
        assert spectrum(wav_bytes(np.zeros(40 * 24000, np.float32))).shape[1] <= 1001


def shades(png: bytes) -> tuple[Any, Any]:
    """The shades of a PNG file (height, width), as its chunks hold them, and its palette."""
    import struct
    import zlib

    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, rest = {}, png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, content = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(kind + content),)
        chunks[kind], rest = content, rest[12 + length :]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(256, 3)


def test_the_differences_are_those_worked_out_by_hand() -> None:
    wanted = np.log(np.array([[0.6, 0.4], [0.9, 0.1]], np.float32))
    got = np.log(np.array([[0.4, 0.6], [0.9, 0.1]], np.float32))
    mel = np.zeros((1, 80, 4), np.float32)
    found = differences(wanted, got, mel, mel + 0.1)
    # 0.6 ln(0.6 / 0.4) + 0.4 ln(0.4 / 0.6) in the first row, nothing in the second.
    assert found["kl"] == pytest.approx(0.2 * np.log(1.5) / 2, rel=1e-5)
    assert found["top1"] == 0.5
    assert found["mel_db"] == pytest.approx(20 * np.log10(np.exp(0.1)), rel=1e-5)
    other_way = differences(np.log(np.array([[0.5, 0.5]])), np.log(np.array([[0.9, 0.1]])), mel, mel)["kl"]
    assert other_way == pytest.approx(0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(5))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--precisions", "float32"],
        ["--precisions", "float32", "int1"],
        ["--precisions", "int8", "float32", "int8"],
        ["--family", "giant"],
        ["--tokens", "1"],
        ["--seed", "-1"],
        ["--text", " "],
        ["--text", "\udcff"],
        ["--voice", "nobody.wav"],
        ["--better"],
    ],
)
def test_a_bad_option_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        compare.main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert arguments[0].lstrip("-") in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--model", "{nano}", "--family", "turbo"], "turbo"),
        (["--model", "{nano}", "--language", "xx"], "xx"),
        (["--model", "{nowhere}"], "nowhere"),
        (["--language", "de"], "nano speaks en"),
        (["--model", "{nano}", "--output", "{nano}/conds.pt"], "conds.pt"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    filled = [argument.format(nano=nano, nowhere=tmp_path / "nowhere") for argument in arguments]
    assert compare.main(["--output", str(tmp_path / "output"), *filled]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
    assert not (tmp_path / "output" / "report.html").exists()


@pytest.mark.slow(8)
def test_a_recording_that_is_no_sound_is_one_line(
    nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "voice.wav"
    recording.write_text("no sound")
    options = ["--model", str(nano), "--device", "cpu", "--voice", str(recording), "--output", str(tmp_path / "output")]
    assert compare.main(options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "voice.wav" in line
