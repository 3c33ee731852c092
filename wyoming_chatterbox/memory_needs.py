"""Memory that each model takes at each precision while it speaks: the whole process, Python and PyTorch included.

Nothing here needs more than Python itself. script/docs writes the table into docs/MEMORY.md.
"""

from __future__ import annotations

from .precision import WEIGHTS_MB, needed_mb

PROCESS_MB = {
    "english": {"float32": 3224, "float16": 1902, "int8": 1249, "int4": 1026},
    "multilingual": {"float32": 3231, "float16": 1906, "int8": 1251, "int4": 1028},
    "turbo": {"float32": 2555, "float16": 1637, "int8": 1220, "int4": 1083},
    "nano": {"float32": 1553, "float16": 1145, "int8": 903, "int4": 823},
}
"""The most that a server process held on a CPU while it spoke, in 10^6 bytes of anonymous memory, standby voice
included: 3.4 seconds of speech, random weights of full size, x86-64 with AVX2, PyTorch 2.11, 26 November 2026.
A sentence of 280 characters that becomes 32 seconds takes more: nano held 500 more then, in int8 as in float32.
multilingual is english with a larger vocabulary: its figures are english's and the difference of their weights.

`script/python -m tests.measure_memory --family FAMILY --precision float32 float16 int8 int4` measures it again. On a
CPU without AVX512-BF16, bfloat16 is float16.
"""

_CUDA_CONTEXT_MB = 400
"""Memory that CUDA itself takes on the GPU for a process, in 10^6 bytes: an estimate, nothing was measured yet."""


def needs(kind: str) -> dict[str, dict[str, int]]:
    """Return the bytes for each family and precision: of the process, or on the GPU if `kind` is `cuda` (estimated)."""
    return {
        family: {
            name: round(1e6 * (needed_mb(family, name) + _CUDA_CONTEXT_MB if kind == "cuda" else sizes[name]))
            for name in WEIGHTS_MB[family]
        }
        for family, sizes in PROCESS_MB.items()
    }
