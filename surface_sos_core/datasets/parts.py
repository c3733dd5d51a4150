"""Files of data sets, read with errors that name them, and cameras put together from what they say."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.errors import InputError
from surface_sos_core.footage.sequence import list_images
from surface_sos_core.wording import counted

HALF_PIXEL = 0.5  # between conventions that count from a pixel's centre and ours, from its corner


def need(path: Path, what: str) -> Path:
    """The path, which must be there."""
    if not path.exists():
        raise InputError(f"{path} is missing, {what}; get the whole set.")
    return path


def below(folder: Path, name: str, where: str) -> Path:
    """The file of that name in the set's folder; a name that leads out of it is refused. Links in a set may."""
    inner = os.path.normpath(name)
    if os.path.isabs(inner) or inner.split(os.sep)[0] == os.pardir:
        raise InputError(f"{where} names {name}, which lies outside of the set; get the set again.")
    return folder / inner


def images_of(folder: Path, count: int, what: str) -> list[Path]:
    """The images of a folder in natural order, as many as `what` has entries."""
    need(folder, "the folder of the images")
    paths = list_images(folder)
    if len(paths) != count:
        raise InputError(
            f"{folder} has {counted(len(paths), 'image')} but {what} is for {count}; get the whole set."
        )
    return paths


def floats(text: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Numbers apart by white space as an array."""
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{where} holds something that is no number; get the set again.") from error
    if values.size != int(np.prod(shape)) or not np.isfinite(values).all():
        raise InputError(f"{where} should hold {int(np.prod(shape))} finite numbers; get the set again.")
    return values.reshape(shape)


def pinhole(width: int, height: int, fx: float, fy: float, cx: float, cy: float, where: str) -> Lens:
    """A lens without distortion; the centre counts from the corner of the first pixel."""
    if not (np.isfinite([fx, fy, cx, cy]).all() and fx > 0 and fy > 0):
        raise InputError(f"{where} has no usable focal length; get the set again.")
    return Lens("PINHOLE", width, height, (float(fx), float(fy), float(cx), float(cy)))


def camera_at(lens: Lens, axes: np.ndarray, centre: np.ndarray, where: str) -> Camera:
    """The camera at `centre` (3,); columns of `axes` (3, 3): its right, down and forward in the world, of one length."""
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(axes).all() or not np.isfinite(centre).all() or lengths.min() < 1e-9:
        raise InputError(f"{where} is no camera pose; get the set again.")
    rotation = (axes / lengths).T
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-2) or np.linalg.det(rotation) < 0:
        raise InputError(f"{where} is no rotation; get the set again, or check that it is of this kind.")
    u, _, vt = np.linalg.svd(rotation)  # rounded in files
    rotation = u @ vt
    return Camera("", lens, rotation, -rotation @ centre)
