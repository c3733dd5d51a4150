"""Colour of plates: which space their pixels are in, and from there to scene-linear and to display values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

# CIE xy of red, green, blue and white, in the order of OpenEXR's chromaticities attribute.
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
# Cone response of the Bradford chromatic adaptation (Lindbloom, "Chromatic Adaptation").
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def srgb_encode(linear: np.ndarray) -> np.ndarray:
    """Scene-linear to sRGB (IEC 61966-2-1), any shape of floats; goes on above 1, straight line below 0."""
    bright = np.maximum(linear, 0.0031308)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * bright ** (1 / 2.4) - 0.055)


def srgb_decode(encoded: np.ndarray) -> np.ndarray:
    """The inverse of `srgb_encode`."""
    bright = np.maximum(encoded, 0.04045)
    return np.where(encoded <= 0.04045, encoded / 12.92, ((bright + 0.055) / 1.055) ** 2.4)


@dataclass(frozen=True)
class InputSpace:
    """The space that a plate's pixels are in, and the one place where they leave it.

    name: for people and for `inspect`.
    """

    name: str

    def to_linear(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels to scene-linear Rec.709, float32; floats are not clamped."""
        return to_linear(pixels)

    def to_display(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels to 8-bit sRGB; 8-bit pixels come back as they are."""
        return to_display(pixels)


def input_space(is_float: bool) -> InputSpace:
    """Of a plate, by its type: integers are sRGB, floats scene-linear Rec.709 (EXR files of other primaries are converted
    to these as they are read)."""
    return InputSpace("scene-linear Rec.709" if is_float else "sRGB")


def to_linear(pixels: np.ndarray) -> np.ndarray:
    """Stored pixels to scene-linear float32: integers are sRGB of full range, floats are linear already."""
    if np.issubdtype(pixels.dtype, np.integer):
        return _decode_table(int(np.iinfo(pixels.dtype).max))[pixels]
    return pixels.astype(np.float32, copy=False)


def to_display(pixels: np.ndarray) -> np.ndarray:
    """Stored pixels to 8-bit sRGB; 8-bit pixels come back as they are, linear ones are clipped to [0, 1]."""
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    return np.rint(255 * srgb_encode(np.clip(pixels, 0, 1))).astype(np.uint8)


@cache
def _decode_table(white: int) -> np.ndarray:
    return srgb_decode(np.arange(white + 1) / white).astype(np.float32)


def to_rec709(chromaticities: tuple[float, ...]) -> np.ndarray | None:
    """Matrix (3, 3) from linear RGB of the given primaries and white to Rec.709, white kept white by Bradford.

    `chromaticities` are the 8 numbers of OpenEXR's attribute. None where they are Rec.709's own to three
    digits. Raises ValueError where they span no colour space.
    """
    if np.allclose(chromaticities, REC709, atol=1e-3):
        return None
    source, target = _rgb_to_xyz(chromaticities), _rgb_to_xyz(REC709)
    white = np.ones(3)
    gain = (BRADFORD @ target @ white) / (BRADFORD @ source @ white)
    adapt = np.linalg.inv(BRADFORD) @ np.diag(gain) @ BRADFORD
    return np.linalg.inv(target) @ adapt @ source


def _rgb_to_xyz(chromaticities: tuple[float, ...]) -> np.ndarray:
    """RGB to CIE XYZ with white at Y = 1 (SMPTE RP 177)."""
    xy = np.asarray(chromaticities, np.float64).reshape(4, 2)
    xyz = np.column_stack([xy, 1 - xy.sum(1)]).T  # [XYZ, R G B white]
    if not np.isfinite(xyz).all() or xy[3, 1] <= 0 or abs(np.linalg.det(xyz[:, :3])) < 1e-6:
        raise ValueError("the chromaticities span no colour space")
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3] / xy[3, 1])
