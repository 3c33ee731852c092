"""Networks in fewer bits say nearly what they say in float32: how nearly, follows from what each layer's bits allow."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.conftest import Tiny
from tests.examples import parameters
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.layers import convert as quantized
from wyoming_chatterbox.engine.layers.linear import Linear
from wyoming_chatterbox.engine.s3gen.flow import integrate
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder, step
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose

from . import checkpoints
from .layer_errors import is_held, relative_errors

pytestmark = pytest.mark.slow(1)

CPU = torch.device("cpu")
FAMILY_NAMES = parameters("english", "nano", full=["multilingual", "turbo"])
"""In a tiny checkpoint, the others differ from these in their vocabulary alone."""
STEPS = 100

LAYER = {"float16": 0.001, "int8": 0.06, "int4": 0.2}
"""The error that a layer's bits allow: int8's is mostly its input's 7 bits, which one large number stretches."""

Made = Callable[[str, str], Networks]


@pytest.fixture(scope="module")
def made(tiny: Tiny) -> Made:
    """Family and precision -> its tiny checkpoint, loaded; the same weights in each precision."""
    seen: dict[tuple[str, str], Networks] = {}

    def get(family: str, name: str) -> Networks:
        if (family, name) not in seen:
            precision = choose(name, family, "cpu")
            seen[family, name] = load(tiny(family), FAMILIES[family], precision)
        return seen[family, name]

    return get


@torch.inference_mode()
def teacher_forced(networks: Networks, tokens: torch.Tensor) -> torch.Tensor:
    """The logits (steps, vocabulary) that T3 has for each of the tokens (steps,), those before it being given."""
    t3 = networks.t3
    ids = networks.tokenizer(checkpoints.TEXT, "en")
    if not t3.is_gpt:
        ids = [t3.hp.start_text_token, *ids, t3.hp.stop_text_token]
    settings = DEFAULTS[networks.family.name]
    guidance = 0.0 if t3.is_gpt else settings.cfg_weight
    state, logits = TokenDecoder(t3).begin(ids, networks.conditionals, settings, guidance, len(tokens))
    rows = [logits] + [step(t3, token.view(1, 1), state, guidance) for token in tokens[:-1]]
    return torch.cat(rows)


@torch.inference_mode()
def mel_of(networks: Networks) -> torch.Tensor:
    voice = networks.conditionals
    draws = torch.Generator().manual_seed(1)
    tokens = torch.randint(6561, (20,), generator=draws)
    noise = torch.randn(1, 80, 2 * (voice.prompt_tokens.shape[1] + len(tokens)), generator=draws)
    return integrate(networks.flow, tokens, voice, noise, lambda: False)


def some_tokens() -> torch.Tensor:
    return torch.randint(6561, (STEPS,), generator=torch.Generator().manual_seed(2))


@pytest.mark.slow(1)
@pytest.mark.parametrize("name", LAYER)
@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_each_layer_errs_by_no_more_than_its_bits_allow(made: Made, family: str, name: str) -> None:
    exact, held = made(family, "float32"), made(family, name)
    errors = relative_errors(exact.t3, held.t3, lambda: teacher_forced(exact, some_tokens()))
    errors |= relative_errors(exact.flow, held.flow, lambda: mel_of(exact))
    assert len(errors) > 40
    assert {layer: error for layer, error in errors.items() if not error < LAYER[name]} == {}


@pytest.mark.parametrize("name", LAYER)
@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_the_scores_of_tokens_stray_no_further_than_the_layers_errors_carry_them(
    made: Made, family: str, name: str
) -> None:
    scores_stray_no_further_than_they_may(made(family, "float32"), made(family, name), some_tokens())


def scores_stray_no_further_than_they_may(exact: Networks, held: Networks, tokens: torch.Tensor) -> None:
    errors = relative_errors(exact.t3, held.t3, lambda: teacher_forced(exact, tokens))
    wanted, got = teacher_forced(exact, tokens).double(), teacher_forced(held, tokens).double()
    divergence = torch.nn.functional.kl_div(
        got.log_softmax(1), wanted.log_softmax(1), log_target=True, reduction="none"
    )
    # Errors that know nothing of each other add up in square, and so do those of guidance's two rows; the divergence of
    # two near distributions is half the variance of what their scores differ by.
    guidance = 1.0 if exact.t3.is_gpt else 1.0 + 2 * DEFAULTS[exact.family.name].cfg_weight
    strayed = guidance * sum(error**2 for error in errors.values()) ** 0.5 * wanted.std(1, keepdim=True)
    assert 0 < divergence.sum(1).mean() < 0.5 * strayed.square().mean()
    # Another token wins where what it lacks is less than what two scores stray by.
    best = wanted.amax(1, keepdim=True)
    overtaken = 0.5 * torch.erfc((best - wanted) / (2 * strayed)).sum(1) - 0.5
    same = (wanted.argmax(1) == got.argmax(1)).double().mean()
    assert same > 1 - overtaken.clamp(max=1).mean() - 0.05


