"""The sizes of T3's transformer, Llama or GPT-2."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = 64
"""Width of an attention head, everywhere the shapes don't tell."""


@dataclass(frozen=True)
class Backbone:
    """Sizes under the names of transformers' configurations."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    """Of the feed-forward layers."""
    n_positions: int = 0
    """GPT-2's longest sequence; Llama has no such limit."""

    @property
    def is_gpt(self) -> bool:
        return self.n_positions > 0
