"""A GPU that computes nothing, for machines without one: it counts launches, and refuses to be waited for.

Tensors on "cuda:0" have shapes and no numbers (torch's FakeTensorMode), and take no memory; the host's are real.
Operations on tensors of two devices fail as they do on a GPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

DEVICE = torch.device("cuda:0")

_ATTENTION = torch.nn.functional.scaled_dot_product_attention
_WAITING = ("aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::equal")
_NOT_LAUNCHED = (
    "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty",
    "aten::new_empty_strided", "aten::_unsafe_view", "aten::lift_fresh",
)  # fmt: skip


class Waited(AssertionError):
    """The host would wait for the GPU."""


class PretendedGpu:
    """A context in which "cuda:0" is there."""

    def __init__(self) -> None:
        self.launches: Counter[str] = Counter()
        """Kernels that would be launched, by operation. Views, and memory that is only allocated, need none."""
        self.reads = 0
        """Results copied to the host, each of which the host would wait for."""
        self.loading = False
        """Whether single numbers may be read, each of which is 1: at load a wait does not matter."""
        self._as_one = 0

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        patches = self._stack.enter_context(pytest.MonkeyPatch.context())
        patches.setattr(torch.cuda, "mem_get_info", lambda _device=None: (80_000_000_000, 80_000_000_000))
        self._stack.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        self._dispatch = self._stack.enter_context(_Dispatch(self))
        self._stack.enter_context(_Attention(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def load(self) -> Iterator[None]:
        """A context in which a model is loaded."""
        self.loading = True
        try:
            yield
        finally:
            self.loading = False
            self.launches.clear()
            self.reads = 0

    @contextmanager
    def one_kernel(self, name: str) -> Iterator[None]:
        """A context whose operations are a single kernel's reference."""
        if not self._as_one:
            self.launches[name] += 1
        self._as_one += 1
        try:
            yield
        finally:
            self._as_one -= 1

    def count(self, run: Callable[[], Any]) -> int:
        """Count the launches of one call."""
        before = self.launches.total()
        run()
        return self.launches.total() - before

    def dispatched(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out an operation: on real tensors of the host, or without numbers on the GPU."""
        leaves = tree_leaves((args, kwargs))
        on_gpu = any(isinstance(leaf, torch.Tensor) and leaf.device.type == "cuda" for leaf in leaves)
        to = next((leaf for leaf in leaves if isinstance(leaf, torch.device)), None)
        to_gpu = to is not None and to.type == "cuda"
        if not on_gpu and not to_gpu:
            with unset_fake_temporarily():
                return operation(*args, **kwargs)
        name = operation._schema.name
        if name.startswith("prim::"):
            return operation(*args, **kwargs)
        if name in _WAITING:
            if self.loading:
                return True if name in ("aten::is_nonzero", "aten::equal") else 1
            raise Waited(f"{name} waits for the GPU")
        if not _has_kernel(operation):
            # In inference mode operations come here before they are taken apart.
            with self._dispatch:
                if (result := operation.decompose(*args, **kwargs)) is not NotImplemented:
                    return result
        if name == "aten::_to_copy" and to is not None and not to_gpu:
            return self._read(args[0].shape, kwargs.get("dtype") or args[0].dtype)
        if name == "aten::copy_" and args[0].device.type == "cpu":
            self.reads += 1
            return args[0]
        if not self._as_one and name not in _NOT_LAUNCHED and not _is_view(operation):
            self.launches[name] += 1
        if name == "aten::exponential_":
            return args[0]
        return operation(*args, **kwargs)

    def _read(self, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
        self.reads += 1
        with unset_fake_temporarily():
            return torch.zeros(shape, dtype=dtype)


class _Dispatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._gpu = gpu

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._gpu.dispatched(func, args, kwargs or {})


class _Attention(TorchFunctionMode):
    """Takes an attention for the one kernel that a GPU has for it."""

    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _ATTENTION and args[0].device.type == "cuda":
            return self._attended(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _attended(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        assert query.device == key.device == value.device
        assert query.dtype == key.dtype == value.dtype
        assert key.shape == value.shape
        assert query.shape[1] == key.shape[1] or enable_gqa
        if attn_mask is not None:
            assert attn_mask.device == query.device
            assert attn_mask.shape[-2:] == (query.shape[2], key.shape[2])
        with self._gpu.one_kernel("attention"):
            return torch.empty_like(query)


def _has_kernel(operation: Any) -> bool:
    """Whether a GPU does an operation in one go."""
    return torch._C._dispatch_has_kernel_for_dispatch_key(operation.name(), "CUDA")


def _is_view(operation: Any) -> bool:
    """Whether the result is the memory of an argument, unchanged."""
    alias = [result.alias_info for result in operation._schema.returns]
    return any(info is not None and not info.is_write for info in alias)
