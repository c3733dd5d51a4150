"""Several frames' layers at once: half of what a frame takes runs on one core, whatever there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numba
import torch

_BYTES = 350  # that a frame takes at the worst, for each of its pixels
_ROOM = 1.5e9  # and that all of them may take

Made = TypeVar("Made")


def frames_at_once(pixels: int, device: torch.device) -> int:
    """How many frames of so many pixels are made at once: one for each core, as far as memory goes.

    One on a GPU, which they would share, and where numba's threads serve a single caller. Some of numba's loops must have
    run before.
    """
    if device.type != "cpu" or numba.threading_layer() == "workqueue":
        return 1
    return frames_with_room(pixels)


def frames_with_room(pixels: int) -> int:
    """How many frames of this size are made at once on the CPU, by its cores and what they take in memory."""
    return max(1, min(torch.get_num_threads(), int(_ROOM / (_BYTES * pixels))))


def in_order(
    work: Callable[[int], Made], items: Sequence[int], at_once: int
) -> Generator[tuple[int, Made], None, None]:
    """Each item with what `work` makes of it, in their order; so many are worked on at a time, on one core each.

    An error of `work` comes out where its item would. No more is begun than is needed to keep all cores busy. Close it
    where it may be left before its end: what was begun then ends first.
    """
    if at_once == 1:
        yield from ((item, work(item)) for item in items)
        return
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(at_once, initializer=_on_one_core)
    begun: deque[tuple[int, Future[Made]]] = deque()
    try:
        for item in items:
            begun.append((item, pool.submit(work, item)))
            if len(begun) > at_once:
                first, future = begun.popleft()
                yield first, future.result()
        while begun:
            first, future = begun.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _on_one_core() -> None:
    numba.set_num_threads(1)
    torch.set_num_threads(1)
