"""Cameras put between those of other frames."""

import numpy as np
import pytest

from surface_sos_core.cameras.between import bridged
from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens

LENS = Lens("SIMPLE_PINHOLE", 320, 240, (330.0, 160.0, 120.0))
NAMES = [f"plate.{1001 + i}.png" for i in range(10)]


def turned(i: float) -> np.ndarray:
    """Evenly turning about the vertical axis."""
    c, s = np.cos(0.1 * i), np.sin(0.1 * i)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def camera(i: int) -> Camera:
    centre = np.array([0.3 * i, 1.0, -0.1 * i])
    return Camera(NAMES[i], LENS, turned(i), -turned(i) @ centre)


def model(frames: list[int]) -> CameraModel:
    return CameraModel({NAMES[i]: camera(i) for i in frames}, Points.empty())


def test_a_camera_that_moves_and_turns_evenly_is_found_again() -> None:
    made, between = bridged(model([0, 1, 4, 5, 9]), NAMES, 3)
    assert between == [NAMES[i] for i in (2, 3, 6, 7, 8)]
    for i, name in enumerate(NAMES):
        np.testing.assert_allclose(made.cameras[name].rotation, turned(i), atol=1e-9)
        np.testing.assert_allclose(made.cameras[name].centre, camera(i).centre, atol=1e-9)


def test_images_that_points_were_seen_in_keep_their_positions() -> None:
    made, _ = bridged(model([0, 1, 4]), NAMES, 3)
    assert list(made.cameras)[:3] == [NAMES[0], NAMES[1], NAMES[4]]


@pytest.mark.parametrize(("frames", "most"), [([0, 5], 3), ([3, 4], 9), ([0, 9], 0)])
def test_long_gaps_and_the_ends_stay_without(frames: list[int], most: int) -> None:
    made, between = bridged(model(frames), NAMES, most)
    assert between == [] and len(made.cameras) == 2
