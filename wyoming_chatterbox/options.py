"""The table of options. Each field of `Options` is one option; everything else is derived from it.

`Config` inherits the fields, the command line and its --help are made from them, and `script/docs` writes the docs, the
Home Assistant app's manifest and the containers' .env examples from them. A new option is one field here, and, unless
`app` says why the app has none, its text in addon/translations.

Nothing here needs more than Python itself: --help works before anything is installed.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import checks
from .checks import Check, Range, choice, either, listing, nonempty, optional
from .families import MODELS
from .option import Option
from .precision import DTYPES, QUANTIZATIONS


def _option(group: str, default: Any, check: Check, help_text: str, **further: Any) -> dict[str, Option]:
    """Make the metadata of a field."""
    return {"option": Option(group=group, default=default, check=check, help=help_text, **further)}


def _data_home() -> Path:
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "wyoming-chatterbox"


_MODEL = "Model"
_VOICES = "Voices and speech"
_TEXT = "Text"
_WYOMING = "Wyoming"
_LIMITS = "Limits"
_MEMORY = "Memory"
_HTTP = "Page and HTTP"
_LOG = "Log"

_INGRESS = "only ingress reaches the page, and Home Assistant has already checked who comes through it"
_COMPOSE = "the compose files set it"


# fmt: off
@dataclass(frozen=True, kw_only=True)
class Options:
    """Every option, checked. Field names are option names: `--max-chunk-length` is `max_chunk_length`."""

    model: str = field(metadata=_option(
        _MODEL, "auto", either(choice("auto", *MODELS), checks.directory),
        "the model family, a single-language pack, or a directory with a model's files; "
        "auto takes turbo on CUDA and nano elsewhere",
        takes="auto, " + ", ".join(MODELS) + ", or a directory that exists", metavar="NAME", app_shows=True,
    ))
    model_revision: str | None = field(metadata=_option(
        _MODEL, None, optional(checks.revision),
        "the commit, branch or tag of the model's repository to download, such as main for the newest",
        takes="the name of a revision", metavar="NAME", unset="the commit that this version was made for",
        example="main",
    ))
    device: str = field(metadata=_option(
        _MODEL, "auto", either(choice("auto", "cpu", "cuda", "mps"), checks.numbered_gpu),
        "where the model runs; auto takes a GPU if there is one",
        takes="auto, cpu, cuda, cuda:N or mps", environment=("DEVICE",), app_without=("mps",), container=_COMPOSE,
    ))
    dtype: str = field(metadata=_option(
        _MODEL, "auto", choice("auto", *DTYPES),
        "precision of the model; auto chooses by device and free memory, and the log says why",
        environment=("MODEL_DTYPE",), app_shows=True,
    ))
    quantization: str = field(metadata=_option(
        _MODEL, "none", either(choice(*QUANTIZATIONS), checks.int8_or_none),
        "store the weights in 8 bits, or the token decoder's in 4 (experimental); overrides --dtype",
        takes=", ".join(QUANTIZATIONS[:-1]) + f" or {QUANTIZATIONS[-1]} (USE_INT8_QUANTIZATION: true or false)",
        environment=("USE_INT8_QUANTIZATION",),
    ))
    data_dir: tuple[Path, ...] = field(metadata=_option(
        _MODEL, (_data_home(),), nonempty(listing(checks.path)),
        "where to look for model files and voices (repeatable; the first one is also written to)",
        takes="a directory", metavar="DIR", repeatable=True,
        unset="~/.local/share/wyoming-chatterbox, or the same in $XDG_DATA_HOME",
        app="the Supervisor maps /data", container="the image sets /data, a volume",
    ))
    download_dir: Path | None = field(metadata=_option(
        _MODEL, None, optional(checks.path), "where to download model files to",
        takes="a directory", environment=("MODEL_CACHE_DIR",), metavar="DIR", unset="models in the first --data-dir",
        app="backups leave out /data/models", container="the image sets /data/models",
    ))
    local_files_only: bool = field(metadata=_option(
        _MODEL, False, checks.boolean, "never download anything", switch=True,
    ))

    voices_dir: Path | None = field(metadata=_option(
        _VOICES, None, optional(checks.path), "recordings in this directory become voices",
        takes="a directory", environment=("VOICE_LIBRARY_DIR",), metavar="DIR",
        unset="voices in the first --data-dir",
        app="people can reach the share folder, so voices are there", container="the image sets /voices",
    ))
    voice: str = field(metadata=_option(
        _VOICES, "default", checks.text, "the voice for clients that name none",
        takes="the name of a voice", metavar="NAME", app_shows=True,
    ))
    languages: tuple[str, ...] = field(metadata=_option(
        _VOICES, (), listing(checks.language),
        "offer the voices of a model with several languages in this one (repeatable; the first is the usual one)",
        takes="ISO 639-1 codes such as de", metavar="CODE", repeatable=True, unset="all that the model has",
        example="en,de",
    ))
    standby: bool = field(metadata=_option(
        _VOICES, True, checks.boolean,
        "answer with an error instead of the standby voice while Chatterbox can't speak",
        switch=False, flag="--no-standby",
    ))
    exaggeration: float | None = field(metadata=_option(
        _VOICES, None, optional(Range(float, 0.0, 2.0)), "how much emotion the voice shows (english, multilingual)",
        environment=("EXAGGERATION",), metavar="X", unset="0.5",
    ))
    cfg_weight: float | None = field(metadata=_option(
        _VOICES, None, optional(Range(float, 0.0, 1.0)),
        "how closely speech follows the text (english, multilingual); 0 is twice as fast",
        environment=("CFG_WEIGHT",), metavar="X", unset="0.5",
    ))
    temperature: float | None = field(metadata=_option(
        _VOICES, None, optional(Range(float, 0.05, 5.0)), "how much the way of speaking varies",
        environment=("TEMPERATURE",), metavar="X", unset="0.8",
    ))
    speed: float = field(metadata=_option(
        _VOICES, 1.0, Range(float, 0.25, 4.0), "times as fast as the model speaks, with the pitch kept", metavar="X",
    ))
    loudness: float = field(metadata=_option(
        _VOICES, -18.0, either(checks.off, Range(float, -40.0, -10.0)),
        "LUFS that the replies of all voices are levelled to; off leaves each as it is",
        takes="a number from -40 to -10, or off", metavar="LUFS",
    ))
    prompt_seconds: float | None = field(metadata=_option(
        _VOICES, None, optional(Range(float, 1.0, 10.0)),
        "seconds of a voice's recording to take its timbre from, from its first speech on; fewer are faster",
        metavar="SECONDS", unset="5 on a CPU, 10 on a GPU", example="5",
    ))
    seed: int | None = field(metadata=_option(
        _VOICES, None, optional(Range(int, 0, 2**32 - 1)), "say the same text the same way each time",
        metavar="N", unset="another way each time", example="1",
    ))

    pronunciations: Path | None = field(metadata=_option(
        _TEXT, None, optional(checks.path),
        "a YAML file of words and phrases, and how to say them (IKEA: ee kay ah); it is read again when it changes",
        takes="a file", metavar="FILE", unset="none", example="/data/pronunciations.yaml",
        app="people can reach the share folder, so the file is there, beside the voices",
    ))
    sentence_pause: float = field(metadata=_option(
        _TEXT, 0.0, Range(float, 0.0, 10.0), "seconds of silence between two sentences", metavar="SECONDS",
    ))
    paragraph_pause: float = field(metadata=_option(
        _TEXT, 0.0, Range(float, 0.0, 10.0), "seconds of silence between two paragraphs, if longer than that",
        metavar="SECONDS",
    ))
    lead_in: float = field(metadata=_option(
        _TEXT, 0.0, Range(float, 0.0, 10.0), "seconds of silence before the first word, for speakers that wake up late",
        metavar="SECONDS",
    ))
    code: str = field(metadata=_option(
        _TEXT, "skip", choice("read", "skip"), "what to do with blocks of code in a text", metavar="WHAT",
    ))

    uri: str = field(metadata=_option(
        _WYOMING, "tcp://0.0.0.0:10200", checks.uri, "where to serve Wyoming",
        takes="tcp://HOST:PORT, unix://PATH or stdio://", metavar="URI",
        app="the Supervisor tells Home Assistant this very port", container="the compose files publish this port",
    ))
    zeroconf: str | None = field(metadata=_option(
        _WYOMING, checks.SERVICE_NAME, checks.announced,
        "the name under which Home Assistant discovers this server, if other machines can reach it",
        takes="a name of at most 63 bytes", metavar="NAME", bare=checks.SERVICE_NAME,
        negation="don't announce this server",
        app="multicast doesn't leave the Supervisor's network; discovery goes through the Supervisor",
        container="docker-compose.host.yml sets it: elsewhere a container's address is of no use to others",
    ))
    streaming: bool = field(metadata=_option(
        _WYOMING, True, checks.boolean, "wait for the whole text before speaking",
        switch=False, flag="--no-streaming",
    ))
    samples_per_chunk: int = field(metadata=_option(
        _WYOMING, 1024, Range(int, 64, 48000), "samples in one audio-chunk event", metavar="N",
    ))

    max_chunk_length: int = field(metadata=_option(
        _LIMITS, 280, Range(int, 40, 1000), "the most characters to speak in one go; longer sentences are divided",
        environment=("MAX_CHUNK_LENGTH",), metavar="N", app_shows=True,
    ))
    max_total_length: int = field(metadata=_option(
        _LIMITS, 10000, Range(int, 100, 1_000_000), "the most characters in one reply",
        environment=("MAX_TOTAL_LENGTH",), metavar="N",
    ))
    flush_after: float = field(metadata=_option(
        _LIMITS, 0.25, Range(float, 0.01, 10.0), "seconds without more text after which a finished sentence is spoken",
        metavar="SECONDS",
    ))
    stream_timeout: float = field(metadata=_option(
        _LIMITS, 60.0, Range(float, 0.1, 3600.0),
        "seconds without more text after which the unfinished is spoken; a stream ends after ten times as many",
        metavar="SECONDS",
    ))
    max_connections: int = field(metadata=_option(
        _LIMITS, 64, Range(int, 1, 10000), "the most Wyoming clients at once; HTTP has four times as many of its own",
        metavar="N",
    ))
    allow: tuple[str, ...] = field(metadata=_option(
        _LIMITS, (), listing(checks.network),
        "Wyoming clients must come from this network or this machine (repeatable)",
        takes="networks such as 192.168.1.0/24", metavar="NETWORK", repeatable=True, unset="everyone may come",
        example="192.168.1.0/24",
        app="Home Assistant itself comes from the Supervisor's network, and a list of the home's would shut it out",
    ))
    max_replies: int = field(metadata=_option(
        _LIMITS, 16, Range(int, 1, 1000), "the most replies in progress at once", metavar="N",
    ))

    memory_limit_mb: int | None = field(metadata=_option(
        _MEMORY, None, optional(Range(int, 100, 10_000_000)),
        "megabytes (10^6 bytes) that the model may use: --dtype auto chooses what fits",
        metavar="MB", unset="what is free", example="2000",
    ))
    memory_cleanup_interval: int = field(metadata=_option(
        _MEMORY, 5, Range(int, 1, 100000), "utterances between two cleanups of the process's memory",
        environment=("MEMORY_CLEANUP_INTERVAL",), metavar="N",
    ))
    cuda_cache_clear_interval: int = field(metadata=_option(
        _MEMORY, 3, Range(int, 1, 100000), "utterances between two cleanups of CUDA's cache",
        environment=("CUDA_CACHE_CLEAR_INTERVAL",), metavar="N",
    ))
    idle_unload: float | None = field(metadata=_option(
        _MEMORY, None, optional(Range(float, 0.0, 1_000_000.0)),
        "seconds without text after which the model's memory is freed; the next text loads it again",
        takes="a number from 0 to 1000000; 0 is never", metavar="SECONDS", unset="never", example="3600",
    ))

    http: bool = field(metadata=_option(
        _HTTP, True, checks.boolean, "serve no page and no HTTP", switch=False, flag="--no-http",
        app="ingress needs the page",
    ))
    http_host: str = field(metadata=_option(
        _HTTP, "127.0.0.1", checks.text, "the address to serve HTTP on", takes="an address of this machine",
        metavar="ADDRESS", app="ingress comes from outside of the container", container=_COMPOSE,
    ))
    http_port: int = field(metadata=_option(
        _HTTP, 4123, Range(int, 0, 65535), "the port to serve HTTP on", takes="a port from 0 to 65535", metavar="PORT",
        app="the manifest's ingress_port", container="the compose files publish this port",
    ))
    http_token: str | None = field(metadata=_option(
        _HTTP, None, optional(checks.text), "HTTP clients must send this as a bearer token",
        takes="a text without spaces", metavar="TOKEN", unset="none", example="a-long-secret", secret=True,
        app=_INGRESS,
    ))
    http_allow: tuple[str, ...] = field(metadata=_option(
        _HTTP, (), listing(checks.network), "HTTP clients in this network need no token (repeatable)",
        takes="networks such as 192.168.1.0/24", metavar="NETWORK", repeatable=True,
        app=_INGRESS, container=_COMPOSE,
    ))
    http_proxy: tuple[str, ...] = field(metadata=_option(
        _HTTP, (), listing(checks.network),
        "a reverse proxy that checks its users itself and may pass on any host name (repeatable)",
        takes="addresses or networks such as 172.30.32.2", metavar="ADDRESS", repeatable=True, example="192.168.1.2",
        app="ingress comes from one address, which is the Supervisor's",
    ))

    http_cors: tuple[str, ...] = field(metadata=_option(
        _HTTP, (), listing(checks.origin), "web pages of this origin may use the server too (repeatable)",
        takes="origins such as http://localhost:8000, or *", metavar="ORIGIN", repeatable=True,
        example="http://localhost:8000", app=_INGRESS,
    ))
    max_upload_mb: int = field(metadata=_option(
        _HTTP, 50, Range(int, 1, 1000), "the most megabytes (10^6 bytes) of a recording that is sent to become a voice",
        metavar="MB",
    ))

    debug: bool = field(metadata=_option(_LOG, False, checks.boolean, "log more", switch=True, app_shows=True))
    log_format: str | None = field(metadata=_option(
        _LOG, None, optional(checks.log_format), "the format of a line in the log",
        takes="a format of Python's logging", metavar="FORMAT",
        unset="the time and the message, and the level from warnings on; with --debug the module too",
        example="%(message)s", app="the Supervisor shows the log, and people search it",
    ))
# fmt: on


OPTIONS: tuple[Option, ...] = tuple(
    dataclasses.replace(entry.metadata["option"], name=entry.name) for entry in dataclasses.fields(Options)
)

GROUPS: dict[str, tuple[Option, ...]] = {
    group: tuple(option for option in OPTIONS if option.group == group)
    for group in dict.fromkeys(option.group for option in OPTIONS)
}
"""The options by heading, as --help shows them."""
