"""Prepared voices on disk: whole or not there, private, bounded, and never trusted."""

from __future__ import annotations

import hashlib
import os
import resource
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from wyoming_chatterbox.engine.voice.conditionals import Conditionals
from wyoming_chatterbox.engine.voice.store import VoiceStore


def name_of(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


NAME = name_of(0)


def voice_of(seed: int = 0, tokens: int = 50) -> Conditionals:
    random = torch.Generator().manual_seed(seed)
    return Conditionals(
        speaker=torch.randn(1, 256, generator=random),
        t3_prompt=torch.randint(6561, (1, 375), generator=random),
        prompt_tokens=torch.randint(6561, (1, tokens), generator=random),
        prompt_mel=torch.randn(1, 2 * tokens, 80, generator=random),
        embedding=torch.randn(1, 192, generator=random),
    )


def same(one: Conditionals | None, other: Conditionals) -> bool:
    return one is not None and all(torch.equal(value, vars(other)[name]) for name, value in vars(one).items())


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_a_voice_comes_back_as_it_was_also_in_another_process(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path / "cache" / "voices")
    assert store.load(NAME) is None
    store.save(NAME, voice_of())
    assert same(store.load(NAME), voice_of())
    assert same(VoiceStore(tmp_path / "cache" / "voices").load(NAME), voice_of())
    assert store.load(name_of(1)) is None


def test_only_the_servers_user_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = tmp_path / "cache" / "voices"
        folder.mkdir(parents=True)
        VoiceStore(folder).save(NAME, voice_of())
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600]


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path, most=3)
    for number in range(3):
        store.save(name_of(number), voice_of(number))
        aged(tmp_path / f"{name_of(number)}.safetensors", 100 - number)
    assert store.load(name_of(0)) is not None
    store.save(name_of(3), voice_of(3))
    assert [number for number in range(4) if store.load(name_of(number)) is not None] == [0, 2, 3]


def test_their_bytes_are_bounded_and_the_latest_is_always_kept(tmp_path: Path) -> None:
    store = VoiceStore(tmp_path, most_bytes=100_000)
    for number in range(4):
        store.save(name_of(number), voice_of(number))
        aged(tmp_path / f"{name_of(number)}.safetensors", 100 - number)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 100_000
    assert same(store.load(name_of(3)), voice_of(3))
    store.save(name_of(4), voice_of(4, tokens=400))
    assert len(files(tmp_path)) == 1
    assert same(store.load(name_of(4)), voice_of(4, tokens=400))


def test_what_a_crash_has_left_behind_is_removed_but_nothing_else(tmp_path: Path) -> None:
    for name in (".old.part", ".new.part", "notes.txt"):
        (tmp_path / name).write_bytes(b"half a voice")
    aged(tmp_path / ".old.part", 3600)
    aged(tmp_path / "notes.txt", 3600)
    VoiceStore(tmp_path)
    assert [path.name for path in files(tmp_path)] == [".new.part", "notes.txt"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("written")
    VoiceStore(folder).save(NAME, voice_of())
    return files(folder)[0].read_bytes()


def made_anew(folder: Path, content: bytes) -> bool:
    """Whether a file with that content is taken for none, and a new one takes its place."""
    path = folder / f"{NAME}.safetensors"
    path.write_bytes(content)
    store = VoiceStore(folder)
    if store.load(NAME) is not None:
        return False
    store.save(NAME, voice_of())
    return same(store.load(NAME), voice_of())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=300))
def test_any_bytes_are_no_voice(tmp_path: Path, content: bytes) -> None:
    assert made_anew(tmp_path, content)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_voice_with_any_change_is_none(tmp_path: Path, written: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(written) - 1) | st.integers(0, 600))
    damage = data.draw(st.binary(max_size=20))
    end = data.draw(st.sampled_from([start, start + len(damage), len(written)]))
    changed = written[:start] + damage + written[end:]
    if changed != written:
        assert made_anew(tmp_path, changed)


