"""Lens models against pycolmap's, both ways, and what happens where a lens ends."""

import time

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surface_sos_core.cameras.lens import MODELS, Lens

WIDTH, HEIGHT = 1280, 720

# (parameters after the centre); moderate, and stronger than most real lenses.
DISTORTIONS = [
    ("SIMPLE_PINHOLE", ()),
    ("PINHOLE", ()),
    ("SIMPLE_RADIAL", (-0.12,)),
    ("SIMPLE_RADIAL", (0.35,)),
    ("RADIAL", (-0.21, 0.06)),
    ("OPENCV", (-0.24, 0.09, 0.003, -0.002)),
    ("OPENCV_FISHEYE", (-0.03, 0.012, -0.005, 0.001)),
    ("FULL_OPENCV", (0.4, -0.1, 0.002, -0.001, 0.03, 0.6, 0.05, 0.01)),
    ("FOV", (0.9,)),
    ("FOV", (0.0,)),
    ("SIMPLE_RADIAL_FISHEYE", (-0.05,)),
    ("RADIAL_FISHEYE", (0.04, -0.01)),
    ("THIN_PRISM_FISHEYE", (-0.04, 0.01, 0.002, -0.001, 0.002, -0.0005, 0.003, -0.002)),
    (
        "RAD_TAN_THIN_PRISM_FISHEYE",
        (0.03, -0.02, 0.01, -0.004, 0.001, -0.0001, 0.002, -0.001, 0.003, -0.0004, -0.002, 0.0003),
    ),
]


def make_lens(model: str, extra: tuple[float, ...], focal: float = 900.0) -> Lens:
    focals = (focal,) if MODELS[model][1][0] == "f" else (focal, focal * 1.02)
    return Lens(model, WIDTH, HEIGHT, (*focals, 650.5, 355.25, *extra))


def as_pycolmap(lens: Lens) -> pycolmap.Camera:
    return pycolmap.Camera(model=lens.model, width=lens.width, height=lens.height, params=lens.params)


def image_pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), (WIDTH, HEIGHT), (count, 2))


def test_every_model_is_compared() -> None:
    assert {model for model, _ in DISTORTIONS} == set(MODELS)
    for name, (number, _) in MODELS.items():
        assert int(getattr(pycolmap.CameraModelId, name)) == number


@pytest.mark.parametrize(("model", "extra"), DISTORTIONS)
def test_agrees_with_pycolmap_both_ways(model: str, extra: tuple[float, ...]) -> None:
    lens = make_lens(model, extra)
    other = as_pycolmap(lens)
    pixels = image_pixels(2000)
    directions = lens.unproject(pixels)
    assert np.isfinite(directions).all()
    np.testing.assert_allclose(directions[:, 2], 1.0)
    np.testing.assert_allclose(directions[:, :2], other.cam_from_img(pixels), atol=2e-7)
    depth = np.random.default_rng(1).uniform(0.1, 20.0, (len(pixels), 1))
    points = directions * depth
    np.testing.assert_allclose(lens.project(points), other.img_from_cam(points), atol=1e-7)
    np.testing.assert_allclose(lens.project(points), pixels, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "extra"), [d for d in DISTORTIONS if "PINHOLE" not in d[0] and d[0] != "FOV"]
)
def test_jacobian_is_the_derivative(model: str, extra: tuple[float, ...]) -> None:
    lens = make_lens(model, extra)
    u, v = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 50))
    step = 1e-6
    _, _, *jacobian = lens._distort(u, v)
    right, left = lens._distort(u + step, v), lens._distort(u - step, v)
    up, down = lens._distort(u, v + step), lens._distort(u, v - step)
    numeric = [(right[0] - left[0]), (up[0] - down[0]), (right[1] - left[1]), (up[1] - down[1])]
    for exact, difference in zip(jacobian, numeric, strict=True):
        np.testing.assert_allclose(exact, difference / (2 * step), atol=1e-8)


