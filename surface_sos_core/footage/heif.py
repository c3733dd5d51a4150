"""HEIC and AVIF pictures, which OpenImageIO's wheels do not read: AVIF by Pillow, HEIC by pillow-heif.

Both formats ask for their pictures to be turned as a part of decoding, so what comes out is upright.
"""

from __future__ import annotations

import importlib.util
import mmap
import struct
from pathlib import Path
from typing import Any

import numpy as np

_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
BRANDS = _AVIF + _HEIC


class NoDecoder(ValueError):
    """The library for such files is not there; the message goes on after the file's name."""


def check_complete(data: mmap.mmap) -> None:
    """Raises EOFError where a box ends after the file does (ISO 14496-12, section 4.2)."""
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size == 0:  # to the end of the file
            return
        if size < 8:
            raise ValueError("a box of no size")
        at += size
    if at > len(data):
        raise EOFError


def size(path: Path) -> tuple[int, int]:
    """Width and height, upright. Raises NoDecoder, ValueError or OSError."""
    with _open(path) as picture:
        width, height = picture.size
        turned = picture.getexif().get(0x0112, 1) >= 5
        return (height, width) if turned else (width, height)


def decode(path: Path) -> np.ndarray:
    """Pixels (H, W, 3) or (H, W, 4) uint8. Raises NoDecoder, ValueError or OSError."""
    from PIL import ImageOps

    with _open(path) as picture:
        upright: Any = ImageOps.exif_transpose(picture)
        return np.asarray(upright.convert("RGBA" if upright.has_transparency_data else "RGB"))


def _open(path: Path) -> Any:
    from PIL import Image

    with path.open("rb") as file:
        is_avif = file.read(12)[8:] in _AVIF
    if not is_avif:
        if importlib.util.find_spec("pillow_heif") is None:
            raise NoDecoder(
                "is a HEIC picture: pip install 'surface-sos-core[heic]' to read it, or convert it to JPEG"
            )
        import pillow_heif

        pillow_heif.register_heif_opener()
    return Image.open(path)
