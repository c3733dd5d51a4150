"""BlendedMVS (Yao et al. 2020): blended_images/ and cams/, as MVSNet writes cameras (github.com/YoYo000/MVSNet).

A file holds the word extrinsic and a 4x4 matrix from world to camera (right, down, forward), the word intrinsic and a
3x3 matrix, and a line on depths. Pixels count from the centre of the first one.
"""

from __future__ import annotations

from pathlib import Path

from surface_sos_core.datasets.dataset import DataSet, View, image_size
from surface_sos_core.datasets.parts import HALF_PIXEL, camera_at, floats, need, pinhole
from surface_sos_core.errors import InputError
from surface_sos_core.footage.sequence import list_images


def read(path: Path) -> DataSet:
    """path: the folder of a scene."""
    images = list_images(need(path / "blended_images", "the folder of the images"))
    views = []
    for image in images:
        if image.stem.endswith("_masked"):  # the same picture, its background painted over
            continue
        file = need(path / "cams" / f"{image.stem}_cam.txt", f"the camera of {image.name}")
        words = file.read_text(errors="replace").split()
        if len(words) < 27 or words[0] != "extrinsic" or words[17] != "intrinsic":
            raise InputError(
                f"{file} is no camera of MVSNet (extrinsic, 4x4, intrinsic, 3x3); get the set again."
            )
        pose = floats(" ".join(words[1:17]), (4, 4), str(file))
        k = floats(" ".join(words[18:27]), (3, 3), str(file))
        cx, cy = k[:2, 2] + HALF_PIXEL
        lens = pinhole(*image_size(image), k[0, 0], k[1, 1], cx, cy, str(file))
        axes = pose[:3, :3].T
        views.append(View(image, camera_at(lens, axes, -axes @ pose[:3, 3], str(file))))
    if not views:
        raise InputError(f"{path / 'blended_images'} holds no images; get the whole set.")
    return DataSet(views)
