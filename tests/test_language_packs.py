"""Single-language packs and fine-tunes speak with what their family's files have and theirs lack."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import Tiny
from tests.downloading import hub_fixture, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Engine, Utterance, Voice
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.errors import CheckpointError, DownloadError
from wyoming_chatterbox.families import (
    CANGJIE,
    ENGLISH,
    FAMILIES,
    MULTILINGUAL,
    NANO,
    PACKS,
    TURBO,
    Family,
    prompt_rules,
    recognise,
    spoken_languages,
)

PT_BR = PACKS["multilingual-pt-br"]
T3, GRAPHEMES = "t3_pt_br.safetensors", MULTILINGUAL.tokenizer[0]


def header(path: Path, **shapes: tuple[int, ...]) -> None:
    """Write the header of a .safetensors file, and no data."""
    names = {name.replace("__", "."): shape for name, shape in shapes.items()}
    text = json.dumps({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in names.items()})
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode())


def touch(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).write_bytes(b"x")
    return directory


def loader(directory: Path, *flags: str) -> Loader:
    return Loader(config.load(["--data-dir", str(directory), "--device", "cpu", *flags], {}, directory))


def load(directory: Path, *flags: str) -> Engine:
    return loader(directory, *flags)(lambda _: None, lambda: False)


def says_something(engine: Engine, language: str) -> bool:
    utterance = Utterance("A.", Voice("own", language), seed=1)
    return any(len(block) for block in engine.speak(utterance, lambda: False))


def s3gen_v3(tiny: Tiny) -> dict[str, torch.Tensor]:
    """The tensors of a pack's decoder: without those that the S3 tokenizer computes."""
    tensors: dict[str, torch.Tensor] = torch.load(tiny("multilingual") / MULTILINGUAL.s3gen, weights_only=True)
    return {
        name: value for name, value in tensors.items() if name not in ("tokenizer._mel_filters", "tokenizer.window")
    }


def put_pack(directory: Path, tiny: Tiny) -> Path:
    """Write the three files of a tiny pack."""
    directory.mkdir(parents=True, exist_ok=True)
    source = tiny("multilingual-v3")
    (directory / T3).write_bytes((source / "t3_mtl23ls_v3.safetensors").read_bytes())
    (directory / GRAPHEMES).write_bytes((source / GRAPHEMES).read_bytes())
    torch.save(s3gen_v3(tiny), directory / "s3gen_v3.pt")
    return directory


@pytest.fixture(name="base")
def base_fixture(hub: Hub, tiny: Tiny) -> None:
    """Put tiny files of multilingual, english and turbo on the hub."""
    for family, layout in ((MULTILINGUAL, "multilingual-v3"), (ENGLISH, "english"), (TURBO, "turbo")):
        for path in tiny(layout).iterdir():
            hub.add(family.repository, path.name, path.read_bytes())
        hub.pin(family)


def downloaded(hub: Hub) -> set[str]:
    """Repository and name of the files whose bytes were asked for."""
    paths = [one.path for one in hub.requests if one.method == "GET" and "/resolve/" in one.path]
    return {path.split("/")[2] + "/" + path.rpartition("/")[2] for path in paths}


# What they are


def test_there_are_six_in_five_languages() -> None:
    assert {name: pack.languages for name, pack in PACKS.items()} == {
        "multilingual-es-es": ("es",),
        "multilingual-es-mx-latam": ("es",),
        "multilingual-hi": ("hi",),
        "multilingual-pt-br": ("pt",),
        "multilingual-pt-pt": ("pt",),
        "multilingual-zh-cmn": ("zh",),
    }
    for name, pack in PACKS.items():
        region = name.removeprefix("multilingual-")
        assert pack.repository == f"ResembleAI/Chatterbox-Multilingual-{region}"
        assert pack.t3 == (f"t3_{region.replace('-', '_')}.safetensors",)
        assert set(pack.languages) < set(MULTILINGUAL.languages)


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_s_languages_are_known_before_it_is_loaded(tmp_path: Path, name: str) -> None:
    touch(tmp_path, *PACKS[name].t3)
    for model in (name, str(tmp_path)):
        assert spoken_languages(model) == PACKS[name].languages
        assert prompt_rules(model) == MULTILINGUAL.prompt
        assert config.load(["--model", model], {}, tmp_path).model == model


