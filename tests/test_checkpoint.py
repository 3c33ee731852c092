"""Official layouts load through one path, at any size; broken files are refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import Tiny
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.errors import CheckpointError
from wyoming_chatterbox.families import FAMILIES, recognise

from . import checkpoints
from .reference import generate, mel_to_wave


@pytest.fixture
def broken(tiny: Tiny, tmp_path: Path) -> Callable[[str, str], Path]:
    """(layout, file name) -> that file, in a copy of the checkpoint where all others are whole."""

    def get(layout: str, name: str) -> Path:
        for path in tiny(layout).iterdir():
            (tmp_path / path.name).symlink_to(path)
        (tmp_path / name).unlink()
        shutil.copy(tiny(layout) / name, tmp_path / name)
        return tmp_path / name

    return get


def load_tiny(directory: Path, layout: str, dtype: str = "float32") -> Networks:
    return load(directory, FAMILIES[checkpoints.family_of(layout)], checkpoints.computing_in(dtype))


@pytest.mark.slow(1)
@pytest.mark.parametrize("layout", checkpoints.LAYOUTS)
def test_every_layout_loads_with_the_weights_it_was_written_with(tiny: Tiny, layout: str) -> None:
    assert recognise(tiny(layout)).name == checkpoints.family_of(layout)
    loaded = load_tiny(tiny(layout), layout)
    built = checkpoints.build(layout)
    for ours, theirs in ((loaded.t3, built.t3), (loaded.flow, built.s3gen.flow)):
        written = theirs.state_dict()
        read = ours.state_dict()
        assert len(read) > 10
        for name, value in read.items():
            # T3's transformer holds its weights in an order of its own; what it computes is tested instead.
            if not name.startswith("tfmr."):
                owner, _, last = name.rpartition(".")
                # The vocoder's weights are held without their norms apart: what the package computes of them.
                wanted = written[name] if name in written else getattr(theirs.get_submodule(owner), last)
                assert torch.equal(value, wanted), name
    assert loaded.t3_file == checkpoints.LAYOUTS[layout][0]


@pytest.mark.slow(2)
@pytest.mark.parametrize("layout", ["english", "multilingual", "turbo"])
def test_the_networks_that_prepare_voices_load_at_first_need(tiny: Tiny, layout: str) -> None:
    preparation = load_tiny(tiny(layout), layout).preparation
    built = checkpoints.build(layout)
    assert preparation.bytes == 0
    networks: tuple[tuple[Any, Any], ...] = (
        (preparation.s3_tokenizer(), built.s3gen.tokenizer),
        (preparation.speaker_encoder(), built.s3gen.speaker_encoder),
        (preparation.voice_encoder(), built.voice_encoder),
    )
    for ours, theirs in networks:
        read = ours.state_dict()
        for name, value in theirs.state_dict().items():
            assert torch.equal(read[name], value), name
    assert preparation.s3_tokenizer() is preparation.s3_tokenizer()
    assert preparation.bytes > 7_000_000 * 4
    preparation.release()
    assert preparation.bytes == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_t3_and_the_flow_compute_in_16_bits_and_the_vocoder_in_float32(tiny: Tiny, dtype: str) -> None:
    networks = load_tiny(tiny("english"), "english", dtype)
    assert {p.dtype for p in (*networks.t3.parameters(), *networks.flow.parameters())} == {getattr(torch, dtype)}
    assert mel_to_wave(networks.vocoder, torch.zeros(1, 80, 10)).dtype == np.float32
    transformer: Any = networks.t3.tfmr
    assert transformer.inv_freq.dtype == torch.float32
    assert networks.conditionals.prompt_tokens.dtype == torch.int64
    whole = load_tiny(tiny("english"), "english").bytes()
    assert networks.bytes()["flow"] * 2 == pytest.approx(whole["flow"], rel=0.01)
    assert networks.bytes()["vocoder"] < whole["vocoder"]


def test_heads_that_speaking_never_uses_are_not_held(tiny: Tiny) -> None:
    for layout in ("english", "turbo"):
        names = set(load_tiny(tiny(layout), layout).t3.state_dict())
        assert not [name for name in names if name.startswith(("text_head", "tfmr.wte", "tfmr.embed_tokens"))]


@pytest.mark.parametrize(
    ("layout", "name"),
    [(layout, name) for layout in ("english", "multilingual", "turbo") for name in checkpoints.LAYOUTS[layout]]
    + [("nano", "conds.pt"), ("nano", "vocab.json"), ("english", "tokenizer.json")],
)
@pytest.mark.parametrize("damage", ["truncated", "empty", "another format", "missing"])
def test_a_broken_file_is_refused_by_name(
    broken: Callable[[str, str], Path], layout: str, name: str, damage: str
) -> None:
    path = broken(layout, name)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "another format":
        path.write_bytes(b"<html>404 Not Found</html>" * 100)
    else:
        path.unlink()
    with pytest.raises(CheckpointError, match=name) as caught:
        preparation = load_tiny(path.parent, layout).preparation
        preparation.s3_tokenizer()
        preparation.voice_encoder()
    assert "ownload" in caught.value.hint


def change(path: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Rewrite a file of weights with its tensors edited in place."""
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("layout", "name", "tensor"),
    [
        ("english", "t3_cfg.safetensors", "tfmr.layers.1.mlp.up_proj.weight"),
        ("turbo", "t3_turbo_v1.safetensors", "tfmr.h.1.attn.c_attn.weight"),
        ("english", "s3gen.safetensors", "flow.encoder.encoders.1.self_attn.linear_q.weight"),
        ("turbo", "s3gen_meanflow.safetensors", "mel2wav.ups.1.bias"),
    ],
)
class TestAFileWithOneTensorWrong:
    def test_of_another_shape_names_both_shapes(
        self, broken: Callable[[str, str], Path], layout: str, name: str, tensor: str
    ) -> None:
        path = broken(layout, name)
        old = list(load_file(path)[tensor].shape)
        change(path, lambda tensors: tensors.update({tensor: torch.zeros(7, 5)}))
        with pytest.raises(CheckpointError) as caught:
            load_tiny(path.parent, layout)
        for part in (name, tensor, "[7, 5]", str(old)):
            assert part in str(caught.value)

    def test_missing_is_named(self, broken: Callable[[str, str], Path], layout: str, name: str, tensor: str) -> None:
        path = broken(layout, name)
        change(path, lambda tensors: tensors.pop(tensor))
        with pytest.raises(CheckpointError, match=f"{name}.*lacks.*{tensor}"):
            load_tiny(path.parent, layout)

    def test_of_whole_numbers_is_refused(
        self, broken: Callable[[str, str], Path], layout: str, name: str, tensor: str
    ) -> None:
        path = broken(layout, name)
        change(path, lambda tensors: tensors.update({tensor: tensors[tensor].to(torch.int64)}))
        with pytest.raises(CheckpointError, match=f"{tensor}.*int64"):
            load_tiny(path.parent, layout)


