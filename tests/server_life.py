"""A server's whole life, told as JSON: python -m tests.server_life CHECKPOINT DIRECTORY [FLAG...]

It starts without a model and speaks with the standby voice; gets the model of CHECKPOINT from a hub at `hub.test` or,
with `--local-files-only`, finds it in its data directory; speaks with it, in a cloned voice then; and stops. HOME and
everything else that names a place for files is an empty directory in DIRECTORY, beside the server's data directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import soundfile
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.client import CYCLE, listen
from tests.hub import Hub
from tests.process import server_process
from wyoming_chatterbox.families import NANO

PLACES = {
    "HOME": "home",
    "TMPDIR": "tmp",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "share",
    "XDG_STATE_HOME": "state",
}
PATIENCE = 240.0
"""Seconds: a library compiles for the first cloned voice, and this machine may be busy."""


async def live(checkpoint: Path, data: Path, hub: Hub, *flags: str) -> None:
    """Run the server with `flags` and its data in `data`."""
    local = "--local-files-only" in flags
    address = f"http://hub.test:{urlsplit(hub.url).port}"
    options = ("--device", "cpu", "--model", "nano", *flags)
    async with server_process(data, *options, hub=address) as server:
        await server.answering()
        await server.reaches("failed", PATIENCE)
        await say(server.uri, "There is no model yet. Xyzzy!", "default")
        if local:
            shutil.copytree(checkpoint, data / "models" / NANO.repository.rpartition("/")[2])
        else:
            for path in checkpoint.iterdir():
                hub.add(NANO.repository, path.name, path.read_bytes())
            hub.pin(NANO)
        await server.reaches("ready", PATIENCE)
        await say(server.uri, "Now.", "guest" if local else "default")
        recent = (await server.get("info"))["recent"]
        assert isinstance(recent, list)
        assert [reply["engine"] for reply in recent] == ["nano", "standby"]
        assert await server.stop() == 0


async def say(uri: str, text: str, voice: str) -> None:
    async with asyncio.timeout(PATIENCE), AsyncClient.from_uri(uri) as client:
        await client.write_event(Synthesize(text=text, voice=SynthesizeVoice(name=voice)).event())
        assert (await listen(client, "audio-stop")).types == CYCLE


def main() -> None:
    checkpoint, directory = Path(sys.argv[1]), Path(sys.argv[2])
    data = directory / "data"
    (data / "voices").mkdir(parents=True)
    noise = 0.1 * np.random.default_rng(0).standard_normal(6 * 24000)
    soundfile.write(data / "voices" / "guest.wav", noise, 24000)
    for name, place in PLACES.items():
        (directory / place).mkdir()
        os.environ[name] = str(directory / place)
    with Hub() as hub:
        asyncio.run(live(checkpoint, data, hub, *sys.argv[3:]))
        asked = [request.path for request in hub.requests]
    files = [path for place in PLACES.values() for path in (directory / place).rglob("*")]
    print(json.dumps({"asked": asked, "files": [str(path.relative_to(directory)) for path in files]}))  # noqa: T201


if __name__ == "__main__":
    main()
