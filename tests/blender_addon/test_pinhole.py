"""The maths of Blender's camera against the core's lenses; test_import_cameras has Blender's own word on it."""

from array import array

import numpy as np
import pycolmap
import pytest

from blender_addon.files import colmap, pinhole
from surface_sos_core.cameras import Lens

DISTORTED = {
    "SIMPLE_RADIAL": (500, 330, 235, 0.05),
    "RADIAL": (500, 330, 235, 0.05, -0.02),
    "OPENCV": (500, 520, 330, 235, 0.05, -0.02, 1e-3, -2e-3),
    "OPENCV_FISHEYE": (500, 520, 330, 235, 0.05, -0.02, 1e-3, -2e-3),
    "FULL_OPENCV": (500, 520, 330, 235, 0.05, -0.02, 1e-3, -2e-3, 0.01, 0.02, -0.01, 0.003),
    "FOV": (500, 520, 330, 235, 0.7),
    "SIMPLE_RADIAL_FISHEYE": (500, 330, 235, 0.05),
    "RADIAL_FISHEYE": (500, 330, 235, 0.05, -0.02),
    "THIN_PRISM_FISHEYE": (500, 520, 330, 235, 0.05, -0.02, 1e-3, -2e-3, 0.01, 0.02, 0.003, -0.004),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        500, 520, 330, 235, 0.05, -0.02, 0.01, 0.003, 1e-3, 1e-4, 1e-3, -2e-3, 3e-3, 1e-3, -2e-3, 2e-3,
    ),
}  # fmt: skip


def image(rotation=(1.0, 0.0, 0.0, 0.0), translation=(0.0, 0.0, 0.0), lens=None) -> colmap.Image:
    lens = lens or colmap.Lens("PINHOLE", 640, 480, (500.0, 500.0, 320.0, 240.0))
    return colmap.Image("a.0001.png", lens, rotation, translation)


@pytest.mark.parametrize("model", DISTORTED)
def test_distortion_is_that_of_colmap(model):
    params = tuple(map(float, DISTORTED[model]))
    lens = colmap.Lens(model, 640, 480, params)
    theirs = pycolmap.Camera(model=model, width=640, height=480, params=params)
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    for u, v in np.random.default_rng(0).uniform(-0.6, 0.6, (50, 2)):
        x, y = pinhole.distort(lens, u, v)
        expected = theirs.img_from_cam(np.array([[u, v, 1.0]]))[0]
        assert np.hypot(fx * x + cx - expected[0], fy * y + cy - expected[1]) < 1e-9


def test_a_pinhole_lens_has_no_corner_error():
    lens = colmap.Lens("PINHOLE", 640, 480, (500.0, 530.0, 300.0, 250.0))
    assert pinhole.corner_error(lens, pinhole.film_back(lens)) < 1e-9


def test_corner_error_in_closed_form():
    # r = 0.8 at the corner of a centred 4:3 lens: f k r^3 = 500 * 0.1 * 0.512.
    lens = colmap.Lens("SIMPLE_RADIAL", 640, 480, (500.0, 320.0, 240.0, 0.1))
    assert pinhole.corner_error(lens, pinhole.film_back(lens)) == pytest.approx(25.6)


def test_corner_error_counts_a_pixel_aspect_of_another_lens():
    lens = colmap.Lens("PINHOLE", 640, 480, (500.0, 510.0, 320.0, 240.0))
    # At the corner, 240 pixels from the middle, fy is 500 instead of 510.
    assert pinhole.corner_error(lens, pinhole.film_back(lens, aspect=1.0)) == pytest.approx(
        240 * 510 / 500 - 240
    )


@pytest.mark.parametrize("size", [(640, 480), (480, 640)])
def test_the_longer_side_of_the_film_is_36_mm(size):
    film = pinhole.film_back(colmap.Lens("SIMPLE_PINHOLE", *size, (640.0, size[0] / 2, size[1] / 2)))
    assert film.fit == ("HORIZONTAL" if size[0] > size[1] else "VERTICAL")
    assert max(film.sensor_width, film.sensor_height) == 36.0 and film.lens == pytest.approx(36.0)
    assert (film.shift_x, film.shift_y, film.aspect_x, film.aspect_y) == (0, 0, 1, 1)


