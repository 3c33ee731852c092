"""A repository on the model hub: describing its files, downloading them and checking them.

huggingface_hub makes the requests (addresses, tokens, proxies, certificates, error codes). The transfer of a body is
done here, because `hf_hub_download` of huggingface_hub 1.33 deletes a partial file when it fails or its process ends,
does not resume after a reset connection, loses up to 10 MB that it keeps in memory, and checks no checksum.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from ... import __version__
from ...errors import DownloadError
from ...problem import Problem
from .hub_cache import size_of
from .progress import format_bytes

_LOGGER = logging.getLogger(__name__)
_LOGS_ADDRESSES = ("httpx", "httpcore")
"""Loggers that log the address of every request. Addresses that the hub redirects to carry a signature."""
_CLIENT = {"library_name": "wyoming-chatterbox", "library_version": __version__}
_CHECK_NETWORK = "Check the network"
_CHECK_ENDPOINT = "Check HF_ENDPOINT"


@dataclass(frozen=True)
class Patience:
    """Time limits for a hub that answers slowly or not at all."""

    stall: float = 30.0
    """Seconds without a byte after which a request fails."""
    retries: int = 5
    """Retries in a row without a new byte."""
    pause: float = 1.0
    """Seconds before the first retry; each later pause is twice as long."""


@dataclass(frozen=True)
class RemoteFile:
    """The hub's description of a file."""

    name: str
    url: str
    commit: str
    etag: str
    """The file's SHA-256 if it is large, else its git blob's SHA-1."""
    size: int | None
    """Bytes of the file; None if a proxy removed the number."""

    @property
    def sha256(self) -> str | None:
        return self.etag if re.fullmatch("[0-9a-f]{64}", self.etag) else None


