"""Whose turn it is, with a clock that only work and waiting move."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.speech.playback import Playback
from wyoming_chatterbox.speech.turns import Turns


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Talk:
    """An utterance: blocks of one second, of which each takes `work` seconds to make."""

    playback: Playback | None
    blocks: int = 10
    work: float = 0.1
    begun: bool = False
    unwanted: bool = False
    times: list[float] = field(default_factory=list)
    """When each block was there."""
    gaps: float = 0.0
    """Seconds in which its listener had run dry, from its first block to its last."""

    def next_block(self) -> tuple[float, float]:
        """The seconds that the next block takes, and its seconds of sound."""
        return self.work, 1.0


class Careful(Talk):
    """Makes small blocks, which cost more, as long as its listener would run dry during a large one."""

    def next_block(self) -> tuple[float, float]:
        assert self.playback is not None
        return (1.0, 4.0) if self.playback.ahead > 1.0 else (0.25, 0.4)


class Machine:
    """A worker without a thread: its clock goes on while it works."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.turns: Turns[Talk] = Turns()
        self.order: list[Talk] = []

    def talk(self, blocks: int = 10, work: float = 0.1, speed: float = 1.0) -> Talk:
        """An utterance that comes now, of a new reply."""
        talk = Talk(Playback(speed, self.clock), blocks, work)
        self.turns.add(talk)
        return talk

    def alone(self, work: float = 0.1) -> Talk:
        """A job that has the worker to itself."""
        job = Talk(None, 1, work)
        self.turns.add(job)
        return job

    def step(self) -> Talk:
        job = self.turns.next()
        self.order.append(job)
        first, job.begun = not job.begun, True
        work, sound = job.next_block()
        dry = 0.0 if job.playback is None or first else max(0.0, work - job.playback.ahead)
        self.clock.now += work
        if job.playback is not None:
            job.playback.give(sound)
            self.turns.speed.learn(work, sound, first=first)
        job.gaps += dry
        job.times.append(self.clock.now)
        if len(job.times) == job.blocks:
            self.turns.remove(job)
        return job

    def run(self, until: float = math.inf) -> None:
        while self.turns and self.clock.now < until:
            self.step()


def fast_machine() -> Machine:
    """A machine that has spoken before: a second of sound in 0.1 s."""
    machine = Machine()
    machine.talk(blocks=3)
    machine.run()
    return machine


def test_a_second_listener_hears_the_first_word_before_the_first_has_all() -> None:
    machine = fast_machine()
    first = machine.talk()
    machine.step()
    second = machine.talk()
    machine.run()
    assert machine.order[5] is second
    assert second.times[0] < first.times[2]
    assert first.gaps == second.gaps == 0


def test_the_one_who_runs_dry_first_goes_on() -> None:
    machine = fast_machine()
    first = machine.talk()
    for _ in range(4):
        machine.step()
    second = machine.talk()
    assert [machine.step() for _ in range(3)] == [second] * 3
    # Four seconds less the time that passed since are more than three.
    assert machine.step() is second
    assert machine.step() is first


def test_a_reply_far_ahead_does_not_begin_its_next_utterance_before_another_reply() -> None:
    machine = fast_machine()
    far = machine.talk(blocks=5)
    machine.run()
    following = Talk(far.playback)
    machine.turns.add(following)
    newcomer = machine.talk()
    assert machine.step() is newcomer


def test_a_machine_that_is_too_slow_for_two_finishes_one_first() -> None:
    machine = Machine()
    first = machine.talk(work=0.6)
    machine.step()
    second = machine.talk(work=0.6)
    machine.run()
    assert machine.order == [first] * 10 + [second] * 10


def test_the_first_keeps_sound_enough_until_the_second_is_there() -> None:
    machine = Machine()
    machine.talk(blocks=1, work=0.35)
    machine.run()
    first = machine.talk(work=0.3)
    machine.step()
    machine.step()
    machine.clock.now += 0.4
    second = machine.talk(work=0.35)
    # 1.3 s are left of the first blocks, and the second's would take 0.35 s.
    assert machine.step() is first
    assert machine.step() is second


@pytest.mark.parametrize("joins_after", range(1, 8))
def test_neither_is_left_with_small_blocks_that_a_machine_makes_too_slowly_for_two(joins_after: int) -> None:
    machine = fast_machine()
    first = Careful(Playback(clock=machine.clock), blocks=12)
    machine.turns.add(first)
    for _ in range(joins_after):
        machine.step()
    second = Careful(Playback(clock=machine.clock), blocks=12)
    machine.turns.add(second)
    machine.run()
    assert first.gaps == second.gaps == 0


def test_fast_playback_needs_a_faster_machine() -> None:
    machine = Machine()
    first = machine.talk(work=0.3)
    machine.step()
    second = machine.talk(work=0.3, speed=4.0)
    machine.run()
    assert machine.order == [first] * 10 + [second] * 10


def test_two_who_listen_slowly_may_be_spoken_to_at_once_by_a_machine_that_is_too_slow_for_others() -> None:
    machine = Machine()
    first = machine.talk(work=0.75, speed=0.5)
    machine.step()
    second = machine.talk(work=0.75, speed=0.5)
    machine.run()
    assert second.times[0] < first.times[-1]
    assert first.gaps == second.gaps == 0


