"""The scene box's file, there and back, and what cannot be one."""

import json
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.cameras.box import Box
from surface_sos_core.cameras.box_file import box_to_json, read_box
from surface_sos_core.cameras.quaternion import rotation_from_quaternion
from surface_sos_core.errors import InputError


def some_box() -> Box:
    turn = np.array([0.7, 0.2, -0.4, 0.5])
    return Box(
        np.array([1.0, -2.0, 3.0]),
        np.array([0.5, 2.0, 1.0]),
        rotation_from_quaternion(turn / np.linalg.norm(turn)),
    )


def write(tmp_path: Path, data: object) -> Path:
    file = tmp_path / "box.json"
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return file


def test_file_round_trip(tmp_path: Path) -> None:
    box = some_box()
    back = read_box(write(tmp_path, box_to_json(box)))
    np.testing.assert_allclose(back.similarity, box.similarity, atol=1e-12)
    np.testing.assert_allclose(back.half, box.half)


def test_file_with_a_matrix(tmp_path: Path) -> None:
    box = some_box()
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = box.rotation * box.half, box.centre
    matrix[:3, 1] *= -1  # a mirrored box is the same box
    back = read_box(write(tmp_path, {"matrix": matrix.tolist()}))
    assert np.linalg.det(back.rotation) == pytest.approx(1)
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    np.testing.assert_allclose(
        np.abs(back.to_box(box.to_world(corners * box.extent))), np.tile(back.extent, (8, 1))
    )


def test_file_with_centre_and_size_only(tmp_path: Path) -> None:
    box = read_box(write(tmp_path, {"center": [1, 2, 3], "size": [2, 4, 6]}))
    np.testing.assert_array_equal(box.half, [1, 2, 3])
    np.testing.assert_array_equal(box.rotation, np.eye(3))


SHEAR = [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "cannot be used"),
        ("[1, 2]", "an object with centre and size"),
        ({"centre": [0, 0, 0]}, "the keys centre, size"),
        ({"centre": [0, 0, 0], "size": [1, 1, 1], "colour": 1}, "not centre, colour, size"),
        ({"centre": [0, 0, 0], "center": [0, 0, 0], "size": [1, 1, 1]}, "the keys centre, size"),
        ({"centre": [0, 0], "size": [1, 1, 1]}, "centre must be 3 numbers"),
        ({"centre": [0, 0, "x"], "size": [1, 1, 1]}, "centre must be 3 numbers"),
        ('{"centre": [0, 0, NaN], "size": [1, 1, 1]}', "centre has a number that is not finite"),
        ('{"centre": [0, 0, 0], "size": [1, Infinity, 1]}', "size has a number that is not finite"),
        ({"centre": [0, 0, 0], "size": [1, 0, 1]}, "size must be positive"),
        ({"centre": [0, 0, 0], "size": [1, -1, 1]}, "size must be positive"),
        (
            {"centre": [0, 0, 0], "size": [1, 1, 1], "rotation": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]},
            "perpendicular",
        ),
        ({"matrix": SHEAR}, "not shear"),
        ({"matrix": np.diag([1.0, 0.0, 1.0, 1.0]).tolist()}, "zero size"),
        ({"matrix": np.diag([1.0, 1.0, 1.0, 2.0]).tolist()}, "last row"),
        ({"matrix": [[1, 0], [0, 1]]}, "matrix must be 4 x 4 numbers"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(InputError, match=r"box\.json.*" + message):
        read_box(write(tmp_path, data))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.json cannot be read"):
        read_box(tmp_path / "none.json")
