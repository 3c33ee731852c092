"""A sentence that nobody can say is left out of a reply; a reply of nothing else is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp

from tests.client import CYCLE, plain, streamed
from tests.fakes import WORD_SECONDS, FakeEngine
from tests.http_serving import http
from tests.process import server_process
from tests.serving import until
from wyoming_chatterbox.engine import Block, Utterance
from wyoming_chatterbox.errors import TextError


class EnglishOnly(FakeEngine):
    """Knows no word of another script."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        if not utterance.text.isascii():
            raise TextError(f"I can't say {utterance.text!r}")
        return super().speak(utterance, cancelled)


async def test_over_either_protocol_the_rest_is_spoken_and_nothing_is_an_error(tmp_path: Path) -> None:
    engine = EnglishOnly("chatterbox")
    async with http(tmp_path, "--no-standby", load=lambda *_: engine) as server:
        uri, replies = server.running.uri, server.running.service.replies
        await until(lambda: server.running.service.lifecycle.speaking is not None)

        mixed = "Привет, мир. Good morning to you. Пока. So long now."
        for heard in (await plain(uri, mixed), await streamed(uri, [mixed])):
            assert heard.types[:3] == CYCLE
            assert round(heard.seconds / WORD_SECONDS) == 7
            assert (replies.records[-1].outcome, replies.records[-1].left_out) == ("done", 2)

        for heard in (await plain(uri, "Привет. Пока."), await streamed(uri, ["Привет. Пока."])):
            assert heard.types[0] == "error"
            assert heard.error is not None
            assert heard.error.code == replies.records[-1].outcome == "unspeakable-text"
            assert "'Привет. Пока.'" in heard.error.text

        status, error = await server.refusal(input="Привет. Пока.")
        assert (status, error["code"], error["param"]) == (400, "unspeakable-text", "input")
        async with server.client.post("/v1/audio/speech", json={"input": mixed, "response_format": "pcm"}) as response:
            assert round(len(await response.read()) / 2 / 24000 / WORD_SECONDS) == 7

        assert replies.counters.failed == 3
        assert server.running.service.lifecycle.attempts == 1


async def test_the_standby_voice_s_reply_goes_on_to_its_last_sentence(tmp_path: Path) -> None:
    async with server_process(tmp_path, "--model", "nano", "--seed", "1") as server:
        await server.answering()
        await server.reaches("failed")
        whole, last, broken = await asyncio.gather(
            plain(server.uri, f"Good morning. The code is {'7' * 37}. ¹ž①ž. 你好，世界。 The door is open."),
            plain(server.uri, "The door is open."),
            plain(server.uri, "你好，世界。"),
        )
        assert whole.types == CYCLE
        assert whole.audio.endswith(last.audio)
        assert whole.seconds > last.seconds + 10
        assert broken.types == ["error"]
        assert broken.error is not None
        assert broken.error.text == "The standby voice speaks English only, and can't say '你好，世界。'"
        url = f"{server.http}/v1/audio/speech"
        async with aiohttp.ClientSession() as session, session.post(url, json={"input": "Привет."}) as response:
            assert response.status == 400
        assert "Traceback" not in server.said()
