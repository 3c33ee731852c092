"""Speaks sentences in both forms of multilingual's texts, for `python -m wyoming_chatterbox.compare --text-forms`.

    python -m wyoming_chatterbox.engine.measuring.text_forms '{"directory": "...", "sentences": [["de", "Ja."]], ...}'

The weights are loaded once, and each sentence is spoken in each form with the same seed, as the server speaks it. The
sounds go to a scratch file. The process prints one line of JSON, the last on stdout. If it can't speak, it exits with
code 2 and one line on stderr.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from ...errors import ChatterboxError
from ...families import recognise
from .. import SAMPLE_RATE, Description, Utterance, Voice
from ..chatterbox import CPU_PROMPT_SECONDS, Chatterbox
from ..checkpoint import load
from ..devices import choose_precision
from ..heap import returning_at_once
from ..s3gen.watermark import load_marker
from ..tokenizers.load import load_tokenizer
from ..tokenizers.text_forms import TEXT_FORMS, text_form
from .bench import device_name


@dataclass(frozen=True)
class Request:
    """Sentences to speak, with the model, voice and precision to speak them in."""

    directory: str
    device: str
    precision: str
    sentences: list[tuple[str, str]]
    """(language, text)."""
    voice: str | None
    """Path of a recording; None for the checkpoint's own voice."""
    seed: int
    scratch: str
    """An .npz file to write: sounds (n,), named `number-form`."""


def run(wanted: Request) -> dict[str, Any]:
    """Speak every sentence in both forms, and return what was spoken. Raises `ChatterboxError`."""
    directory = Path(wanted.directory)
    family = recognise(directory)
    precision = choose_precision(family.name, wanted.precision, wanted.device)
    with returning_at_once():
        watermarker = load_marker()
        networks = load(directory, family, precision)
    about = Description(family.name, precision.device, precision.dtype, precision.quantization, precision.reason)
    prompt_seconds = CPU_PROMPT_SECONDS if precision.device == "cpu" else None
    recording = None if wanted.voice is None else Path(wanted.voice)
    vocabulary = Tokenizer.from_file(str(directory / family.tokenizer[0]))
    sounds: dict[str, Any] = {}
    spoken: list[dict[str, Any]] = []
    for form in TEXT_FORMS:
        speaking = replace(networks, tokenizer=load_tokenizer(directory, family, form))
        engine = Chatterbox(speaking, watermarker, about, 0, prompt_seconds, blocks=False)
        for number, (language, text) in enumerate(wanted.sentences, 1):
            utterance = Utterance(text, Voice("compared", language, recording), wanted.seed)
            sound = np.concatenate(list(engine.speak(utterance, lambda: False)))
            sounds[f"{number}-{form}"] = sound
            spoken.append(
                {
                    "number": number,
                    "form": form,
                    "given": "".join(
                        vocabulary.id_to_token(token) or "" for token in speaking.tokenizer(text, language)
                    ),
                    "audio_s": len(sound) / SAMPLE_RATE,
                }
            )
        engine.close()
    np.savez(wanted.scratch, **sounds)
    return {
        "precision": precision.name,
        "device": precision.device,
        "device_name": device_name(precision.device),
        "t3_file": networks.t3_file,
        "form": text_form(networks.t3_file),
        "spoken": spoken,
    }


def main() -> int:
    """Read a request from the command line, and write what was spoken."""
    try:
        spoken = run(Request(**json.loads(sys.argv[1])))
    except ChatterboxError as err:
        sys.stderr.write(f"{' '.join(str(err).split())}\n")
        return 2
    sys.stdout.write(json.dumps(spoken) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
