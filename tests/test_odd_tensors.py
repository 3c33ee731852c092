"""Files that differ a little from the official ones, as people save them, load where nothing is missing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import checkpoints
from tests.conftest import Tiny
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.errors import CheckpointError
from wyoming_chatterbox.families import FAMILIES

S3GEN, T3 = "s3gen.safetensors", "t3_cfg.safetensors"


@pytest.fixture
def english(tiny: Tiny, tmp_path: Path) -> Path:
    """A checkpoint whose files may be replaced."""
    for path in tiny("english").iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def loaded(directory: Path, dtype: str = "float32") -> Networks:
    return load(directory, FAMILIES["english"], checkpoints.computing_in(dtype))


def change(path: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    """Put a file with edited tensors in the place of a link."""
    tensors = load_file(path)
    edit(tensors)
    path.unlink()
    save_file(tensors, path)


def change_voice(path: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    content = torch.load(path, weights_only=True)
    edit(content)
    path.unlink()
    torch.save(content, path)


# A voice


def floats(content: dict[str, Any], off: float = 0.0) -> None:
    """Make the tokens floats, as a voice has them that was saved after it spoke."""
    content["gen"]["prompt_token"] = content["gen"]["prompt_token"].float() + off
    content["t3"]["cond_prompt_speech_tokens"] = content["t3"]["cond_prompt_speech_tokens"].float()


def test_whole_numbers_that_are_held_as_floats_are_tokens(english: Path) -> None:
    as_published = loaded(english).conditionals
    change_voice(english / "conds.pt", floats)
    saved_again = loaded(english).conditionals
    for name, value in vars(as_published).items():
        assert torch.equal(value, getattr(saved_again, name)), name


@pytest.mark.parametrize("off", [0.5, float("nan"), float("inf")])
def test_other_floats_are_none(english: Path, off: float) -> None:
    change_voice(english / "conds.pt", lambda content: floats(content, off))
    with pytest.raises(CheckpointError, match=r"conds\.pt.*not whole"):
        loaded(english)


def test_frames_may_be_stored_transposed(english: Path) -> None:
    as_saved = loaded(english).conditionals.prompt_mel

    def transpose(content: dict[str, Any]) -> None:
        content["gen"]["prompt_feat"] = content["gen"]["prompt_feat"].transpose(1, 2).contiguous().transpose(1, 2)

    change_voice(english / "conds.pt", transpose)
    assert torch.equal(loaded(english).conditionals.prompt_mel, as_saved)


# Tensors


@pytest.mark.parametrize(
    ("file", "extra"),
    [
        (T3, "lora.down.weight"),
        (T3, "tfmr.layers.1.self_attn.q_proj.lora_A.weight"),
        (S3GEN, "discriminator.weight"),
        (S3GEN, "flow.decoder.estimator.extra.weight"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_an_extra_tensor_is_left_out_with_a_warning(
    english: Path, caplog: pytest.LogCaptureFixture, file: str, extra: str, dtype: str
) -> None:
    change(english / file, lambda tensors: tensors.update({extra: torch.zeros(3)}))
    with caplog.at_level(logging.WARNING):
        networks = loaded(english, dtype)
    assert len(networks.t3.state_dict()) > 10
    [line] = [record.getMessage() for record in caplog.records]
    assert str(english / file) in line
    assert extra in line


def test_text_s_rows_that_are_whole_numbers_are_refused_by_name(tiny: Tiny, tmp_path: Path) -> None:
    def whole(tensors: dict[str, torch.Tensor]) -> None:
        tensors["text_emb.weight"] = tensors["text_emb.weight"].long()

    for path in tiny("nano").iterdir():
        (tmp_path / path.name).symlink_to(path)
    change(tmp_path / checkpoints.LAYOUTS["nano"][0], whole)
    with pytest.raises(
        CheckpointError, match=r"text_emb\.weight is .* of torch\.int64, but rows of numbers are wanted"
    ):
        load(tmp_path, FAMILIES["nano"], checkpoints.FLOAT32)


@pytest.mark.parametrize("file", [T3, S3GEN])
def test_many_extra_tensors_are_one_line(english: Path, caplog: pytest.LogCaptureFixture, file: str) -> None:
    change(english / file, lambda tensors: tensors.update({f"extra.{n}": torch.zeros(3) for n in range(300)}))
    with caplog.at_level(logging.WARNING):
        loaded(english)
    [line] = [record.getMessage() for record in caplog.records]
    assert "and 295 more" in line


@pytest.mark.parametrize("absent", [(), ("_mel_filters",), ("window",), ("_mel_filters", "window")])
def test_what_the_s3_tokenizer_computes_need_not_be_in_the_file(
    english: Path, tiny: Tiny, absent: tuple[str, ...]
) -> None:
    whole = load_file(tiny("turbo") / FAMILIES["turbo"].s3gen)
    computed = {f"tokenizer.{name}": whole[f"tokenizer.{name}"] for name in ("_mel_filters", "window")}

    def edit(tensors: dict[str, torch.Tensor]) -> None:
        tensors |= computed
        for name in absent:
            del tensors[f"tokenizer.{name}"]

    change(english / S3GEN, edit)
    tokenizer: Any = loaded(english).preparation.s3_tokenizer()
    for name in ("_mel_filters", "window"):
        torch.testing.assert_close(getattr(tokenizer, name), computed[f"tokenizer.{name}"])


def test_a_random_english_checkpoint_lacks_the_window_alone_as_the_official_file_does(tiny: Tiny) -> None:
    names, others = (set(load_file(tiny(name) / FAMILIES[name].s3gen)) for name in ("english", "turbo"))
    assert {name for name in others - names if name.startswith("tokenizer.")} == {"tokenizer.window"}
