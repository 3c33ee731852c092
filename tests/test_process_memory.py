"""The process's own memory is told, and what is not in use goes back to the system."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import checkpoints
from tests.client import PATIENCE
from tests.conftest import Tiny
from tests.http_serving import http
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.t3.kv_cache import KVCache, Span
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.speech import memory

MEGABYTES = 1 << 20

pytestmark = [
    pytest.mark.slow(5),
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells what is a process's own"),
]


def own() -> int:
    size = memory.anonymous_bytes()
    assert size is not None
    return size


async def test_memory_tells_what_is_the_processs_own(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        process = (await server.get("/memory"))[1]["process"]
    assert 10 * MEGABYTES < process["anonymous_bytes"] < process["rss_bytes"]


def test_files_that_are_mapped_are_not_its_own(tmp_path: Path) -> None:
    path = tmp_path / "library"
    path.write_bytes(b"code" * (10 * MEGABYTES))
    before = own()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[::4096]) > 0
        assert own() - before < 20 * MEGABYTES
    # From the system itself: the heap may have as much to reuse.
    with mmap.mmap(-1, 40 * MEGABYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory_of_its_own:
        memory_of_its_own.write(b"data" * (10 * MEGABYTES))
        assert own() - before > 30 * MEGABYTES


def test_nobody_knows_another_process_that_is_gone() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert memory.anonymous_bytes(done.pid) is None


def test_what_an_utterance_worked_in_goes_back_after_it(tiny: Tiny) -> None:
    """The heap's holes, too: half of what was there before stays."""
    engine = Chatterbox.load(tiny("nano"), FAMILIES["nano"], checkpoints.FLOAT32)
    pieces = [b"x" * 60_000 for _ in range(2000)]
    held = own()
    del pieces[::2]
    assert list(engine.speak(Utterance("Hi.", Voice("own", "en"), seed=1), lambda: False))
    assert held - own() > 20 * MEGABYTES
    assert len(pieces) == 1000


def test_room_for_speech_takes_memory_only_as_it_is_used() -> None:
    """A text has room for three times the speech that it commonly becomes."""
    layers, heads, length, width = 30, 32, 1024, 64
    before = own()
    cache = KVCache(layers, 1, heads, length, width, torch.device("cpu"), torch.float32)
    assert cache.bytes > 400 * MEGABYTES
    few = torch.ones(1, heads, 16, width)
    with torch.inference_mode():
        for layer in range(layers):
            cache.attend(layer, few, few, few, Span.causal(torch.arange(16), 16))
    assert own() - before < 60 * MEGABYTES
    assert not cache.keys[..., 16:, :].any()


def test_all_threads_share_one_heap(tmp_path: Path) -> None:
    """Memory that one thread frees serves the next, and none is held for each."""
    program = """
import ctypes, sys, threading
from wyoming_chatterbox.engine import heap

heap.share_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fopen.restype = ctypes.c_void_p
threads = 8
together = threading.Barrier(threads)

def take():
    together.wait()
    for _ in range(1000):
        libc.malloc(1000)
    together.wait()

running = [threading.Thread(target=take) for _ in range(threads)]
for thread in running:
    thread.start()
for thread in running:
    thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""
    heaps = tmp_path / "heaps.xml"
    done = subprocess.run([sys.executable, "-c", program, str(heaps)], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode and "malloc_info" in done.stderr:
        pytest.skip("The C library isn't GNU's")
    assert done.returncode == 0, done.stderr
    assert heaps.read_text().count("<heap ") == 1


@pytest.mark.timeout(300)
def test_the_process_around_a_small_model_is_measured_and_bounded(tiny: Tiny) -> None:
    """Beside its weights there are Python, the standby voice and PyTorch; a CUDA build's libraries are 160 MB of it."""
    command = [sys.executable, "-m", "tests.measure_memory", "--model", str(tiny("nano")), "--times", "1"]
    # Several threads wait for each other by spinning, which takes minutes on a busy machine.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    names, sizes = (line.split() for line in done.stdout.splitlines())
    assert names == ["MB", "weights", "standby", "ready", "speaking", "after", "s"]
    weights, standby, ready, speaking, after = map(int, sizes[2:7])
    assert weights < 30
    assert 20 < standby < 160
    assert standby < ready < 560
    assert ready <= speaking < 600
    assert after < 600
