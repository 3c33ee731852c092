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

_V3 = re.compile(r"t3_(?:.*v3.*|es_es|es_mx_latam|hi|pt_br|pt_pt|zh_cmn)\.safetensors")
"""The names of v3's T3, and of the official packs for one language, which were trained from it."""


def text_form(t3_file: str) -> TextForm:
    """Tell the form from the name of T3's file; fine-tunes of other names were trained with chatterbox-tts, in v2's."""
    return "v3" if _V3.fullmatch(t3_file) else "v2"
