"""The scene box as JSON: a file that a user gives, a part of the manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras.box import Box
from surface_sos_core.errors import InputError


def read_box(file: str | Path) -> Box:
    """The box in a JSON file, in world units of the camera model.

    {"centre": [x, y, z], "size": [full lengths], "rotation": 3x3 rows, optional, columns are the box's axes}
    or {"matrix": 4x4 rows, maps the cube [-1, 1]^3 to the box in the world}. Raises InputError for anything
    else.
    """
    try:
        return box_from_json(json.loads(Path(file).read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"the box file {file} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, RecursionError) as error:  # of JSON, of its encoding, or of what it says
        raise InputError(f"the box file {file} cannot be used: {error}.") from error


def box_to_json(box: Box) -> dict[str, Any]:
    """The box as `read_box` takes it."""
    size = (2 * box.half).tolist()
    return {"centre": box.centre.tolist(), "size": size, "rotation": box.rotation.tolist()}


def box_from_json(data: Any) -> Box:
    """The box that `read_box` describes; ValueError or TypeError say what is wrong."""
    if not isinstance(data, dict):
        raise TypeError("an object with centre and size, or with matrix, is expected")
    keys = set(data)
    if keys == {"matrix"}:
        return _box_from_matrix(_numbers(data["matrix"], (4, 4), "matrix"))
    if (
        not {"size"} <= keys <= {"centre", "center", "size", "rotation"}
        or len(keys & {"centre", "center"}) != 1
    ):
        raise ValueError(
            "the keys centre, size and possibly rotation, or matrix alone, are expected, "
            f"not {', '.join(sorted(keys))}"
        )
    centre = _numbers(data.get("centre", data.get("center")), (3,), "centre")
    size = _numbers(data["size"], (3,), "size")
    rotation = _numbers(data.get("rotation", np.eye(3).tolist()), (3, 3), "rotation")
    if not np.allclose(rotation.T @ rotation, np.eye(3), atol=1e-3):
        raise ValueError("rotation must have three perpendicular columns of length 1")
    if np.any(size <= 0):
        raise ValueError("size must be positive on all three axes")
    return Box(centre, size / 2, _proper(rotation))


def _numbers(value: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    expected = " x ".join(map(str, shape))
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {expected} numbers") from None
    if array.shape != shape:
        raise ValueError(f"{name} must be {expected} numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has a number that is not finite")
    return array


def _proper(axes: np.ndarray) -> np.ndarray:
    """The nearest rotation to nearly perpendicular axes; a mirrored box is the same box."""
    u, _, vt = np.linalg.svd(axes)
    rotation = u @ vt
    if np.linalg.det(rotation) < 0:
        rotation[:, 2] = -rotation[:, 2]
    return rotation


def _box_from_matrix(matrix: np.ndarray) -> Box:
    if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
        raise ValueError("the last row of matrix must be 0 0 0 1")
    half = np.linalg.norm(matrix[:3, :3], axis=0)
    if np.any(half <= 1e-12):
        raise ValueError("matrix has an axis of zero size")
    axes = matrix[:3, :3] / half
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        raise ValueError("matrix must turn, scale and move only, not shear")
    return Box(matrix[:3, 3].copy(), half, _proper(axes))