@pytest.mark.parametrize("name", LAYER)
@pytest.mark.parametrize("family", parameters("english", "nano", full=["turbo"]))
def test_the_mel_strays_no_further_than_the_layers_errors_carry_it(made: Made, family: str, name: str) -> None:
    mel_strays_no_further_than_it_may(made(family, "float32"), made(family, name))


def mel_strays_no_further_than_it_may(exact: Networks, held: Networks) -> None:
    errors = relative_errors(exact.flow, held.flow, lambda: mel_of(exact))
    wanted, got = mel_of(exact), mel_of(held)
    distance = float((got - wanted).abs().mean() / wanted.std())
    assert 0 < distance < sum(error**2 for error in errors.values()) ** 0.5


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "family", [pytest.param("english", marks=pytest.mark.slow(191)), pytest.param("nano", marks=pytest.mark.slow(36))]
)
def test_at_full_size_too_int8_strays_no_further(tmp_path: Path, family: str) -> None:
    checkpoints.make(family, tmp_path, size="full")
    exact, held = (load(tmp_path, FAMILIES[family], choose(name, family, "cpu")) for name in ("float32", "int8"))
    scores_stray_no_further_than_they_may(exact, held, some_tokens()[:10])
    mel_strays_no_further_than_it_may(exact, held)


@pytest.mark.parametrize("name", LAYER)
@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_no_matrix_of_t3_or_the_flow_stays_in_float32(made: Made, family: str, name: str) -> None:
    networks = made(family, name)
    kinds = (Linear, nn.Linear, nn.Embedding, nn.Conv1d)
    for part in (networks.t3, networks.flow):
        left = [
            layer for layer, module in part.named_modules()
            if isinstance(module, kinds) and not is_held(module)
            and module.weight.numel() >= quantized.MIN_QUANTIZED_WEIGHTS
        ]  # fmt: skip
        assert left == []
    counted = networks.parameters_by_format()
    assert counted["t3"][name] > 10 * counted["t3"]["float32"]
    assert next(iter(counted["flow"])) == ("int8" if name == "int4" else name)
    assert next(iter(counted["vocoder"])) == "float16"


@pytest.mark.slow(2)
@pytest.mark.parametrize("name", LAYER)
def test_an_engine_speaks_and_says_what_it_is_made_of(tiny: Tiny, name: str) -> None:
    engine = Chatterbox.load(tiny("nano"), FAMILIES["nano"], choose(name, "nano", "cpu"))
    about = engine.describe()
    assert (about.precision, about.details["computes_in"]) == (name, "float32")
    assert f"{name} was asked for" in about.reason
    assert about.details["parameters"]["t3"][name] > 0
    assert sum(map(len, engine.speak(Utterance("Hello.", Voice("own", "en"), seed=1), lambda: False))) > 0
    engine.close()


@pytest.mark.slow(1)
def test_a_changed_file_is_noticed_where_its_text_embedding_is_read(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny("nano"), tmp_path, dirs_exist_ok=True)
    networks = load(tmp_path, FAMILIES["nano"], checkpoints.FLOAT32)
    ids = torch.tensor([[3, 5, 3]])
    rows = networks.t3.text_emb(ids)
    assert torch.equal(rows, checkpoints.build("nano").t3.text_emb.weight[ids])
    path = tmp_path / networks.t3_file
    path.rename(tmp_path / "moved")
    path.write_bytes(b"another file")
    assert torch.equal(networks.t3.text_emb(ids), rows)
    (tmp_path / "moved").write_bytes(b"changed")
    with pytest.raises(Exception, match="changed while its model was in use"):
        networks.t3.text_emb(ids)


_LOAD = """
import re, sys
from pathlib import Path
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose
def read(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
before = read("VmRSS")
engine = Chatterbox.load(Path(sys.argv[1]), FAMILIES["nano"], choose("int8", "nano", "cpu"), warm_up=False)
print(read("VmHWM") - before, sum(engine.describe().parts.values()))
"""


@pytest.mark.full
@pytest.mark.slow(22)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_full_size_nano_in_int8_takes_no_more_while_it_loads_than_it_should(tmp_path: Path) -> None:
    checkpoints.make("nano", tmp_path, size="full")
    done = subprocess.run([sys.executable, "-c", _LOAD, str(tmp_path)], capture_output=True, text=True, check=True)
    peak, weights = map(int, re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert weights <= 345e6
    assert peak <= 1.3 * weights
