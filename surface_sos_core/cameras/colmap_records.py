"""What a COLMAP model's text and binary files hold alike: lenses, images and points, checked as they come in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from surface_sos_core.cameras.camera import Camera, Points
from surface_sos_core.cameras.lens import MODELS, Lens
from surface_sos_core.cameras.quaternion import rotation_from_quaternion
from surface_sos_core.errors import InputError

_MAX_SIDE = 1_000_000


def file_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error


def make_lens(model: str, width: int, height: int, params: tuple[float, ...], where: str) -> Lens:
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


@dataclass
class Images:
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


class PointReader:
    """Collects sparse points and their tracks."""

    def __init__(self, file: Path, images: Images) -> None:
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
