"""Requests as Home Assistant sends them, and the answers that it must get."""

from __future__ import annotations

import asyncio
import logging
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeVoice

from tests.client import CYCLE, PATIENCE, describe, listen, plain, streamed
from tests.fakes import FakeEngine
from tests.reading import UNSPOKEN
from tests.serving import serving, until
from wyoming_chatterbox.engine import Block, Utterance
from wyoming_chatterbox.errors import AddressError, ConfigError, EngineError, OutOfMemoryError


async def test_describe_offers_one_installed_program_with_the_default_voice(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        info = await describe(running.uri)
    (program,) = info.tts
    assert (program.name, program.installed, program.supports_synthesize_streaming) == ("chatterbox", True, True)
    assert [(voice.name, voice.languages, voice.installed) for voice in program.voices] == [("default", ["en"], True)]


async def test_info_is_the_same_from_poll_to_poll(tmp_path: Path) -> None:
    def never(*_: object) -> object:
        raise EngineError("not today")

    async with serving(tmp_path, load=never) as running:  # type: ignore[arg-type]
        while_failing = await describe(running.uri)
    async with serving(tmp_path) as running:
        first = await describe(running.uri)
        await plain(running.uri, "Hello there.")
        assert await describe(running.uri) == first == while_failing


async def test_plain_text_is_one_audio_cycle_whatever_the_number_of_sentences(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        heard = await plain(running.uri, "One two three. Four five! Six?")
        assert heard.types == CYCLE
        assert heard.seconds == pytest.approx(0.6)
        assert running.chatterbox.texts == ["One two three.", "Four five!", "Six?"]


async def test_chunks_have_the_size_that_was_asked_for_and_one_format(tmp_path: Path) -> None:
    async with serving(tmp_path, "--samples-per-chunk", "1000") as running:
        heard = await plain(running.uri, "One.")
    chunks = [event for event in heard.events if event.type == "audio-chunk"]
    assert [len(event.payload or b"") for event in chunks] == [2000, 2000, 800]
    assert {(event.data["rate"], event.data["width"], event.data["channels"]) for event in chunks} == {(24000, 2, 1)}


async def test_a_stream_is_one_audio_cycle_and_then_stopped(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        heard = await streamed(running.uri, ["One two. ", "Three four five."])
        assert heard.types == [*CYCLE, "synthesize-stopped"]
        assert heard.seconds == pytest.approx(0.5)
        assert running.chatterbox.texts == ["One two.", "Three four five."], "the full text inside a stream is ignored"


async def test_words_split_across_chunks_are_joined(tmp_path: Path) -> None:
    async with serving(tmp_path, languages=(UNSPOKEN,)) as running:
        text = "The temperature is 21.5 degrees. Good night, Dr. Smith."
        await streamed(running.uri, [text[i : i + 3] for i in range(0, len(text), 3)])
        assert running.chatterbox.texts == ["The temperature is 21.5 degrees.", "Good night, Dr. Smith."]


async def test_a_finished_sentence_is_spoken_when_the_text_stalls(tmp_path: Path) -> None:
    async with serving(tmp_path, "--flush-after", "0.05") as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text="It is on.").event())
        heard = await asyncio.wait_for(listen(client, "audio-chunk"), PATIENCE)
        assert heard.types == ["audio-start", "audio-chunk"]
        assert running.chatterbox.texts == ["It is on."]


async def test_an_unfinished_sentence_waits_for_its_end(tmp_path: Path) -> None:
    async with serving(tmp_path, "--flush-after", "0.02") as running:
        await streamed(running.uri, ["It is ", "very ", "warm."], pause=0.1)
        assert running.chatterbox.texts == ["It is very warm."]


@pytest.mark.slow(3)
async def test_a_stream_without_stop_is_ended_with_an_error_after_what_it_had(tmp_path: Path) -> None:
    async with serving(tmp_path, "--stream-timeout", "0.1") as running:
        heard = await streamed(running.uri, ["One two. Three"], stop=False)
    assert heard.types == ["audio-start", "audio-chunk", "error", "audio-stop", "synthesize-stopped"]
    assert heard.seconds == pytest.approx(0.3)
    assert heard.error is not None
    assert "synthesize-stop" in heard.error.text


async def test_a_stream_goes_on_when_text_comes_more_slowly_than_it_is_spoken(tmp_path: Path) -> None:
    async with serving(tmp_path, "--stream-timeout", "0.5") as running:
        heard = await streamed(running.uri, ["One. ", "Two. ", "Three. "], pause=0.2)
    assert heard.types == [*CYCLE, "synthesize-stopped"]
    assert heard.seconds == pytest.approx(0.3)


async def test_two_requests_on_one_connection_are_answered_in_turn(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(Synthesize(text="One.").event())
        await client.write_event(Synthesize(text="Two two.").event())
        first, second = [await asyncio.wait_for(listen(client, "audio-stop"), PATIENCE) for _ in range(2)]
    assert (first.types, second.types) == (CYCLE, CYCLE)
    assert [first.seconds, second.seconds] == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize("text", ["", "   ", "😀", "**"])
async def test_nothing_to_say_is_a_breath_of_silence_not_an_error(tmp_path: Path, text: str) -> None:
    async with serving(tmp_path) as running:
        heard = await plain(running.uri, text)
        assert heard.types == CYCLE
        assert not any(heard.audio)
        assert (await streamed(running.uri, [text])).types == [*CYCLE, "synthesize-stopped"]
        assert running.chatterbox.texts == []


async def test_ping_and_describe_are_answered_while_the_same_connection_speaks(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        running.chatterbox.go_on.clear()
        await client.write_event(Synthesize(text="A long story.").event())
        await client.write_event(Ping(text="still there?").event())
        event = await asyncio.wait_for(client.read_event(), PATIENCE)
        assert event is not None
        assert Pong.from_event(event).text == "still there?"
        running.chatterbox.go_on.set()
        assert (await asyncio.wait_for(listen(client, "audio-stop"), PATIENCE)).types == CYCLE


async def test_unknown_events_are_passed_over(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(Event("play-music"))
        await client.write_event(Synthesize(text="One.").event())
        assert (await asyncio.wait_for(listen(client, "audio-stop"), PATIENCE)).types == CYCLE


async def test_a_client_that_leaves_frees_the_model_at_the_next_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(tmp_path) as running:
        engine = running.chatterbox
        engine.pause_after = 3
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(Synthesize(text="word " * 50).event())
            await until(lambda: engine.steps == 3)
        await until(lambda: engine.cancelled_after is not None)
        assert engine.cancelled_after == 3
        await until(lambda: sum("left before the end" in line for line in caplog.messages) == 1)
        engine.pause_after = None
        assert (await plain(running.uri, "Next.")).types == CYCLE
        assert running.service.replies.counters.cancelled == 1


async def test_a_client_that_leaves_before_its_turn_is_never_spoken_to(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        engine = running.chatterbox
        engine.go_on.clear()
        first = asyncio.create_task(plain(running.uri, "First."))
        await until(lambda: engine.texts == ["First."])
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(Synthesize(text="Second.").event())
            await until(lambda: running.scheduler.waiting == 2)
        await until(lambda: running.service.replies.active == 1)
        engine.go_on.set()
        await first
        await plain(running.uri, "Third.")
        assert engine.texts == ["First.", "Third."]


async def test_two_clients_take_turns_sentence_by_sentence(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        engine = running.chatterbox
        engine.go_on.clear()
        one = asyncio.create_task(plain(running.uri, "A one. A two. A three."))
        await until(lambda: engine.texts == ["A one."])
        two = asyncio.create_task(plain(running.uri, "B one. B two."))
        await until(lambda: running.scheduler.waiting == 2)
        engine.go_on.set()
        assert (await one).types == (await two).types == CYCLE
        assert engine.texts == ["A one.", "B one.", "A two.", "B two.", "A three."]


async def test_describe_is_answered_at_once_while_others_speak(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        speaking = [asyncio.create_task(plain(running.uri, "One two three.")) for _ in range(2)]
        await until(lambda: running.scheduler.waiting == 2)
        for _ in range(5):
            assert (await describe(running.uri)).tts
        running.chatterbox.go_on.set()
        assert [(await task).types for task in speaking] == [CYCLE, CYCLE]


@pytest.mark.parametrize("failure", [EngineError("the tensor is on fire"), RuntimeError("CUDA error: launch failure")])
async def test_without_a_standby_voice_a_failure_is_an_error_and_a_close(tmp_path: Path, failure: Exception) -> None:
    async with serving(tmp_path, "--no-standby") as running:
        running.chatterbox.failures = [failure]
        heard = await plain(running.uri, "One two.")
        assert heard.types == ["error"], "old Home Assistant sees the close, the new one the error"
        assert heard.error is not None
        assert heard.error.code == "synthesis-failed"
        assert str(failure) in heard.error.text

        running.chatterbox.failures = [failure]
        heard = await streamed(running.uri, ["One two. ", "Three."])
        assert heard.types == ["error", "audio-stop", "synthesize-stopped"]
        assert (await plain(running.uri, "Next.")).types == CYCLE


async def test_an_error_after_the_first_sentence_comes_before_the_end_of_the_audio(tmp_path: Path) -> None:
    async with serving(tmp_path, "--no-standby") as running:
        engine = running.chatterbox
        engine.go_on.clear()
        task = asyncio.create_task(streamed(running.uri, ["One two. ", "Three."]))
        await until(lambda: engine.texts == ["One two."])
        engine.failures = [EngineError("no more")]
        engine.go_on.set()
        assert (await task).types == ["audio-start", "audio-chunk", "error", "audio-stop", "synthesize-stopped"]


async def test_a_failing_chatterbox_is_stood_in_for_within_the_reply(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.failures = [OutOfMemoryError("the device is full")] * 2
        heard = await plain(running.uri, "One two. Three.")
        assert heard.types == CYCLE
        assert running.standby.texts == ["One two.", "Three."]
        await until(lambda: running.service.lifecycle.attempts == 2)
        await until(lambda: running.service.lifecycle.chatterbox is not None)


async def test_an_unknown_voice_is_an_error_that_names_the_voices_there_are(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        heard = await plain(running.uri, "One.", SynthesizeVoice(name="nobody"))
    assert heard.error is not None
    assert heard.error.code == "unknown-voice"
    assert "'nobody'" in heard.error.text
    assert "default" in heard.error.text


async def test_too_long_a_text_is_refused_plain_and_streamed(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-total-length", "100") as running:
        heard = await plain(running.uri, "word " * 21)
        assert heard.types == ["error"]
        assert heard.error is not None
        assert "100" in heard.error.text
        heard = await streamed(running.uri, ["word " * 10 + ". ", "word " * 21])
        assert heard.types[-3:] == ["error", "audio-stop", "synthesize-stopped"]


async def test_more_replies_than_the_limit_are_turned_away(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-replies", "1") as running:
        running.chatterbox.go_on.clear()
        first = asyncio.create_task(plain(running.uri, "First."))
        await until(lambda: running.service.replies.active == 1)
        heard = await plain(running.uri, "Second.")
        assert heard.error is not None
        assert heard.error.code == "overloaded"
        running.chatterbox.go_on.set()
        assert (await first).types == CYCLE


async def test_more_clients_in_use_than_the_limit_are_turned_away_and_welcome_again(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-connections", "1") as running:
        running.chatterbox.go_on.clear()
        first = asyncio.create_task(plain(running.uri, "First."))
        await until(lambda: running.service.replies.active == 1)
        heard = await plain(running.uri, "Second.")
        assert heard.error is not None
        assert heard.error.code == "overloaded"
        assert "--max-connections" in heard.error.text
        running.chatterbox.go_on.set()
        assert (await first).types == CYCLE
        assert (await plain(running.uri, "Third.")).types == CYCLE


@pytest.mark.slow(2)
async def test_shutting_down_ends_what_is_said_with_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        task = asyncio.create_task(streamed(running.uri, ["One two. "], stop=False))
        await until(lambda: running.chatterbox.texts == ["One two."])
        waiting = asyncio.create_task(streamed(running.uri, ["Waiting. Unfinished"], stop=False))
        await until(lambda: running.service.replies.active == 2)
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await client.write_event(Ping().event())
            await client.read_event()
            await running.server.close()
            without_text = await asyncio.wait_for(listen(client, "synthesize-stopped"), PATIENCE)
    for heard in (await task, await waiting, without_text):
        assert heard.types == ["error", "audio-stop", "synthesize-stopped"]
        assert heard.error is not None
        assert heard.error.text == "Server is shutting down"


async def test_shutting_down_waits_for_no_slow_engine(tmp_path: Path) -> None:
    """One that is in the middle of a long step, and one that isn't there yet."""

    class Slow(FakeEngine):
        def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
            yield from super().speak(utterance, lambda: False)

    slow = Slow()
    async with serving(tmp_path, load=lambda *_: slow) as running:
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        slow.pause_after = 1
        tasks = [asyncio.create_task(plain(running.uri, "One two.")) for _ in range(2)]
        await until(lambda: slow.steps == 1 and running.scheduler.waiting == 2)
        closing = asyncio.create_task(running.server.close())
        for heard in [await task for task in tasks]:
            assert heard.error is not None, "an old reply must not look complete"
            assert heard.error.text == "Server is shutting down"
        await closing
        slow.pause_after = None


async def test_nobody_new_is_served_while_shutting_down(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        task = asyncio.create_task(plain(running.uri, "One."))
        await until(lambda: running.chatterbox.texts == ["One."])
        closing = asyncio.create_task(running.server.close())
        await asyncio.sleep(0)
        with pytest.raises(OSError, match=r"."):
            await describe(running.uri)
        await task
        await closing


async def test_without_streaming_the_full_text_is_spoken(tmp_path: Path) -> None:
    async with serving(tmp_path, "--no-streaming") as running:
        assert not (await describe(running.uri)).tts[0].supports_synthesize_streaming
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk(text="One.").event())
            await client.write_event(Synthesize(text="One.").event())
            assert (await asyncio.wait_for(listen(client, "audio-stop"), PATIENCE)).types == CYCLE
        assert running.chatterbox.texts == ["One."]


async def test_it_speaks_on_a_unix_socket_too(tmp_path: Path) -> None:
    async with serving(tmp_path, uri=f"unix://{tmp_path}/wyoming.sock") as running:
        assert (await describe(running.uri)).tts
        assert (await plain(running.uri, "One.")).types == CYCLE


async def test_a_unix_socket_takes_the_place_of_a_dead_one_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "wyoming.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="something else"):
        async with serving(tmp_path, uri=f"unix://{path}"):
            pass
    assert path.read_text() == "precious"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(tmp_path, uri=f"unix://{path}") as running:
        assert (await describe(running.uri)).tts
        with pytest.raises(AddressError, match="another server"):
            async with serving(tmp_path, uri=f"unix://{path}"):
                pass
    assert not path.exists()


async def test_a_barge_in_is_served_beside_the_old_reply(tmp_path: Path) -> None:
    """Stopping playback doesn't reach the server: the old job runs on while a new connection comes."""
    async with serving(tmp_path) as running:
        old = asyncio.create_task(plain(running.uri, "Once upon a time. There was a king. He was old."))
        await until(lambda: running.chatterbox.steps > 0)
        assert (await plain(running.uri, "Stop.")).types == CYCLE
        assert (await old).types == CYCLE


@pytest.mark.slow(2)
async def test_describe_every_moment_under_load_never_fails(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        speaking = [asyncio.create_task(plain(running.uri, "Some words to say. " * 5)) for _ in range(3)]
        waits: list[float] = []
        while not all(task.done() for task in speaking):
            begun = time.monotonic()
            assert (await describe(running.uri)).tts
            waits.append(time.monotonic() - begun)
        assert [(await task).types for task in speaking] == [CYCLE] * 3
        assert statistics.median(waits) < PATIENCE
