"""LLFF and NeRF's real scenes: poses_bounds.npy (github.com/Fyusion/LLFF, "Using your own poses without running COLMAP").

A row of 17 for each image in order of names: a 3x5 matrix, then the nearest and farthest depth. Its columns are the
camera's down, right and backward in the world, its centre, and height, width and focal length in pixels of the images
that were solved. The principal point is the middle; there is no distortion.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from surface_sos_core.arrays import read_array
from surface_sos_core.datasets.dataset import DataSet, View, image_size
from surface_sos_core.datasets.parts import camera_at, images_of, need, pinhole
from surface_sos_core.errors import InputError


def read(path: Path) -> DataSet:
    """path: the folder with poses_bounds.npy and images/."""
    file = need(path / "poses_bounds.npy", "the cameras")
    try:
        rows = read_array(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as an array; get the set again.") from error
    if rows.ndim != 2 or rows.shape[1] != 17 or rows.dtype.kind != "f":
        raise InputError(
            f"{file} should hold 17 numbers for each image, not {rows.shape}; get the set again."
        )
    views = []
    for image, row in zip(images_of(path / "images", len(rows), file.name), rows, strict=True):
        where = f"{file}, row of {image.name}"
        down, right, back, centre, (height, width, focal) = row[:15].reshape(3, 5).T
        w, h = image_size(image)
        if not width > 0 or not height > 0 or abs(w / h * height / width - 1) > 0.01:
            raise InputError(
                f"{image} is {w}x{h}, another shape than the {width:g}x{height:g} of {file.name}."
            )
        lens = pinhole(w, h, focal * w / width, focal * h / height, w / 2, h / 2, where)
        views.append(View(image, camera_at(lens, np.stack((right, down, -back), axis=1), centre, where)))
    return DataSet(views)
