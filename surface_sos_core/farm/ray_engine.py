"""Runs a schedule on a Ray cluster: tasks go to machines that have room, and those of a machine that is lost go to another."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import re
import signal
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from surface_sos_core.ending import asked_to_end
from surface_sos_core.errors import Cancelled, InputError, SetupError
from surface_sos_core.events import Events
from surface_sos_core.farm.graph import Name
from surface_sos_core.farm.schedule import Schedule, ShotState, Task
from surface_sos_core.farm.tasks import Job, Outcome, as_text, ended_task

_POLL_S = 1.0
_CONNECT_S = 5.0
_END_S = 60.0  # for tasks that are cancelled to keep a checkpoint, before they are killed


def run_on_ray(
    jobs: Sequence[Job],
    address: str,
    workers: int | None,
    events: Events,
    chunk_seconds: float,
) -> list[ShotState]:
    """Make all shots on the cluster at `address`, or one of this machine alone ("local"); how each ended, in their order.

    workers: tasks at once (None: one for each machine). Raises InputError for an address that is none, SetupError where Ray or
    the cluster is not there, and Cancelled, with all tasks ended, where the run is to end.
    """
    with _cluster(address, workers) as ray:
        return _Driver(ray, Schedule(jobs, chunk_seconds), workers, events).run()


class _Driver:
    def __init__(self, ray: Any, schedule: Schedule, workers: int | None, events: Events) -> None:
        self._ray, self._schedule, self._workers, self._events = ray, schedule, workers, events
        self._running: dict[Any, Task] = {}
        self._failed_on: dict[Task, set[str]] = defaultdict(set)  # nodes
        self._work = ray.remote(max_retries=0)(work)
        self._head = ray.get_runtime_context().gcs_address

    def run(self) -> list[ShotState]:
        self._events.stage("farm", 1, 1)
        try:
            while not self._schedule.ended:
                self._check_head()
                self._begin_tasks()
                done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_POLL_S)
                for reference in done:
                    task = self._running.pop(reference)
                    self._end_task(task, self._outcome(task, reference))
        except BaseException as error:
            self._cancel()
            if asked_to_end(error) is not None:  # Ray may have put it into one of its own
                raise Cancelled("The farm was cancelled, and the same command goes on from there") from None
            raise
        self._events.end_stage()
        return self._schedule.shots

    def _check_head(self) -> None:
        """Raises SetupError where Ray's head is gone: what asks it then hangs for a minute, and Ray ends the process."""
        host, _, port = self._head.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _CONNECT_S).close()
        except OSError as error:
            self._running.clear()  # nobody is left who could end them
            raise SetupError(
                f"The head of the Ray cluster at {self._head} is gone ({error.strerror or error}): start the cluster again; the "
                "same command goes on from there."
            ) from error

    def _begin_tasks(self) -> None:
        nodes = self._nodes()
        threads, slots = shared_out([int(node.get("CPU", 0)) for node in nodes], self._workers)
        gpus = int(sum(node.get("GPU", 0) for node in nodes))
        while len(self._running) < slots:
            task = self._schedule.take(slots, lambda task: self._finds_room(task, gpus))
            if task is None:
                break
            job = self._schedule.shots[task.shot].job
            options = self._work.options(
                name=f"{job.out.name}: {task.name}{f' {_frames(task)}' if task.frames else ''}",
                num_cpus=threads,
                num_gpus=int(self._takes_gpu(task, gpus)),
                scheduling_strategy=self._place(task),
            )
            self._running[options.remote(job, task.name, _frames(task), threads)] = task
        if not self._running:
            raise SetupError("No machine of the Ray cluster computes; start some by `ray start`.")

    def _place(self, task: Task) -> Any:
        """Anywhere, but where it has not failed yet: a machine that fails whatever it gets is always free for more."""
        failed_on = self._failed_on[task]
        others = [node["NodeID"] for node in self._alive() if node["NodeID"] not in failed_on]
        if not failed_on or not others:
            return "SPREAD"
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(others[len(self._running) % len(others)], soft=True)

    def _finds_room(self, task: Task, gpus: int) -> bool:
        busy = sum(self._takes_gpu(other, gpus) for other in self._running.values())
        return busy < gpus or not self._takes_gpu(task, gpus)

    def _takes_gpu(self, task: Task, gpus: int) -> bool:
        """Whether a task gets one of so many; without any it says itself what it lacks."""
        return gpus > 0 and self._schedule.shots[task.shot].job.may_use_gpu(task.name)

    def _nodes(self) -> list[dict[str, float]]:
        """The resources of machines that compute."""
        return [node["Resources"] for node in self._alive()]

    def _alive(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]

    def _outcome(self, task: Task, reference: Any) -> Outcome:
        try:
            outcome, node = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Outcome(SetupError.exit_code, _lost(error), 0.0, "a machine that is lost")
        if outcome.code != 0:
            self._failed_on[task].add(node)
        return outcome

    def _end_task(self, task: Task, outcome: Outcome) -> None:
        schedule, nodes = self._schedule, self._nodes()
        again = schedule.end(task, outcome)
        out = schedule.shots[task.shot].job.out
        for message in outcome.warnings:
            self._events.warning(f"{out}: {message}")
        self._events.task(
            out,
            task.name,
            _frames(task),
            outcome.machine,
            outcome.seconds,
            outcome.sentence or None,
            again,
            (sum(shot.ended for shot in schedule.shots), len(schedule.shots)),
            len(nodes),
        )
        slots = shared_out([int(node.get("CPU", 0)) for node in nodes], self._workers)[1]
        done, total = schedule.frames()
        left = schedule.seconds_left(slots)
        self._events.progress(done, total, "frames", (total - done) / left if left else None)

    def _cancel(self) -> None:
        """End all tasks: asked first, so that training keeps a checkpoint, then killed."""
        for force in (False, True):
            for reference in self._running:
                self._ray.cancel(reference, force=force)
            _, left = (
                self._ray.wait(list(self._running), num_returns=len(self._running), timeout=_END_S)
                if self._running
                else ([], [])
            )
            self._running = {reference: self._running[reference] for reference in left}


