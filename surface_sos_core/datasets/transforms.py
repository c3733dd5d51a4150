"""transforms.json of instant-ngp, nerfstudio and NeRF's synthetic scenes.

transform_matrix maps camera axes as OpenGL has them (right, up, backward) into the world. Intrinsics are in pixels from
the image's corner (fl_x, fl_y, cx, cy, w, h), for all frames or one, or a field of view (camera_angle_x); distortion is
OpenCV's (k1, k2, p1, p2, k3), or that of its fisheye (k1 to k4).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.datasets.dataset import DataSet, View, image_size, is_there
from surface_sos_core.datasets.parts import camera_at, need, pinhole
from surface_sos_core.errors import InputError
from surface_sos_core.frame_numbers import natural_key

_FILES = ("transforms.json", "transforms_train.json")
_SUFFIXES = ("", ".png", ".jpg", ".jpeg")


def read(path: Path) -> DataSet:
    """path: the file, or the folder it lies in. An image's own alpha is taken as its matte."""
    files = [path] if path.is_file() else [path / name for name in _FILES if (path / name).is_file()]
    file = files[0] if files else need(path / _FILES[0], "the cameras")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        frames = data["frames"]
        given = [(_file(file.parent, str(frame["file_path"])), {**data, **frame}) for frame in frames]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{file} cannot be read as transforms ({error}); get the set again.") from error
    if not given:
        raise InputError(f"{file} holds no frames; get the whole set.")
    views, masked = [], 0
    there = [image for image, _ in given if is_there(image)]
    if not there:
        raise InputError(
            f"{given[0][0]} is missing from the set, as are all others of its images; get the whole set."
        )
    size = image_size(there[0])
    for image, facts in sorted(given, key=lambda one: natural_key(one[0].name)):
        mask = _file(file.parent, str(facts["mask_path"])) if facts.get("mask_path") else None
        masked += mask is not None
        width, height = image_size(image) if is_there(image) else size
        camera = _camera((width, height), facts, f"{file}, {image.name}")
        views.append(View(image, camera, mask, alpha_is_truth=True))
    note = "its masks are taken as the object's; where they mark what to ignore, leave them out of --masks."
    return DataSet(views, notes=(note,) if masked else ())


def _file(folder: Path, name: str) -> Path:
    """The file of that name, which Windows may have written with back slashes and sets of NeRF have without a suffix."""
    named = folder / name
    for place in (named, folder / name.replace("\\", "/")):
        for suffix in _SUFFIXES:
            if (found := place.with_name(place.name + suffix)).is_file():
                return found
    return folder / name.replace("\\", "/")


def _camera(size: tuple[int, int], facts: dict[str, Any], where: str) -> Camera:
    try:
        pose = np.array(facts["transform_matrix"], float)
        lens = _lens(size, facts, where)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where} lacks or breaks {error}; get the set again.") from error
    if pose.shape not in ((3, 4), (4, 4)):
        raise InputError(f"{where}: transform_matrix is no 4x4 matrix; get the set again.")
    return camera_at(lens, pose[:3, :3] * (1, -1, -1), pose[:3, 3], where)


def _lens(size: tuple[int, int], facts: dict[str, Any], where: str) -> Lens:
    width, height = size
    told = (int(facts.get("w", width)), int(facts.get("h", height)))
    if told != (width, height):
        raise InputError(
            f"{where} says {told[0]}x{told[1]} but the image is {width}x{height}; use the original images."
        )
    fx = float(facts["fl_x"]) if "fl_x" in facts else width / 2 / np.tan(float(facts["camera_angle_x"]) / 2)
    fy = float(facts.get("fl_y", fx))
    if "fl_y" not in facts and "camera_angle_y" in facts:
        fy = height / 2 / np.tan(float(facts["camera_angle_y"]) / 2)
    straight = pinhole(width, height, fx, fy, facts.get("cx", width / 2), facts.get("cy", height / 2), where)
    k1, k2, k3, k4, p1, p2 = (float(facts.get(name) or 0.0) for name in ("k1", "k2", "k3", "k4", "p1", "p2"))
    model = facts.get("camera_model", "OPENCV_FISHEYE" if facts.get("is_fisheye") else "OPENCV")
    if model == "OPENCV_FISHEYE":
        return Lens(model, width, height, (*straight.params, k1, k2, k3, k4))
    if model not in ("OPENCV", "FULL_OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL") or k4:
        raise InputError(
            f"{where}: the lens {model}{' with k4' if k4 else ''} is not supported; undistort the images."
        )
    if not any((k1, k2, k3, p1, p2)):
        return straight
    return Lens("FULL_OPENCV", width, height, (*straight.params, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0))
