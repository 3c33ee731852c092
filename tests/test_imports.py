"""Speaking imports what it needs and no more; preparing a voice, and the package itself, work after it all the same."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.conftest import Tiny
from tests.examples import parameters
from wyoming_chatterbox.engine.upstream import chatterbox_tts

pytestmark = pytest.mark.slow(5)

HEAVY = {
    "diffusers", "joblib", "librosa", "numba", "onnx", "onnxruntime", "pandas", "pkg_resources", "pyloudnorm",
    "s3tokenizer", "scipy.signal", "scipy.stats", "sklearn", "sympy", "torch._dynamo", "torch._inductor",
    "torchvision", "transformers", "triton",
}  # fmt: skip

SPEAK = """
import json, sys
from pathlib import Path
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose

directory, family, recording = sys.argv[1:]
engine = Chatterbox.load(Path(directory), FAMILIES[family], choose("auto", family, "cpu"), blocks=True)

def say(voice):
    return sum(len(block) for block in engine.speak(Utterance("So.", voice, seed=1), lambda: False))

report = {"own": say(Voice("own", "en")), "modules": list(sys.modules)}
if recording:
    report["cloned"] = say(Voice("cloned", "en", Path(recording)))
    report["modules to clone"] = list(sys.modules)
print(json.dumps(report))
"""

IMPORT_ALL = """
import importlib, json, logging, os, pkgutil, re
import wyoming_chatterbox
before = dict(os.environ)
for module in pkgutil.walk_packages(wyoming_chatterbox.__path__, "wyoming_chatterbox."):
    if module.name.split(".")[1] not in ("bench", "compare") and not re.search("measuring|triton", module.name):
        importlib.import_module(module.name)
print(json.dumps({
    "environment": {name: value for name, value in os.environ.items() if before.get(name) != value},
    "levels": [logging.getLogger(name).level for name in ("httpx", "httpcore")],
    "zeroconf": logging.getLogger("zeroconf").level,
}))
"""

STOCK = """
import json, sys
import wyoming_chatterbox.engine.chatterbox
from wyoming_chatterbox.engine.upstream import chatterbox_tts
ours = [chatterbox_tts.T3Cond, chatterbox_tts.HiFTGenerator]
before = "transformers" in sys.modules
{statements}
import chatterbox.models.t3.t3, chatterbox.models.s3gen.hifigan, scipy.signal
theirs = [chatterbox.models.t3.t3.T3Cond, chatterbox.models.s3gen.hifigan.HiFTGenerator]
print(json.dumps({{
    "before": before,
    "after": "transformers" in sys.modules,
    "version": chatterbox.__version__,
    "same": [a is b for a, b in zip(ours, theirs)],
    "names": [
        chatterbox.ChatterboxTTS.__name__, chatterbox.models.t3.T3.__name__, chatterbox.models.s3gen.S3Gen.__name__
    ],
    "perth": chatterbox_tts.perth.PerthImplicitWatermarker.__name__,
    "window": scipy.signal.get_window("boxcar", 3).tolist(),
}}))
"""


def in_a_fresh_process(code: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-W", "error::ImportWarning", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(6 * 24000), 24000)
    return path


@pytest.mark.slow(3)
@pytest.mark.parametrize("layout", parameters("english", full=["multilingual", "nano"]))
def test_speaking_imports_nothing_heavy_but_torch(tiny: Tiny, layout: str) -> None:
    report = in_a_fresh_process(SPEAK, tiny(layout), layout, "")
    assert report["own"] > 0
    assert "torch" in report["modules"]
    assert HEAVY.intersection(report["modules"]) == set()


@pytest.mark.slow(6)
@pytest.mark.timeout(400)
@pytest.mark.parametrize("layout", parameters("turbo", full=["english"]))
def test_a_voice_is_prepared_after_that(tiny: Tiny, layout: str, recording: Path) -> None:
    report = in_a_fresh_process(SPEAK, tiny(layout), layout, recording)
    assert HEAVY.intersection(report["modules"]) == set()
    assert report["cloned"] > 0
    heavy = HEAVY - {"pyloudnorm", "s3tokenizer"} | {"scipy"}
    assert heavy.intersection(report["modules to clone"]) == set()


@pytest.mark.slow(7)
@pytest.mark.parametrize(
    "statements",
    parameters(
        "from chatterbox.tts import ChatterboxTTS",
        full=[
            "chatterbox_tts.mtl_tts.punc_norm",
            "import chatterbox",
            "import perth.perth_net.perth_net_implicit.perth_watermarker",
            "from chatterbox.models.t3 import T3",
            "from scipy.signal.windows import hann",
        ],
    ),
)
def test_the_package_itself_can_be_imported_afterwards(statements: str) -> None:
    report = in_a_fresh_process(STOCK.format(statements=statements))
    assert not report["before"]
    assert report["after"]
    assert report["version"]
    assert report["same"] == [True, True]
    assert report["names"] == ["ChatterboxTTS", "T3", "S3Token2Wav"]
    assert report["perth"] == "PerthImplicitWatermarker"
    assert report["window"] == [1, 1, 1]


@pytest.mark.full
def test_the_package_can_be_imported_before() -> None:
    statements = (
        "import chatterbox, chatterbox.models.t3.t3, perth, wyoming_chatterbox.engine.upstream.chatterbox_tts as ours\n"
    )
    report = in_a_fresh_process(
        statements + "import json; print(json.dumps({'T3Cond': ours.T3Cond is chatterbox.models.t3.t3.T3Cond, "
        "'LLAMA_CONFIGS': ours.LLAMA_CONFIGS is chatterbox.models.t3.t3.LLAMA_CONFIGS}))"
    )
    assert report == {"T3Cond": True, "LLAMA_CONFIGS": True}


def test_the_server_answers_describe_without_torch() -> None:
    code = "import json, sys, wyoming_chatterbox.__main__, wyoming_chatterbox.engine.standby\n"
    report = in_a_fresh_process(code + "print(json.dumps({'modules': list(sys.modules)}))")
    assert (HEAVY - {"onnxruntime"} | {"torch", "chatterbox", "perth"}).isdisjoint(report["modules"])


def test_numbers_that_are_written_down_here_are_the_package_s() -> None:
    from chatterbox.models import s3tokenizer

    assert s3tokenizer.S3_SR == chatterbox_tts.S3_SR
    assert s3tokenizer.SPEECH_VOCAB_SIZE == chatterbox_tts.SPEECH_VOCAB_SIZE


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_importing_the_server_sets_no_environment_variable_and_no_log_level() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    # zeroconf sets its own.
    assert found == {"environment": {}, "levels": [logging.NOTSET] * 2, "zeroconf": logging.WARNING}
