"""Where the scene box appears."""

from array import array
from pathlib import Path

import numpy as np
import pytest

from blender_addon.files import box_start, colmap
from surface_sos_core.cameras import CameraModel, Lens, Points, write_model
from surface_sos_core.cameras.automatic_box import look_at


@pytest.fixture
def model(makers, tmp_path: Path) -> colmap.Model:
    """Six cameras around points, some of them far behind, as both packages read them."""
    points = makers.sparse_points(400, 6)
    points.xyz[:40] *= 20
    write_model(
        CameraModel(makers.ring(6, Lens("PINHOLE", 64, 36, (60.0, 60.0, 32.0, 18.0))), points), tmp_path
    )
    return colmap.read_model(tmp_path)


def test_it_looks_where_the_core_looks(model: colmap.Model, makers):
    cameras = list(makers.ring(6, Lens("PINHOLE", 64, 36, (60.0, 60.0, 32.0, 18.0))).values())
    assert np.allclose(box_start.look_at(model.images), look_at(cameras), atol=1e-3)


def test_it_holds_the_points_near_there_and_not_those_behind(model: colmap.Model):
    centre, half = box_start.start(model)
    xyz = np.array(model.points.xyz).reshape(-1, 3)
    inside = np.all(np.abs(xyz - centre) <= half, axis=1)
    assert inside[40:].mean() > 0.7 and inside[:40].mean() < 0.2
    assert max(half) < 1.5


def test_without_points_it_is_a_cube_where_the_cameras_look(model: colmap.Model):
    centre, half = box_start.start(colmap.Model(model.images, colmap.Points(array("d"))))
    assert centre == box_start.look_at(model.images)
    assert half[0] == half[1] == half[2] and 0.5 < half[0] < 2


def test_cameras_that_look_the_same_way_still_get_a_box(makers, tmp_path: Path):
    cameras = makers.ring(3, Lens("PINHOLE", 64, 36, (60.0, 60.0, 32.0, 18.0)))
    first = next(iter(cameras.values()))
    for name, camera in cameras.items():
        cameras[name] = type(camera)(name, camera.lens, first.rotation, camera.translation)
    write_model(CameraModel(cameras, Points.empty()), tmp_path)
    centre, half = box_start.start(colmap.read_model(tmp_path))
    assert np.isfinite([*centre, *half]).all() and min(half) > 0
