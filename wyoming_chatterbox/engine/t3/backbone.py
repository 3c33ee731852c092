"""The sizes of T3's transformer, Llama or GPT-2."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = 64
"""Width of an attention head of T3. The tensors' shapes don't tell."""


@dataclass(frozen=True)
class Backbone:
    """Sizes, with the names that transformers' configurations have for them."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    """Width of the feed-forward layers."""
    n_positions: int = 0
    """GPT-2's longest sequence; 0 for Llama, which has no such limit."""

    @property
    def is_gpt(self) -> bool:
        return self.n_positions > 0