@pytest.mark.parametrize("family", [*FAMILIES.values(), *PACKS.values()], ids=lambda family: family.label)
def test_a_directory_is_recognised_by_its_t3(tmp_path: Path, family: Family) -> None:
    touch(tmp_path, family.t3[0], *family.required)
    assert recognise(tmp_path) == family
    for name in family.required:
        (tmp_path / name).unlink()
    assert recognise(tmp_path, whole=False) == family
    with pytest.raises(CheckpointError, match=family.label):
        recognise(tmp_path)


@pytest.mark.parametrize(
    ("shapes", "beside", "family"),
    [
        ({"tfmr__h__0__ln_1__weight": (1024,), "speech_head__weight": (6563, 1024)}, (), TURBO),
        ({"tfmr__h__0__ln_1__weight": (768,), "speech_head__weight": (6563, 768)}, (), NANO),
        ({"text_emb__weight": (704, 1024)}, (), ENGLISH),
        ({"text_emb__weight": (2352, 1024)}, (), MULTILINGUAL),
        ({"text_emb__weight": (2521, 1024)}, (), MULTILINGUAL),
        ({"text_emb__weight": (2100, 1024)}, ENGLISH.tokenizer, ENGLISH),
        ({"text_emb__weight": (300, 1024)}, MULTILINGUAL.tokenizer, MULTILINGUAL),
    ],
)
def test_a_fine_tune_is_recognised_by_its_tensors_and_its_tokenizer(
    tmp_path: Path, shapes: Mapping[str, tuple[int, ...]], beside: tuple[str, ...], family: Family
) -> None:
    header(touch(tmp_path, *beside) / "t3_mine.safetensors", **shapes)
    found = recognise(tmp_path, whole=False)
    assert (found.name, found.t3, found.repository) == (family.name, ("t3_mine.safetensors",), family.repository)


def test_a_fine_tune_beside_the_official_files_is_what_is_meant(tmp_path: Path) -> None:
    touch(tmp_path, *ENGLISH.t3, *ENGLISH.required, "t3_23lang.safetensors")
    assert recognise(tmp_path) == ENGLISH
    header(tmp_path / "t3_mine.safetensors", text_emb__weight=(704, 1024))
    assert recognise(tmp_path).t3 == ("t3_mine.safetensors",)
    header(tmp_path / "t3_other.safetensors", text_emb__weight=(704, 1024))
    with pytest.raises(CheckpointError, match=r"t3_mine\.safetensors, t3_other\.safetensors"):
        recognise(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff" * 100, b"\x02" + bytes(7) + b"[]", b"\x09" + bytes(7) + b'{"a": {}}']
)
def test_a_broken_fine_tune_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t3_mine.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"t3_mine\.safetensors is broken"):
        recognise(tmp_path)
    assert spoken_languages(str(tmp_path)) == ENGLISH.languages


# What they lack


