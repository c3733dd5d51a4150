"""Boxes and rough outlines that were drawn on one frame or a few: what may be the object there, and what is not.

A JSON file holds one of these objects or a list of them, in pixels of the plate from its top left corner:

    {"frame": 1001, "box": [left, top, right, bottom]}
    {"frame": "plate.1001", "outline": [[x, y], [x, y], [x, y], ...]}

`frame` is the frame's number or its name. Several on one frame are joined. A folder of masks of these frames is another
way to give outlines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import load_masks, reduced_size
from surface_sos_core.settings import CoarseSettings

LEAST_SIDE = 4.0  # pixels of the plate; less is a slip of the hand


@dataclass(frozen=True)
class Drawn:
    """regions: (h, w) bool by frame position, of `size` (width, height), which has the plate's aspect."""

    size: tuple[int, int]
    regions: dict[int, np.ndarray]

    def at(self, size: tuple[int, int]) -> dict[int, np.ndarray]:
        """The regions at another size: every pixel that one of them touches."""
        return {
            i: cv2.resize(region.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
            for i, region in self.regions.items()
        }


def read_drawn(path: Path, footage: Footage, settings: CoarseSettings) -> Drawn:
    """What is drawn in a JSON file or a folder of masks.

    Raises InputError, naming the entry, for a frame that the footage lacks, a box or outline outside the frame, and for
    anything that is not of the kind above.
    """
    size = reduced_size(footage, settings.edge)
    if path.is_dir():
        masks = load_masks(path, footage, settings, lambda message: None)  # few frames are what this is for
        shown = np.flatnonzero(masks.known & ~masks.empty)
        if not len(shown):
            raise InputError(
                f"The masks in {path} show nothing; draw the object in white on one frame or more."
            )
        return Drawn(size, {int(i): masks.probability[i] > 127 for i in shown})
    data = read_json(path, "the JSON file of the drawn box", "masks")
    entries = data if isinstance(data, list) else [data]
    if not entries:
        raise InputError(f"{path} holds no box and no outline; draw one on one frame or more.")
    regions: dict[int, np.ndarray] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        frame, corners = _entry(entry, where)
        index = frame_position(frame, footage, where)
        region = _region(corners, footage, size, where)
        regions[index] = regions.get(index, False) | region
    return Drawn(size, regions)


def read_json(path: Path, wanted: str, command: str) -> Any:
    """What a JSON file of drawings holds. Raises InputError, with what is wanted and the command whose help tells more."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give {wanted}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({error}); see `surface-sos {command} --help`.") from error


def _entry(entry: Any, where: str) -> tuple[int | str, np.ndarray]:
    """The frame, and the corners (N, 2) in pixels of the plate."""
    if not isinstance(entry, dict) or set(entry) not in ({"frame", "box"}, {"frame", "outline"}):
        raise InputError(
            f'{where}: expected {{"frame": ..., "box": [...]}} or {{"frame": ..., "outline": [...]}}.'
        )
    frame = entry["frame"]
    if isinstance(frame, bool) or not isinstance(frame, int | str):
        raise InputError(f"{where}: frame must be a frame's number or its name.")
    if "box" in entry:
        left, top, right, bottom = numbers_of(
            entry["box"], (4,), f"{where}: box must be left, top, right, bottom"
        )
        if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
            raise InputError(
                f"{where}: the box must be at least {LEAST_SIDE:g} pixels wide and high, right of left."
            )
        return frame, np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    corners = numbers_of(entry["outline"], (-1, 2), f"{where}: outline must be a list of three or more [x, y]")
    if len(corners) < 3:
        raise InputError(f"{where}: outline must be a list of three or more [x, y].")
    return frame, corners


def numbers_of(value: Any, shape: tuple[int, ...], rule: str) -> np.ndarray:
    """An array of this shape, -1 being any length, of what JSON has; InputError with the rule for anything else."""
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{rule}.") from None
    fits = numbers.ndim == len(shape) and all(
        n in (s, -1) or s == -1 for s, n in zip(shape, numbers.shape, strict=True)
    )
    if not fits or not np.isfinite(numbers).all():
        raise InputError(f"{rule}.")
    return numbers


def frame_position(frame: int | str, footage: Footage, where: str) -> int:
    """Which frame of the footage has this number or name; InputError where none has."""
    for index, one in enumerate(footage.frames):
        if frame in (one.number, one.name, one.file):
            return index
    first, last = footage.frames[0], footage.frames[-1]
    raise InputError(
        f"{where}: the footage has no frame {frame}; it goes from {first.number} to {last.number}."
    )


def _region(corners: np.ndarray, footage: Footage, size: tuple[int, int], where: str) -> np.ndarray:
    low, high = corners.min(axis=0), corners.max(axis=0)
    if np.any(high <= 0) or np.any(low >= (footage.width, footage.height)):
        raise InputError(
            f"{where}: what is drawn lies outside the frame, which is {footage.width}x{footage.height}; "
            "pixels count from the top left corner."
        )
    scale = np.array(size) / (footage.width, footage.height)
    region = np.zeros((size[1], size[0]), np.uint8)
    shift = 4  # fractional bits; a pixel's centre is at its half
    points = np.rint((np.clip(corners, -1e4, 1e5) * scale - 0.5) * (1 << shift)).astype(np.int32)
    cv2.fillPoly(region, [points], 1, shift=shift)
    if not region.any() or region.all():
        raise InputError(
            f"{where}: what is drawn covers nothing or all of the frame; draw it around the object."
        )
    return region > 0
