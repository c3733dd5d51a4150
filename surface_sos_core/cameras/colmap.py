"""COLMAP camera models on disk: read as text or binary, written as text.

The format is COLMAP's documented one (colmap.github.io/format.html): cameras, images and points3D, each .txt
or .bin. The rigs and frames files of newer versions repeat what images holds for single cameras and are not
read.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import MODELS, Lens
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically

_MODEL_NAMES = {number: name for name, (number, _) in MODELS.items()}
_MAX_SIDE = 1_000_000
_NO_POINT = -1


def read_model(folder: str | Path) -> CameraModel:
    """The COLMAP model in `folder`, or in sparse/0, sparse or 0 below it; binary wins where both kinds are
    there.

    Raises InputError, naming the file and the line or record, for anything that is not a usable model.
    """
    found, suffix = _find(Path(folder))
    if suffix == ".bin":
        lenses = _read_cameras_binary(found / "cameras.bin")
        images = _read_images_binary(found / "images.bin", lenses)
    else:
        lenses = _read_cameras_text(found / "cameras.txt")
        images = _read_images_text(found / "images.txt", lenses)
    if len(images.cameras) < 2:
        raise InputError(
            f"{images.file} holds {len(images.cameras)} image(s); a camera model needs at least 2."
        )
    points_file = found / f"points3D{suffix}"
    if not points_file.is_file():
        return CameraModel(images.cameras, Points.empty())
    tracks = _PointReader(points_file, images)
    if suffix == ".bin":
        _read_points_binary(points_file, tracks)
    else:
        _read_points_text(points_file, tracks)
    return CameraModel(images.cameras, tracks.points())


def model_files(folder: str | Path) -> list[Path]:
    """The files that `read_model` reads; raises its InputError where there is no model."""
    found, suffix = _find(Path(folder))
    files = [found / f"{name}{suffix}" for name in ("cameras", "images", "points3D")]
    return [file for file in files if file.is_file()]


def write_model(model: CameraModel, folder: str | Path) -> None:
    """Write cameras.txt, images.txt and points3D.txt with full precision, each moved into place when
    complete.

    2D observations without a 3D point are not part of a CameraModel and are not written. Raises InputError
    where the folder holds a binary or newer model, which readers would prefer to this one.
    """
    folder = Path(folder)
    for stale in (
        "cameras.bin",
        "images.bin",
        "points3D.bin",
        "rigs.bin",
        "frames.bin",
        "rigs.txt",
        "frames.txt",
    ):
        if (folder / stale).exists():
            raise InputError(f"{folder / stale} belongs to another camera model; choose an empty folder.")
    cameras = list(model.cameras.values())
    lens_ids: dict[Lens, int] = {}
    for camera in cameras:
        lens_ids.setdefault(camera.lens, len(lens_ids) + 1)
    _write_lines(folder / "cameras.txt", _camera_lines(lens_ids))
    order = np.argsort(model.points.track_image, kind="stable")
    bounds = np.searchsorted(model.points.track_image[order], np.arange(len(cameras) + 1))
    place = np.empty(len(order), np.int64)  # of each track entry in its image's list of 2D points
    place[order] = np.arange(len(order)) - np.repeat(bounds[:-1], np.diff(bounds))
    _write_lines(folder / "images.txt", _image_lines(cameras, lens_ids, model.points, order, bounds))
    _write_lines(folder / "points3D.txt", _point_lines(model.points, place))


# --- finding -------------------------------------------------------------------------


def _find(folder: Path) -> tuple[Path, str]:
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder; a camera model is a COLMAP folder with cameras and images files."
        )
    for candidate in (folder, folder / "sparse" / "0", folder / "sparse", folder / "0"):
        for suffix in (".bin", ".txt"):
            if (candidate / f"cameras{suffix}").is_file() and (candidate / f"images{suffix}").is_file():
                return candidate, suffix
    raise InputError(
        f"{folder} holds no COLMAP model; cameras.txt and images.txt, or .bin, are expected there."
    )


# --- what both kinds share -----------------------------------------------------------


@dataclass
class _Images:
    """Images as read; `observed` holds per image its 2D points (n, 2), None or empty where it lists none."""

    file: Path
    cameras: dict[str, Camera]
    index: dict[int, int]
    observed: list[np.ndarray | None]

    def add(
        self, image_id: int, pose: np.ndarray, lens: Lens | None, name: str, xy: np.ndarray | None, where: str
    ) -> None:
        if not name:
            raise InputError(f"{where}: the image has no name.")
        if name in self.cameras:
            raise InputError(f"{where}: the image name {name} is there twice; names must be unique.")
        if image_id in self.index:
            raise InputError(f"{where}: the image id {image_id} is there twice; ids must be unique.")
        if lens is None:
            raise InputError(f"{where}: {name} uses a camera id that the cameras file does not define.")
        if not np.isfinite(pose).all():
            raise InputError(f"{where}: the pose of {name} has a number that is not finite.")
        length = float(np.linalg.norm(pose[:4]))
        if length < 1e-12:
            raise InputError(f"{where}: the rotation of {name} is a zero quaternion.")
        self.index[image_id] = len(self.cameras)
        self.cameras[name] = Camera(name, lens, rotation_from_quaternion(pose[:4] / length), pose[4:].copy())
        self.observed.append(xy)


class _PointReader:
    """Collects sparse points and their tracks."""

    def __init__(self, file: Path, images: _Images) -> None:
        self._file = file
        self._images = images
        self._head: list[tuple[float, ...]] = []
        self._lengths: list[int] = []
        self._tracks: list[np.ndarray] = []
        self._ids: set[int] = set()

    def add(self, point_id: int, head: tuple[float, ...], track: np.ndarray, where: str) -> None:
        """head: x, y, z, r, g, b, error; track: (length, 2) integers, image id and 2D point number."""
        if point_id in self._ids:
            raise InputError(f"{where}: the point id {point_id} is there twice; ids must be unique.")
        if not all(map(math.isfinite, head)):
            raise InputError(f"{where}: the point has a number that is not finite.")
        if not all(0 <= colour <= 255 for colour in head[3:6]):
            raise InputError(f"{where}: the point's colour is not within 0 to 255.")
        self._ids.add(point_id)
        self._head.append(head)
        self._lengths.append(len(track))
        self._tracks.append(track)

    def points(self) -> Points:
        if not self._head:
            return Points.empty()
        head = np.array(self._head, dtype=np.float64)
        start = np.concatenate(([0], np.cumsum(self._lengths))).astype(np.int64)
        track = np.concatenate(self._tracks)
        ids, position = np.unique(track[:, 0], return_inverse=True)
        unknown = [int(i) for i in ids if int(i) not in self._images.index]
        if unknown:
            raise InputError(
                f"{self._file}: a track names image id {unknown[0]}, which the images file lacks."
            )
        lookup = np.array([self._images.index[int(i)] for i in ids], dtype=np.int32)
        image = lookup[position]
        return Points(
            head[:, :3].copy(),
            head[:, 3:6].astype(np.uint8),
            head[:, 6].copy(),
            start,
            image,
            self._seen(image, track),
        )

    def _seen(self, image: np.ndarray, track: np.ndarray) -> np.ndarray:
        xy = np.full((len(track), 2), np.nan)
        order = np.argsort(image, kind="stable")
        bounds = np.searchsorted(image[order], np.arange(len(self._images.observed) + 1))
        for i, (name, observed) in enumerate(zip(self._images.cameras, self._images.observed, strict=True)):
            entries = order[bounds[i] : bounds[i + 1]]
            if observed is None or not len(observed) or not len(entries):
                continue
            numbers = track[entries, 1]
            if numbers.min() < 0 or numbers.max() >= len(observed):
                raise InputError(
                    f"{self._file}: a track names a 2D point that {name} lacks in {self._images.file}."
                )
            xy[entries] = observed[numbers]
        return xy


def _make_lens(model: str, width: int, height: int, params: tuple[float, ...], where: str) -> Lens:
    if model not in MODELS:
        raise InputError(f"{where}: {model} is not a supported lens model; known are {', '.join(MODELS)}.")
    names = MODELS[model][1]
    if len(params) != len(names):
        raise InputError(f"{where}: {model} takes {len(names)} parameters, not {len(params)}.")
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise InputError(f"{where}: an image of {width}x{height} pixels cannot be.")
    if not all(map(math.isfinite, params)):
        raise InputError(f"{where}: a lens parameter is not a finite number.")
    if any(value <= 0 for name, value in zip(names, params, strict=True) if name.startswith("f")):
        raise InputError(f"{where}: the focal length must be positive.")
    return Lens(model, width, height, params)


def rotation_from_quaternion(q: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternion (w, x, y, z), w >= 0, of a rotation (3, 3), by Shepperd's method (1978)."""
    r = rotation
    squares = np.array(
        [
            1 + r[0, 0] + r[1, 1] + r[2, 2],
            1 + r[0, 0] - r[1, 1] - r[2, 2],
            1 - r[0, 0] + r[1, 1] - r[2, 2],
            1 - r[0, 0] - r[1, 1] + r[2, 2],
        ]
    )
    rows = np.array(
        [
            [squares[0], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], squares[1], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[1, 0] + r[0, 1], squares[2], r[2, 1] + r[1, 2]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[2, 1] + r[1, 2], squares[3]],
        ]
    )
    q = rows[int(np.argmax(squares))]
    q = q / np.linalg.norm(q)
    return -q if q[0] < 0 else q


