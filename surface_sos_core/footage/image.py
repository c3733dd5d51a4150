"""Pixels of one image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from surface_sos_core.footage import exr, heif
from surface_sos_core.footage.header import BadImage, read_header

_TYPES = {
    "uint8": np.uint8,
    "uint16": np.uint16,
    "half": np.float32,
    "float": np.float32,
    "double": np.float32,
}


def decode(path: Path, layer: str | None = None, window: exr.Window | None = None) -> np.ndarray:
    """Stored pixels (H, W, C) as uint8, uint16 or float32; C is 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.

    Pixels come as they are stored: not turned (see orientation.py), and not multiplied by alpha. NaN becomes 0 and
    infinity the largest half float, which nothing could be fitted to. layer, window: of an EXR, see exr.decode.
    Raises BadImage.
    """
    read_header(path, layer)
    try:
        with path.open("rb") as file:
            start = file.read(12)
        if start[:4] == exr.MAGIC:
            pixels = exr.decode(path, layer, window)
        elif start[4:8] == b"ftyp":
            pixels = heif.decode(path)
        else:
            pixels = _decode(path)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise BadImage(f"{path} cannot be decoded ({str(error).partition(chr(10))[0]})") from error
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=65504.0, neginf=-65504.0)
    return pixels


def rgb(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) of any (H, W, C): grey is repeated, alpha is left out."""
    return np.ascontiguousarray(pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., [0, 0, 0]])


def _decode(path: Path) -> np.ndarray:
    stored = oiio.ImageSpec()
    stored.attribute("oiio:UnassociatedAlpha", 1)  # colour is not multiplied by alpha in reading
    source = oiio.ImageInput.open(str(path), stored)
    if source is None:
        raise ValueError(oiio.geterror())
    try:
        spec = source.spec()
        dtype = _TYPES.get(str(spec.format))
        if dtype is None:
            raise ValueError(f"pixels of type {spec.format} are not supported")
        channels = _picture(list(spec.channelnames), spec.alpha_channel)
        pixels = source.read_image(0, 0, 0, spec.nchannels, spec.format)
        error = source.geterror()
    finally:
        source.close()
    if pixels is None or error:
        raise ValueError(error or "its data is damaged")
    return np.ascontiguousarray(pixels.reshape(spec.height, spec.width, -1)[..., channels], dtype)


def _picture(names: list[str], alpha: int) -> list[int]:
    """Which channels are the picture's: three of colour or one of grey, and alpha where there is one."""
    colour = [at for at in range(len(names)) if at != alpha]
    kept = colour[:3] if len(colour) >= 3 else colour[:1]
    return [*kept, *([alpha] if alpha >= 0 else [])]
