"""A refusal for a person: a plain page in place of JSON, where a browser shows the answer itself."""

from __future__ import annotations

from html import escape

from aiohttp import web

from .answers import RefusedError

_TITLES = {401: "This needs a token", 403: "You have no access from here"}
_WHAT_TO_DO = {
    401: 'Open <a href="{page}">the page</a>, which asks for the token, or send the token with the request.',
    403: "Whoever runs this server can let you in: see --http-allow, --http-token and --http-proxy.",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<h1>{title}</h1>
<p>{message}.</p>
<p>{advice}</p>
"""


def for_people(request: web.Request, error: RefusedError) -> web.Response | None:
    """Return the page about a refusal; None where a program asks, or for another error than 401 and 403."""
    wanted = request.headers.get("Accept", "").lower()
    if error.status not in _TITLES or request.method not in ("GET", "HEAD") or "text/html" not in wanted:
        return None
    text = _PAGE.format(
        title=_TITLES[error.status],
        message=escape(str(error).rstrip(".")),
        advice=_WHAT_TO_DO[error.status].format(page="../" * (request.path.count("/") - 1) or "./"),
    )
    return web.Response(
        text=text,
        status=error.status,
        content_type="text/html",
        headers={"Cache-Control": "no-store", "Vary": "Accept", **error.headers},
    )
