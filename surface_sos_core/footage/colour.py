"""Colour of plates: which space their pixels are in, and from there to scene-linear and to display values."""

from __future__ import annotations

from collections.abc import Callable
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


def _as_float(pixels: np.ndarray) -> np.ndarray:
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return pixels.astype(np.float32)


@cache
def _decode_table(white: int) -> np.ndarray:
    return srgb_decode(np.arange(white + 1) / white).astype(np.float32)


@cache
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


def primaries_seen_from_rec709(matrix: np.ndarray) -> tuple[float, ...]:
    """Chromaticities of the space that `matrix` (3, 3) brings to linear Rec.709, with Rec.709's white."""
    xyz = _rgb_to_xyz(REC709) @ np.column_stack([matrix, np.ones(3)])
    return tuple(float(value) for value in (xyz[:2] / xyz.sum(axis=0)).T.ravel())


@dataclass(frozen=True)
class LinearSpace:
    """A scene-linear RGB space, as layers are written in and labelled.

    name: for people. chromaticities: CIE xy of red, green, blue and white. interop_id: the Color Interop Forum's name of
    it, "" where it has none. Raises ValueError for chromaticities that span no colour space.
    """

    name: str
    chromaticities: tuple[float, ...]
    interop_id: str = ""

    def __post_init__(self) -> None:
        to_rec709(self.chromaticities)

    def in_rec709(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (..., 3) of this space in linear Rec.709, white kept white; float32, or as they are where it is Rec.709."""
        matrix = to_rec709(self.chromaticities)
        return pixels if matrix is None else pixels @ matrix.T.astype(np.float32)

    def from_rec709(self, pixels: np.ndarray) -> np.ndarray:
        """The inverse of `in_rec709`."""
        matrix = to_rec709(self.chromaticities)
        return pixels if matrix is None else pixels @ np.linalg.inv(matrix).T.astype(np.float32)


LINEAR_REC709 = LinearSpace("scene-linear Rec.709", REC709, "lin_rec709_scene")
_D65, _ACES_WHITE = (0.3127, 0.3290), (0.32168, 0.33767)
# Color Interop Forum, "Color Space Encodings for Texture Assets and CG Rendering" (2024).
KNOWN_SPACES = (
    LINEAR_REC709,
    LinearSpace("ACEScg", (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, *_ACES_WHITE), "lin_ap1_scene"),
    LinearSpace("ACES2065-1", (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, *_ACES_WHITE), "lin_ap0_scene"),
    LinearSpace("scene-linear P3-D65", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65), "lin_p3d65_scene"),
    LinearSpace("scene-linear Rec.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65), "lin_rec2020_scene"),
    LinearSpace("scene-linear AdobeRGB", (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *_D65), "lin_adobergb_scene"),
)  # fmt: skip


def named_space(interop_id: str) -> LinearSpace | None:
    """The well-known space of that id; None for any other."""
    return next((space for space in KNOWN_SPACES if space.interop_id == interop_id), None)


def space_of(chromaticities: tuple[float, ...], name: str = "", interop_id: str = "") -> LinearSpace:
    """The space of these primaries: a well-known one where they are its own to three digits, else one called `name`.

    Raises ValueError where they span no colour space.
    """
    for space in KNOWN_SPACES:
        if np.allclose(chromaticities, space.chromaticities, atol=1e-3):
            return space
    return LinearSpace(name or "scene-linear of its own primaries", tuple(chromaticities), interop_id)


@dataclass(frozen=True)
class InputSpace:
    """The space that a plate's pixels are in, and the one place where they leave it.

    name: for people and for `inspect`. identity: for `shot.json`, the interop id where there is one. scene: the scene-linear
    space of the plate, in which layers are written. decode: from stored values (H, W, 3) float32, integers as 0 to 1, to
    `scene`; None where integers are sRGB and floats are in `scene` already. key: differs where pixels come out differently,
    "" for what plates are where nothing says otherwise.
    """

    name: str
    identity: str
    scene: LinearSpace
    decode: Callable[[np.ndarray], np.ndarray] | None = None
    key: str = ""

    @property
    def is_default(self) -> bool:
        """Whether pixels are what they are where nothing says otherwise."""
        return self.key == ""

    def to_scene(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels to `scene`, float32; floats are not clamped."""
        return to_linear(pixels) if self.decode is None else self.decode(_as_float(pixels))

    def to_linear(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels to scene-linear Rec.709, float32; floats are not clamped."""
        return self.scene.in_rec709(self.to_scene(pixels))

    def to_display(self, pixels: np.ndarray) -> np.ndarray:
        """Stored pixels to 8-bit sRGB; 8-bit pixels that are sRGB come back as they are."""
        return to_display(pixels if self.is_default else self.to_linear(pixels))


SRGB = InputSpace("sRGB", "srgb_rec709_scene", LINEAR_REC709)


def linear_input(space: LinearSpace, is_float: bool = True) -> InputSpace:
    """Of pixels that are in a scene-linear space; integers are shares of 1."""
    identity = space.interop_id or space.name
    is_default = is_float and space == LINEAR_REC709
    key = "" if is_default else " ".join([identity, *map(str, space.chromaticities)])
    return InputSpace(space.name, identity, space, None if is_float else _as_it_is, key)


def _as_it_is(pixels: np.ndarray) -> np.ndarray:
    return pixels
