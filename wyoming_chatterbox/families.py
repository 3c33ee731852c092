"""The four families of Chatterbox: name, official files, languages, and what each makes of a recording.

Nothing here needs more than Python itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import CheckpointError

MULTILINGUAL_LANGUAGES = (
    "ar", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "it", "ja",
    "ko", "ms", "nl", "no", "pl", "pt", "ru", "sv", "sw", "tr", "zh",
)  # fmt: skip

_GPT2_TOKENIZER = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True)
class PromptRules:
    """How a family turns a recording into a voice."""

    t3_seconds: int
    """Seconds at the start of the recording that T3's prompt is made of."""
    shortest: float
    """Seconds that a recording must exceed."""
    loudness: float | None
    """LUFS that the recording is levelled to; None leaves it as it is."""


_LLAMA_RULES = PromptRules(t3_seconds=6, shortest=1.0, loudness=None)
_GPT2_RULES = PromptRules(t3_seconds=15, shortest=5.0, loudness=-27.0)
_GPT2_SOUNDS = ("laugh", "chuckle", "gasp", "cough", "sigh", "groan", "sniff", "shush", "clear throat")


@dataclass(frozen=True)
class Family:
    """A model family and its official file layout."""

    name: str
    summary: str
    """A description in a few words; script/docs writes it into the docs."""
    repository: str
    """Its name on the model hub."""
    t3: tuple[str, ...]
    """File names of T3's weights, newest first: one of them is enough."""
    s3gen: str
    voice_encoder: str
    tokenizer: tuple[str, ...]
    """File names, all of them required; the first is the tokenizer itself."""
    prompt: PromptRules
    optional: tuple[str, ...] = ()
    """File names that are downloaded if the hub has them."""
    languages: tuple[str, ...] = ("en",)
    conditionals: str = "conds.pt"
    """File name of the checkpoint's own voice."""
    sounds: tuple[str, ...] = ()
    """Names of the tags that it turns into sounds: `[laugh]`."""

    def missing(self, names: Iterable[str]) -> list[str]:
        """List the required files that are not among `names`; one of several alternatives is enough."""
        have = set(names)
        wanted = [self.s3gen, self.voice_encoder, *self.tokenizer, self.conditionals]
        missing = [name for name in wanted if name not in have]
        if not have.intersection(self.t3):
            missing.insert(0, " or ".join(self.t3))
        return missing


ENGLISH = Family(
    name="english",
    summary="English with control of emotion and pace",
    repository="ResembleAI/chatterbox",
    t3=("t3_cfg.safetensors",),
    s3gen="s3gen.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=("tokenizer.json",),
    prompt=_LLAMA_RULES,
)
MULTILINGUAL = Family(
    name="multilingual",
    summary="one voice in each language",
    repository="ResembleAI/chatterbox",
    t3=("t3_mtl23ls_v3.safetensors", "t3_mtl23ls_v2.safetensors"),
    s3gen="s3gen.pt",
    voice_encoder="ve.pt",
    tokenizer=("grapheme_mtl_merged_expanded_v1.json",),
    prompt=_LLAMA_RULES,
    optional=("Cangjie5_TC.json",),
    languages=MULTILINGUAL_LANGUAGES,
)
TURBO = Family(
    name="turbo",
    summary="the fastest on a GPU",
    repository="ResembleAI/chatterbox-turbo",
    t3=("t3_turbo_v1.safetensors",),
    s3gen="s3gen_meanflow.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=_GPT2_TOKENIZER[:3],
    prompt=_GPT2_RULES,
    optional=_GPT2_TOKENIZER[3:],
    sounds=_GPT2_SOUNDS,
)
NANO = Family(
    name="nano",
    summary="the smallest, for a CPU",
    repository="ResembleAI/chatterbox-nano",
    t3=("t3_nano_v1.safetensors",),
    s3gen="s3gen_meanflow.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=_GPT2_TOKENIZER[:3],
    prompt=_GPT2_RULES,
    optional=_GPT2_TOKENIZER[3:],
    sounds=_GPT2_SOUNDS,
)

FAMILIES = {family.name: family for family in (ENGLISH, MULTILINGUAL, TURBO, NANO)}


def recognise(directory: Path) -> Family:
    """Recognise the family of a checkpoint directory by its files.

    Raises `CheckpointError` if it is no family's, or if a required file is missing.
    """
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is not a directory", "Give the directory that holds the model's files.")
    try:
        names = {path.name for path in directory.iterdir()}
    except OSError as err:
        raise CheckpointError(f"{directory} can't be read: {err.strerror}", "Check its permissions.") from err
    for family in FAMILIES.values():
        if names.intersection(family.t3):
            missing = family.missing(names)
            if missing:
                raise CheckpointError(
                    f"{directory} looks like the {family.name} model, but lacks {', '.join(missing)}",
                    "Copy the missing files there, or use --model " + family.name + " to download them.",
                )
            return family
    wanted = ", ".join(name for family in FAMILIES.values() for name in family.t3)
    raise CheckpointError(
        f"{directory} holds no Chatterbox model: none of {wanted} is there",
        "Give the directory that holds the model's files in their official layout.",
    )


def spoken_languages(model: str) -> tuple[str, ...]:
    """Languages that `--model` will speak, as far as is known before it is loaded."""
    return _expected(model).languages


def spoken_sounds(model: str) -> tuple[str, ...]:
    """Names of the tags that `--model` will turn into sounds."""
    return _expected(model).sounds


def shortest_recording(model: str) -> float:
    """Seconds that a recording must exceed for `--model` to clone it."""
    return _expected(model).prompt.shortest


def _expected(model: str) -> Family:
    if model in FAMILIES:
        return FAMILIES[model]
    try:
        # Auto chooses between turbo and nano, which have the same languages, sounds and prompt rules.
        return TURBO if model == "auto" else recognise(Path(model))
    except CheckpointError:
        return ENGLISH
