"""Ctrl-C and other requests to end, held back where work must not be cut in its middle."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")


@contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Signals that arrive in the block wait until the yielded function is called, which acts on the first of them.

    A second signal does not wait: whoever asks twice means at once. Outside the main thread, where Python handles no
    signals, nothing is held. What came in the block and was never asked for is acted on at its end.
    """
    came: list[tuple[int, FrameType | None]] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))
        if len(came) > 1:
            act()

    def act() -> None:
        if came:
            number, frame = came[0]
            came.clear()
            handler = before[number]
            if callable(handler):
                handler(number, frame)

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and callable(signal.getsignal(number)):
            with suppress(ValueError):  # not the main thread
                before[number] = signal.signal(number, note)
    try:
        yield act
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    act()
