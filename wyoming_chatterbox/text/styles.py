"""Letters and digits that only look different: bold, double-struck, full-width, circled, ligatures.

Superscripts of units, fractions and the signs of other scripts are no styles: they stay.
"""

from __future__ import annotations

import unicodedata

_STYLED = (
    (0x2102, 0x2116),  # letters such as double-struck R, but no numero sign
    (0x2117, 0x2138),
    (0x2160, 0x2180),  # Roman numerals
    (0xFB00, 0xFB07),  # Latin ligatures
    (0xFB50, 0xFDFC),  # Arabic letters by their place in a word
    (0xFE70, 0xFEFD),
    (0x1D400, 0x1D800),  # bold, italic, script, Fraktur, double-struck, sans-serif, monospace
    (0x1E030, 0x1E06E),
    (0x1F130, 0x1F14A),  # squared letters
)
_RAISED_LETTERS = ((0x2B0, 0x2B9), (0x1D2C, 0x1D6B), (0x2071, 0x2072), (0x207F, 0x2080))
_NUMBERS = ((0x2460, 0x249C), (0x24EA, 0x24FF + 1), (0x2776, 0x2794), (0x3251, 0x3260), (0x32B1, 0x32C0))
_CIRCLED_LETTERS = (0x24B6, 0x24EA)
_FULL_WIDTH = (0xFF01, 0xFF5F)
_STYLES_OF_FORMS = ("<font>", "<compat>", "<square>", "<isolated>", "<initial>", "<medial>", "<final>")
_FULL_WIDTH_SIGNS = frozenset("#$%&*+-/<=>@\\^_`|")


def _styles() -> dict[int, str]:
    table: dict[int, str] = {}
    for low, high in _STYLED:
        for code in range(low, high):
            plain = unicodedata.normalize("NFKC", chr(code))
            if unicodedata.decomposition(chr(code)).startswith(_STYLES_OF_FORMS) and plain.isalnum():
                table[code] = plain
    for low, high in _RAISED_LETTERS:
        for code in range(low, high):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain.isascii() and plain.isalpha():
                table[code] = plain
    for code in range(*_CIRCLED_LETTERS):
        if chr(code) != "Ⓜ":  # it is an emoji of an underground railway
            table[code] = unicodedata.normalize("NFKC", chr(code))
    for code in range(*_FULL_WIDTH):
        plain = chr(code - 0xFEE0)
        if plain.isalnum() or plain in _FULL_WIDTH_SIGNS:
            table[code] = plain
    return table


def _circled() -> dict[str, str]:
    return {
        chr(code): str(int(unicodedata.numeric(chr(code))))
        for low, high in _NUMBERS
        for code in range(low, high)
        if unicodedata.numeric(chr(code), -1) >= 0
    }


_STYLES = _styles()
CIRCLED = {**_circled(), "\U0001f51f": "10"}
"""Numbers in circles, brackets or with a full stop, by their sign."""


def without_style(text: str) -> str:
    """Return a text in plain letters and digits. It works on each character alone."""
    return text if text.isascii() else text.translate(_STYLES)
