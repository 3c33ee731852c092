"""The four families of Chatterbox: name, official files, languages, and what each makes of a recording.

Nothing here needs more than Python itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .errors import CheckpointError
from .problem import Problem
from .tensor_shapes import tensor_shapes

MULTILINGUAL_LANGUAGES = (
    "ar", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "it", "ja",
    "ko", "ms", "nl", "no", "pl", "pt", "ru", "sv", "sw", "tr", "zh",
)  # fmt: skip

CANGJIE = "Cangjie5_TC.json"
"""File name of the table by which Chinese is written in letters."""

_SAME_TENSORS = (
    ("s3gen.pt", "s3gen.safetensors"),
    ("s3gen_v3.pt", "s3gen_v3.safetensors"),
    ("ve.pt", "ve.safetensors"),
)
TWINS = {one: other for pair in _SAME_TENSORS for one, other in (pair, pair[::-1])}
"""File name -> that of the official file with the same tensors in another container."""

_GPT2_TOKENIZER = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


S3GEN_SECONDS = 10
"""Seconds of a recording that become the flow's prompt."""


@dataclass(frozen=True)
class PromptRules:
    """How a family turns a recording into a voice."""

    t3_seconds: int
    """Seconds, at the start of what is taken from the recording, that T3's prompt is made of."""
    shortest: float
    """Seconds of speech that a recording must exceed."""
    loudness: tuple[float, float]
    """LUFS that are left as they are, from and to; a recording that is quieter or louder is levelled to the nearer."""

    @property
    def longest(self) -> int:
        """Seconds of a recording that are used: as many as T3 or the flow can take."""
        return max(self.t3_seconds, S3GEN_SECONDS)


_LLAMA_RULES = PromptRules(t3_seconds=6, shortest=1.0, loudness=(-30.0, -18.0))
_GPT2_RULES = PromptRules(t3_seconds=15, shortest=5.0, loudness=(-27.0, -27.0))
_GUIDED = {"exaggeration": 0.5, "cfg_weight": 0.5, "temperature": 0.8}
_UNGUIDED = {"temperature": 0.8}
_ALWAYS_HEEDED = ("seed", "speed", "loudness", "sentence_pause")
"""Settings of a voice's style that do not depend on the model."""
SOUNDS = ("laugh", "chuckle", "gasp", "cough", "sigh", "groan", "sniff", "shush", "clear throat")
"""Tags that turbo and nano turn into sounds."""


@dataclass(frozen=True)
class Family:
    """A model family and its official file layout."""

    name: str
    summary: str
    """A description in a few words; script/docs writes it into the docs."""
    repository: str
    """Its name on the model hub."""
    revision: str
    """The repository's commit that is downloaded unless another is asked for: the one that this project knows."""
    t3: tuple[str, ...]
    """File names of T3's weights, newest first: one of them is enough."""
    s3gen: str
    voice_encoder: str
    tokenizer: tuple[str, ...]
    """File names, all of them required; the first is the tokenizer itself."""
    prompt: PromptRules
    style: Mapping[str, float] = field(default_factory=dict, compare=False)
    """The settings of a voice's style that the model heeds, each with its default."""
    optional: tuple[str, ...] = ()
    """File names that are downloaded if the hub has them."""
    languages: tuple[str, ...] = ("en",)
    conditionals: str = "conds.pt"
    """File name of the checkpoint's own voice."""
    sounds: tuple[str, ...] = ()
    """Names of the tags that it turns into sounds: `[laugh]`."""
    pack: str | None = None
    """Name of the single-language pack that this is; None for the family itself."""
    borrowed: tuple[str, ...] = ()
    """File names that its repository lacks: they are those of the family that it was trained from."""
    elsewhere: Mapping[str, Path] = field(default_factory=dict, compare=False)
    """Paths of the files that are not in the checkpoint's directory, by file name."""

    @property
    def label(self) -> str:
        """The name that a person gives it by: of the pack or of the family."""
        return self.pack or self.name

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the files, T3's weights aside, that a checkpoint needs."""
        return (self.s3gen, self.voice_encoder, *self.tokenizer, self.conditionals)

    def missing(self, names: Iterable[str]) -> list[str]:
        """List the required files that are not among `names`; one of several alternatives is enough."""
        have = {*names, *self.elsewhere}
        have.update([TWINS[name] for name in have if name in TWINS])
        missing = [name for name in self.required if name not in have]
        if not have.intersection(self.t3):
            missing.insert(0, " or ".join(self.t3))
        return missing

    def path(self, directory: Path, name: str) -> Path:
        """Path of a file of the checkpoint in `directory`, or of the one that holds the same tensors."""
        path = self.elsewhere.get(name, directory / name)
        if name in TWINS and not path.exists():
            twin = path.with_name(TWINS[name])
            return twin if twin.exists() else path
        return path

    def t3_path(self, directory: Path) -> Path:
        """Path of T3's weights in `directory`."""
        return next((directory / name for name in self.t3 if (directory / name).exists()), directory / self.t3[0])


