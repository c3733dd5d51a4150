"""Numbers in sentences. Standard library only: the Blender add-on ships a copy of this file."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """The number and what it counts: `many` (`one` with an s, where none is given) for any number but 1.

    >>> counted(1, "frame"), counted(3, "mask is", "masks are")
    ('1 frame', '3 masks are')
    """
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
