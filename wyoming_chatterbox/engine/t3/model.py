"""T3's network: the package's conditioning and embeddings around a transformer of this project's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..upstream import chatterbox_tts
from .backbone import Backbone


class T3(nn.Module):
    """The package's T3 under its parameters' names, without the heads and embeddings that speaking never uses."""

    def __init__(self, hp: Any, sizes: Backbone, transformer: nn.Module) -> None:
        """`hp` is the package's `T3Config`; `transformer` may be exchanged later."""
        super().__init__()
        self.hp = hp
        self.cfg = sizes
        self.is_gpt = sizes.is_gpt
        width = sizes.hidden_size
        self.tfmr: Any = transformer
        self.cond_enc = chatterbox_tts.T3CondEnc(hp)
        self.text_emb: Any = nn.Embedding(hp.text_tokens_dict_size, width)
        self.speech_emb = nn.Embedding(hp.speech_tokens_dict_size, width)
        self.text_pos_emb: Any = None
        self.speech_pos_emb: Any = None
        if hp.input_pos_emb == "learned":
            # Room for what is put around the tokens.
            self.text_pos_emb = chatterbox_tts.LearnedPositionEmbeddings(hp.max_text_tokens + 2, width)
            self.speech_pos_emb = chatterbox_tts.LearnedPositionEmbeddings(hp.max_speech_tokens + 4, width)
        self.speech_head: Any = nn.Linear(width, hp.speech_tokens_dict_size, bias=self.is_gpt)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.speech_emb.weight.device
        return device

    def prepare_conditioning(self, condition: Any) -> torch.Tensor:
        """A voice, as the package's `T3Cond`, into whose empty fields is written: (1, n, width)."""
        tokens = condition.cond_prompt_speech_tokens
        if tokens is not None and condition.cond_prompt_speech_emb is None:
            embedded = self.speech_emb(tokens)
            condition.cond_prompt_speech_emb = embedded if self.is_gpt else embedded + self.speech_pos_emb(tokens)
        conditioning: torch.Tensor = self.cond_enc(condition)
        return conditioning
