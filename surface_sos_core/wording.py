"""Numbers and events in sentences. Standard library only: the Blender add-on ships a copy of this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number and what it counts: `many` (`one` with an s, where none is given) for any number but 1.

    >>> counted(1, "frame"), counted(3, "mask is", "masks are")
    ('1 frame', '3 masks are')
    """
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def task_in_words(task: Mapping[str, Any]) -> str:
    """A task event in words, as "[3/8 shots, 2 machines] out/a: layers 1001-1008, 12 s on render-07"."""
    frames = f" {task['frames']}" if task["frames"] else ""
    machines = counted(task["machines"], "machine")
    place = f"[{task['shots_done']}/{counted(task['shots'], 'shot')}, {machines}]"
    text = f"{place} {task['out']}: {task['task']}{frames}, {task['seconds']:.0f} s on {task['machine']}"
    if not task["message"]:
        return text
    return f"{text}, failed{' and is tried again' if task['again'] else ''}: {task['message']}"