def test_weights_stored_in_16_bits_load_as_any_dtype(broken: Callable[[str, str], Path]) -> None:
    path = broken("nano", "t3_nano_v1.safetensors")
    change(path, lambda tensors: tensors.update({name: value.half() for name, value in tensors.items()}))
    assert {p.dtype for p in load_tiny(path.parent, "nano").t3.parameters()} == {torch.float32}


def test_a_fine_tune_with_more_text_tokens_loads(broken: Callable[[str, str], Path]) -> None:
    path = broken("multilingual", "t3_mtl23ls_v2.safetensors")
    change(path, lambda tensors: tensors.update({"text_emb.weight": torch.zeros(2454, 128)}))
    networks = load_tiny(path.parent, "multilingual")
    assert networks.t3.hp.text_tokens_dict_size == 2454
    # 2454 is the number that the package takes for its attention watcher, which these two layers could not have.
    tokens = networks.tokenizer("Hallo.", "de")
    generate(networks.t3, tokens, networks.conditionals, DEFAULTS["multilingual"], 3, lambda: False)


def test_a_voice_for_another_vocabulary_is_refused(broken: Callable[[str, str], Path]) -> None:
    path = broken("english", "conds.pt")
    content = torch.load(path, weights_only=True)
    content["gen"]["prompt_token"][0, 3] = 6561
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"conds\.pt.*6561"):
        load_tiny(path.parent, "english")


def test_a_pickle_that_runs_code_is_refused(broken: Callable[[str, str], Path], tmp_path: Path) -> None:
    path = broken("english", "conds.pt")
    torch.save({"t3": _Touch(tmp_path / "touched")}, path)
    with pytest.raises(CheckpointError, match=r"conds\.pt"):
        load_tiny(path.parent, "english")
    assert not (tmp_path / "touched").exists()


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.full
@pytest.mark.slow(20)
def test_full_size_nano_has_the_official_sizes_and_draws_tokens(tmp_path: Path) -> None:
    checkpoints.make("nano", tmp_path, size="full")
    networks = load_tiny(tmp_path, "nano")
    assert networks.t3.cfg.num_hidden_layers == 12
    assert networks.t3.cfg.num_attention_heads == 12
    millions = {part: size / 4e6 for part, size in networks.bytes().items()}
    assert millions["t3"] == pytest.approx(178.9 - 2 * 38.6, abs=0.3)
    assert millions["flow"] == pytest.approx(114.6, abs=0.3)
    assert millions["vocoder"] == pytest.approx(20.8, abs=0.1)
    tokens = networks.tokenizer(checkpoints.TEXT, "en")
    drawn = generate(networks.t3, tokens, networks.conditionals, DEFAULTS["nano"], 5, lambda: False)
    assert len(drawn) <= 5
