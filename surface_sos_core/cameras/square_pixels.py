"""Cameras of footage whose pixels are not square: solved on pictures stretched to square ones, told in the plate's pixels.

The solver's lens has one focal length, which an anamorphic plate, half as many pixels wide as it is shown, has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras.camera import CameraModel
from surface_sos_core.cameras.solver_process import SolvableFootage
from surface_sos_core.files import write_atomically
from surface_sos_core.pairing import NamedFrame


@dataclass(frozen=True)
class Stretched:
    """Footage with its frames made `aspect` times as wide, for the solver."""

    footage: SolvableFootage
    aspect: float

    @property
    def frames(self) -> Sequence[NamedFrame]:
        return self.footage.frames

    @property
    def width(self) -> int:
        return round(self.footage.width * self.aspect)

    @property
    def height(self) -> int:
        return self.footage.height

    @property
    def display_window(self) -> tuple[int, int, int, int]:
        return 0, 0, self.width - 1, self.height - 1

    @property
    def folder(self) -> Path:
        return self.footage.folder

    @property
    def counted(self) -> bool:
        return self.footage.counted

    def image_folder(self, scratch: Path) -> tuple[Path, list[str]]:
        """See footage.Footage.image_folder."""
        folder, names = self.footage.image_folder(scratch / "stored")
        wide = [f"{name}.png" for name in names]
        for name, to in zip(names, wide, strict=True):
            data = np.fromfile(folder / name, np.uint8)
            stored = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            assert stored is not None  # it was written, or checked, a moment ago
            stretched = cv2.resize(stored, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
            _, png = cv2.imencode(".png", stretched, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            with write_atomically(scratch / to) as partial:
                png.tofile(partial)
        return scratch, wide

    def told_in_stored_pixels(self, model: CameraModel) -> CameraModel:
        """A model of the stretched frames as one of the footage's own."""
        factor = self.footage.width / self.width
        cameras = {
            name: replace(camera, lens=replace(camera.lens.squeezed(1 / factor), width=self.footage.width))
            for name, camera in model.cameras.items()
        }
        points = replace(model.points, track_xy=model.points.track_xy * (factor, 1.0))
        return CameraModel(cameras, points)
