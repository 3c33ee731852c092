"""Who may use the HTTP server.

It is closed by default: without options only programs of this machine may use it, and only browsers that show this
server's own page. The headers in which a proxy names its clients are ignored.

A page from elsewhere can have its own host name made to point here (DNS rebinding), after which its browser takes this
server for the page's own. Over plain HTTP such a request looks like a program's: browsers send `Sec-Fetch-Site` to
trustworthy addresses only, and no `Origin` with a GET. So the host name decides, and networks of --http-allow may use
those that no page from elsewhere can have: names without a dot, as containers have them, and names under domains that
the public DNS never answers for.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from urllib.parse import unquote_to_bytes, urlsplit

from aiohttp import web

from ..config import Config
from ..network.addresses import Address, address_of, is_within, parse_address
from ..problem import Problem
from ..quoting import quoted
from .answers import ENGINE_HEADER, REPLY_HEADER, RefusedError

_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_WORKING_PATH = "/preview"
"""End of the paths that make the server speak when they are read, as an element of any page could."""
_METHODS = "GET, HEAD, POST, PATCH, DELETE"
_PREFLIGHT_SECONDS = 7200
"""Seconds that a browser may remember what a page of another origin may do; Chromium's limit."""
_LOCAL_DOMAINS = (".local", ".home.arpa", ".internal")
"""Domains that the public DNS never answers for: RFC 6762, RFC 8375, and the one that ICANN reserved in July 2024."""
_LABEL = re.compile(r"[a-z0-9_-]+")
_ANY = "*"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~-]+( *, *[\w!#$%&'*+.^`|~-]+)*", re.ASCII)


class Access:
    """The rules that follow from --http-host, --http-token, --http-allow, --http-proxy and --http-cors."""

    def __init__(self, config: Config) -> None:
        self._host = config.http_host.lower()
        self._token = config.http_token
        self._allowed = [ipaddress.ip_network(network) for network in config.http_allow]
        self._proxies = [ipaddress.ip_network(network) for network in config.http_proxy]
        self._origins = frozenset(config.http_cors)
        bound = _address(self._host)
        self._on_loopback = self._host == "localhost" if bound is None else bound.is_loopback

    def check(self, request: web.Request, *, needs_token: bool = True) -> None:
        """Raise `RefusedError`, 401 or 403, unless the client may send this request; the message says what it needs.

        `needs_token` is False for the files that a browser fetches before it can ask a person for the token.
        """
        if request.method not in _READING_METHODS or request.path.rstrip("/").endswith(_WORKING_PATH):
            self._check_origin(request)
        peer = _peer(request)
        if is_within(peer, self._proxies):
            # A proxy passes on the host name that browsers use for it, and keeps strangers out itself.
            return
        if is_within(peer, self._allowed):
            self._check_host(request, local_names=True)
        elif self._token is not None:
            if needs_token:
                self._check_token(request, self._token)
        elif self._on_loopback and peer is not None and peer.is_loopback:
            self._check_host(request, local_names=False)
        else:
            raise RefusedError(
                403,
                f"{peer or 'This client'} may not use this server: its network is not among those of --http-allow "
                "or --http-proxy",
                "forbidden",
                problem=Problem("no-access", {"client": str(peer)}),
            )

    def preflight(self, request: web.Request) -> web.Response:
        """Answer a browser that asks, without a token, what a page of another origin may send. `RefusedError`, 403."""
        self.check(request, needs_token=False)
        self._check_origin(request)
        asked = request.headers.get("Access-Control-Request-Headers", "")
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            # Clients written in JavaScript send headers of their own.
            "Access-Control-Allow-Headers": asked if _HEADER_NAMES.fullmatch(asked) else "Authorization, Content-Type",
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        }
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            headers["Access-Control-Allow-Private-Network"] = "true"
        return web.Response(status=204, headers=headers)

    def shared(self, request: web.BaseRequest) -> dict[str, str]:
        """Return the headers of an answer that let pages of --http-cors read it."""
        if not self._origins:
            return {}
        headers = {"Vary": "Origin"}
        if (origin := request.headers.get("Origin")) is not None and self._may_share(origin):
            headers["Access-Control-Allow-Origin"] = _ANY if _ANY in self._origins else origin
            headers["Access-Control-Expose-Headers"] = ", ".join(("Retry-After", ENGINE_HEADER, REPLY_HEADER))
        return headers

    def _may_share(self, origin: str) -> bool:
        return _ANY in self._origins or origin.lower() in self._origins

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

    def _check_host(self, request: web.Request, *, local_names: bool) -> None:
        """Keep out pages whose own host name was made to point here (DNS rebinding)."""
        name = _host_name(request.headers.get("Host", ""))
        address = _address(name)
        if address is not None:
            known = address.is_loopback or not self._on_loopback
        else:
            known = name in ("localhost", self._host) or (local_names and _is_local(name))
        if not known:
            names = "a name without a dot" if local_names else "localhost"
            raise RefusedError(
                403,
                f"This server is not known as {quoted(name)}: use its IP address or {names}, set --http-token and "
                "send the token, or name a reverse proxy that passes on its own host name with --http-proxy",
                "unknown-host",
                problem=Problem("unknown-host", {"name": name}),
            )

    def _check_origin(self, request: web.Request) -> None:
        """Keep out requests that pages of other servers send, but for those of --http-cors."""
        origin = request.headers.get("Origin")
        site = request.headers.get("Sec-Fetch-Site")
        if site == "same-origin" or (origin is None and site in (None, "none")):
            return
        if origin is not None and self._may_share(origin):
            return
        try:
            name = urlsplit(origin or "").netloc.lower()
        except ValueError:
            name = ""
        # A page without an origin of its own, such as one in a sandbox, sends "null".
        if not name or name != request.headers.get("Host", "").lower():
            whose = "another server" if origin is None else quoted(origin)
            raise RefusedError(
                403,
                f"Pages of {whose} may not use this server, only its own and those of --http-cors may",
                "foreign-origin",
                problem=Problem("foreign-origin"),
            )


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks what a page of another origin may send."""
    return (
        request.method == "OPTIONS"
        and "Origin" in request.headers
        and "Access-Control-Request-Method" in request.headers
    )


def _is_local(name: str) -> bool:
    """Whether only a local network can give a meaning to a host name."""
    return _LABEL.fullmatch(name) is not None or name.endswith(_LOCAL_DOMAINS)


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
