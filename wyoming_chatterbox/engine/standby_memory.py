"""What hibari holds, in a third of the memory: it is there for good, beside Chatterbox, and seldom speaks then."""

from __future__ import annotations

from typing import Any

from .heap import trim
from .packed_dictionary import PackedDictionary


def shrink(speech: Any) -> None:
    """Pack a `Hibari`'s lexicons, and have its network keep nothing that it worked in; it speaks as before.

    What another version of hibari has elsewhere is left as it is.
    """
    g2p = speech.g2p
    for owner, name in ((g2p.lexicon.golds, "d"), (g2p.lexicon.silvers, "d"), (g2p.tagger, "weights")):
        entries = getattr(owner, name, None)
        if isinstance(entries, dict):
            setattr(owner, name, PackedDictionary(entries))
    speech.sess = _session(speech.model_path)
    trim()


def _session(path: str) -> Any:
    """The network without an arena, which keeps as much as the longest sentence took, and saves no time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
