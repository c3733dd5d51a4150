"""Anamorphic footage, as the solver gets it, and its cameras in the plate's own pixels."""

from dataclasses import replace

import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.square_pixels import Stretched
from surface_sos_core.footage import open_footage

WIDTH, HEIGHT, ASPECT = 30, 40, 2.0


@pytest.fixture
def stretched(tmp_path):
    ramp = np.repeat(np.linspace(0, 1, WIDTH, dtype=np.float32)[None], HEIGHT, axis=0)
    for number in (1, 2):
        header = {
            "compression": OpenEXR.ZIP_COMPRESSION,
            "type": OpenEXR.scanlineimage,
            "pixelAspectRatio": ASPECT,
        }
        with OpenEXR.File(header, {"RGB": np.dstack([ramp] * 3)}) as file:
            file.write(str(tmp_path / f"f.{number}.exr"))
    footage = open_footage(tmp_path, warn=pytest.fail)
    return Stretched(footage, footage.tags(0).pixel_aspect)


def test_the_solver_sees_square_pixels(stretched, tmp_path):
    folder, names = stretched.image_folder(tmp_path / "work")
    assert (stretched.width, stretched.height) == (60, 40) and len(names) == 2
    picture = cv2.imread(str(folder / names[1]))
    assert picture.shape == (40, 60, 3)
    ramp = stretched.footage.read_display(1)[0, :, 0]
    assert (np.abs(picture[0, ::2, 0].astype(int) - ramp)[2:] <= 6).all()


def test_cameras_see_the_same_points_in_stored_pixels(stretched):
    lens = Lens("SIMPLE_RADIAL", 60, 40, (50.0, 30.0, 20.0, 0.05))
    camera = Camera("f.1.exr", lens, np.eye(3), np.array([0.0, 0.0, 4.0]))
    world = np.array([[0.5, -0.2, 0.0], [-1.0, 0.8, 1.0]])
    seen, _ = camera.project(world)
    points = replace(
        Points.empty(), xyz=world, rgb=np.zeros((2, 3), np.uint8), error=np.zeros(2),
        track_start=np.array([0, 1, 2]), track_image=np.zeros(2, np.int32), track_xy=seen,
    )  # fmt: skip
    told = stretched.told_in_stored_pixels(CameraModel({"f.1.exr": camera}, points))
    mine = told.cameras["f.1.exr"]
    assert (mine.lens.width, mine.lens.height) == (WIDTH, HEIGHT)
    assert mine.lens.focal_xy == (25.0, 50.0)
    np.testing.assert_allclose(mine.project(world)[0], seen * (0.5, 1.0))
    np.testing.assert_allclose(told.points.track_xy, seen * (0.5, 1.0))
