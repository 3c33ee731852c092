"""Shrinking the standby voice: it stays beside Chatterbox for good, and seldom speaks then."""

from __future__ import annotations

from typing import Any

from .heap import return_free_memory
from .packed_dictionary import PackedDictionary


def shrink(speech: Any) -> None:
    """Pack a `Hibari`'s lexicons, and let its network keep no working memory; it speaks as before.

    Another version of hibari may hold its lexicons elsewhere; they are left as they are then.
    """
    g2p = speech.g2p
    for owner, name in ((g2p.lexicon.golds, "d"), (g2p.lexicon.silvers, "d"), (g2p.tagger, "weights")):
        entries = getattr(owner, name, None)
        if isinstance(entries, dict):
            setattr(owner, name, PackedDictionary(entries))
    speech.sess = _session(speech.model_path)
    return_free_memory()


def _session(path: str) -> Any:
    """Open the network without an arena: an arena keeps what the longest sentence took, and saves no time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
