"""Who may use the HTTP server.

It is closed by default: without options only programs of this machine may use it, and only browsers that show this
server's own page. The headers in which a proxy names its clients are ignored.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import unquote_to_bytes, urlsplit

from aiohttp import web

from ..config import Config
from ..network.addresses import Address, address_of, is_within, parse_address
from ..quoting import quoted
from .answers import RefusedError

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """The rules that follow from --http-host, --http-token, --http-allow and --http-proxy."""

    def __init__(self, config: Config) -> None:
        self._host = config.http_host.lower()
        self._token = config.http_token
        self._allowed = [ipaddress.ip_network(network) for network in config.http_allow]
        self._proxies = [ipaddress.ip_network(network) for network in config.http_proxy]
        bound = _address(self._host)
        self._on_loopback = self._host == "localhost" if bound is None else bound.is_loopback

    def check(self, request: web.Request, *, needs_token: bool = True) -> None:
        """Raise `RefusedError`, 401 or 403, unless the client may send this request; the message says what it needs.

        `needs_token` is False for the files that a browser fetches before it can ask a person for the token.
        """
        if request.method not in _READING_METHODS:
            self._check_origin(request)
        peer = _peer(request)
        if is_within(peer, self._proxies):
            # A proxy passes on the host name that browsers use for it, and keeps strangers out itself.
            return
        if is_within(peer, self._allowed):
            self._check_host(request)
        elif self._token is not None:
            if needs_token:
                self._check_token(request, self._token)
        elif self._on_loopback and peer is not None and peer.is_loopback:
            self._check_host(request)
        else:
            raise RefusedError(
                403,
                f"{peer or 'This client'} may not use this server: its network is not among those of --http-allow "
                "or --http-proxy",
                "forbidden",
            )

    def _check_token(self, request: web.Request, token: str) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _is_token(given.strip(), token):
            what = "needs the token of --http-token" if not scheme else "doesn't have the token of --http-token"
            raise RefusedError(
                401,
                f"This request {what}: send it as 'Authorization: Bearer TOKEN'",
                "unauthorized",
                headers={"WWW-Authenticate": 'Bearer realm="wyoming-chatterbox"'},
            )

    def _check_host(self, request: web.Request) -> None:
        """Keep out pages whose own host name was made to point here (DNS rebinding)."""
        name = _host_name(request.headers.get("Host", ""))
        address = _address(name)
        if address is not None:
            known = address.is_loopback or not self._on_loopback
        else:
            known = name in ("localhost", self._host)
        if not known:
            raise RefusedError(
                403,
                f"This server is not known as {quoted(name)}: use its IP address or localhost, set --http-token and "
                "send the token, or name a reverse proxy that passes on its own host name with --http-proxy",
                "unknown-host",
            )

    def _check_origin(self, request: web.Request) -> None:
        """Keep out requests that pages of other servers send."""
        origin = request.headers.get("Origin")
        if origin is None or request.headers.get("Sec-Fetch-Site") == "same-origin":
            return
        try:
            same = urlsplit(origin).netloc.lower() == request.headers.get("Host", "").lower()
        except ValueError:
            same = False
        if not same:
            raise RefusedError(
                403, f"Pages of {quoted(origin)} may not use this server, only its own may", "foreign-origin"
            )


def _peer(request: web.Request) -> Address | None:
    """Return the address of the TCP peer; None if the client is gone."""
    return address_of(request.transport.get_extra_info("peername")) if request.transport is not None else None


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except ValueError:
        return None


def _host_name(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_token(given: str, token: str) -> bool:
    """Whether a client knows the token; a header can't hold every character, so it may be percent-encoded UTF-8."""
    wanted, sent = _bytes(token), _bytes(given)
    # Both are compared, so that the time tells nothing.
    return hmac.compare_digest(sent, wanted) | hmac.compare_digest(unquote_to_bytes(sent), wanted)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
