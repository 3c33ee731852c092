"""One core and a few servers for all tests: what each of them does is Home Assistant's day."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant

from tests.homeassistant.core import Speaker, add, home_assistant
from tests.process import server_process

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("SERVER_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
"""The Python of the server's own environment."""

FILES = """
import sys
from pathlib import Path
from tests import checkpoints
from tests.test_voices import record
folder = Path(sys.argv[1])
checkpoints.make("multilingual", folder / "model")
record(folder / "voices" / "alice.wav")
"""


def pytest_report_header() -> str:
    return f"Home Assistant {__version__}"


@pytest.fixture(scope="session")
async def hass(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HomeAssistant]:
    async with home_assistant(tmp_path_factory.mktemp("config")) as hass:
        yield hass


@pytest.fixture(scope="session")
async def standby(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Speaker]:
    """A server without a model: the standby voice, which says the same text the same way each time."""
    async with server_process(
        tmp_path_factory.mktemp("standby"), "--seed", "7", "--stream-timeout", "1", python=PYTHON
    ) as server:
        await server.answering()
        yield await add(hass, server.uri, server.http)


@pytest.fixture(scope="session")
async def whole(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Speaker]:
    """A server that takes whole messages only."""
    async with server_process(
        tmp_path_factory.mktemp("whole"), "--seed", "7", "--no-streaming", python=PYTHON
    ) as server:
        await server.answering()
        yield await add(hass, server.uri, server.http)


@pytest.fixture(scope="session")
async def multilingual(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Speaker]:
    """A server with a tiny, random Chatterbox of many languages and a recording of Alice."""
    folder = tmp_path_factory.mktemp("multilingual")
    making = await asyncio.create_subprocess_exec(PYTHON, "-c", FILES, str(folder), cwd=ROOT)
    assert await making.wait() == 0
    async with server_process(
        folder, *("--model", str(folder / "model"), "--device", "cpu", "--seed", "7"), python=PYTHON
    ) as server:
        await server.answering()
        await server.reaches("ready")
        yield await add(hass, server.uri, server.http)
