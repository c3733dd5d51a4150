"""Key frames on a tilted plane that cameras of known places look at."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.layers.key_frames import KeyFrame, carried, choose_key_frames
from surface_sos_core.settings import FillSettings

WIDTH, HEIGHT = 96, 72
SETTINGS = FillSettings()


def plane_depth(ball, camera, pixels: np.ndarray) -> np.ndarray:
    """Depth (N,) of a plane through the box' middle."""
    normal = np.array([0.3, 0.1, 1.0])
    origin, directions = camera.rays(pixels)
    return (ball.box.centre - origin) @ normal / (directions @ normal)


def pattern(world: np.ndarray) -> np.ndarray:
    return 0.5 + 0.3 * np.sin(world @ np.array([[1.1, 0.7, 0.2], [0.4, -0.9, 1.3], [0.8, 0.1, -0.6]]).T)


@pytest.fixture
def key(ball) -> KeyFrame:
    camera = ball.cameras[0]
    pixels = ball.pixel_grid(camera, WIDTH, HEIGHT)
    depth = plane_depth(ball, camera, pixels)
    origin, directions = camera.rays(pixels)
    colour = pattern(origin + depth[:, None] * directions)
    return KeyFrame(
        camera,
        colour.reshape(HEIGHT, WIDTH, 3).astype(np.float16),
        1.0 / depth.reshape(HEIGHT, WIDTH).astype(np.float32),
    )


def rays(ball, index: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origin, directions and true depths of a patch of pixels of another camera."""
    u, v = np.meshgrid(np.arange(36, 60) + 0.5, np.arange(30, 50) + 0.5)
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)
    return *ball.cameras[index].rays(pixels), plane_depth(ball, ball.cameras[index], pixels)


@pytest.mark.parametrize("off", [0.93, 1.0, 1.06])
def test_a_ray_gets_what_the_key_frame_has_where_it_meets_the_surface(ball, key, off):
    """Whatever its own depth is thought to be."""
    origin, directions, depth = rays(ball)
    colour, met = key.carry(origin, directions, off * depth, SETTINGS)
    assert met.mean() > 0.9
    truth = pattern(origin + depth[:, None] * directions)
    assert np.sqrt(np.mean((colour - truth)[met] ** 2)) < 0.02


def test_what_the_key_frame_does_not_know_is_not_told(ball, key):
    origin, directions, depth = rays(ball)
    nothing = replace(key, disparity=np.zeros_like(key.disparity))
    assert not nothing.carry(origin, directions, depth, SETTINGS)[1].any()
    half = key.disparity.copy()
    half[:, : WIDTH // 2] = 0.0
    both = carried([replace(key, disparity=half), key], ball.cameras[2], directions, depth, SETTINGS)
    assert {0, 1} <= set(np.unique(both.key)) and np.mean(both.key < 0) < 0.15
    one = carried([key], ball.cameras[2], directions, depth, SETTINGS)
    told = (both.key >= 0) & (one.key >= 0)
    np.testing.assert_allclose(both.colour[told], one.colour[told], atol=0.02)


def test_key_frames_lie_among_those_that_hide_most(ball):
    """Points around the middle, hidden from three neighbours of which the middle one is nearest to all."""
    points = ball.box.centre + np.random.default_rng(0).normal(0, 0.2, (60, 3))
    unseen = {n: points for n in (0, 2, 4)}
    chosen = choose_key_frames(unseen, ball.cameras, replace(SETTINGS, key_frames=1))
    assert chosen == [2]
    assert len(choose_key_frames(unseen, ball.cameras, replace(SETTINGS, key_gain=0.9))) == 1
    assert set(choose_key_frames(unseen, ball.cameras, replace(SETTINGS, key_gain=0.0))) == {0, 2, 4}


def test_where_all_was_seen_there_is_no_key_frame(ball):
    assert choose_key_frames({0: np.zeros((0, 3)), 1: np.zeros((0, 3))}, ball.cameras, SETTINGS) == []
    assert choose_key_frames({}, ball.cameras, SETTINGS) == []
