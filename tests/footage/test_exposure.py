"""Exposures of frames that were darkened and tinted by known factors."""

from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.footage.exposure import exposure_gains, read_gains, save_gains
from surface_sos_core.settings import ExposureSettings

WIDTH, HEIGHT = 96, 72


@pytest.fixture
def points() -> np.ndarray:
    """On a wall of the ball's room."""
    random = np.random.default_rng(1)
    return random.normal(0.0, 1.0, (400, 3)) + (3.0, -2.0, 1.0)


def shot(ball, points: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Every point as a patch of its own brightness, in frames of these exposures; nearer points hide others."""
    brightness = np.random.default_rng(2).uniform(0.05, 0.3, (len(points), 1)) * (1.0, 0.8, 0.6)
    plates = np.zeros((len(factors), HEIGHT, WIDTH, 3), np.uint8)
    for i, factor in enumerate(factors):
        pixels, depth = ball.cameras[i].project(points)
        for j in np.argsort(-depth):
            x, y = pixels[j].astype(int)
            if depth[j] > 0 and 2 <= x < WIDTH - 2 and 2 <= y < HEIGHT - 2:
                shown = srgb_encode(brightness[j] * factor).clip(0, 1)
                plates[i, y - 2 : y + 3, x - 2 : x + 3] = np.rint(255 * shown)
    return plates


def test_known_exposures_are_found(ball, points):
    random = np.random.default_rng(3)
    factors = np.exp(random.normal(0.0, 0.3, (len(ball.cameras), 3)))
    gains = exposure_gains(shot(ball, points, factors), ball.cameras, points, ExposureSettings())
    assert gains.dtype == np.float32 and gains.shape == factors.shape
    alike = np.log(gains * factors)
    assert np.abs(alike - np.median(alike, axis=0)).max() < 0.06
    assert np.abs(np.median(np.log(gains), axis=0)).max() < 1e-6  # the median frame stays as it is


def test_frames_exposed_alike_stay_as_they_are(ball, points):
    gains = exposure_gains(
        shot(ball, points, np.ones((len(ball.cameras), 3))), ball.cameras, points, ExposureSettings()
    )
    assert np.abs(np.log(gains)).max() < 0.03


def test_a_frame_that_shows_little_and_one_without_a_camera_stay(ball, points):
    factors = np.ones((len(ball.cameras), 3))
    factors[[2, 4]] = 0.5
    plates = shot(ball, points, factors)
    plates[2] = 255  # burnt out
    cameras = [None if i == 3 else camera for i, camera in enumerate(ball.cameras)]
    gains = exposure_gains(plates, cameras, points, ExposureSettings())
    np.testing.assert_array_equal(gains[[2, 3]], 1.0)
    np.testing.assert_allclose(gains[4], 2.0, rtol=0.06)


@pytest.mark.parametrize("count", [0, 10])
def test_without_points_nothing_is_known(ball, points, count):
    gains = exposure_gains(
        shot(ball, points, np.full((len(ball.cameras), 3), 0.7)),
        ball.cameras,
        points[:count],
        ExposureSettings(),
    )
    np.testing.assert_array_equal(gains, 1.0)


def test_what_is_saved_is_read(tmp_path: Path):
    gains = np.random.default_rng(0).uniform(0.5, 2.0, (7, 3)).astype(np.float32)
    save_gains(tmp_path / "exposure.npz", gains)
    np.testing.assert_array_equal(read_gains(tmp_path / "exposure.npz", 7), gains)


@pytest.mark.parametrize("damage", ["missing", "cut", "other frames", "nan"])
def test_a_damaged_file_is_bad_input(tmp_path: Path, damage: str):
    path = tmp_path / "exposure.npz"
    gains = np.ones((7, 3), np.float32)
    if damage == "nan":
        gains[0] = np.nan
    if damage != "missing":
        save_gains(path, gains[:5] if damage == "other frames" else gains)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="exposure.npz"):
        read_gains(path, 7)
