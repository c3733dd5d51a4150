"""Masks that were given as arrays, from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import fill_masks
from surface_sos_core.masks.mask_files import MaskPicture
from surface_sos_core.masks.sources.files import FilesSource
from surface_sos_core.settings import CoarseSettings

_Mask: TypeAlias = np.ndarray | None
MaskArrays: TypeAlias = Mapping[str, _Mask] | Mapping[int, _Mask] | Sequence[_Mask]
"""Masks by the frame's name or number, or one for each frame in order, None where it has none.

Each is (H, W) or (H, W, C), of the plate's aspect: bool, floats from 0 to 1, uint8 or uint16 with white at their largest value,
or any integers where no mask goes above 1. Pixels are read as those of a file: by alpha where it varies, else luminance.
"""


class ArraysSource(FilesSource):
    """Masks in memory, treated as masks in files are."""

    def __init__(
        self, masks: MaskArrays, footage: Footage, settings: CoarseSettings, warn: Callable[[str], None]
    ) -> None:
        """Raises InputError for a key that is no frame, another shape than the footage's, or no mask at all."""
        by_frame = _by_frame(masks, footage)
        whole = [int(mask.max()) for mask in by_frame.values() if mask.dtype.kind in "ui"]
        labels = max(whole, default=0) == 1
        names = {index: f"The mask of {footage.frames[index].name}" for index in by_frame}
        for index, mask in by_frame.items():
            _check_values(names[index], mask, labels)

        def picture(index: int) -> MaskPicture:
            mask = by_frame[index]
            whole_numbers = mask.dtype.kind in "ui" and not labels
            turn = footage.headers[index].orientation if footage.headers else 1
            return MaskPicture(mask if whole_numbers else mask.astype(np.float32), orientation=turn)

        self.masks = fill_masks(footage, settings, names, picture, "the arrays")
        for note in self.masks.notes:
            warn(note)
        if without := len(footage.frames) - len(by_frame):
            warn(f"{without} of {len(footage.frames)} frames have no mask and count as unknown.")


def array_stamps(masks: MaskArrays) -> list[Any]:
    """What changes when the masks would: each by its content."""
    return [
        [str(key), None if mask is None else [str(mask.dtype), list(mask.shape), _digest(mask)]]
        for key, mask in _items(masks)
    ]


def _digest(mask: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(mask).tobytes()).hexdigest()


def _items(masks: MaskArrays) -> list[tuple[Any, np.ndarray | None]]:
    pairs = masks.items() if isinstance(masks, Mapping) else enumerate(masks)
    return [(key, None if mask is None else np.asarray(mask)) for key, mask in pairs]


def _by_frame(masks: MaskArrays, footage: Footage) -> dict[int, np.ndarray]:
    """The arrays (H, W, C) by the frame's position."""
    count = len(footage.frames)
    if not isinstance(masks, Mapping) and len(masks) != count:
        raise InputError(
            f"There are {len(masks)} masks for {count} frames; give one for each frame, None where it has none, or a "
            "dict by frame name or number."
        )
    places: dict[Any, int] = {i: i for i in range(count)}
    if isinstance(masks, Mapping):
        places = {frame.number: i for i, frame in enumerate(footage.frames)}
        places |= {frame.name: i for i, frame in enumerate(footage.frames)}
    found: dict[int, np.ndarray] = {}
    for key, mask in _items(masks):
        if key not in places:
            frame = footage.frames[0]
            raise InputError(
                f"There is no frame {key!r} for a mask; name it as {frame.name!r} or by its number, as {frame.number}."
            )
        if mask is None:
            continue
        if mask.ndim not in (2, 3) or mask.size == 0:
            raise InputError(
                f"The mask of {footage.frames[places[key]].name} has the shape {mask.shape}; give (height, width)."
            )
        found[places[key]] = mask if mask.ndim == 3 else mask[..., None]
    if not found:
        raise InputError("No frame is given a mask; leave masks out to find the object automatically.")
    return found


def _check_values(name: str, mask: np.ndarray, labels: bool) -> None:
    """Raises InputError for values whose white nobody can know."""
    if mask.dtype.kind == "f":
        if not (mask.min() >= 0 and mask.max() <= 1):  # not a number is neither
            raise InputError(
                f"{name} has values from {mask.min():g} to {mask.max():g}; floats go from 0 to 1."
            )
    elif mask.dtype not in (bool, np.uint8, np.uint16) and not (labels and mask.dtype.kind in "ui"):
        raise InputError(f"{name} has the type {mask.dtype}; give bool, uint8, uint16 or floats from 0 to 1.")