def work(job: Job, name: Name, frames: str | None, threads: int) -> tuple[Outcome, str]:
    """What a process of the cluster does; how it ended, on which of Ray's nodes."""
    import numba
    import ray
    import torch

    torch.set_num_threads(threads)
    with suppress(ValueError):  # the environment allows fewer, which it may
        numba.set_num_threads(threads)
    outcome = ended_task(job, name, platform.node(), lambda event: None, frames)
    return outcome, ray.get_runtime_context().get_node_id()


def shared_out(cpus: Sequence[int], workers: int | None) -> tuple[int, int]:
    """Cores of a task, and how many tasks there are at once, on machines of so many cores each.

    >>> shared_out([8, 8], None), shared_out([8, 8], 4), shared_out([2], 3)
    ((8, 2), (4, 4), (1, 3))
    """
    if not cpus:
        return 1, 0
    if workers is None:
        each = min(cpus)
        return each, sum(count // each for count in cpus)
    fitting = (each for each in range(max(cpus), 0, -1) if sum(count // each for count in cpus) >= workers)
    return next(fitting, 1), workers


@contextmanager
def _cluster(address: str, workers: int | None) -> Iterator[Any]:
    """Ray, connected; what it made is gone afterwards."""
    if importlib.util.find_spec("ray") is None:
        raise SetupError('Ray is not installed: pip install "surface-sos-core[ray]".')
    asked: dict[str, Any] = {"address": address}
    if address == "local":
        asked["num_cpus"] = max(_cores(), workers or 1)
    else:
        _check_address(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    import ray

    ends = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**asked, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise SetupError(
            f"The Ray cluster at {address} cannot be joined: {_first_line(error)}; on this machine, which belongs to it, too, "
            f"`ray start --address={address}` does."
        ) from error
    try:
        with suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, ends)  # Ray has put its own there, which would leave at once
        yield ray
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    found = re.fullmatch(r"([^:/\s]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise InputError(
            f"--ray {address} is no address: write local, or HOST:PORT as `ray start --head` tells it, such as 10.0.0.7:6379."
        )
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), _CONNECT_S).close()
    except OSError as error:
        raise SetupError(
            f"Nothing answers at {address} ({error.strerror or error}): start the cluster there by `ray start --head`, or check "
            "the address."
        ) from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _frames(task: Task) -> str | None:
    return as_text(list(task.frames)) if task.frames else None


def _lost(error: Exception) -> str:
    """Why a task has no outcome."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, ImportError):
        return f"A worker lacks what it needs ({_first_line(cause)}): install surface-sos-core of the same version there."
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
    return f"The process of the task was lost ({kind}: {_first_line(error)}); look at its machine's memory and at Ray's log."


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
