"""The networks have the official files' tensors: names, shapes and kinds together make a file's size, to the byte.

A `.safetensors` file is 8 bytes, a header that spells every tensor's name, kind, shape and place, padded to a multiple
of 8, and the data. The sizes are those that the model hub tells.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from wyoming_chatterbox.engine.checkpoint import load
from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL, NANO, PACKS, TURBO, Family, recognise

from . import checkpoints

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
"""Kind and shape of each tensor by name, in a file's order."""

BYTES = {"F32": 4, "I64": 8}
PACK = PACKS["multilingual-pt-br"]

OFFICIAL = {
    "t3_cfg.safetensors": ("t3 english", 292, 2_129_653_744, 0),
    "t3_mtl23ls_v2.safetensors": ("t3 multilingual", 292, 2_143_989_752, 0),
    "t3_mtl23ls_v3.safetensors": ("t3 multilingual", 292, 2_143_989_928, 176),
    "t3_turbo_v1.safetensors": ("t3 turbo", 299, 1_915_480_052, 0),
    "t3_nano_v1.safetensors": ("t3 nano", 155, 869_899_204, 0),
    "s3gen.safetensors": ("s3gen without window", 2489, 1_056_484_620, 0),
    "s3gen_v3.safetensors": ("s3gen without window and filters", 2488, 1_056_381_804, 192),
    "s3gen_meanflow.safetensors": ("s3gen meanflow", 2491, 1_064_875_036, 0),
    "ve.safetensors": ("voice encoder", 16, 5_695_784, 0),
}
"""File -> its network, number of tensors, bytes, and how many of them are metadata, which only the latest have."""


class WithoutWeights(TorchFunctionMode):
    """Draws no weights: on `meta` that would import torch's compiler."""

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        if getattr(function, "__module__", None) == torch.nn.init.__name__:
            return None
        return function(*args, **(kwargs or {}))


@cache
def network(name: str) -> Shapes:
    """The tensors of a network as a file has them, from chatterbox-tts's own classes without weights."""
    kind, _, which = name.partition(" ")
    with torch.device("meta"), WithoutWeights():
        if kind == "t3":
            module: Any = random_checkpoint.t3_of(which)
        elif kind == "voice":
            module = chatterbox_tts.VoiceEncoder()
        else:
            module = chatterbox_tts.tts.S3Gen(meanflow=which == "meanflow")
    absent = {"tokenizer.window": "window", "tokenizer._mel_filters": "filters"}
    kinds = {torch.float32: "F32", torch.int64: "I64"}
    return {
        key: (kinds[tensor.dtype], tuple(tensor.shape))
        for key, tensor in sorted(module.state_dict().items(), key=lambda item: (-item[1].element_size(), item[0]))
        if absent.get(key, "always there") not in which
    }


def header(shapes: Shapes) -> bytes:
    """A file's first bytes: the length of the header, and the header."""
    described, offset = {}, 0
    for name, (kind, shape) in shapes.items():
        end = offset + BYTES[kind] * math.prod(shape)
        described[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def size(shapes: Shapes) -> int:
    return len(header(shapes)) + sum(BYTES[kind] * math.prod(shape) for kind, shape in shapes.values())


@pytest.mark.parametrize("file", OFFICIAL)
def test_a_file_has_the_official_size(file: str) -> None:
    name, tensors, official, metadata = OFFICIAL[file]
    shapes = network(name)
    assert len(shapes) == tensors
    assert size(shapes) + metadata == official


# Files of that layout


def write(directory: Path, family: Family) -> Path:
    """Write a family's files in the official layout, their data a hole."""
    for name in (family.t3[0], family.s3gen, family.voice_encoder):
        if name.endswith(".pt"):
            write_pickled(directory / name)
        else:
            with (directory / name).open("wb") as file:
                file.write(header(shapes_in(name)))
                file.truncate(size(shapes_in(name)))
    gpt2 = random_checkpoint.is_gpt2(family.name)
    voice = random_checkpoint.conditionals(*((375, 250) if gpt2 else (150, 157)))
    voice.gen["prompt_feat"] = voice.gen["prompt_feat"].transpose(1, 2).contiguous().transpose(1, 2)
    voice.save(directory / family.conditionals)
    random_checkpoint.write_tokenizer(family.name, directory, random_checkpoint.TEXT_VOCABULARY[family.name])
    return directory


def shapes_in(file: str) -> Shapes:
    """The tensors of an official file; a pack's T3 is multilingual's."""
    return network(OFFICIAL[MULTILINGUAL.t3[0] if file in PACK.t3 else file][0])


def write_pickled(path: Path) -> None:
    """Write zeros as torch does where they were on a GPU."""
    shapes = {"s3gen.pt": "s3gen", "s3gen_v3.pt": "s3gen without window and filters", "ve.pt": "voice encoder"}
    kinds = {"F32": torch.float32, "I64": torch.int64}
    tensors = OrderedDict(
        (name, torch.zeros(shape, dtype=kinds[kind])) for name, (kind, shape) in network(shapes[path.name]).items()
    )
    torch.save(tensors, path)


@pytest.mark.full
@pytest.mark.parametrize(
    "family",
    [ENGLISH, MULTILINGUAL, TURBO, NANO, PACK],
    ids=lambda family: family.label,
)
def test_files_of_the_official_layout_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: Family) -> None:
    monkeypatch.setattr(torch.serialization, "location_tag", lambda _storage: "cuda:0")
    write(tmp_path, family)
    if family is PACK:
        (tmp_path / family.s3gen).unlink()
        write_pickled(tmp_path / "s3gen_v3.pt")
    assert recognise(tmp_path) == family
    networks = load(tmp_path, family, checkpoints.computing_in("float16"))
    assert networks.t3_file == family.t3[0]
    preparation = networks.preparation
    for part in (preparation.s3_tokenizer(), preparation.speaker_encoder(), preparation.voice_encoder()):
        assert part is not None
    assert preparation.bytes > 400_000_000
