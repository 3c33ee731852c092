"""One Wyoming connection: events in, events out.

Two tasks share it. One reads, so that a question is answered and a client's leaving is seen at any time; the other
speaks the requests one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from .audio import CHANNELS, WIDTH, pcm_chunks, silence
from .connections import Connection
from .engine import SAMPLE_RATE, Block, Voice
from .errors import ChatterboxError, OverloadedError, ProtocolError, RequestError, ShuttingDownError
from .info import build_info
from .protocol import read_event, text_field, voice_fields
from .replies import Record
from .sentences import split
from .service import Service
from .text_stream import TextStream

_LOGGER = logging.getLogger(__name__)

_FORMAT = {"rate": SAMPLE_RATE, "width": WIDTH, "channels": CHANNELS}
_MAX_WAITING_REQUESTS = 16
_WRITE_TIMEOUT = 60.0
"""Seconds that a client may take to read before it is given up."""
_LINGER = 2.0
"""Seconds that a client has to read an error before its connection is gone."""
_IDLE_TIMEOUT = 300.0
"""Seconds after which a connection on which nothing happens is closed."""
_NOTHING_TO_SAY = silence(0.1)
"""A client that gets no sound at all reports a failure; a smiley is none."""


@dataclass(frozen=True)
class _Request:
    name: str | None
    language: str | None
    text: str | TextStream

    @property
    def streamed(self) -> bool:
        return isinstance(self.text, TextStream)


class Handler(AsyncEventHandler):
    """Serves one client of `service`."""

    def __init__(
        self,
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: Connection,
        *,
        hears_end: bool = True,
    ) -> None:
        """`connection` is told what keeps its place.

        `hears_end`: the end of the input means that the client is gone (a socket), not that it waits (a pipe).
        """
        super().__init__(reader, writer)
        self._service = service
        self._connection = connection
        self._hears_end = hears_end
        peer = writer.get_extra_info("peername")
        self._client = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) and len(peer) >= 2 else "local client"
        self._requests: asyncio.Queue[_Request | None] = asyncio.Queue()
        self._open_stream: TextStream | None = None
        self._speaker: asyncio.Task[None] | None = None
        self._current: _Request | None = None
        self._failing: ChatterboxError | None = None
        self._hung_up = False
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client leaves or a fault ends the connection."""
        self._speaker = asyncio.create_task(self._speak_requests(), name=f"speaker for {self._client}")
        try:
            await self._read()
            if not self._hears_end:
                if self._open_stream is not None:
                    self._open_stream.finish()
                self._requests.put_nowait(None)
                await self._speaker
        except ChatterboxError as err:
            _LOGGER.warning("%s is turned away: %s", self._client, err)
            await self.turn_away(err)
        except (ConnectionError, TimeoutError) as err:
            _LOGGER.debug("%s is gone: %s", self._client, err or type(err).__name__)
        except Exception:
            _LOGGER.exception("Serving %s failed", self._client)
        finally:
            await self._silence_speaker()
            self._close()
            self._ended.set()

    async def stop(self) -> None:
        """End what is being said with an error, and the connection with it: the server shuts down."""
        if self._failing is None:
            await self._silence_speaker()
            if self._current is None and not self._requests.empty():
                self._current = self._requests.get_nowait()
            if self._current is not None:
                await self._fail(ShuttingDownError("Server is shutting down"), self._current)
            else:
                self._close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await self._ended.wait()
        self.writer.transport.abort()

    async def turn_away(self, err: ChatterboxError) -> None:
        """Answer a fault of the client's with an error and the end of the connection."""
        await self._silence_speaker()
        await self._fail(err, self._current)
        await self._discard_input()

    async def handle_event(self, event: Event) -> bool:
        """Answer a question or note a request; unknown events are passed over, as Wyoming asks."""
        if Describe.is_type(event.type):
            with self._connection.busy():
                catalogue = await self._service.catalogue()
            await self._send(build_info(catalogue, streaming=self._service.config.streaming).event())
        elif Ping.is_type(event.type):
            text = text_field(event.data, "text") if event.data.get("text") is not None else None
            await self._send(Pong(text).event())
        elif Synthesize.is_type(event.type):
            self._synthesize(event)
        elif not self._service.config.streaming:
            _LOGGER.debug("%s sent %s, which is switched off", self._client, event.type)
        elif SynthesizeStart.is_type(event.type):
            self._start_stream(event)
        elif SynthesizeChunk.is_type(event.type):
            self._stream(event).add(text_field(event.data, "text"))
        elif SynthesizeStop.is_type(event.type):
            self._stream(event).finish()
            self._open_stream = None
        else:
            _LOGGER.debug("%s sent %s, which is nothing for us", self._client, event.type)
        return True

    async def _read(self) -> None:
        while not self._hung_up:
            try:
                event = await read_event(self.reader, _IDLE_TIMEOUT)
            except TimeoutError:
                if self._current is None:
                    raise
                continue
            if event is None:
                return
            if not Ping.is_type(event.type):
                # Whoever only pings asks for nothing.
                self._connection.touch()
            if not self._hung_up:
                await self.handle_event(event)
        await self._discard_input()

    def _synthesize(self, event: Event) -> None:
        if self._open_stream is not None:
            # For servers that know nothing of streams: the same text again.
            return
        text = text_field(event.data, "text")
        name, language = voice_fields(event.data)
        self._enqueue(_Request(name, language, text))

    def _start_stream(self, event: Event) -> None:
        if self._open_stream is not None:
            raise ProtocolError("synthesize-start came inside a stream: synthesize-stop is missing")
        name, language = voice_fields(event.data)
        config = self._service.config
        stream = TextStream(
            max_chunk=config.max_chunk_length,
            max_total=config.max_total_length,
            flush_after=config.flush_after,
            timeout=config.stream_timeout,
        )
        self._open_stream = stream
        self._enqueue(_Request(name, language, stream))

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
            except (ConnectionError, TimeoutError) as err:
                _LOGGER.info("%s left before the end: %s", self._client, err or type(err).__name__)
                # What it doesn't read would keep a mere close waiting for ever.
                self.writer.transport.abort()
                return
            except ChatterboxError as err:
                _LOGGER.warning("%s got an error: %s", self._client, err)
                await self._fail(err, request)
                return
            except Exception as err:
                _LOGGER.exception("Speaking to %s failed", self._client)
                await self._fail(ChatterboxError(f"Unexpected {type(err).__name__}: see the server's log"), request)
                return
            finally:
                if isinstance(request.text, TextStream):
                    request.text.close()

    async def _speak(self, request: _Request) -> None:
        voice = (await self._service.catalogue()).find(request.name, request.language)
        with self._connection.busy(), self._service.replies.open(voice, self._client) as reply:
            started = False
            async for sentence in self._sentences(request.text):
                async with aclosing(reply.say(sentence)) as blocks:
                    async for block in blocks:
                        if not started:
                            await self._send(AudioStart(**_FORMAT).event())
                            started = True
                        await self._send_audio(block)
            if not started:
                await self._send(AudioStart(**_FORMAT).event())
                await self._send_audio(_NOTHING_TO_SAY)
            await self._send(AudioStop().event())
            if request.streamed:
                await self._send(SynthesizeStopped().event())
        self._log(reply.record, voice)

    async def _sentences(self, text: str | TextStream) -> AsyncIterator[str]:
        config = self._service.config
        if isinstance(text, str):
            if len(text) > config.max_total_length:
                raise RequestError(
                    f"The text is {len(text)} characters long; {config.max_total_length} is the limit "
                    "(--max-total-length)"
                )
            for sentence in split(text, config.max_chunk_length):
                yield sentence
            return
        pieces: AsyncIterable[str] = text
        async for sentence in pieces:
            yield sentence

    async def _send_audio(self, block: Block) -> None:
        for pcm in pcm_chunks(block, self._service.config.samples_per_chunk):
            await self._send(AudioChunk(audio=pcm, **_FORMAT).event())
            # Writing to a socket with room doesn't let others have a turn.
            await asyncio.sleep(0)

    async def _send(self, event: Event) -> None:
        async with asyncio.timeout(_WRITE_TIMEOUT):
            await self.write_event(event)

    async def _fail(self, err: ChatterboxError, request: _Request | None) -> None:
        """End a reply so that every Home Assistant notices: newer ones read the error, older ones see the close."""
        if self._failing is not None:
            return
        self._failing = err
        text = str(err).encode("utf-8", "replace").decode("utf-8")
        try:
            await self._send(Error(text=text, code=err.code).event())
            if request is not None and request.streamed:
                await self._send(AudioStop().event())
                await self._send(SynthesizeStopped().event())
        except (ConnectionError, TimeoutError):
            self.writer.transport.abort()
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        """End our side, and read the client's on for a moment: closing over unread input would lose our last words."""
        self._hung_up = True
        if self.writer.is_closing():
            return
        if self.writer.can_write_eof():
            self.writer.write_eof()
            asyncio.get_running_loop().call_later(_LINGER, self._close)
        else:
            self._close()

    def _close(self) -> None:
        self.writer.close()
        if self.writer.transport.get_write_buffer_size():
            # A close waits until everything is read, which some clients never do.
            asyncio.get_running_loop().call_later(_WRITE_TIMEOUT, self.writer.transport.abort)

    async def _silence_speaker(self) -> None:
        if self._speaker is not None:
            self._speaker.cancel()
            await asyncio.wait([self._speaker])

    async def _discard_input(self) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                while await self.reader.read(65536):
                    pass

    def _log(self, record: Record, voice: Voice) -> None:
        first = f"{record.first_audio_seconds * 1000:.0f} ms" if record.first_audio_seconds is not None else "none"
        _LOGGER.info(
            "%s heard %.1f s from %s (%s), first audio after %s",
            self._client,
            record.audio_seconds,
            record.engine or "nobody",
            voice.name,
            first,
        )