# --- text ----------------------------------------------------------------------------


def _text_lines(file: Path) -> list[tuple[int, str]]:
    """(line number from 1, text) of each line but comments; undecodable bytes survive, as in file names."""
    text = _bytes(file).decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return [(number, line) for number, line in enumerate(lines, 1) if not line.lstrip().startswith("#")]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error


def _read_cameras_text(file: Path) -> dict[int, Lens]:
    lenses: dict[int, Lens] = {}
    for number, line in _text_lines(file):
        tokens = line.split()
        if not tokens:
            continue
        where = f"{file} line {number}"
        try:
            camera_id, width, height = int(tokens[0]), int(tokens[2]), int(tokens[3])
            params = tuple(map(float, tokens[4:]))
        except (ValueError, IndexError):
            raise InputError(f"{where}: CAMERA_ID MODEL WIDTH HEIGHT PARAMS[] is expected.") from None
        if camera_id in lenses:
            raise InputError(f"{where}: the camera id {camera_id} is there twice; ids must be unique.")
        lenses[camera_id] = _make_lens(tokens[1], width, height, params, where)
    return lenses


def _read_images_text(file: Path, lenses: dict[int, Lens]) -> _Images:
    images = _Images(file, {}, {}, [])
    lines = _text_lines(file)
    at = 0
    while at < len(lines):
        number, line = lines[at]
        at += 1
        if not line.strip():
            continue
        where = f"{file} line {number}"
        tokens = line.split(maxsplit=9)
        try:
            image_id, camera_id, name = int(tokens[0]), int(tokens[8]), _from_a_line(tokens[9].strip(" \t"))
            pose = np.array(tokens[1:8], dtype=np.float64)
        except (ValueError, IndexError):
            raise InputError(f"{where}: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME is expected.") from None
        xy = None
        if at < len(lines):
            following, text = lines[at]
            xy = _observations(text)
            if xy is not None:
                at += 1
            elif (
                len(text.split(maxsplit=9)) < 10
            ):  # else an image: some writers leave the lines of 2D points out
                raise InputError(
                    f"{file} line {following}: 2D points as X Y POINT3D_ID, or an empty line, are expected."
                )
        images.add(image_id, pose, lenses.get(camera_id), name, xy, where)
    return images


