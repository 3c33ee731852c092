"""Where the links of markdown, and plain URLs, end."""

from __future__ import annotations

from .markup_patterns import LABEL, MAX_TARGET_LENGTH, TARGET, TARGET_BEGUN, URL_TRAIL

_NO_LINK = (0, 0)


def link_end(text: str, bracket: int, *, more: bool, nested: bool = False) -> tuple[int, int] | None:
    """Find the link whose `[` is at `bracket`; return the positions of its `]` and after its end.

    (0, 0) if it is no link, None if that can't be told yet; `more` says that more text may come. The label may be an
    image, whose own label may not (`nested`).
    """
    if not nested and text.startswith("![", bracket + 1):
        image = link_end(text, bracket + 2, more=more, nested=True)
        if image is None or image == _NO_LINK:
            return image
        closing = image[1]
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
