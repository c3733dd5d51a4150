"""The --frames option: which frames of a shot, as 1001-1040x2,1055."""

from __future__ import annotations

import re
from collections.abc import Sequence

from surface_sos_core.errors import InputError

_PART = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18})(?:x([0-9]{1,18}))?)?")


def parse_frames(text: str, numbers: Sequence[int]) -> list[int]:
    """Positions in `numbers` (the frame numbers of a shot), ascending, of the frames that `text` selects.

    `text` is a list of N, FIRST-LAST or FIRST-LASTxSTEP with commas between. A range may begin before the shot
    or end after it. Raises InputError for anything else, and for a part that selects nothing.
    """
    if not numbers:
        raise InputError("--frames cannot choose from a shot without frames")
    first, last = min(numbers), max(numbers)
    selected: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise InputError(
                f"--frames {_quote(part)} is not a frame or a range: write it as 1001-1040x2,1055"
            )
        start = int(match[1])
        end = int(match[2] or start)
        step = int(match[3] or 1)
        if step == 0 or end < start:
            raise InputError(
                f"--frames {_quote(part)} runs backwards or has a step of 0: write FIRST-LASTxSTEP"
            )
        touches = first <= start <= last or first <= end <= last
        chosen = [at for at, number in enumerate(numbers) if number in range(start, end + 1, step)]
        if not touches or not chosen:
            raise InputError(f"--frames {_quote(part)} is not in the shot, which has frames {first}-{last}")
        selected.update(chosen)
    return sorted(selected)


def _quote(part: str) -> str:
    short = part.strip()
    return repr(short if len(short) <= 40 else short[:40] + "...")
