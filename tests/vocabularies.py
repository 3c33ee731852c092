"""The characters that the official vocabularies have tokens for, and tokenizers made of them.

english's `tokenizer.json` and the first multilingual model's `mtl_tokenizer.json` are public (in the history of
github.com/randombk/chatterbox-vllm, as published by Resemble AI under the MIT licence). Multilingual v2 and v3 have
those 2352 tokens and 102 more, which are not publicly listed. Neither vocabulary has kanji, hanzi or whole Korean
syllables. Only single characters matter here: a text of known characters has no unknown token, however they are merged.
"""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES

_ENGLISH = "21-7e a0-ff 101 14b 14d 250-2ff 303 329 3b8 1d7b 2010-201f 2026"
_MULTILINGUAL = """
20-7e a1-ff 101 110-111 126-127 131 138 141-142 14a-14b 14d 152-153 166-167 180-19f 1a2-1ae 1b1-1c3 1dd 1e4-1e5 1f6-1f7
21c-21d 220-225 234-33f 342 345-373 375-377 37b-37d 37f 391-3a1 3a3-3a9 3b1-3c9 3cf 3d7-3ef 3f3 3f6-3f8 3fa-3ff 402
404-406 408-40b 40f-418 41a-438 43a-44f 452 454-456 458-45b 45f-475 478-4c0 4c3-4cf 4d4-4d5 4d8-4d9 4e0-4e1 4e8-4e9
4f6-4f7 4fa-52f 591-5c7 5d0-5ea 5ef-5f4 600-621 627-674 679-6bf 6c1 6c3-6d2 6d4-6ff 900-928 92a-930 932-933 935-957
960-97f 1100-11ff 1d7b 1e9c-1e9f 1efa-1eff 200b-200d 2010-2023 2026-2027 2030-2032 2035 2038-203b 203d 203f-2046
204a-2056 2058-205e 2060-2064 206a-206f 2212 2500 3001-301f 3041-304b 304d 304f 3051 3053 3055 3057 3059 305b 305d 305f
3061 3063-3064 3066 3068 306a-306f 3072 3075 3078 307b 307e-3093 3095-3096 3099-309a 309d 30a0-30ab 30ad 30af 30b1 30b3
30b5 30b7 30b9 30bb 30bd 30bf 30c1 30c3-30c4 30c6 30c8 30ca-30cf 30d2 30d5 30d8 30db 30de-30f3 30f5-30f6 30fb-30fd
3105-312f 1f64a 1f92d
"""
_SIGNS = ("[STOP]", "[UNK]", "[SPACE]", "[START]")


def english(path: Path) -> Path:
    """Write a tokenizer with english's characters."""
    return _write(path, _ENGLISH, ())


def multilingual(path: Path, more: str = "") -> Path:
    """Write a tokenizer with multilingual's characters, and any more."""
    cangjie = [f"[cj_{letter}]" for letter in ".abcdefghijklmnopqrstuvwxyz0123456789"]
    return _write(path, _MULTILINGUAL, (*(f"[{code}]" for code in MULTILINGUAL_LANGUAGES), *cangjie), more)


def unknown(path: Path, ids: list[int]) -> int:
    """Count the unknown tokens."""
    return ids.count(json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]["[UNK]"])


def _write(path: Path, ranges: str, added: tuple[str, ...], more: str = "") -> Path:
    spans = [[int(end, 16) for end in span.split("-")] for span in ranges.split()]
    characters = [chr(code) for span in spans for code in range(span[0], span[-1] + 1)] + list(more)
    names = [*_SIGNS, *characters, *added]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([*_SIGNS, *added])
    tokenizer.save(str(path))
    return path