class Repository:
    """A model repository. Its methods raise `DownloadError`, or `OSError` for the local disk."""

    def __init__(self, name: str, endpoint: str | None, patience: Patience, advice: str, place: Path) -> None:
        """`endpoint` is the hub's address, None for the default; `advice` ends every hint.

        `place` is the directory that a person may put the files into instead.
        """
        for logger in _LOGS_ADDRESSES:
            logging.getLogger(logger).setLevel(logging.WARNING)
        self.name = name
        self.host = urlsplit(endpoint or constants.ENDPOINT).netloc.rpartition("@")[2] or str(endpoint)
        self._endpoint = endpoint
        self._patience = patience
        self._advice = advice
        self._place = place

    def describe(self, name: str, revision: str) -> RemoteFile | None:
        """Ask for a file's size and checksum; None if the repository has no such file."""
        url = hf_hub_url(self.name, name, revision=revision, endpoint=self._endpoint)
        try:
            answer = get_hf_file_metadata(url, timeout=self._patience.stall, endpoint=self._endpoint, **_CLIENT)
        except HfHubHTTPError as err:
            if isinstance(err, RevisionNotFoundError):
                reason, hint = f"it has no revision {revision} (HTTP 404)", "Choose another with --model-revision"
                raise self.failure(name, reason, hint, "not-found") from err
            if err.response.status_code == 404 and not isinstance(err, RepositoryNotFoundError):
                return None
            raise self._explained(name, err) from err
        except (httpx.HTTPError, httpx.InvalidURL, OfflineModeIsEnabled, UnicodeError) as err:
            raise self._explained(name, err) from _without_token(err)
        # The commit and the ETag become file names.
        if not re.fullmatch("[0-9a-f]{40}", answer.commit_hash or "") or not re.fullmatch(
            "[0-9A-Za-z_-]+", answer.etag or ""
        ):
            raise self.failure(name, "it doesn't answer like a model hub (no usable commit or ETag)", _CHECK_ENDPOINT)
        # `revision` may move to another commit before the download.
        url = hf_hub_url(self.name, name, revision=answer.commit_hash, endpoint=self._endpoint)
        return RemoteFile(name, url, answer.commit_hash, answer.etag, answer.size)

    def download(
        self,
        file: RemoteFile,
        partial: Path,
        advance: Callable[[int], None],
        check: Callable[[], None],
        broke_off: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Download the rest of `partial`, check it, and write it to the disk.

        `advance` takes the bytes so far, `broke_off` the seconds until a broken connection is made anew; `check` is
        called at each step, and may raise to stop. After a failure `partial` stays; a file that fails its check is
        deleted.
        """
        if file.size is not None and size_of(partial) > file.size:
            partial.unlink()
        most = size_of(partial)
        without_progress = 0
        while True:
            check()
            try:
                self._receive(file, partial, advance, check)
                break
            except (httpx.HTTPError, httpx.InvalidURL, OfflineModeIsEnabled, UnicodeError) as err:
                have = size_of(partial)
                without_progress = 0 if have > most else without_progress + 1
                most = max(most, have)
                if without_progress > self._patience.retries or not _is_temporary(err):
                    raise self._explained(file.name, err) from _without_token(err)
                pause = self._patience.pause * 2 ** max(0, without_progress - 1)
                _LOGGER.warning("%s broke off at %s; it resumes in %.1f s", file.name, format_bytes(have), pause)
                broke_off(pause)
                time.sleep(pause)
        self._verify(file, partial)

    def failure(self, name: str, reason: str, hint: str, code: str = "unknown", **values: Any) -> DownloadError:
        """Make the error for a file; `code` and `values` are those of its `Problem`."""
        known = {"host": self.host, "repository": self.name, "file": name, "place": str(self._place)}
        return DownloadError(
            f"{name} of {self.name} can't be downloaded from {self.host}: {reason}",
            f"{hint}, or {self._advice}.",
            Problem(code, known | values),
        )

    def _receive(
        self, file: RemoteFile, partial: Path, advance: Callable[[int], None], check: Callable[[], None]
    ) -> None:
        have = size_of(partial) if file.size is not None else 0
        if have and have == file.size:
            advance(have)
            return
        # A compressed body would have neither the announced size nor ranges.
        headers = build_hf_headers(**_CLIENT) | {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        # Always ask for the file's own address: the addresses that it redirects to expire.
        with get_session().stream("GET", file.url, headers=headers, timeout=self._patience.stall) as response:
            if response.status_code == 416:
                raise self._refused(file, partial, f"it has fewer bytes than announced ({file.size})")
            hf_raise_for_status(response)
            if response.status_code != 206:
                have = 0
            coming = response.headers.get("Content-Length")
            if file.size is not None and coming is not None and have + int(coming) != file.size:
                raise self._refused(file, partial, f"it has {have + int(coming)} bytes, not {file.size} as announced")
            with partial.open("ab" if have else "wb") as out:
                advance(have)
                for chunk in response.iter_bytes():
                    check()
                    out.write(chunk)
                    have += len(chunk)
                    advance(have)
                out.flush()
                os.fsync(out.fileno())
        if file.size is not None and have < file.size:
            raise httpx.RemoteProtocolError("the body ended early")

    def _verify(self, file: RemoteFile, partial: Path) -> None:
        if file.size is not None and size_of(partial) != file.size:
            raise self._refused(file, partial, f"it has {size_of(partial)} bytes, not {file.size} as announced")
        if file.sha256 is not None:
            with partial.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if found != file.sha256:
                raise self._refused(file, partial, f"its SHA-256 is {found}, not {file.sha256} as announced")

    def _refused(self, file: RemoteFile, partial: Path, reason: str) -> DownloadError:
        partial.unlink(missing_ok=True)
        hint = "Try again: something on the way spoils it"
        return self.failure(file.name, f"{reason}; what came was deleted", hint, "checksum")

    def _explained(self, name: str, err: Exception) -> DownloadError:
        code = "unknown"
        if isinstance(err, HfHubHTTPError):
            reason, hint, code = self._status(err)
        elif isinstance(err, OfflineModeIsEnabled):
            reason, hint, code = "HF_HUB_OFFLINE is set", "Unset HF_HUB_OFFLINE", "offline"
        elif isinstance(err, UnicodeError):
            reason, hint = (
                "HF_TOKEN or HF_ENDPOINT has characters that it can't have",
                "Set HF_TOKEN and HF_ENDPOINT anew",
            )
        elif isinstance(err, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
            reason, hint = "that is no web address", "Set HF_ENDPOINT to one that starts with https://"
        elif isinstance(err, httpx.LocalProtocolError):
            reason, hint = "the request is malformed", "Check HF_TOKEN and HF_ENDPOINT"
        elif isinstance(err, httpx.TimeoutException):
            reason, hint, code = f"nothing came for {self._patience.stall:g} s", _CHECK_NETWORK, "timeout"
        elif isinstance(err, httpx.ConnectError):
            reason, hint, code = _connection(err)
        elif isinstance(err, httpx.ProxyError):
            reason, hint, code = "the proxy refused", "Check HTTPS_PROXY and NO_PROXY", "proxy"
        else:
            reason, hint, code = "the connection broke off", _CHECK_NETWORK, "timeout"
        return self.failure(name, reason, hint, code)

    def _status(self, err: HfHubHTTPError) -> tuple[str, str, str]:
        """Explain an HTTP status: the reason, the hint and the code of the problem."""
        status = err.response.status_code
        code = err.response.headers.get("X-Error-Code")
        if status in (401, 403):
            reason = f"access is denied (HTTP {status})"
            if code == "RepoNotFound":
                reason = f"there is no such repository, or only for those who may see it (HTTP {status})"
            problem = "not-found" if code == "RepoNotFound" else "forbidden"
            if "authorization" in err.response.request.headers:
                return reason, f"Check that HF_TOKEN is valid and may read {self.name}", problem
            return reason, f"Set HF_TOKEN to a token that may read {self.name}", problem
        if status == 404:
            return "there is no such repository (HTTP 404)", _CHECK_ENDPOINT, "not-found"
        if status == 407:
            return "the proxy wants a password (HTTP 407)", "Check HTTPS_PROXY and NO_PROXY", "proxy"
        if status == 429:
            return "too many requests (HTTP 429)", "Wait a while or set HF_TOKEN", "refused"
        if status >= 500:
            return f"the server has trouble (HTTP {status})", "Wait a while", "unknown"
        return f"HTTP {status}", _CHECK_ENDPOINT, "unknown"


def _is_temporary(err: Exception) -> bool:
    """Whether the same request may succeed in a moment."""
    if isinstance(err, HfHubHTTPError):
        return err.response.status_code in (408, 429, 500, 502, 503, 504)
    return isinstance(err, (httpx.NetworkError, httpx.RemoteProtocolError))


def _connection(err: httpx.ConnectError) -> tuple[str, str, str]:
    """Explain a failed connection: the reason, the hint and the code of the problem."""
    for cause in _causes(err):
        if isinstance(cause, socket.gaierror):
            return "its name can't be resolved", "Check the network and its DNS", "dns"
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or "no reason given"
            return f"no secure connection comes about ({why})", "Check this machine's clock and certificates", "tls"
        if isinstance(cause, ConnectionRefusedError):
            return "it refuses the connection", _CHECK_NETWORK, "refused"
        if isinstance(cause, OSError) and cause.strerror:
            return f"it can't be reached ({cause.strerror})", _CHECK_NETWORK, "refused"
    return "it can't be reached", _CHECK_NETWORK, "refused"


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    while err is not None:
        yield err
        err = err.__cause__ or err.__context__


def _without_token(err: Exception) -> Exception | None:
    """Return the error if a traceback may show it; None if its text may hold the token."""
    return None if isinstance(err, (httpx.LocalProtocolError, UnicodeError)) else err
