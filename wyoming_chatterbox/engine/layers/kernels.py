"""The torch operations without a public name that layers use: one function each.

The names were last seen with torch 2.11.0, and another version may lack them. `available()` says whether torch has an
operation; each docstring tells what a caller does without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Operation = Literal["float16", "int8", "int8_weights", "int4", "int4_cpu", "onednn"]
"""Linear layers by how they hold weights; `onednn` holds float32."""


def _found(namespace: Any, *names: str) -> tuple[Any, ...]:
    """Look up operations by name; None stands for each that this torch lacks."""
    return tuple(getattr(namespace, name, None) for name in names)


_OPERATIONS: dict[Operation, tuple[Any, ...]] = {
    "float16": _found(torch.ops.quantized, "linear_prepack_fp16", "linear_dynamic_fp16"),
    "int8": (
        *_found(torch, "_make_per_channel_quantized_tensor"),
        *_found(torch.ops.quantized, "linear_prepack", "linear_dynamic"),
    ),
    "int8_weights": _found(torch, "_weight_int8pack_mm"),
    "int4": _found(torch.ops.aten, "_convert_weight_to_int4pack", "_weight_int4pack_mm"),
    "int4_cpu": _found(torch.ops.aten, "_convert_weight_to_int4pack_for_cpu", "_weight_int4pack_mm_for_cpu"),
    "onednn": _found(torch.ops.mkldnn, "_linear_pointwise"),
}

_PACK_FLOAT16, _FLOAT16_LINEAR = _OPERATIONS["float16"]
_QUANTIZED_TENSOR, _PACK_INT8, _INT8_LINEAR = _OPERATIONS["int8"]
(_INT8_WEIGHTS_LINEAR,) = _OPERATIONS["int8_weights"]
_PACK_INT4, _INT4_LINEAR = _OPERATIONS["int4"]
_PACK_INT4_CPU, _INT4_CPU_LINEAR = _OPERATIONS["int4_cpu"]
(_ONEDNN_LINEAR,) = _OPERATIONS["onednn"]

_FBGEMM = "fbgemm" in torch.backends.quantized.supported_engines
_ONEDNN: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def available(operation: Operation) -> bool:
    """Whether torch has an operation, and this machine the library that it runs on."""
    library = {"float16": _FBGEMM, "onednn": _ONEDNN}.get(operation, True)
    return library and None not in _OPERATIONS[operation]


def pack_float16(weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
    """Pack float32 `weight` (out, in) and `bias` (out,) as float16, for `float16_linear` on a CPU with fbgemm.

    torch 2.11.0: `torch.ops.quantized.linear_prepack_fp16`. Without it, hold the weights in float16 and widen them at
    each use (`stored.hold_in_float16`).
    """
    return _PACK_FLOAT16(weight, bias)


def float16_linear(x: torch.Tensor, packed: Any) -> torch.Tensor:
    """Compute a linear layer (..., in) -> (..., out), float32, from weights of `pack_float16`.

    torch 2.11.0: `torch.ops.quantized.linear_dynamic_fp16`. Without it, see `pack_float16`.
    """
    out: torch.Tensor = _FLOAT16_LINEAR(x, packed)
    return out


def pack_int8(rows: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None) -> Any:
    """Pack int8 `rows` (out, in) with float32 `scales` (out,) and `bias` (out,), for `int8_linear` on a CPU.

    torch 2.11.0: `torch._make_per_channel_quantized_tensor` and `torch.ops.quantized.linear_prepack`. Without them,
    hold the weights in int8 and widen them at each use (`stored.hold_in_int8`).
    """
    zeros = torch.zeros(len(scales), dtype=torch.long)
    quantized = _QUANTIZED_TENSOR(rows, scales.double(), zeros, 0)
    with _fbgemm():
        return _PACK_INT8(quantized, bias)


def int8_linear(x: torch.Tensor, packed: Any, reduce_range: bool) -> torch.Tensor:
    """Compute a linear layer (..., in) -> (..., out) in integers, from float32 `x` and weights of `pack_int8`.

    torch 2.11.0: `torch.ops.quantized.linear_dynamic`. Without it, see `pack_int8`.
    """
    out: torch.Tensor = _INT8_LINEAR(x, packed, reduce_range)
    return out


def needs_reduced_range() -> bool:
    """Whether a CPU adds two products in 16 bits, which 8 x 8 bits overflow: AVX2 does, VNNI and ARM don't.

    torch 2.11.0: `torch.cpu._is_vnni_supported`. Without it, an x86 CPU gets the reduced range, which is always safe.
    """
    (has_vnni,) = _found(torch.cpu, "_is_vnni_supported")
    return torch.backends.quantized.engine in ("x86", "fbgemm") and not (has_vnni and has_vnni())


def int8_weights_linear(x: torch.Tensor, rows: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Compute a linear layer (n, in) -> (n, out) on a GPU, from int8 `rows` (out, in) and `scales` (out,).

    torch 2.11.0: `torch._weight_int8pack_mm`. Without it, multiply rows and scales first: `x @ (rows * scales).T`.
    """
    out: torch.Tensor = _INT8_WEIGHTS_LINEAR(x, rows, scales)
    return out


def pack_int4(quantized: torch.Tensor) -> torch.Tensor:
    """Pack weights (out, in), uint8 from 0 to 15, for `int4_linear` on the same device.

    torch 2.11.0: `torch.ops.aten._convert_weight_to_int4pack`, on a CPU `_convert_weight_to_int4pack_for_cpu`. Without
    them, hold the layer in int8.
    """
    if quantized.device.type == "cpu":
        packed: torch.Tensor = _PACK_INT4_CPU(quantized.int(), 1)
    else:
        pairs = quantized[:, ::2] << 4 | quantized[:, 1::2]
        packed = _PACK_INT4(pairs.contiguous(), 8)
    return packed


def int4_linear(x: torch.Tensor, packed: torch.Tensor, group: int, scales: torch.Tensor) -> torch.Tensor:
    """Compute a linear layer (n, in) -> (n, out), bfloat16, from weights of `pack_int4`.

    `scales` (in / group, out, 2) are the groups' scales and zeros, bfloat16.

    torch 2.11.0: `torch.ops.aten._weight_int4pack_mm`, on a CPU `_weight_int4pack_mm_for_cpu`. Without them, see
    `pack_int4`.
    """
    multiply = _INT4_CPU_LINEAR if x.device.type == "cpu" else _INT4_LINEAR
    out: torch.Tensor = multiply(x, packed, group, scales)
    return out


def onednn_linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Compute a linear layer (..., in) -> (..., out), float32, with oneDNN where torch would take the BLAS.

    torch 2.11.0: `torch.ops.mkldnn._linear_pointwise`. Without it, use `torch.nn.functional.linear`.
    """
    out: torch.Tensor = _ONEDNN_LINEAR(x, weight, bias, "none", [], "")
    return out


@contextmanager
def _fbgemm() -> Iterator[None]:
    """Pack for fbgemm where torch has it: oneDNN, which torch may prefer, is slow for few rows."""
    engines: Any = torch.backends.quantized
    before = engines.engine
    if _FBGEMM:
        engines.engine = "fbgemm"
    try:
        yield
    finally:
        engines.engine = before