def test_a_whole_utterance_in_one_block_is_ended_before_another_is_begun_on_a_slow_machine() -> None:
    class Ending(Talk):
        def next_block(self) -> tuple[float, float]:
            return (0.0, 0.05) if self.times else (6.0, 5.0)

    machine = Machine()
    first, second = (Ending(Playback(clock=machine.clock), blocks=3) for _ in range(2))
    machine.turns.add(first)
    machine.step()
    machine.turns.add(second)
    machine.run()
    assert machine.order == [first] * 3 + [second] * 3


def test_two_are_under_way_at_most_and_the_third_is_next() -> None:
    machine = fast_machine()
    talks = [machine.talk() for _ in range(4)]
    machine.run()
    begins = [talk.times[0] for talk in talks]
    assert begins == sorted(begins)
    ends = sorted(talk.times[-1] for talk in talks)
    assert begins[2] > ends[0]
    assert begins[3] > ends[1]


def test_after_memory_ran_out_one_is_finished_before_the_next() -> None:
    machine = fast_machine()
    machine.turns.save_memory()
    first, second = machine.talk(), machine.talk()
    machine.run()
    assert machine.order[3:] == [first] * 10 + [second] * 10


def test_an_utterance_that_nobody_wants_ends_first() -> None:
    machine = fast_machine()
    first = machine.talk()
    for _ in range(3):
        machine.step()
    second = machine.talk()
    machine.step()
    first.unwanted = True
    assert machine.step() is first
    machine.turns.remove(first)
    assert machine.step() is second


def test_work_that_needs_the_worker_for_itself_waits_for_those_before_and_holds_those_after() -> None:
    machine = fast_machine()
    first, second = machine.talk(blocks=3), machine.talk(blocks=3)
    cleaning = machine.alone()
    late = machine.talk(blocks=3)
    machine.run()
    before, after = machine.order[3:9], machine.order[10:]
    assert set(before) == {first, second}
    assert machine.order[9] is cleaning
    assert set(after) == {late}


def test_faster_playback_runs_dry_sooner() -> None:
    clock = Clock()
    usual, fast = Playback(1.0, clock), Playback(2.0, clock)
    for playback in (usual, fast):
        playback.give(4.0)
        playback.pause(0.5)
    clock.now = 1.0
    assert usual.ahead == pytest.approx(3.5)
    assert fast.ahead == pytest.approx(1.5)
    clock.now = 9.0
    assert usual.ahead == 0
    usual.give(1.0)
    assert usual.ahead == 1.0


def test_sound_that_is_made_again_is_played_once() -> None:
    clock = Clock()
    playback = Playback(2.0, clock)
    playback.give(4.0)
    clock.now = 1.5
    playback.again(4.0)
    for _ in range(5):
        playback.give(1.0)
    assert playback.ahead == 1.0


def test_what_another_engine_says_instead_is_not_taken_for_a_repetition() -> None:
    playback = Playback(1.0, Clock())
    playback.give(4.0)
    playback.again(4.0)
    playback.give(1.0)
    playback.again(0.0)
    playback.give(1.0)
    assert playback.ahead == 5.0


@pytest.fixture
def restless_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless_threads")
def test_no_sound_is_forgotten_for_a_pause_at_the_same_moment() -> None:
    playback = Playback(1.0, Clock())

    def often(note: Callable[[float], None]) -> None:
        for _ in range(5000):
            note(1.0)

    threads = [Thread(target=often, args=(note,)) for note in (playback.give, playback.pause)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert playback.ahead == 10_000


@given(
    arrivals=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 12), st.floats(0.01, 2.0)), min_size=1, max_size=6),
    alone=st.lists(st.floats(0, 20), max_size=2),
)
def test_everything_is_spoken_once_and_only_two_at_a_time(
    arrivals: list[tuple[float, int, float]], alone: list[float]
) -> None:
    machine = Machine()
    coming = sorted([(at, blocks, work) for at, blocks, work in arrivals] + [(at, 0, 0.5) for at in alone])
    jobs: list[Talk] = []
    while coming or machine.turns:
        if coming and (not machine.turns or coming[0][0] <= machine.clock.now):
            at, blocks, work = coming.pop(0)
            machine.clock.now = max(machine.clock.now, at)
            jobs.append(machine.talk(blocks, work) if blocks else machine.alone(work))
        else:
            machine.step()
    assert all(len(job.times) == job.blocks for job in jobs)
    for job in jobs:
        if job.playback is None:
            place = machine.order.index(job)
            earlier, later = jobs[: jobs.index(job)], jobs[jobs.index(job) + 1 :]
            assert not set(machine.order[:place]) & set(later)
            assert not set(machine.order[place:]) & set(earlier)
    under_way: dict[Talk, int] = {}
    for job in machine.order:
        under_way[job] = under_way.get(job, 0) + 1
        if under_way[job] == job.blocks:
            del under_way[job]
        assert len(under_way) <= 2


@given(
    work=st.floats(0.01, 0.4),
    blocks=st.lists(st.integers(2, 12), min_size=2, max_size=2),
    joins_after=st.integers(1, 12),
)
def test_a_machine_that_keeps_up_with_two_leaves_neither_without_sound(
    work: float, blocks: list[int], joins_after: int
) -> None:
    machine = Machine()
    machine.talk(3, work)
    machine.run()
    first = machine.talk(blocks[0], work)
    for _ in range(min(joins_after, blocks[0] - 1)):
        machine.step()
    second = machine.talk(blocks[1], work)
    came = machine.clock.now
    machine.run()
    assert first.gaps == second.gaps == pytest.approx(0)
    assert second.times[0] - came <= 3 * work + 1e-9
