"""What an artist gives to correct frames: masks painted again, or strokes on the object and on the background.

Strokes are a JSON list, an entry for each: {"frame": 1009, "object": [[x, y], ...]} or {"frame": 1009, "background": [[x, y],
...]}, in pixels of the plate from its top left corner; "radius" says how wide it was drawn, in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import load_masks
from surface_sos_core.masks.sources.drawn import frame_position, numbers_of, read_json
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.settings.masks import MOST_EDGE

_SUBPIXEL = 4  # bits of a pixel's fraction that OpenCV draws with
_KINDS = ("object", "background")


@dataclass(frozen=True)
class Given:
    """What is said of a frame: where the object is and where it is not, (H, W) bool each, of the plate's size. whole: by a
    painted mask, so that nothing is left open."""

    object: np.ndarray
    background: np.ndarray
    whole: bool = False


def read_given(path: Path, footage: Footage, radius: float) -> dict[int, Given]:
    """What a folder of masks or a file of strokes says, by frame position; radius: of strokes that name none, in pixels.

    Raises InputError, naming the entry, for what is neither, and for a frame that the footage lacks.
    """
    return _painted(path, footage) if path.is_dir() else _strokes(path, footage, radius)


def _painted(folder: Path, footage: Footage) -> dict[int, Given]:
    masks = load_masks(folder, footage, CoarseSettings(edge=MOST_EDGE), lambda message: None)  # a few are the rule
    size = footage.width, footage.height
    given = {}
    for i in np.flatnonzero(masks.known):
        inside = cv2.resize(masks.probability[i], size, interpolation=cv2.INTER_LINEAR) > 127
        given[int(i)] = Given(inside, ~inside, whole=True)
    return given


def _strokes(path: Path, footage: Footage, radius: float) -> dict[int, Given]:
    entries = read_json(path, "a folder of painted masks or the JSON file of strokes", "correct")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path} holds no strokes; draw on the object or on the background of one frame or more.")
    given: dict[int, Given] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        frame, kind, points, wide = _stroke(entry, where, radius)
        index = frame_position(frame, footage, where)
        drawn = _drawn(points, wide, footage, where)
        before = given.get(index) or Given(np.zeros_like(drawn), np.zeros_like(drawn))
        on, off = before.object, before.background
        # A later stroke counts where two cross.
        given[index] = Given(on | drawn, off & ~drawn) if kind == "object" else Given(on & ~drawn, off | drawn)
    return given


def _stroke(entry: Any, where: str, radius: float) -> tuple[int | str, str, np.ndarray, float]:
    """Frame, kind, points (N, 2) and radius of one entry."""
    kinds = [kind for kind in _KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1 or not {"frame", kinds[0]} <= set(entry) <= {"frame", kinds[0], "radius"}:
        raise InputError(
            f'{where}: expected {{"frame": ..., "object": [[x, y], ...]}} or {{"frame": ..., "background": [[x, y], ...]}}.'
        )
    frame, wide = entry["frame"], entry.get("radius", radius)
    if isinstance(frame, bool) or not isinstance(frame, int | str):
        raise InputError(f"{where}: frame must be a frame's number or its name.")
    if isinstance(wide, bool) or not isinstance(wide, int | float) or not 0 < wide < MOST_EDGE:
        raise InputError(f"{where}: radius must be a number of pixels above 0.")
    points = numbers_of(entry[kinds[0]], (-1, 2), f"{where}: {kinds[0]} must be a list of [x, y]")
    return frame, kinds[0], points, float(wide)


def _drawn(points: np.ndarray, radius: float, footage: Footage, where: str) -> np.ndarray:
    """(H, W) bool, a line of this radius through points (N, 2)."""
    size = footage.width, footage.height
    if len(points) == 0 or (points.max(axis=0) <= 0).any() or (points.min(axis=0) >= size).any():
        raise InputError(
            f"{where}: what is drawn lies outside the frame, which is {size[0]}x{size[1]}; pixels count from the top left corner."
        )
    picture = np.zeros((size[1], size[0]), np.uint8)
    # OpenCV has pixels' middles at whole numbers, and none far beyond the picture.
    fixed = np.rint((points.clip(-size[0], 2 * size[0]) - 0.5) * 2**_SUBPIXEL).astype(np.int32)
    if len(fixed) == 1:
        fixed = np.repeat(fixed, 2, axis=0)
    cv2.polylines(picture, [fixed], False, 1, max(1, round(2 * radius)), cv2.LINE_8, _SUBPIXEL)
    return picture > 0