@given(
    k1=st.floats(-0.3, 0.5), k2=st.floats(-0.1, 0.2),
    p1=st.floats(-0.01, 0.01), p2=st.floats(-0.01, 0.01), focal=st.floats(500, 3000),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_round_trip_wherever_a_ray_exists(k1: float, k2: float, p1: float, p2: float, focal: float) -> None:
    lens = Lens("OPENCV", WIDTH, HEIGHT, (focal, focal, WIDTH / 2, HEIGHT / 2, k1, k2, p1, p2))
    pixels = image_pixels(200, seed=5)
    directions = lens.unproject(pixels)
    found = np.isfinite(directions).all(axis=1)
    np.testing.assert_allclose(lens.project(directions[found]), pixels[found], atol=1e-6)
    central = np.hypot(*(pixels - (WIDTH / 2, HEIGHT / 2)).T) < 0.3 * focal
    assert found[central].all()


def test_barrel_fold_never_brings_far_points_back() -> None:
    lens = make_lens("SIMPLE_RADIAL", (-0.3,))
    x = np.linspace(0.0, 10.0, 400)
    pixels = lens.project(np.stack((x, np.zeros_like(x), np.ones_like(x)), axis=1))
    seen = np.isfinite(pixels[:, 0])
    fold = (1 / (3 * 0.3)) ** 0.5
    assert (seen == (x < fold)).all()
    assert (np.diff(pixels[seen, 0]) > 0).all()
    assert as_pycolmap(lens).img_from_cam(np.array([[1.8, 0.0, 1.0]]))[0, 0] < WIDTH  # what we guard against


def test_pixels_beyond_the_fold_have_no_ray() -> None:
    lens = Lens("SIMPLE_RADIAL", WIDTH, HEIGHT, (300.0, 640.0, 360.0, -0.3))
    directions = lens.unproject(np.array([[640.0, 360.0], [1279.0, 360.0]]))
    assert np.isfinite(directions[0]).all()
    assert np.isnan(directions[1, :2]).all()


def test_behind_the_camera_is_nan() -> None:
    for model, extra in DISTORTIONS:
        pixels = make_lens(model, extra).project(
            np.array([[0.1, 0.1, -1.0], [0.1, 0.1, 0.0], [0.1, 0.1, 1.0]])
        )
        assert np.isnan(pixels[:2]).all() and np.isfinite(pixels[2]).all(), model


def test_fisheye_ends_at_90_degrees() -> None:
    lens = Lens("OPENCV_FISHEYE", 1000, 1000, (300.0, 300.0, 500.0, 500.0, 0.0, 0.0, 0.0, 0.0))
    theta = np.radians([60.0, 89.0, 91.0])
    pixels = np.stack((500 + 300 * theta, np.full(3, 500.0)), axis=1)
    directions = lens.unproject(pixels)
    np.testing.assert_allclose(np.degrees(np.arctan(directions[:2, 0])), [60.0, 89.0])
    assert np.isnan(directions[2, 0])


@pytest.mark.parametrize(("model", "extra"), DISTORTIONS)
def test_scaled_lens_sees_the_scaled_image(model: str, extra: tuple[float, ...]) -> None:
    lens = make_lens(model, extra)
    half = lens.scaled(WIDTH // 2, HEIGHT // 2)
    points = lens.unproject(image_pixels(50))
    np.testing.assert_allclose(half.project(points), lens.project(points) / 2, atol=1e-9)
    assert half.focal == pytest.approx(lens.focal / 2)


def test_speed_of_a_batch_of_rays() -> None:
    lens = make_lens("SIMPLE_RADIAL", (-0.08,))
    pixels = image_pixels(60_000)
    lens.unproject(pixels)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        lens.unproject(pixels)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.15  # of processor time; about 0.03 on a development machine


@pytest.mark.parametrize("model", ["SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "RADIAL_FISHEYE", "OPENCV"])
def test_a_lens_of_squeezed_pixels_sees_the_same(model):
    values = {
        "f": 500.0,
        "fx": 500.0,
        "fy": 510.0,
        "cx": 300.0,
        "cy": 200.0,
        "k1": 0.02,
        "k2": -0.01,
        "p1": 0.001,
    }
    lens = Lens(model, 600, 400, tuple(values.get(name, 0.0) for name in MODELS[model][1]))
    points = np.array([[0.1, 0.2, 1.0], [-0.4, 0.1, 1.5], [0.0, 0.0, 2.0]])
    squeezed = lens.squeezed(2.0)
    assert (squeezed.width, squeezed.height) == (300, 400)
    np.testing.assert_allclose(squeezed.project(points), lens.project(points) * (0.5, 1.0), atol=1e-9)


def test_a_framed_lens_counts_from_another_corner():
    lens = Lens("PINHOLE", 600, 400, (500.0, 510.0, 300.0, 200.0))
    points = np.array([[0.1, 0.2, 1.0]])
    framed = lens.framed(-8, -4, 616, 408)
    assert (framed.width, framed.height) == (616, 408)
    np.testing.assert_allclose(framed.project(points), lens.project(points) + (8, 4))
