"""A camera's place, projection and rays."""

import numpy as np

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.quaternion import rotation_from_quaternion

LENS = Lens("OPENCV", 640, 480, (500.0, 505.0, 322.0, 238.0, -0.1, 0.02, 0.001, -0.002))
TURN = np.array([0.8, 0.1, -0.5, 0.3]) / np.linalg.norm([0.8, 0.1, -0.5, 0.3])
CAMERA = Camera("a.png", LENS, rotation_from_quaternion(TURN), np.array([0.3, -1.0, 4.0]))


def test_rays_meet_the_points_that_project_there() -> None:
    pixels = np.random.default_rng(0).uniform(0, (640, 480), (200, 2))
    depth = np.random.default_rng(1).uniform(0.5, 9, 200)
    origin, directions = CAMERA.rays(pixels)
    world = origin + directions * depth[:, None]
    back, distance = CAMERA.project(world)
    np.testing.assert_allclose(back, pixels, atol=1e-6)
    np.testing.assert_allclose(distance, depth, atol=1e-12)  # t is the depth to the image plane
    assert CAMERA.sees(world).all()


def test_rays_of_a_smaller_picture() -> None:
    rays = CAMERA.picture_rays(64, 24)
    assert rays.shape == (24, 64, 3)
    _, expected = CAMERA.rays(np.array([[5.0, 10.0], [635.0, 470.0], [205.0, 50.0]]))
    np.testing.assert_allclose(rays[[0, 23, 2], [0, 63, 20]], expected)


def test_centre_and_axis() -> None:
    np.testing.assert_allclose(CAMERA.rotation @ CAMERA.centre + CAMERA.translation, 0, atol=1e-12)
    pixels, depth = CAMERA.project((CAMERA.centre + 2 * CAMERA.axis)[None])
    np.testing.assert_allclose(pixels, [[322.0, 238.0]], atol=1e-9)
    np.testing.assert_allclose(depth, 2.0)
    assert not CAMERA.sees((CAMERA.centre - CAMERA.axis)[None]).any()


def test_renaming_keeps_the_order() -> None:
    other = Camera("b.png", LENS, np.eye(3), np.zeros(3))
    model = CameraModel({"a.png": CAMERA, "b.png": other}, Points.empty()).renamed({"a.png": "z.exr"})
    assert list(model.cameras) == ["z.exr", "b.png"] and model.cameras["z.exr"].name == "z.exr"
