"""Where the value of each option comes from, and what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeEngine
from tests.http_serving import http
from tests.serving import until
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Description
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.options import OPTIONS

TOKEN = "open-sesame-7"


def sources(tmp_path: Path, *flags: str, **environment: str) -> dict[str, tuple[str, str | None]]:
    """Kind and name of the source of each option that is not a default."""
    found = config.load(flags, environment, tmp_path).sources
    return {name: (source.kind, source.name) for name, source in found.items()}


def test_each_value_knows_its_source_and_the_last_one_wins(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"voice": "file", "device": "cpu", "max-chunk-length": 100, "seed": None}))
    (tmp_path / ".env").write_text("MAX_CHUNK_LENGTH=150\nCHATTERBOX_SPEED=1.1\n")
    assert sources(tmp_path, "--config", str(file), "--voice", "flag", "--no-zeroconf", DEVICE="cuda") == {
        "voice": ("flag", "--voice"),
        "device": ("environment", "DEVICE"),
        "max_chunk_length": ("dotenv", "MAX_CHUNK_LENGTH"),
        "speed": ("dotenv", "CHATTERBOX_SPEED"),
        "zeroconf": ("flag", "--no-zeroconf"),
    }
    assert sources(tmp_path, "--config", str(file))["voice"] == ("file", str(file))
    assert config.load([], {}, tmp_path).source("voice").kind == "default"


def test_a_switch_is_named_as_it_was_given(tmp_path: Path) -> None:
    given = sources(tmp_path, "--no-standby", "--zeroconf", "--debug")
    assert given == {
        "standby": ("flag", "--no-standby"),
        "zeroconf": ("flag", "--zeroconf"),
        "debug": ("flag", "--debug"),
    }


def test_in_home_assistant_s_app_its_file_and_its_flags_are_the_app_s(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"voice": "alice"}')
    flags = ("--config", str(file), "--http-port", "8099")
    assert sources(tmp_path, *flags, SUPERVISOR_TOKEN="secret", DEVICE="cpu") == {
        "voice": ("app", "voice"),
        "http_port": ("app", "--http-port"),
        "device": ("environment", "DEVICE"),
    }
    assert sources(tmp_path, *flags)["http_port"] == ("flag", "--http-port")


def test_two_configurations_with_the_same_values_are_equal(tmp_path: Path) -> None:
    assert config.load(["--voice", "a"], {}, tmp_path) == config.load([], {"CHATTERBOX_VOICE": "a"}, tmp_path)


class Turbo(FakeEngine):
    """Says of itself that it is turbo on CUDA."""

    def describe(self) -> Description:
        return Description("turbo", "cuda:0", "float16", "none", "", {}, details={"prompt_seconds": 10.0})


async def options(tmp_path: Path, *flags: str, load: Any = None) -> dict[str, dict[str, Any]]:
    """The options as `/config` has them, by name, once Chatterbox is loaded."""
    async with http(tmp_path, *flags, load=load) as server:
        await until(lambda: server.running.service.lifecycle.about is not None)
        _, answer = await server.get("/config", headers={"Authorization": f"Bearer {TOKEN}"})
    return {option["name"]: option for option in answer["options"]}


async def test_config_has_every_option_with_its_value_and_its_source(tmp_path: Path) -> None:
    found = await options(tmp_path, "--voice", "alice", "--http-allow", "127.0.0.0/8")
    assert list(found) == [option.name for option in OPTIONS]
    assert found["voice"] == {
        "name": "voice",
        "flag": "--voice",
        "group": "Voices and speech",
        "help": "the voice for clients that name none",
        "takes": "the name of a voice",
        "value": "alice",
        "became": None,
        "default": "default",
        "source": {"kind": "flag", "name": "--voice"},
    }
    assert found["http_allow"]["value"] == ["127.0.0.0/8"]
    assert found["seed"]["source"] == {"kind": "default", "name": None}
    assert found["data_dir"]["value"] == [str(tmp_path)]


async def test_a_secret_is_said_to_be_set_and_not_shown(tmp_path: Path) -> None:
    found = await options(tmp_path, "--http-token", TOKEN)
    assert (found["http_token"]["value"], found["http_token"]["set"]) == (None, True)
    assert TOKEN not in json.dumps(found)
    assert (await options(tmp_path))["http_token"]["set"] is False


async def test_what_was_left_to_the_server_shows_what_it_became(tmp_path: Path) -> None:
    found = await options(tmp_path, "--dtype", "float16", load=lambda *_: Turbo())
    became = {name: option["became"] for name, option in found.items() if option["became"] is not None}
    assert became == {
        "model": "turbo",
        "model_revision": FAMILIES["turbo"].revision,
        "device": "cuda:0",
        "download_dir": str(tmp_path / "models"),
        "voices_dir": str(tmp_path / "voices"),
        "temperature": 0.8,
        "prompt_seconds": 10.0,
    }


async def test_a_setting_that_the_model_does_not_heed_becomes_nothing(tmp_path: Path) -> None:
    found = await options(tmp_path, "--model", "english", "--cfg-weight", "0.3")
    assert [found[name]["became"] for name in ("exaggeration", "cfg_weight", "temperature")] == [0.5, None, 0.8]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_defaults_that_are_shown_are_those_that_the_model_draws_with(family: Any) -> None:
    drawn = DEFAULTS[family.name]
    assert family.style == {name: getattr(drawn, name) for name in family.style}
    if "cfg_weight" not in family.style:
        assert (drawn.cfg_weight, drawn.exaggeration) == (0.0, 0.0)