@pytest.mark.slow(4)
@pytest.mark.usefixtures("base")
def test_a_pack_s_directory_gets_what_it_lacks_from_the_base_repository(
    hub: Hub, tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pack = put_pack(tmp_path / "pack", tiny)
    with caplog.at_level(logging.INFO):
        engine = load(tmp_path, "--model", str(pack))
    assert engine.languages == ("pt",)
    assert engine.describe().details["t3_file"] == T3
    assert says_something(engine, "pt")
    assert downloaded(hub) == {f"chatterbox/{name}" for name in ("ve.pt", "conds.pt", CANGJIE)}
    assert any("lacks ve.pt, conds.pt" in record.getMessage() for record in caplog.records)
    assert {path.name for path in pack.iterdir()} == {T3, GRAPHEMES, "s3gen_v3.pt"}


@pytest.mark.slow(6)
@pytest.mark.usefixtures("base")
def test_a_pack_is_downloaded_by_its_name_and_needs_no_hub_later(hub: Hub, tiny: Tiny, tmp_path: Path) -> None:
    made = put_pack(tmp_path / "made", tiny)
    (made / "s3gen_v3.pt").unlink()
    save_file(s3gen_v3(tiny), made / "s3gen_v3.safetensors")
    for path in made.iterdir():
        hub.add(PT_BR.repository, path.name, path.read_bytes())
    hub.pin(PT_BR)
    engine = load(tmp_path, "--model", "multilingual-pt-br")
    assert engine.languages == ("pt",)
    assert says_something(engine, "pt")
    ours = {f"Chatterbox-Multilingual-pt-br/{name}" for name in (T3, GRAPHEMES, "s3gen_v3.safetensors")}
    assert downloaded(hub) == ours | {f"chatterbox/{name}" for name in ("ve.pt", "conds.pt", CANGJIE)}
    hub.stop()
    assert load(tmp_path, "--model", "multilingual-pt-br").languages == ("pt",)


@pytest.mark.slow(6)
@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("family", [ENGLISH, TURBO], ids=lambda family: family.name)
def test_a_t3_alone_in_a_directory_is_enough(hub: Hub, tiny: Tiny, tmp_path: Path, family: Family) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    # Under the official name, because something so small is recognised by nothing else.
    (mine / family.t3[0]).write_bytes((tiny(family.name) / family.t3[0]).read_bytes())
    engine = load(tmp_path, "--model", str(mine))
    assert engine.describe().name == family.name
    assert says_something(engine, "en")
    repository = family.repository.rpartition("/")[2]
    assert downloaded(hub) == {f"{repository}/{name}" for name in (*family.required, *family.optional)}
    hub.stop()
    assert says_something(load(tmp_path, "--model", str(mine), "--local-files-only"), "en")


@pytest.mark.slow(3)
@pytest.mark.usefixtures("base")
def test_a_tokenizer_s_files_are_taken_together(hub: Hub, tiny: Tiny, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in tiny("turbo").iterdir():
        if path.name != "vocab.json":
            (mine / path.name).symlink_to(path)
    assert says_something(load(tmp_path, "--model", str(mine)), "en")
    assert downloaded(hub) == {f"chatterbox-turbo/{name}" for name in (*TURBO.tokenizer, *TURBO.optional)}


@pytest.mark.slow(3)
def test_a_fine_tune_beside_the_base_files_needs_no_hub(hub: Hub, tiny: Tiny, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for path in tiny("english").iterdir():
        (mine / path.name.replace("t3_cfg", "t3_mine")).symlink_to(path)
    engine = load(tmp_path, "--model", str(mine))
    assert engine.describe().details["t3_file"] == "t3_mine.safetensors"
    assert says_something(engine, "en")
    assert not hub.requests


def test_what_is_lacking_is_named_where_it_can_t_be_downloaded(hub: Hub, tiny: Tiny, tmp_path: Path) -> None:
    pack = put_pack(tmp_path / "pack", tiny)
    with pytest.raises(DownloadError) as caught:
        load(tmp_path, "--model", str(pack), "--local-files-only")
    for told in (str(pack), "lacks ve.pt, conds.pt", "downloads are off"):
        assert told in str(caught.value)
    assert not hub.requests


@pytest.mark.usefixtures("base")
def test_chinese_is_not_spoken_without_the_table_that_it_needs(hub: Hub, tmp_path: Path) -> None:
    directory = touch(tmp_path, *PACKS["multilingual-zh-cmn"].t3, GRAPHEMES, "s3gen_v3.pt", "ve.pt", "conds.pt")
    assert CANGJIE in recognise(directory, whole=False).missing(path.name for path in directory.iterdir())
