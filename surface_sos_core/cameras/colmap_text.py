"""COLMAP's model files as text, read and written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.colmap_records import Images, PointReader, file_bytes, make_lens
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.quaternion import quaternion_from_rotation
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically


def _text_lines(file: Path) -> list[tuple[int, str]]:
    """(line number from 1, text) of each line but comments; undecodable bytes survive, as in file names."""
    text = file_bytes(file).decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return [(number, line) for number, line in enumerate(lines, 1) if not line.lstrip().startswith("#")]


def read_cameras_text(file: Path) -> dict[int, Lens]:
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
        lenses[camera_id] = make_lens(tokens[1], width, height, params, where)
    return lenses


def read_images_text(file: Path, lenses: dict[int, Lens]) -> Images:
    images = Images(file, {}, {}, [])
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


def read_points_text(file: Path, points: PointReader) -> None:
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


def write_text(model: CameraModel, folder: Path) -> None:
    """Write cameras.txt, images.txt and points3D.txt."""
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
