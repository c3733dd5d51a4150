"""COLMAP camera models, text or binary, as plain values: no bpy, no numpy.

The format is COLMAP's documented one (colmap.github.io/format.html). World and cameras are COLMAP's: a camera
looks along its +z, its +y points down in the image, and the centre of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import math
import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from ..errors import AddonError

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

# COLMAP's number of each lens model, and the names of its parameters in COLMAP's order.
LENS_MODELS: dict[str, tuple[int, tuple[str, ...]]] = {
    "SIMPLE_PINHOLE": (0, ("f", "cx", "cy")),
    "PINHOLE": (1, ("fx", "fy", "cx", "cy")),
    "SIMPLE_RADIAL": (2, ("f", "cx", "cy", "k1")),
    "RADIAL": (3, ("f", "cx", "cy", "k1", "k2")),
    "OPENCV": (4, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2")),
    "OPENCV_FISHEYE": (5, ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4")),
    "FULL_OPENCV": (6, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "d1", "d2", "d3")),
    "FOV": (7, ("fx", "fy", "cx", "cy", "omega")),
    "SIMPLE_RADIAL_FISHEYE": (8, ("f", "cx", "cy", "k1")),
    "RADIAL_FISHEYE": (9, ("f", "cx", "cy", "k1", "k2")),
    "THIN_PRISM_FISHEYE": (10, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1")),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        11,
        ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4", "k5", "k6", "p2", "p1", "sx1", "sx2", "sy1", "sy2"),
    ),
}
_MODEL_NAMES = {number: name for name, (number, _) in LENS_MODELS.items()}
_BYTES_PER_2D_POINT = 24


class ModelError(AddonError):
    """A camera model that is missing, broken or not of a known kind; the message is for people."""


@dataclass(frozen=True)
class Lens:
    """What turns camera space into pixels; `params` in COLMAP's order for `model`, pixels for f and c."""

    model: str
    width: int
    height: int
    params: tuple[float, ...]

    @property
    def named(self) -> dict[str, float]:
        """The parameters by COLMAP's names for them."""
        return dict(zip(LENS_MODELS[self.model][1], self.params, strict=True))

    @property
    def focal(self) -> tuple[float, float]:
        """fx and fy in pixels."""
        named = self.named
        return named.get("fx", named.get("f", 0.0)), named.get("fy", named.get("f", 0.0))

    @property
    def centre(self) -> tuple[float, float]:
        """The principal point in pixels."""
        named = self.named
        return named["cx"], named["cy"]


@dataclass(frozen=True)
class Image:
    """One posed image: camera space = rotation (unit quaternion w, x, y, z) * world + translation."""

    name: str
    lens: Lens
    rotation: Quaternion
    translation: Vector


@dataclass
class Points:
    """Sparse points: `xyz` holds 3 numbers a point, in world units, and `rgb` 3 bytes a point, sRGB."""

    xyz: array[float] = field(default_factory=lambda: array("d"))
    rgb: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.xyz) // 3


@dataclass(frozen=True)
class Model:
    """Images in the order of the file, and the sparse points, which may be none."""

    images: tuple[Image, ...]
    points: Points


def read_model(folder: str | Path) -> Model:
    """The model in `folder`, or in sparse/0, sparse or 0 below it; binary wins where both kinds are there.

    Raises ModelError, one sentence that names the file and the line or record.
    """
    found, suffix = _find(Path(folder))
    cameras, images, points = (found / f"{name}{suffix}" for name in ("cameras", "images", "points3D"))
    binary = suffix == ".bin"
    lenses = _read_lenses_binary(cameras) if binary else _read_lenses_text(cameras)
    posed = _read_images_binary(images, lenses) if binary else _read_images_text(images, lenses)
    if not posed:
        raise ModelError(f"{images} holds no images; choose the folder of a model with solved cameras.")
    names = [image.name for image in posed]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelError(f"{images}: the image name {twice} is there twice; names must be unique.")
    if not points.is_file():
        return Model(tuple(posed), Points())
    return Model(tuple(posed), _read_points_binary(points) if binary else _read_points_text(points))


