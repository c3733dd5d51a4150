"""On which frames a mask has keys, told from how it moves. No bpy.

Blender does not let scripts see a mask's keys. Between keys its points move in straight lines at an even pace, and they
rest before the first and after the last: a key is where that changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

_STILL = 2e-5  # of the image's width, a frame; above the noise of single precision


def key_frames(shapes: Mapping[int, Sequence[float]]) -> list[int]:
    """The frames among `shapes` (all points' coordinates, by frame) where the motion changes.

    The first and the last frame count where the mask moves there. A key that changes nothing is not seen; the shape
    between its neighbours is the same without it.
    """
    frames = sorted(shapes)
    if len(frames) < 2:
        return []
    pace = [
        [(b - a) / (after - before) for a, b in zip(shapes[before], shapes[after])]  # noqa: B905 (same mask)
        for before, after in pairwise(frames)
    ]
    still = [0.0] * len(pace[0])
    return [
        frame
        for frame, before, after in zip(frames, [still, *pace], [*pace, still])  # noqa: B905 (one each)
        if any(abs(a - b) > _STILL for a, b in zip(before, after))  # noqa: B905
    ]
