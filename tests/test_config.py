"""Options come from four places, and a wrong one says so on one line."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wyoming_chatterbox import config
from wyoming_chatterbox.errors import ConfigError


def load(tmp_path: Path, *flags: str, **environment: str) -> config.Config:
    return config.load(flags, environment, tmp_path)


def test_the_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    options = load(tmp_path)
    assert options.uri == "tcp://0.0.0.0:10200"
    assert (options.http_host, options.http_port) == ("127.0.0.1", 4123)
    assert (options.model, options.device, options.dtype, options.quantization) == ("auto", "auto", "auto", "none")
    assert (options.max_chunk_length, options.memory_cleanup_interval, options.cuda_cache_clear_interval) == (280, 5, 3)
    assert options.standby
    assert options.streaming


def test_the_result_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load(tmp_path).voice = "other"  # type: ignore[misc]


def test_a_later_source_wins(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"voice": "file", "device": "cpu", "max_chunk_length": 100, "samples_per_chunk": 2048}))
    (tmp_path / ".env").write_text("MAX_CHUNK_LENGTH=150\nCHATTERBOX_VOICE=dotenv\nDEVICE=mps\nUNRELATED=1\n")
    options = load(tmp_path, "--config", str(file), "--voice", "flag", CHATTERBOX_VOICE="environment", DEVICE="cuda")
    assert options.voice == "flag"
    assert options.device == "cuda"
    assert options.max_chunk_length == 150
    assert options.samples_per_chunk == 2048


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_the_file_may_be_json_or_yaml_and_leave_options_open(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"options{suffix}"
    file.write_text('{"standby": false, "max-chunk-length": 120, "seed": null, "http_allow": ["10.0.0.0/8"]}')
    options = load(tmp_path, "--config", str(file))
    assert (options.standby, options.max_chunk_length, options.seed) == (False, 120, None)
    assert options.http_allow == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("variable", "value", "name", "meant"),
    [
        ("USE_INT8_QUANTIZATION", "true", "quantization", "int8"),
        ("USE_INT8_QUANTIZATION", "false", "quantization", "none"),
        ("MODEL_DTYPE", "bfloat16", "dtype", "bfloat16"),
        ("MODEL_DTYPE", "Float16", "dtype", "float16"),
        ("MAX_CHUNK_LENGTH", "200", "max_chunk_length", 200),
        ("MEMORY_CLEANUP_INTERVAL", "3", "memory_cleanup_interval", 3),
        ("CUDA_CACHE_CLEAR_INTERVAL", "2", "cuda_cache_clear_interval", 2),
    ],
)
def test_the_vram_guides_names_work(tmp_path: Path, variable: str, value: str, name: str, meant: object) -> None:
    assert getattr(load(tmp_path, **{variable: value}), name) == meant


def test_giving_memory_back_when_idle_is_off_unless_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path).idle_unload is None
    assert load(tmp_path, "--idle-unload", "300").idle_unload == 300
    assert load(tmp_path, CHATTERBOX_IDLE_UNLOAD="2.5").idle_unload == 2.5
    with pytest.raises(ConfigError, match="--idle-unload can't be '-1'"):
        load(tmp_path, "--idle-unload", "-1")


def test_wyomings_conventional_flags_work(tmp_path: Path) -> None:
    flags = (
        "--uri tcp://127.0.0.1:1234 --zeroconf --data-dir /a --data-dir /b --download-dir /c --voice alice "
        "--device cpu --no-streaming --samples-per-chunk 512 --local-files-only --debug --log-format %(message)s"
    )
    options = load(tmp_path, *flags.split())
    assert options.zeroconf == "chatterbox"
    assert options.data_dir == (Path("/a"), Path("/b"))
    assert options.models_directory == Path("/c")
    assert options.voices_directory == Path("/a/voices")
    assert not options.streaming
    assert options.local_files_only
    assert load(tmp_path, "--zeroconf", "kitchen").zeroconf == "kitchen"


def test_zeroconf_is_on_unless_it_is_switched_off(tmp_path: Path) -> None:
    assert load(tmp_path).zeroconf == "chatterbox"
    assert load(tmp_path, "--no-zeroconf").zeroconf is None
    for no in ("false", "no", "off", "0"):
        assert load(tmp_path, CHATTERBOX_ZEROCONF=no).zeroconf is None
    assert load(tmp_path, CHATTERBOX_ZEROCONF="true").zeroconf == "chatterbox"
    assert load(tmp_path, "--zeroconf", "kitchen", CHATTERBOX_ZEROCONF="false").zeroconf == "kitchen"
    file = tmp_path / "options.json"
    file.write_text('{"zeroconf": false}')
    assert load(tmp_path, "--config", str(file)).zeroconf is None


@pytest.mark.parametrize(("word", "meant"), [("YES", True), (" on ", True), ("1", True), ("off", False), ("No", False)])
def test_true_and_false_may_be_said_in_several_ways(tmp_path: Path, word: str, meant: bool) -> None:
    assert load(tmp_path, CHATTERBOX_STANDBY=word).standby is meant
    with pytest.raises(ConfigError, match="--no-standby can't be 'perhaps'"):
        load(tmp_path, CHATTERBOX_STANDBY="perhaps")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--device", "gpu"], ["--device", "'gpu'", "cuda", "a flag"]),
        (["--uri", "http://x:1"], ["--uri", "'http://x:1'", "tcp://HOST:PORT"]),
        (["--uri", "tcp://x"], ["--uri", "'tcp://x'"]),
        (["--uri", "tcp://x:99999"], ["--uri", "99999"]),
        (["--dtype", "int8"], ["--dtype", "'int8'", "bfloat16"]),
        (["--max-chunk-length", "0"], ["--max-chunk-length", "'0'", "40", "1000"]),
        (["--max-chunk-length", "3.5"], ["--max-chunk-length", "'3.5'"]),
        (["--temperature", "nan"], ["--temperature", "'nan'"]),
        (["--seed", "-1"], ["--seed", "'-1'"]),
        (["--model", "/no/such/place"], ["--model", "/no/such/place", "turbo", "directory"]),
        (["--http-allow", "everyone"], ["--http-allow", "everyone", "192.168.1.0/24"]),
        (["--http-proxy", "everyone"], ["--http-proxy", "everyone", "172.30.32.2"]),
        (["--http-host", "0.0.0.0"], ["--http-host", "0.0.0.0", "--http-token", "--http-allow", "--http-proxy"]),
        (["--voice", ""], ["--voice", "''"]),
        (["--log-format", "%(foo"], ["--log-format", "%(foo"]),
        (["--voices-dir", "~nosuchuser/x"], ["--voices-dir", "~nosuchuser/x"]),
        (["--zeroconf", "x" * 80], ["--zeroconf", "63"]),
        (["--voice"], ["--voice"]),
        (["--colour", "red"], ["--colour"]),
    ],
)
def test_a_wrong_flag_names_option_value_and_rule(tmp_path: Path, flags: list[str], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *flags)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_wrong_value_says_where_it_came_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="MODEL_DTYPE in the environment"):
        load(tmp_path, MODEL_DTYPE="float8")
    (tmp_path / ".env").write_text("MAX_CHUNK_LENGTH=many\n")
    with pytest.raises(ConfigError, match=r"MAX_CHUNK_LENGTH in .*\.env"):
        load(tmp_path)
    (tmp_path / ".env").unlink()
    file = tmp_path / "options.json"
    file.write_text('{"http_port": true}')
    with pytest.raises(ConfigError, match=r"--http-port can't be True \(from .*options\.json\)"):
        load(tmp_path, "--config", str(file))


@pytest.mark.parametrize("content", ["{", "[1, 2]", "just text", '{"voise": "x"}'])
def test_a_file_that_is_no_set_of_options_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "options.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"options\.json"):
        load(tmp_path, "--config", str(file))
    with pytest.raises(ConfigError, match="nowhere"):
        load(tmp_path, "--config", str(tmp_path / "nowhere.json"))


def test_a_misspelt_variable_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"CHATTERBOX_VOISE.*there are:.*voice"):
        load(tmp_path, CHATTERBOX_VOISE="alice")


def test_what_docker_tells_of_a_service_called_chatterbox_is_no_option(tmp_path: Path) -> None:
    links = {
        "CHATTERBOX_SERVICE_HOST": "10.0.0.1",
        "CHATTERBOX_PORT_10200_TCP_ADDR": "10.0.0.1",
        "CHATTERBOX_PORT": "x",
    }
    assert load(tmp_path, **links) == load(tmp_path)


def test_odd_files_are_named_too(tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text("seed: .inf")
    with pytest.raises(ConfigError, match=r"--seed can't be inf"):
        load(tmp_path, "--config", str(file))
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env can't be read"):
        load(tmp_path)


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        file = tmp_path / "options.json"
        file.write_text('{"http_token": 1234567}')
        load(tmp_path, "--config", str(file))
    assert "1234567" not in str(caught.value)


def test_the_command_ends_with_2_and_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wyoming_chatterbox", "--device", "abacus"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "'abacus'" in done.stderr


def test_version_and_help(tmp_path: Path) -> None:
    for flag, expected in (("--version", "0."), ("--help", "--max-chunk-length")):
        command = [sys.executable, "-m", "wyoming_chatterbox", flag]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert expected in done.stdout