def _find(folder: Path) -> tuple[Path, str]:
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; choose a COLMAP folder with cameras and images files.")
    for candidate in (folder, folder / "sparse" / "0", folder / "sparse", folder / "0"):
        for suffix in (".bin", ".txt"):
            if (candidate / f"cameras{suffix}").is_file() and (candidate / f"images{suffix}").is_file():
                return candidate, suffix
    raise ModelError(f"{folder} holds no COLMAP model; cameras.txt and images.txt, or .bin, belong there.")


def _lens(model: str, width: int, height: int, params: tuple[float, ...], where: str) -> Lens:
    if model not in LENS_MODELS:
        raise ModelError(
            f"{where}: {model} is not a supported lens model; known are {', '.join(LENS_MODELS)}."
        )
    names = LENS_MODELS[model][1]
    if len(params) != len(names):
        raise ModelError(f"{where}: {model} takes {len(names)} parameters, not {len(params)}.")
    lens = Lens(model, width, height, params)
    if width <= 0 or height <= 0 or not all(map(math.isfinite, params)) or min(lens.focal) <= 0:
        raise ModelError(f"{where}: sizes and focal lengths must be positive, and every parameter finite.")
    return lens


def _image(pose: tuple[float, ...], lens: Lens | None, name: str, where: str) -> Image:
    """`pose`: quaternion w, x, y, z of any length, then the translation."""
    if not name:
        raise ModelError(f"{where}: the image has no name.")
    if lens is None:
        raise ModelError(f"{where}: {name} uses a camera id that the cameras file does not define.")
    w, x, y, z, *translation = pose
    length = math.sqrt(w * w + x * x + y * y + z * z)
    if not all(map(math.isfinite, pose)) or length < 1e-12:
        raise ModelError(f"{where}: the pose of {name} is not finite, or its rotation is zero.")
    tx, ty, tz = translation
    return Image(name, lens, (w / length, x / length, y / length, z / length), (tx, ty, tz))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}.") from error


# --- text ---------------------------------------------------------------------------------------------


def _lines(file: Path) -> list[tuple[int, str]]:
    """Line numbers from 1 and texts, without comments; undecodable bytes survive, as in file names."""
    text = _bytes(file).decode("utf-8-sig", errors="surrogateescape")
    lines = enumerate((line.rstrip("\r") for line in text.split("\n")), 1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith("#")]


def in_a_line(name: str) -> str:
    """The name of an image without what a line of text cannot hold, written as in URLs; the core's rule."""
    return re.sub(r"^[ \t]+|[ \t]+$|[\n\r\0]", lambda found: quote(found[0]), name)


def from_a_line(text: str) -> str:
    """What `in_a_line` made the text of."""
    return re.sub(r"^(%20|%09)+|(%20|%09)+$|%0A|%0D|%00", lambda found: unquote(found[0]), text)


def _read_lenses_text(file: Path) -> dict[int, Lens]:
    lenses = {}
    for number, line in _lines(file):
        words = line.split()
        if not words:
            continue
        where = f"{file} line {number}"
        try:
            camera_id, width, height = int(words[0]), int(words[2]), int(words[3])
            params = tuple(map(float, words[4:]))
        except (ValueError, IndexError):
            raise ModelError(f"{where}: CAMERA_ID MODEL WIDTH HEIGHT PARAMS[] is expected.") from None
        lenses[camera_id] = _lens(words[1], width, height, params, where)
    return lenses