_BASE_COMMIT = "5bb1f6ee58e50c3b8d408bc82a6d3740c2db6e18"

ENGLISH = Family(
    name="english",
    summary="English with control of emotion and pace",
    repository="ResembleAI/chatterbox",
    revision=_BASE_COMMIT,
    t3=("t3_cfg.safetensors",),
    s3gen="s3gen.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=("tokenizer.json",),
    prompt=_LLAMA_RULES,
    style=_GUIDED,
)
MULTILINGUAL = Family(
    name="multilingual",
    summary="one voice in each language",
    repository="ResembleAI/chatterbox",
    revision=_BASE_COMMIT,
    t3=("t3_mtl23ls_v3.safetensors", "t3_mtl23ls_v2.safetensors"),
    s3gen="s3gen.pt",
    voice_encoder="ve.pt",
    tokenizer=("grapheme_mtl_merged_expanded_v1.json",),
    prompt=_LLAMA_RULES,
    style=_GUIDED,
    optional=(CANGJIE,),
    languages=MULTILINGUAL_LANGUAGES,
)
TURBO = Family(
    name="turbo",
    summary="the fastest on a GPU",
    repository="ResembleAI/chatterbox-turbo",
    revision="749d1c1a46eb10492095d68fbcf55691ccf137cd",
    t3=("t3_turbo_v1.safetensors",),
    s3gen="s3gen_meanflow.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=_GPT2_TOKENIZER[:3],
    prompt=_GPT2_RULES,
    style=_UNGUIDED,
    optional=_GPT2_TOKENIZER[3:],
    sounds=SOUNDS,
)
NANO = Family(
    name="nano",
    summary="the smallest, for a CPU",
    repository="ResembleAI/chatterbox-nano",
    revision="71ccd1d0081b430592cea481f4307e764e07bc64",
    t3=("t3_nano_v1.safetensors",),
    s3gen="s3gen_meanflow.safetensors",
    voice_encoder="ve.safetensors",
    tokenizer=_GPT2_TOKENIZER[:3],
    prompt=_GPT2_RULES,
    style=_UNGUIDED,
    optional=_GPT2_TOKENIZER[3:],
    sounds=SOUNDS,
)

FAMILIES = {family.name: family for family in (ENGLISH, MULTILINGUAL, TURBO, NANO)}

_S3GEN_V3 = "s3gen_v3.safetensors"


def _pack(region: str, language: str, summary: str, revision: str = "main") -> Family:
    """Describe a fine-tune of multilingual v3 for one language."""
    return replace(
        MULTILINGUAL,
        pack=f"multilingual-{region}",
        summary=summary,
        repository=f"ResembleAI/Chatterbox-Multilingual-{region}",
        revision=revision,
        t3=(f"t3_{region.replace('-', '_')}.safetensors",),
        s3gen=_S3GEN_V3,
        languages=(language,),
        # Chinese is written in letters before it is spoken; the others can do without.
        tokenizer=(*MULTILINGUAL.tokenizer, CANGJIE) if language == "zh" else MULTILINGUAL.tokenizer,
        borrowed=(MULTILINGUAL.voice_encoder, MULTILINGUAL.conditionals, CANGJIE),
    )


# The repositories are those that upstream's README lists. Two have a commit that is publicly known; of the others, the
# newest is downloaded.
PACKS = {
    pack.label: pack
    for pack in (
        _pack("es-es", "es", "Spanish of Spain"),
        _pack("es-mx-latam", "es", "Spanish of Latin America"),
        _pack("hi", "hi", "Hindi", "82ca71273cc2a9ab19efdf8315f865c1a5af0ee7"),
        _pack("pt-br", "pt", "Portuguese of Brazil", "b3952f18bc2eaa72b9bd7c17d2c4653bcad4770d"),
        _pack("pt-pt", "pt", "Portuguese of Portugal"),
        _pack("zh-cmn", "zh", "Mandarin Chinese"),
    )
}
"""The single-language packs, by the name that `--model` takes."""

