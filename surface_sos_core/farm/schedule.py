"""Whose turn it is: the tasks of all shots, what they wait for, how many frames make a chunk, and how long it will take.

Plain bookkeeping; an engine asks for what can begin and tells how it ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from surface_sos_core.farm.graph import AFTER, CHUNK_S, Name
from surface_sos_core.farm.tasks import Job, Outcome

FIRST_CHUNK = 8  # frames, as long as nothing was measured
MOST_UNKNOWN = 20  # frames, as long as none of their own shot was: they may take many times as long as those of others
TRIES = 3  # of a task that an environment, or a fault of ours, has failed
_AGAIN = (1, 3)  # exit codes of these; bad input is as bad on another machine
_ORDER = list(AFTER)


@dataclass(frozen=True)
class Task:
    """One task of shot number `shot`, from 0; frames: a chunk's."""

    shot: int
    name: Name
    frames: tuple[int, ...] = ()


@dataclass
class ShotState:
    """What is known of a shot."""

    job: Job
    frames: list[int] = field(default_factory=list)
    """Those that get layers, once that is known."""
    waiting: list[int] = field(default_factory=list)
    """Of these, those that are in no chunk yet."""
    layered: int = 0
    """Frames whose chunks are done."""
    layer_s: float = 0.0
    """Seconds that these took, all chunks together."""
    done: set[Name] = field(default_factory=set)
    begun: set[Name] = field(default_factory=set)
    failed: Outcome | None = None

    @property
    def ended(self) -> bool:
        return self.failed is not None or "report" in self.done


class Schedule:
    """The tasks of these shots, for so many workers."""

    def __init__(self, jobs: Sequence[Job], chunk_seconds: float = CHUNK_S) -> None:
        self.shots = [ShotState(job) for job in jobs]
        self._chunk_seconds = chunk_seconds
        self._again: list[Task] = []
        self._tries: dict[Task, int] = defaultdict(int)
        self._spent: dict[Name, list[float]] = defaultdict(lambda: [0.0, 0.0])  # seconds, and shots or frames

    def take(self, workers: int, allowed: Callable[[Task], bool] = lambda task: True) -> Task | None:
        """The task that should begin next, of those allowed; None where all that are left wait.

        workers: who share the frames of all shots. What comes early in a shot goes first, over all shots: wrong input is known
        soon, and the long chains begin first.
        """
        for task in self._again:
            if allowed(task):
                self._again.remove(task)
                return task
        for name in _ORDER:
            for number, shot in enumerate(self.shots):
                if not shot.ended and self._may_begin(shot, name) and allowed(Task(number, name)):
                    return self._begin(number, shot, name, workers)
        return None

    def _may_begin(self, shot: ShotState, name: Name) -> bool:
        ready = all(before in shot.done for before in AFTER[name])
        return ready and (bool(shot.waiting) if name == "layers" else name not in shot.begun)

    def _begin(self, number: int, shot: ShotState, name: Name, workers: int) -> Task:
        shot.begun.add(name)
        if name != "layers":
            return Task(number, name)
        seconds, frames = self._spent["layers"]
        if shot.layer_s:
            wanted = self._chunk_seconds * shot.layered / shot.layer_s
        else:
            wanted = min(MOST_UNKNOWN, self._chunk_seconds * frames / seconds) if seconds else FIRST_CHUNK
        # Where more shots than one are left, their workers are not all there for this one.
        helpers = -(-workers // sum(not other.ended for other in self.shots))
        share = -(-len(shot.frames) // max(1, helpers))
        size = max(1, min(int(wanted), share))
        chunk, shot.waiting = shot.waiting[:size], shot.waiting[size:]
        return Task(number, name, tuple(chunk))

    def end(self, task: Task, outcome: Outcome) -> bool:
        """Book how a task ended; whether it will be tried again."""
        shot = self.shots[task.shot]
        if outcome.code != 0:
            self._tries[task] += 1
            if shot.ended:
                return False
            if outcome.code in _AGAIN and self._tries[task] < TRIES:
                self._again.append(task)
                return True
            shot.failed = outcome
            self._again = [other for other in self._again if other.shot != task.shot]
            return False
        spent = self._spent[task.name]
        spent[0] += outcome.seconds
        spent[1] += max(1, len(task.frames))
        if task.name == "inspect":
            shot.frames, shot.waiting = list(outcome.frames), list(outcome.frames)
        if task.name == "layers":
            shot.layered += len(task.frames)
            shot.layer_s += outcome.seconds
            if shot.layered < len(shot.frames):
                return False
        shot.done.add(task.name)
        return False

    @property
    def ended(self) -> bool:
        return all(shot.ended for shot in self.shots)

    def frames(self) -> tuple[int, int]:
        """Frames done, and all that are known of shots that did not fail."""
        shots = [shot for shot in self.shots if shot.failed is None]
        return sum(shot.layered for shot in shots), sum(len(shot.frames) for shot in shots)

    def seconds_left(self, workers: int) -> float | None:
        """An estimate from what was measured so far; None as long as some kind of task was not, or frames are not known."""
        left = 0.0
        for shot in self.shots:
            if shot.ended:
                continue
            if "inspect" not in shot.done:
                return None
            for name in _ORDER:
                if name in shot.done:
                    continue
                seconds, count = self._spent[name]
                if count == 0 and name != "report":  # which takes seconds
                    return None
                units = len(shot.frames) - shot.layered if name == "layers" else 1
                left += units * seconds / max(1.0, count)
        return left / max(1, workers)
