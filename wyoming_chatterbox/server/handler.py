"""One Wyoming connection: events in, events out.

Two tasks share it. The reader answers questions and notices at any time that the client leaves; the speaker speaks the
requests one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from ..audio.samples import CHANNELS, WIDTH, pcm_chunks
from ..engine import SAMPLE_RATE, Block
from ..errors import ChatterboxError, OverloadedError, ProtocolError, ShuttingDownError, UnexpectedError
from ..faults import message
from ..health_check import HEALTH_CHECK
from ..network.connections import Connection
from ..quoting import quoted
from ..speech.replies import Reply
from ..speech.service import Service
from ..text.items import Item
from ..text.pipeline import checked_length, each, items_of
from ..text.stream import TextStream
from ..voices.voice import NamedVoice
from .info import info_answer
from .peer import LINGER_SECONDS, Peer
from .protocol import is_ssml, read_event, text_field, voice_fields

_LOGGER = logging.getLogger(__name__)

_FORMAT = {"rate": SAMPLE_RATE, "width": WIDTH, "channels": CHANNELS}
_MAX_WAITING_REQUESTS = 16
_IDLE_SECONDS = 300.0
"""Seconds without an event after which a connection is closed."""
_FIRST_PROBE_SECONDS, _LONGEST_PROBE_SECONDS = 0.02, 1.0
"""Seconds between two probes of a client that sends no more."""


@dataclass(frozen=True)
class _Request:
    name: str | None
    language: str | None
    text: str | TextStream
    ssml: bool

    @property
    def streamed(self) -> bool:
        return isinstance(self.text, TextStream)


class Handler:
    """Serves one client of `service`."""

    def __init__(
        self,
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: Connection,
        *,
        half_close_means_gone: bool = True,
    ) -> None:
        """`connection` is the client's place among the connections of the port.

        `half_close_means_gone` says what the end of the input means in the middle of a stream: the client is gone (a
        socket), or its text is complete (a pipe).
        """
        self._service = service
        self._connection = connection
        self._half_close_means_gone = half_close_means_gone
        self._peer = Peer(reader, writer)
        self._client = self._peer.name
        self._requests: asyncio.Queue[_Request | None] = asyncio.Queue()
        self._open_stream: TextStream | None = None
        self._speaker: asyncio.Task[None] | None = None
        self._current: _Request | None = None
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client leaves or an error ends the connection."""
        peer = self._peer
        self._speaker = asyncio.create_task(self._speak_requests(), name=f"speaker for {self._client}")
        try:
            while not peer.ended and await self._answer_next():
                pass
            if not peer.ended:
                await self._speak_the_rest(self._speaker)
        except ChatterboxError as err:
            if not peer.ended:
                _LOGGER.warning("%s is turned away: %s", self._client, err)
            self._fail(err, self._current)
        except (ConnectionError, TimeoutError) as err:
            _LOGGER.debug("%s is gone: %s", self._client, message(err))
        except Exception:
            _LOGGER.exception("Serving %s failed", self._client)
            self._fail(UnexpectedError(), self._current)
        finally:
            if self._current is not None and not peer.ended:
                _LOGGER.info("%s left before the end", self._client)
            await self._silence_speaker()
            if peer.ended:
                await peer.discard_input()
            peer.close()
            await peer.closed()
            self._ended.set()

    async def stop(self) -> None:
        """End the current reply with an error, and the connection with it, because the server shuts down."""
        request = self._current
        if request is None and not self._requests.empty():
            request = self._requests.get_nowait()
        if request is not None:
            self._fail(ShuttingDownError("Server is shutting down"), request)
        elif not self._peer.ended:
            self._peer.close()
        await self._silence_speaker()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self._ended.wait()
        self._peer.abort()

    async def _answer_next(self) -> bool:
        """Read one event and act on it; return False if there are no more. Nothing holds the event afterwards."""
        try:
            event = await read_event(self._peer.reader, self._service.config.longest_body, _IDLE_SECONDS)
        except TimeoutError:
            if self._current is None:
                raise
            return True
        if event is not None and not Ping.is_type(event.type):
            # A ping asks for nothing, so the client still counts as idle.
            self._connection.touch()
        if event is not None and not self._peer.ended:
            await self._answer(event)
        return event is not None

    async def _answer(self, event: Event) -> None:
        """Answer a question or note a request; ignore unknown events, as Wyoming asks."""
        if Describe.is_type(event.type):
            if HEALTH_CHECK not in event.data:
                self._service.reach.visited(self._peer.address)
            streaming, trouble = self._service.config.streaming, self._service.lifecycle.trouble
            await self._peer.send(info_answer(self._service.voices.catalogue, streaming=streaming, trouble=trouble))
        elif Ping.is_type(event.type):
            text = text_field(event.data, "text") if event.data.get("text") is not None else None
            await self._peer.send(Pong(text).event())
        elif Synthesize.is_type(event.type):
            self._synthesize(event)
        elif not self._service.config.streaming:
            _LOGGER.debug(
                "%s sent %s, which is ignored: it is unknown, or streaming is off", self._client, quoted(event.type)
            )
        elif SynthesizeStart.is_type(event.type):
            self._start_stream(event)
        elif SynthesizeChunk.is_type(event.type):
            self._stream(event).add(text_field(event.data, "text"))
        elif SynthesizeStop.is_type(event.type):
            self._stream(event).finish()
            self._open_stream = None
        else:
            _LOGGER.debug("%s sent %s, which is ignored", self._client, quoted(event.type))

    async def _speak_the_rest(self, speaker: asyncio.Task[None]) -> None:
        """Speak the remaining requests to a client that sends no more, as long as it is still there.

        An unfinished stream is not spoken: Home Assistant leaves it when nobody wants the reply any more.
        """
        if self._open_stream is not None:
            if self._half_close_means_gone:
                return
            self._open_stream.finish()
        self._requests.put_nowait(None)
        pause = _FIRST_PROBE_SECONDS
        while (await asyncio.wait([speaker], timeout=pause))[1]:
            await self._peer.probe()
            pause = min(2 * pause, _LONGEST_PROBE_SECONDS)

    def _synthesize(self, event: Event) -> None:
        if self._open_stream is not None:
            # Home Assistant repeats the full text for servers without streaming; ignore it inside a stream.
            return
        text = checked_length(text_field(event.data, "text"), self._service.config.max_total_length)
        name, language = voice_fields(event.data)
        self._enqueue(_Request(name, language, text, is_ssml(event.data)))

    def _start_stream(self, event: Event) -> None:
        if self._open_stream is not None:
            raise ProtocolError("synthesize-start came inside a stream: synthesize-stop is missing")
        name, language = voice_fields(event.data)
        config, ssml = self._service.config, is_ssml(event.data)
        stream = TextStream(
            max_total=config.max_total_length,
            flush_after=config.flush_after,
            timeout=config.stream_timeout,
            ssml=ssml,
        )
        self._open_stream = stream
        self._enqueue(_Request(name, language, stream, ssml))

    def _stream(self, event: Event) -> TextStream:
        if self._open_stream is None:
            raise ProtocolError(f"{event.type} came outside a stream: synthesize-start is missing")
        return self._open_stream

    def _enqueue(self, request: _Request) -> None:
        if self._requests.qsize() >= _MAX_WAITING_REQUESTS:
            raise OverloadedError(f"{_MAX_WAITING_REQUESTS} requests wait on this connection already")
        self._requests.put_nowait(request)

    async def _speak_requests(self) -> None:
        while (request := await self._requests.get()) is not None:
            self._current = request
            try:
                await self._speak(request)
                self._current = None
            except ConnectionError as err:
                _LOGGER.info("%s left before the end: %s", self._client, err)
                # A plain close would wait for ever for the client to read the rest.
                self._peer.abort()
                return
            except ChatterboxError as err:
                if not self._peer.ended:
                    _LOGGER.warning("%s got an error: %s", self._client, err)
                self._fail(err, request)
                return
            except Exception:
                _LOGGER.exception("Speaking to %s failed", self._client)
                self._fail(UnexpectedError(), request)
                return
            finally:
                if isinstance(request.text, TextStream):
                    request.text.close()

    async def _speak(self, request: _Request) -> None:
        voice = await self._service.voices.find(request.name, request.language)
        # Chatterbox can be loaded while the text is still being written; a place among the replies is taken only once
        # there is something to speak.
        with self._service.lifecycle.wanted():
            if isinstance(request.text, TextStream):
                stream = request.text
                stream.read_as(voice.language, self._service.reading_of(voice))
                await stream.begun()
                with self._connection.busy(lambda: stream.waits):
                    await self._reply(request, stream, voice)
            else:
                items = items_of(request.text, voice.language, self._service.reading_of(voice), ssml=request.ssml)
                with self._connection.busy():
                    await self._reply(request, each(items), voice)

    async def _reply(self, request: _Request, items: AsyncIterable[Item], voice: NamedVoice) -> None:
        async with self._service.replies.open(voice, self._client) as reply:
            started = False
            async with aclosing(reply.speak(items)) as blocks:
                async for block in blocks:
                    if not started:
                        await self._peer.send(AudioStart(**_FORMAT).event())
                        started = True
                    await self._send_audio(block, reply)
            await self._peer.send(AudioStop().event())
            if request.streamed:
                await self._peer.send(SynthesizeStopped().event())

    async def _send_audio(self, block: Block, reply: Reply) -> None:
        for pcm in pcm_chunks(block, self._service.config.samples_per_chunk):
            await self._peer.send(AudioChunk(audio=pcm, **_FORMAT).event())
            reply.wait_for_client()
            # A write to a socket with room does not yield to other tasks.
            await asyncio.sleep(0)

    def _fail(self, err: ChatterboxError, request: _Request | None) -> None:
        """End a reply with an error: newer versions of Home Assistant read it, older ones notice the close."""
        text = str(err).encode("utf-8", "replace").decode("utf-8")
        last_words = [Error(text=text, code=err.code).event()]
        if request is not None and request.streamed:
            last_words += [AudioStop().event(), SynthesizeStopped().event()]
        self._peer.end(*last_words)
        # The traceback's frames hold this handler, and may hold the error: a reference cycle.
        err.__traceback__ = None

    async def _silence_speaker(self) -> None:
        # Drop the task as well: a cancelled task holds its frames, and they hold this handler.
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            speaker.cancel()
            await asyncio.wait([speaker])
