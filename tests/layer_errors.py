"""How far each layer of a network that holds its weights in fewer bits is from the same layer in float32."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from wyoming_chatterbox.engine.layers.int8 import Int8Conv1d, WeightOnlyInt8Linear
from wyoming_chatterbox.engine.layers.stored import PackedLinear, StoredEmbedding

_HELD = (PackedLinear, StoredEmbedding, Int8Conv1d, WeightOnlyInt8Linear)


def relative_errors(exact: nn.Module, held: nn.Module, run: Callable[[], Any]) -> dict[str, float]:
    """Name of each converted layer -> |its output - the exact one's| / |the exact one's|, over all of its calls.

    `run` uses the `exact` network; each layer of `held` is given what its counterpart, by name, is given then, so that
    errors don't add up. Layers that `run` doesn't reach are left out.
    """
    difference: dict[str, float] = defaultdict(float)
    size: dict[str, float] = defaultdict(float)

    def compare(name: str, layer: nn.Module) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def hook(_module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
            difference[name] += float((layer(*inputs) - output).float().square().sum())
            size[name] += float(output.float().square().sum())

        return hook

    counterparts = {name: layer for name, layer in held.named_modules() if is_held(layer)}
    hooks = [
        layer.register_forward_hook(compare(name, counterparts[name]))
        for name, layer in exact.named_modules()
        if name in counterparts
    ]
    try:
        with torch.inference_mode():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (difference[name] / size[name]) ** 0.5 for name in difference if size[name]}


def is_held(layer: nn.Module) -> bool:
    """Whether a layer's weights are held in another format than it computes in."""
    return isinstance(layer, _HELD) or parametrize.is_parametrized(layer, "weight")
