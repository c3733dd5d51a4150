"""Pixels of one image file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.footage import exr
from surface_sos_core.footage.header import BadImage, read_header


def decode(path: Path) -> np.ndarray:
    """Stored pixels (H, W, C) as uint8, uint16 or float32; C is 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.

    Pixels come as they are stored: an EXIF orientation is not applied, since pycolmap does not either and
    cameras have to fit. NaN becomes 0 and infinity the largest half float, which nothing could be fitted to.
    Raises BadImage.
    """
    read_header(path)
    try:
        with path.open("rb") as file:
            is_exr = file.read(4) == exr.MAGIC
        pixels = exr.decode(path) if is_exr else _decode(path)
    except (OSError, KeyError, ValueError, RuntimeError, cv2.error) as error:
        raise BadImage(f"{path} cannot be decoded ({str(error).partition(chr(10))[0]})") from error
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=65504.0, neginf=-65504.0)
    return pixels


def rgb(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) of any (H, W, C): grey is repeated, alpha is left out."""
    return np.ascontiguousarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., [0, 0, 0]])


def _decode(path: Path) -> np.ndarray:
    # by way of memory, since OpenCV's own opening of files fails on names outside the code page on Windows
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)  # ignores EXIF orientation
    if pixels is None:
        raise ValueError("its data is damaged or of a kind that OpenCV does not read")
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise ValueError(f"pixels of type {pixels.dtype} are not supported")
    if pixels.ndim == 2:
        return pixels[..., None]
    if pixels.shape[2] not in (3, 4):
        raise ValueError(f"{pixels.shape[2]} channels are not supported")
    return pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