@pytest.mark.parametrize("params", [(500.0, 550.0, 320.0, 240.0), (550.0, 500.0, 320.0, 240.0)])
def test_blender_takes_no_pixel_aspect_below_one(params):
    film = pinhole.film_back(colmap.Lens("PINHOLE", 640, 480, params))
    assert min(film.aspect_x, film.aspect_y) == 1.0
    assert film.aspect_y / film.aspect_x == pytest.approx(params[0] / params[1])


def test_scaled_as_the_core_scales():
    params = tuple(map(float, DISTORTED["OPENCV"]))
    ours = pinhole.scaled(colmap.Lens("OPENCV", 640, 480, params), 1280, 961)
    theirs = Lens("OPENCV", 640, 480, params).scaled(1280, 961)
    assert ours.params == theirs.params and (ours.width, ours.height) == (1280, 961)


def test_camera_matrix_looks_where_colmap_looks(aim):
    camera = aim("a", np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.0, 0.0]), None, 0.4)
    q = pycolmap.Rotation3d(camera.rotation).quat  # x, y, z, w
    matrix = np.array(pinhole.camera_matrix(image((q[3], q[0], q[1], q[2]), tuple(camera.translation))))
    point = np.array([0.3, -0.2, 0.7])
    x, y, z = camera.rotation @ point + camera.translation
    np.testing.assert_allclose(np.linalg.inv(matrix) @ [*point, 1], [x, -y, -z, 1], atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 3], camera.centre, atol=1e-12)


@pytest.mark.parametrize("down", [(0, 1, 0), (0.3, 0.9, -0.2), (0, 0, -1), (0, 0, 1), (1, 0, 0)])
def test_upright_turns_the_mean_up_to_z(aim, down):
    up = -np.array(down) / np.linalg.norm(down)
    images = []
    for side in np.array([[0.5, 0.6, 0.7], [-0.5, 0.6, 0.1]]):
        right = np.cross(up, side) / np.linalg.norm(np.cross(up, side))
        rotation = np.stack([right, -up, np.cross(right, -up)])
        q = pycolmap.Rotation3d(rotation).quat
        images.append(image((q[3], q[0], q[1], q[2])))
    w, x, y, z = pinhole.upright(images)
    turned = pycolmap.Rotation3d(np.array([x, y, z, w])).matrix() @ up
    np.testing.assert_allclose(turned, [0, 0, 1], atol=1e-9)


def test_cameras_that_roll_all_over_fall_back_to_the_first_cameras_up():
    over = image((0.0, 0.0, 0.0, 1.0))  # half a turn about the optical axis
    assert pinhole.upright([image(), over]) == pytest.approx((0.5**0.5, -(0.5**0.5), 0.0, 0.0))


def test_near_and_far_keep_every_point():
    random = np.random.default_rng(2)
    points = random.uniform(-1, 1, (500, 3)) + [0, 0, 4]
    images = [image(), image(translation=(0.0, 0.0, 2.0))]
    found = pinhole.reach(images, array("d", points.ravel()))
    depths = np.concatenate([points[:, 2], points[:, 2] + 2])
    assert depths.min() / 100 < found.near < depths.min() and depths.max() < found.far
    assert found.middle == pytest.approx(np.median(depths), rel=0.01)


def test_one_stray_point_at_the_lens_does_not_draw_the_near_clipping_to_it():
    points = np.concatenate([[[0, 0, 1e-6]], np.random.default_rng(2).uniform(-1, 1, (2000, 3)) + [0, 0, 4]])
    assert pinhole.reach([image()], array("d", points.ravel())).near > 0.1


def test_near_and_far_without_points():
    images = [image(), image(translation=(4.0, 0.0, 0.0))]
    found = pinhole.reach(images, array("d"))
    assert 0 < found.near < found.middle == 2 < found.far
