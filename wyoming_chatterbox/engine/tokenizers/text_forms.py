"""The two forms in which multilingual models were given their training texts, and which model takes which.

Both decompose accents (NFKD). `v2` is that of chatterbox-tts 0.1.7: small letters, Japanese in hiragana, Hebrew with
its vowels. `v3` is that of the official demonstration of Multilingual v3, and of mlx-audio 0.6.2: capitals stay as
they are written, and Chinese and Russian are prepared before the decomposition.
"""

from __future__ import annotations

import re
from typing import Literal

TextForm = Literal["v2", "v3"]

TEXT_FORMS: tuple[TextForm, ...] = ("v3", "v2")

_V3 = re.compile(r"t3_(?:.*v3.*|[a-z]{2}(?:_[a-z]{2})?)\.safetensors")
"""The name of v3's T3, and those of the packs for one language, which were made from it: `t3_pt_br.safetensors`."""


def text_form(t3_file: str) -> TextForm:
    """Tell the form from the name of T3's file."""
    return "v3" if _V3.fullmatch(t3_file) else "v2"