def _read_images_text(file: Path, lenses: dict[int, Lens]) -> list[Image]:
    images = []
    lines = _lines(file)
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        if not line.strip():
            continue
        where = f"{file} line {number}"
        words = line.split(maxsplit=9)
        try:
            pose, camera_id, name = (
                tuple(map(float, words[1:8])),
                int(words[8]),
                from_a_line(words[9].strip(" \t")),
            )
        except (ValueError, IndexError):
            raise ModelError(f"{where}: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME is expected.") from None
        images.append(_image(pose, lenses.get(camera_id), name, where))
        if at < len(lines) and _lists_2d_points(lines[at][1]):
            at += 1
    return images


def _lists_2d_points(line: str) -> bool:
    """Whether a line is X Y POINT3D_ID, any number of times; some writers leave these lines out."""
    words = line.split()
    return not words or (len(words) % 3 == 0 and words[-1].lstrip("-").isdigit())


def _read_points_text(file: Path) -> Points:
    points = Points()
    for number, line in _lines(file):
        words = line.split(maxsplit=7)
        if not words:
            continue
        try:
            place, colour = [float(word) for word in words[1:4]], [int(word) for word in words[4:7]]
            if len(colour) < 3 or not all(map(math.isfinite, place)):
                raise ValueError
            points.rgb.extend(colour)  # refuses what is not within 0 to 255
        except ValueError:
            raise ModelError(f"{file} line {number}: POINT3D_ID X Y Z R G B ERROR is expected.") from None
        points.xyz.extend(place)
    return points


# --- binary -------------------------------------------------------------------------------------------


class _Reader:
    """Walks over a binary file and checks every step against what is left of it."""

    def __init__(self, file: Path) -> None:
        self._file, self._data, self._at = file, _bytes(file), 0
        self.where = f"{file} header"

    def records(self) -> Iterator[str]:
        """Where each record is, for messages."""
        (count,) = self.unpack("<Q")
        for number in range(1, count + 1):
            self.where = f"{self._file} record {number}"
            yield self.where

    def unpack(self, layout: str) -> tuple:
        at = self._at
        self.skip(struct.calcsize(layout))
        return struct.unpack_from(layout, self._data, at)

    def skip(self, size: int) -> None:
        if self._at + size > len(self._data):
            raise ModelError(f"{self.where}: the file ends here; it is truncated or of another kind.")
        self._at += size

    def name(self) -> str:
        end = self._data.find(b"\0", self._at)
        start = self._at
        self.skip((end if end >= 0 else len(self._data)) + 1 - start)
        return self._data[start:end].decode("utf-8", errors="surrogateescape")


def _read_lenses_binary(file: Path) -> dict[int, Lens]:
    reader, lenses = _Reader(file), {}
    for where in reader.records():
        camera_id, number, width, height = reader.unpack("<IiQQ")
        if number not in _MODEL_NAMES:
            known = ", ".join(LENS_MODELS)
            raise ModelError(f"{where}: lens model number {number} is not supported; known are {known}.")
        model = _MODEL_NAMES[number]
        params = reader.unpack(f"<{len(LENS_MODELS[model][1])}d")
        lenses[camera_id] = _lens(model, width, height, params, where)
    return lenses


def _read_images_binary(file: Path, lenses: dict[int, Lens]) -> list[Image]:
    reader, images = _Reader(file), []
    for where in reader.records():
        _, *pose, camera_id = reader.unpack("<I7dI")
        name = reader.name()
        (observed,) = reader.unpack("<Q")
        reader.skip(observed * _BYTES_PER_2D_POINT)
        images.append(_image(tuple(pose), lenses.get(camera_id), name, where))
    return images


def _read_points_binary(file: Path) -> Points:
    reader, points = _Reader(file), Points()
    for where in reader.records():
        _, x, y, z, red, green, blue, _, track = reader.unpack("<Q3d3BdQ")
        if not all(map(math.isfinite, (x, y, z))):
            raise ModelError(f"{where}: the point has a number that is not finite.")
        points.xyz.extend((x, y, z))
        points.rgb.extend((red, green, blue))
        reader.skip(track * 8)
    return points
