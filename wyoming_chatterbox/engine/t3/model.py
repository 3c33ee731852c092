"""T3's network: chatterbox-tts's conditioning and embeddings around a transformer of this project's own."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from ..layers.file_embedding import FileEmbedding
from ..layers.linear import Linear
from ..upstream import chatterbox_tts
from .backbone import Backbone
from .kv_cache import Transformer


class T3(nn.Module):
    """T3 with chatterbox-tts's parameter names, without the heads and embeddings that speaking never uses."""

    def __init__(self, hp: Any, sizes: Backbone, transformer: nn.Module) -> None:
        """`hp` is chatterbox-tts's `T3Config`; `transformer` holds weights until `tfmr` is set to one that computes."""
        super().__init__()
        self.hp = hp
        self.cfg = sizes
        self.is_gpt = sizes.is_gpt
        width = sizes.hidden_size
        self.tfmr = cast(Transformer, transformer)
        self.cond_enc = chatterbox_tts.T3CondEnc(hp)
        self.text_emb: nn.Embedding | FileEmbedding = nn.Embedding(hp.text_tokens_dict_size, width)
        self.speech_emb = nn.Embedding(hp.speech_tokens_dict_size, width)
        self.text_pos_emb: Any = None
        self.speech_pos_emb: Any = None
        if hp.input_pos_emb == "learned":
            # The extra positions are for start and stop tokens.
            self.text_pos_emb = chatterbox_tts.LearnedPositionEmbeddings(hp.max_text_tokens + 2, width)
            self.speech_pos_emb = chatterbox_tts.LearnedPositionEmbeddings(hp.max_speech_tokens + 4, width)
        self.speech_head: nn.Linear | Linear = nn.Linear(width, hp.speech_tokens_dict_size, bias=self.is_gpt)

    @property
    def device(self) -> torch.device:
        """The device that the weights are on."""
        return self.speech_emb.weight.device

    def prepare_conditioning(self, condition: Any) -> torch.Tensor:
        """Embed a voice, a `T3Cond` whose empty fields are filled in place: (1, n, width)."""
        tokens = condition.cond_prompt_speech_tokens
        if tokens is not None and condition.cond_prompt_speech_emb is None:
            embedded = self.speech_emb(tokens)
            condition.cond_prompt_speech_emb = embedded if self.is_gpt else embedded + self.speech_pos_emb(tokens)
        conditioning: torch.Tensor = self.cond_enc(condition)
        return conditioning
