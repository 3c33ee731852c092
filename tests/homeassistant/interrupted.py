"""A core of its own that begins a long reply and is stopped in the middle of it.

python -m tests.homeassistant.interrupted CONFIGURATION-DIRECTORY SERVER-URI SERVER-PAGE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.homeassistant.core import add, begun, hanging, home_assistant


async def main(directory: str, uri: str, http: str) -> None:
    async with home_assistant(Path(directory)) as hass:
        speaker = await add(hass, uri, http)
        reply = speaker.stream()
        reply.async_set_message_stream(hanging("There is always another sentence to come. " * 200))
        await begun(reply)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