def test_a_voice_under_anothers_name_is_none(tmp_path: Path, written: bytes) -> None:
    (tmp_path / f"{name_of(1)}.safetensors").write_bytes(written)
    assert VoiceStore(tmp_path).load(name_of(1)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"speaker": torch.zeros(1, 255)},
        {"speaker": torch.full((1, 256), torch.nan)},
        {"embedding": torch.zeros(1, 192, dtype=torch.float64)},
        {"prompt_mel": torch.full((1, 100, 80), torch.inf)},
        {"prompt_mel": torch.zeros(100, 80)},
        {"prompt_tokens": torch.zeros(1, 51, dtype=torch.long)},
        {"prompt_tokens": torch.full((1, 50), 6561)},
        {"t3_prompt": torch.full((1, 50), -1)},
        {"t3_prompt": torch.zeros(1, 50)},
        {"t3_prompt": torch.zeros(1, 0, dtype=torch.long)},
        {"another": torch.zeros(1)},
    ],
)
def test_numbers_that_no_network_can_take_are_no_voice(tmp_path: Path, wrong: dict[str, torch.Tensor]) -> None:
    """Whoever wrote the file: its checksum is right."""
    store = VoiceStore(tmp_path)
    store.save(NAME, Conditionals(**(vars(voice_of()) | wrong)) if "another" not in wrong else voice_of())
    if "another" in wrong:
        (tmp_path / f"{NAME}.safetensors").write_bytes(save(vars(voice_of()) | wrong))
    assert store.load(NAME) is None
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "huge"])
def test_what_is_no_file_of_ours_is_neither_waited_for_nor_followed(tmp_path: Path, written: bytes, kind: str) -> None:
    folder = tmp_path / "voices"
    path = folder / f"{NAME}.safetensors"
    store = VoiceStore(folder)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "elsewhere").write_bytes(written)
        path.symlink_to(tmp_path / "elsewhere")
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    assert store.load(NAME) is None
    store.save(NAME, voice_of())
    assert store.load(NAME) is None if kind == "folder" else same(store.load(NAME), voice_of())
    assert store.capacity == (0 if kind == "folder" else 1000)
    assert not list(folder.glob(".*"))


def test_damage_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    path = tmp_path / f"{NAME}.safetensors"
    path.write_bytes(b"no voice")
    store = VoiceStore(tmp_path)
    for _ in range(3):
        assert store.load(NAME) is None
    assert [record.levelname for record in caplog.records if str(path) in record.message] == ["INFO"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can be larger than 10 KB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_keeps_no_half_a_voice_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = VoiceStore(tmp_path)
    with full_disk():
        for number in range(3):
            store.save(name_of(number), voice_of())
    assert files(tmp_path) == []
    assert store.capacity == 0
    assert caplog.text.count("can't be kept") == 1
    store.save(NAME, voice_of())
    assert store.capacity == 1000
    assert same(store.load(NAME), voice_of())


@pytest.mark.parametrize("kind", ["read-only", "a file", "gone"])
def test_a_disk_that_takes_nothing_is_told_once_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    folder = tmp_path / "voices"
    if kind == "read-only":
        if os.geteuid() == 0:
            # The superuser can write anywhere but there.
            folder = Path("/proc/voices")
        else:
            folder.mkdir()
            tmp_path.chmod(0o500)
            folder.chmod(0o500)
    elif kind == "a file":
        folder.write_text("not a folder")
    store = VoiceStore(folder)
    if kind == "gone":
        assert store.capacity == 1000
        folder.rmdir()
    for number in range(3):
        store.save(name_of(number), voice_of())
        assert store.load(name_of(number)) is None
    assert store.capacity == 0
    assert caplog.text.count("can't be kept") == 1
    if kind == "gone":
        # It is there again.
        folder.mkdir()
        store.save(NAME, voice_of())
        assert store.capacity == 1000
        assert same(store.load(NAME), voice_of())


def test_two_servers_write_and_read_the_same_voice(tmp_path: Path) -> None:
    stores = [VoiceStore(tmp_path, most=4) for _ in range(2)]
    stores[0].save(NAME, voice_of())
    broken: list[object] = []

    def work(store: VoiceStore) -> None:
        for number in range(60):
            store.save(NAME, voice_of())
            # Others come and go meanwhile.
            store.save(name_of(1 + number % 5), voice_of(number))
            voice = store.load(NAME)
            if not same(voice, voice_of()):
                broken.append(voice)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert len(files(tmp_path)) <= 4
    assert all(store.trouble is None for store in stores)
