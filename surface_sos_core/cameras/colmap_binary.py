"""COLMAP's binary model files, read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from surface_sos_core.cameras.colmap_records import Images, PointReader, file_bytes, make_lens
from surface_sos_core.cameras.lens import MODELS, Lens
from surface_sos_core.errors import InputError

_MODEL_NAMES = {number: name for name, (number, _) in MODELS.items()}


class _Reader:
    """Walks over a binary file; every read and every count is checked against what is left of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._data = file_bytes(file)
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


def read_cameras_binary(file: Path) -> dict[int, Lens]:
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
        lenses[camera_id] = make_lens(model, width, height, params, where)
    return lenses


_OBSERVATION = np.dtype([("xy", "<f8", 2), ("point", "<i8")])


def read_images_binary(file: Path, lenses: dict[int, Lens]) -> Images:
    reader = _Reader(file)
    images = Images(file, {}, {}, [])
    for where in _records(reader, 4 + 7 * 8 + 4 + 1 + 8):
        image_id, *pose, camera_id = reader.unpack("<I7dI", where)
        name = reader.name(where)
        count = reader.count(_OBSERVATION.itemsize, where)
        xy = reader.array(_OBSERVATION, count, where)["xy"].astype(np.float64)
        if not np.isfinite(xy).all():
            raise InputError(f"{where}: a 2D point of {name} has a number that is not finite.")
        images.add(image_id, np.array(pose), lenses.get(camera_id), name, xy, where)
    return images


def read_points_binary(file: Path, points: PointReader) -> None:
    reader = _Reader(file)
    pair = np.dtype("<u4")
    for where in _records(reader, 8 + 3 * 8 + 3 + 8 + 8):
        point_id, *head = reader.unpack("<Q3d3Bd", where)
        length = reader.count(8, where)
        track = reader.array(pair, 2 * length, where).astype(np.int64).reshape(-1, 2)
        points.add(point_id, tuple(head), track, where)
