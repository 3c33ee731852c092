"""Where the links of markdown, and plain URLs, end."""

from __future__ import annotations

import re

from .markup_patterns import LABEL, MAX_TARGET_LENGTH, TARGET, TARGET_BEGUN, URL_TRAIL

_NO_LINK = (0, 0)
_NUMBER = re.compile(r"\[\^?\w{1,20}\]")
_NUMBER_BEGUN = re.compile(r"\[(?:\^?\w{0,20}\]?)?\Z")
_BETWEEN = re.compile("[,;]? ?")
_MOST_CITED = 8
"""Links in a row that are citations."""


def link_end(text: str, bracket: int, *, more: bool, nested: bool = False) -> tuple[int, int] | None:
    """Find the link whose `[` is at `bracket`; return the positions of its `]` and after its end.

    (0, 0) if it is no link, None if that can't be told yet; `more` says that more text may come. The label may be an
    image, whose own label may not (`nested`), or a number in brackets of its own.
    """
    if not nested and text.startswith("![", bracket + 1):
        image = link_end(text, bracket + 2, more=more, nested=True)
        if image is None or image == _NO_LINK:
            return image
        closing = image[1]
    elif number := _NUMBER.match(text, bracket + 1):
        closing = number.end()
    elif more and _NUMBER_BEGUN.match(text, bracket + 1):
        return None
    else:
        label = LABEL.match(text, bracket + 1)
        closing = label.end() if label else bracket + 1
    if closing + 1 >= len(text) and more and text[closing:] in ("", "]"):
        return None
    if not text.startswith("](", closing):
        return _NO_LINK
    target = TARGET.match(text, closing + 1, closing + MAX_TARGET_LENGTH)
    if target:
        return closing, target.end()
    begun = more and len(text) - closing < MAX_TARGET_LENGTH and TARGET_BEGUN.match(text, closing + 1)
    return None if begun else _NO_LINK


def cited_end(text: str, bracket: int, *, more: bool) -> int | None:
    """Return where the round bracket closes that holds nothing but links, of which the first begins at `bracket`.

    The result is None if it takes more text to tell, and `bracket` itself if the round bracket holds anything else.
    """
    at = bracket
    for _ in range(_MOST_CITED):
        link = link_end(text, at, more=more)
        if link is None:
            return None
        end = link[1]
        if not end:
            break
        if text.startswith(")", end):
            return end
        between = _BETWEEN.match(text, end)
        at = between.end() if between else end
        if at == len(text) and more:
            return None
        if not text.startswith("[", at):
            break
    return bracket


def url_end(text: str, start: int, end: int) -> int:
    """Return where a URL in `text[start:end]` ends.

    A full stop or bracket at its end belongs to the sentence, unless the bracket was opened in the URL.
    """
    url = text[start:end].rstrip(URL_TRAIL)
    unopened = url.count(")") - url.count("(")
    while unopened > 0 and url.endswith(")"):
        url = url[:-1].rstrip(URL_TRAIL)
        unopened -= 1
    return start + len(url)
