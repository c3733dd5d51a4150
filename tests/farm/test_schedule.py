"""Whose turn it is: what waits for what, chunks by measured seconds, tries, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from surface_sos_core.farm.graph import AFTER
from surface_sos_core.farm.ray_engine import shared_out
from surface_sos_core.farm.schedule import FIRST_CHUNK, MOST_UNKNOWN, TRIES, Schedule, Task
from surface_sos_core.farm.tasks import Job, Outcome
from surface_sos_core.pipeline import Shot
from surface_sos_core.settings import preset


def schedule(shots: int = 1, chunk_seconds: float = 300.0) -> Schedule:
    return Schedule(
        [Job(Shot("plates", Path(f"out{n}")), preset("preview")) for n in range(shots)], chunk_seconds
    )


def outcome(seconds: float = 10.0, code: int = 0, frames: int = 0) -> Outcome:
    return Outcome(code, "it broke" if code else "", seconds, "here", (), tuple(range(1001, 1001 + frames)))


def done_until(made: Schedule, last: str, frames: int = 100) -> None:
    while (task := made.take(4)) is not None:
        made.end(task, outcome(frames=frames))
        if task.name == last and task.shot == len(made.shots) - 1:
            return


def test_tasks_come_in_the_order_that_they_wait_in():
    made, seen = schedule(), []
    while not made.ended:
        task = made.take(1)
        assert all(before in {name for name, _ in seen} for before in AFTER[task.name])
        seen.append((task.name, len(task.frames)))
        made.end(task, outcome(frames=20))
    names = [name for name, _ in seen]
    assert [name for name in dict.fromkeys(names)] == list(AFTER) and names.count("train") == 1
    assert sum(count for _, count in seen) == 20 and seen[4] == ("layers", FIRST_CHUNK)


def test_a_shot_waits_while_a_task_of_it_runs():
    made = schedule(2)
    assert [made.take(4).shot, made.take(4).shot] == [0, 1] and made.take(4) is None


@pytest.mark.parametrize(("seconds", "size"), [(8.0, 25), (80.0, 10), (8000.0, 1)])
def test_chunks_take_the_seconds_that_they_should(seconds, size):
    """The first, of 8 frames, tells the pace; nobody gets more than his share, a quarter of 100."""
    made = schedule(chunk_seconds=100.0)
    done_until(made, "train")
    made.end(made.take(4), outcome(seconds))
    assert len(made.take(4).frames) == size


def test_workers_are_shared_by_all_shots_that_are_left():
    """Each chunk begins with a look at the whole shot, so a shot is not cut for workers that others keep busy."""
    made = schedule(2, chunk_seconds=100.0)
    done_until(made, "train")
    assert len(made.take(4).frames) == FIRST_CHUNK
    made.end(Task(0, "layers", tuple(range(1001, 1001 + FIRST_CHUNK))), outcome(1.0))
    assert len(made.take(4).frames) == 50


def test_a_slow_shot_is_cut_by_its_own_pace_and_carefully_before_that_is_known():
    """Frames of the first shot take a second, those of the other twenty: the first's pace says little of the other's."""
    made = schedule(2, chunk_seconds=100.0)
    done_until(made, "train")
    made.end(made.take(1), outcome(float(FIRST_CHUNK)))
    while (task := made.take(1)).shot == 0:
        made.end(task, outcome(float(len(task.frames))))
    assert len(task.frames) == MOST_UNKNOWN
    made.end(task, outcome(20.0 * MOST_UNKNOWN))
    assert len(made.take(1).frames) == 5


def test_an_environment_is_tried_again_and_bad_input_is_not():
    made = schedule(2)
    first, second = made.take(4), made.take(4)
    assert not made.end(second, outcome(code=2))
    assert made.shots[1].failed.sentence == "it broke"
    for _ in range(TRIES - 1):
        assert made.end(first, outcome(code=3))
        assert made.take(4) == first
    assert not made.end(first, outcome(code=3))
    assert made.ended and made.take(4) is None


def test_a_task_that_ends_well_at_last_is_none_that_failed():
    made = schedule()
    task = made.take(1)
    made.end(task, outcome(code=1))
    made.end(made.take(1), outcome(frames=5))
    assert made.take(1).name == "cameras" and not made.ended


def test_what_is_not_allowed_waits_for_others():
    made = schedule(2)
    done_until(made, "masks")
    assert made.take(2, lambda task: task.name == "masks") is None
    assert made.take(2, lambda task: task.shot == 1).name == "train"


def test_what_is_left_is_told_once_all_kinds_were_measured():
    made = schedule(2)
    assert made.seconds_left(1) is None
    for _ in range(2):
        made.end(made.take(4), outcome(1.0, frames=40))
    assert made.frames() == (0, 80)
    while (task := made.take(4)) is not None and task.name != "mesh":
        made.end(task, outcome(2.0 * max(1, len(task.frames))))
    assert made.frames() == (80, 80) and made.seconds_left(4) is None
    made.end(task, outcome(8.0))
    assert made.seconds_left(4) == pytest.approx(8.0 / 4)


def test_cores_are_shared_out():
    assert shared_out([64, 4], None) == (4, 17)
    assert shared_out([16, 16], 6) == (5, 6)
    assert shared_out([], 3) == (1, 0)
