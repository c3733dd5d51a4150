"""Requests to end a run: Ctrl-C and other signals, held back where work must not be cut in its middle, and a token."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from surface_sos_core.errors import Cancelled

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK")


class CancelToken:
    """Asks a run to stop, from any thread; the run then raises Cancelled, with what is finished and a checkpoint kept.

    It stops at its next event, so within a second or two, or when the frame or the step of the solver that it is at is
    done. One token may be given to several runs.

    >>> from surface_sos_core import CancelToken, Cancelled, Shot, segment
    >>> token = CancelToken()
    >>> token.cancel()  # here before it begins; from another thread, or in on_event, at any moment
    >>> try:
    ...     segment(Shot("samples/plates", "never"), cancel=token)
    ... except Cancelled as told:
    ...     print(told)
    The run was cancelled.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()

    def cancel(self) -> None:
        """Ask for the end; asking again changes nothing."""
        self._asked.set()

    @property
    def cancelled(self) -> bool:
        """Whether the end was asked for."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Cancelled where the end was asked for."""
        if self.cancelled:
            raise Cancelled("The run was cancelled.")


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