def _observations(line: str) -> np.ndarray | None:
    """The 2D points (n, 2) of a line of X Y POINT3D_ID, or None where it is no such line."""
    try:
        values = np.array(line.split(), dtype=np.float64).reshape(-1, 3)
    except ValueError:
        return None
    return values[:, :2].copy() if np.isfinite(values).all() else None


def _read_points_text(file: Path, points: _PointReader) -> None:
    for number, line in _text_lines(file):
        tokens = line.split()
        if not tokens:
            continue
        where = f"{file} line {number}"
        try:
            head = tuple(map(float, tokens[1:8]))
            track = np.array(list(map(int, tokens[8:])), dtype=np.int64).reshape(-1, 2)
            if len(head) != 7:
                raise ValueError
            point_id = int(tokens[0])
        except (ValueError, OverflowError):
            raise InputError(
                f"{where}: POINT3D_ID X Y Z R G B ERROR and pairs of IMAGE_ID, POINT2D are expected."
            ) from None
        points.add(point_id, head, track, where)


# --- binary --------------------------------------------------------------------------


class _Reader:
    """Walks over a binary file; every read and every count is checked against what is left of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._data = _bytes(file)
        self._at = 0

    def unpack(self, layout: str, where: str) -> tuple:
        size = struct.calcsize(layout)
        self._need(size, where)
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += size
        return values

    def count(self, smallest: int, where: str) -> int:
        """A number of records of at least `smallest` bytes each."""
        (count,) = self.unpack("<Q", where)
        self._need(count * smallest, where)
        return count

    def array(self, dtype: np.dtype, count: int, where: str) -> np.ndarray:
        self._need(count * dtype.itemsize, where)
        values = np.frombuffer(self._data, dtype, count, self._at)
        self._at += count * dtype.itemsize
        return values

    def name(self, where: str) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise InputError(f"{where}: the file ends within a name; it is truncated.")
        text = self._data[self._at : end].decode("utf-8", errors="surrogateescape")
        self._at = end + 1
        return text

    def _need(self, size: int, where: str) -> None:
        left = len(self._data) - self._at
        if size > left:
            raise InputError(
                f"{where}: {size} more bytes are expected, {left} are left; the file is truncated or foreign."
            )


def _records(reader: _Reader, smallest: int) -> Iterator[str]:
    count = reader.count(smallest, f"{reader.file} header")
    for number in range(1, count + 1):
        yield f"{reader.file} record {number}"


def _read_cameras_binary(file: Path) -> dict[int, Lens]:
    reader = _Reader(file)
    lenses: dict[int, Lens] = {}
    for where in _records(reader, 24 + 3 * 8):
        camera_id, number, width, height = reader.unpack("<IiQQ", where)
        if number not in _MODEL_NAMES:
            raise InputError(
                f"{where}: lens model number {number} is not supported; known are {', '.join(MODELS)}."
            )
        if camera_id in lenses:
            raise InputError(f"{where}: the camera id {camera_id} is there twice; ids must be unique.")
        model = _MODEL_NAMES[number]
        params = reader.unpack(f"<{len(MODELS[model][1])}d", where)
        lenses[camera_id] = _make_lens(model, width, height, params, where)
    return lenses


_OBSERVATION = np.dtype([("xy", "<f8", 2), ("point", "<i8")])


def _read_images_binary(file: Path, lenses: dict[int, Lens]) -> _Images:
    reader = _Reader(file)
    images = _Images(file, {}, {}, [])
    for where in _records(reader, 4 + 7 * 8 + 4 + 1 + 8):
        image_id, *pose, camera_id = reader.unpack("<I7dI", where)
        name = reader.name(where)
        count = reader.count(_OBSERVATION.itemsize, where)
        xy = reader.array(_OBSERVATION, count, where)["xy"].astype(np.float64)
        if not np.isfinite(xy).all():
            raise InputError(f"{where}: a 2D point of {name} has a number that is not finite.")
        images.add(image_id, np.array(pose), lenses.get(camera_id), name, xy, where)
    return images


def _read_points_binary(file: Path, points: _PointReader) -> None:
    reader = _Reader(file)
    pair = np.dtype("<u4")
    for where in _records(reader, 8 + 3 * 8 + 3 + 8 + 8):
        point_id, *head = reader.unpack("<Q3d3Bd", where)
        length = reader.count(8, where)
        track = reader.array(pair, 2 * length, where).astype(np.int64).reshape(-1, 2)
        points.add(point_id, tuple(head), track, where)


# --- writing -------------------------------------------------------------------------


def _write_lines(file: Path, lines: Iterator[str]) -> None:
    with (
        write_atomically(file) as partial,
        partial.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as out,
    ):
        out.writelines(line + "\n" for line in lines)


def _numbers(values: np.ndarray) -> str:
    return " ".join(map(repr, values.tolist()))  # repr of a float reads back as the same float


def _camera_lines(lens_ids: dict[Lens, int]) -> Iterator[str]:
    yield "# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]"
    for lens, number in lens_ids.items():
        params = " ".join(repr(float(p)) for p in lens.params)
        yield f"{number} {lens.model} {lens.width} {lens.height} {params}"


def _image_lines(
    cameras: list[Camera], lens_ids: dict[Lens, int], points: Points, order: np.ndarray, bounds: np.ndarray
) -> Iterator[str]:
    yield "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME"
    yield "# POINTS2D[] as (X, Y, POINT3D_ID)"
    for i, camera in enumerate(cameras):
        pose = np.concatenate((quaternion_from_rotation(camera.rotation), camera.translation))
        yield f"{i + 1} {_numbers(pose)} {lens_ids[camera.lens]} {_in_a_line(camera.name)}"
        entries = order[bounds[i] : bounds[i + 1]]
        seen, xy = points.track_point[entries], points.track_xy[entries]
        unknown = np.isnan(xy).any(axis=1)
        if unknown.any():
            xy = np.where(unknown[:, None], np.nan_to_num(camera.project(points.xyz[seen])[0]), xy)
        yield " ".join(f"{x!r} {y!r} {p + 1}" for (x, y), p in zip(xy.tolist(), seen.tolist(), strict=True))


def _in_a_line(name: str) -> str:
    """The name without what a line of text cannot hold, which file names on Linux may have, as URLs write it."""
    return re.sub(r"^[ \t]+|[ \t]+$|[\n\r\0]", lambda found: quote(found[0]), name)


def _from_a_line(text: str) -> str:
    return re.sub(r"^(%20|%09)+|(%20|%09)+$|%0A|%0D|%00", lambda found: unquote(found[0]), text)


def _point_lines(points: Points, place: np.ndarray) -> Iterator[str]:
    yield "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)"
    pairs = np.stack((points.track_image.astype(np.int64) + 1, place), axis=1)
    for i, (xyz, rgb, error) in enumerate(
        zip(points.xyz, points.rgb.tolist(), points.error.tolist(), strict=True)
    ):
        track = pairs[points.track_start[i] : points.track_start[i + 1]].ravel().tolist()
        yield " ".join((str(i + 1), _numbers(xyz), *map(str, rgb), repr(error), *map(str, track)))
