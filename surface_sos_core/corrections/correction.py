"""What is said of a frame's pixels by a correction: a picture of four greys, and its file in OUT/corrections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage import Footage
from surface_sos_core.footage.image import decode
from surface_sos_core.masks.write import mask_file

OBJECT, BACKGROUND = 255, 0
"""What was drawn, which is the law."""
LIKELY_OBJECT, LIKELY_BACKGROUND = 192, 64
"""What follows from it."""


@dataclass(frozen=True)
class Correction:
    """Of one frame. picture: (H, W) uint8 of the plate's size, of the four greys above."""

    picture: np.ndarray

    @staticmethod
    def of(mask: np.ndarray, law: np.ndarray) -> Correction:
        """From where the object is, and where that was said by the artist, (H, W) bool each."""
        likely = np.where(mask, np.uint8(LIKELY_OBJECT), np.uint8(LIKELY_BACKGROUND))
        said = np.where(mask, np.uint8(OBJECT), np.uint8(BACKGROUND))
        return Correction(np.where(law, said, likely))

    @property
    def mask(self) -> np.ndarray:
        """(H, W) bool, where the object is."""
        return self.picture > 127

    @property
    def law(self) -> np.ndarray:
        """(H, W) bool, where the artist said so."""
        return (self.picture == OBJECT) | (self.picture == BACKGROUND)

    def upon(self, alpha: np.ndarray) -> np.ndarray:
        """Alpha (h, w) of this frame, on whose side of one half each pixel is put; soft ones on the right side stay."""
        at = self._at(alpha.shape)
        wrong = (at.mask != (alpha > 0.5)) | at.law
        return np.where(wrong, at.mask.astype(np.float32), alpha)

    def held(self, alpha: np.ndarray) -> np.ndarray:
        """Alpha (h, w) of this frame as the law has it, and as it is elsewhere."""
        at = self._at(alpha.shape)
        return np.where(at.law, at.mask.astype(np.float32), alpha)

    def probability(self, size: tuple[int, int]) -> np.ndarray:
        """(h, w) uint8, the coarse mask that it makes of its frame, at a size (w, h)."""
        return cv2.resize(np.uint8(255) * self.mask, size, interpolation=cv2.INTER_AREA)

    def _at(self, shape: tuple[int, ...]) -> Correction:
        if self.picture.shape == shape:
            return self
        size = shape[1], shape[0]
        return Correction(cv2.resize(self.picture, size, interpolation=cv2.INTER_NEAREST))


def correction_files(folder: Path, footage: Footage) -> dict[int, Path]:
    """The file of each frame that has one, by the frame's position."""
    files = {i: mask_file(folder, frame.name) for i, frame in enumerate(footage.frames)}
    return {i: path for i, path in files.items() if path.is_file()}


def read_correction(path: Path, footage: Footage) -> Correction:
    """Raises InputError for a file that is no correction of a frame of this footage."""
    picture = decode(path)
    shape = footage.height, footage.width
    greys = {OBJECT, BACKGROUND, LIKELY_OBJECT, LIKELY_BACKGROUND}
    if picture.dtype != np.uint8 or picture.shape[:2] != shape or not (picture == picture[..., :1]).all():
        raise InputError(f"{path} is no correction of a frame of {shape[1]}x{shape[0]} pixels; remove it.")
    if not set(np.unique(picture[..., 0])) <= greys:
        raise InputError(
            f"{path} holds greys that no correction has; give what was painted to `surface-sos correct`."
        )
    return Correction(np.ascontiguousarray(picture[..., 0]))


def write_correction(path: Path, correction: Correction) -> None:
    """A grey PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, png = cv2.imencode(".png", correction.picture)
    with write_atomically(path) as partial:
        png.tofile(partial)


def remove_corrections(paths: Iterable[Path]) -> None:
    """Remove the files of some frames."""
    for path in paths:
        path.unlink(missing_ok=True)