MODELS = FAMILIES | PACKS
"""All that `--model` takes a name for."""

_OFFICIAL_T3 = {name for model in MODELS.values() for name in model.t3} | {"t3_23lang.safetensors"}


def recognise(directory: Path, *, whole: bool = True) -> Family:
    """Recognise a checkpoint directory by T3's weights: a family's, a pack's, or a fine-tune's of another name.

    Raises `CheckpointError` if there are none or, unless `whole` is false, if another required file is missing.
    """
    if not directory.is_dir():
        raise CheckpointError(
            f"{directory} is not a directory",
            "Give the directory that holds the model's files.",
            Problem("files-missing", {"place": str(directory)}),
        )
    try:
        names = {path.name for path in directory.iterdir()}
    except OSError as err:
        raise CheckpointError(f"{directory} can't be read: {err.strerror}", "Check its permissions.") from err
    family = _with_s3gen_there(_by_t3(directory, names), names)
    missing = family.missing(names)
    if missing and whole:
        raise CheckpointError(
            f"{directory} looks like the {family.label} model, but lacks {', '.join(missing)}",
            "Copy the missing files there, or use --model " + family.label + " to download them.",
            Problem("files-missing", {"place": str(directory), "files": missing}),
        )
    return family


def _by_t3(directory: Path, names: set[str]) -> Family:
    """Recognise a family by T3's weights. Those under a name of their own were put there on purpose, so they win."""
    own = sorted(name for name in names - _OFFICIAL_T3 if name.startswith("t3_") and name.endswith(".safetensors"))
    if len(own) > 1:
        raise CheckpointError(f"{directory} holds several models: {', '.join(own)}", "Keep one of them there.")
    if own:
        return replace(_trained_from(directory / own[0], names), t3=(own[0],))
    for model in (*PACKS.values(), *FAMILIES.values()):
        if names.intersection(model.t3):
            return model
    wanted = ", ".join(name for family in FAMILIES.values() for name in family.t3)
    raise CheckpointError(
        f"{directory} holds no Chatterbox model: neither one of {wanted} nor a fine-tune's t3_*.safetensors",
        "Give the directory that holds the model's files in their official layout.",
        Problem("files-missing", {"place": str(directory)}),
    )


_ENGLISH_TEXT_TOKENS = 1000
"""The most text tokens that English has; it has 704, and other languages have 2352 or more."""
_TURBO_WIDTH = 1024


def _trained_from(path: Path, names: set[str]) -> Family:
    """Return the family that a T3 was trained from: by the tokenizer beside it, else by its tensors."""
    shapes = tensor_shapes(path)
    if any(name.startswith("tfmr.h.") for name in shapes):
        _, width, *_ = *shapes.get("speech_head.weight", ()), 0, 0
        return TURBO if width >= _TURBO_WIDTH else NANO
    beside = [family for family in (ENGLISH, MULTILINGUAL) if family.tokenizer[0] in names]
    if len(beside) == 1:
        return beside[0]
    tokens, *_ = *shapes.get("text_emb.weight", ()), 0
    return ENGLISH if tokens <= _ENGLISH_TEXT_TOKENS else MULTILINGUAL


def _with_s3gen_there(family: Family, names: set[str]) -> Family:
    """Let a Llama family speak with the S3Gen that is there: any of them takes the same speech tokens."""
    if family.name not in (ENGLISH.name, MULTILINGUAL.name):
        return family
    for name in (family.s3gen, ENGLISH.s3gen, _S3GEN_V3):
        if names.intersection({name, TWINS[name]}):
            return replace(family, s3gen=name)
    return family


def spoken_languages(model: str) -> tuple[str, ...]:
    """Languages that `--model` will speak, as far as is known before it is loaded."""
    return _expected(model).languages


def spoken_sounds(model: str) -> tuple[str, ...]:
    """Names of the tags that `--model` will turn into sounds."""
    return _expected(model).sounds


def heeded(model: str) -> tuple[str, ...]:
    """Names of the settings of a voice's style that `--model` will heed."""
    return (*_expected(model).style, *_ALWAYS_HEEDED)


def prompt_rules(model: str) -> PromptRules:
    """Return how `--model` will turn a recording into a voice."""
    return _expected(model).prompt


def _expected(model: str) -> Family:
    if model in MODELS:
        return MODELS[model]
    try:
        # Auto chooses between turbo and nano, which have the same languages, sounds and prompt rules.
        return TURBO if model == "auto" else recognise(Path(model), whole=False)
    except CheckpointError:
        return ENGLISH
