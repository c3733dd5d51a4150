"""What frames show of a wall and of a post before it, as a frame would see both that hides them."""

import numpy as np
import pytest

from surface_sos_core.cameras import Camera, Lens
from surface_sos_core.layers.shown_depth import ShownPlaces, cost_of_shown, shown_disparity
from surface_sos_core.settings import ShownSettings, StereoSettings, SweepSettings
from surface_sos_core.stereo.frame_disparity import FrameSweeps

LENS = Lens("PINHOLE", 80, 48, (70.0, 70.0, 40.0, 24.0))
CAMERA = Camera("a", LENS, np.eye(3), np.zeros(3))
STEPS = np.linspace(0.1, 0.6, 51)
WALL, POST = 5.0, 2.5
SETTINGS = ShownSettings(spread=3, agree=3)
ALL = np.ones((24, 40), bool)


def places(depth: float, left: float, right: float, seed: int) -> np.ndarray:
    """2,000 places in the world that far away, between two columns of the picture; errors of half a step."""
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(left, right, 2000), generator.uniform(0, 48, 2000)
    away = 1 / (1 / depth + generator.normal(0, 0.5 * (STEPS[1] - STEPS[0]), 2000))
    return np.stack([(x - 40) / 70 * away, (y - 24) / 70 * away, away], axis=1)


def told(shown: list[np.ndarray], wanted: np.ndarray = ALL, first: tuple[int, int] = (0, 0)) -> np.ndarray:
    return shown_disparity(CAMERA, shown, first, 2, STEPS, wanted, SETTINGS)


@pytest.fixture
def frames() -> list[np.ndarray]:
    """Four frames that show the wall all over, which none of them could do alone, and the post."""
    return [np.concatenate((places(WALL, 0, 80, n), places(POST, 30, 50, 10 + n))) for n in range(4)]


def test_the_nearest_is_what_is_seen(frames):
    found = told(frames)
    width = STEPS[1] - STEPS[0]
    wall, post = np.s_[:, 2:12], np.s_[:, 17:23]
    assert np.isfinite(found[:, 1:-1]).mean() > 0.99
    assert np.median(np.abs(found[wall] - 1 / WALL)) < 0.5 * width
    assert np.median(np.abs(found[post] - 1 / POST)) < 0.5 * width and (found[post] > 0.3).mean() > 0.99


def test_what_too_few_show_is_not_known(frames):
    found = told([places(WALL, 0, 80, 1), *(places(WALL, 0, 40, n) for n in range(2, 5))])
    assert np.isfinite(found[:, 1:18]).mean() > 0.99 and np.isnan(found[:, 24:]).mean() > 0.9
    assert np.isnan(told([])).all() and np.isnan(told(frames, ~ALL)).all()


def test_a_part_of_the_picture_is_that_part(frames):
    part = told(frames, ALL[5:15, 8:30], (5, 8))
    np.testing.assert_array_equal(told(frames)[6:14, 9:29], part[1:-1, 1:-1])


def test_a_step_away_costs_and_what_is_not_told_costs_nothing():
    cost = cost_of_shown(np.array([[STEPS[10], np.nan]]), STEPS, ShownSettings(weight=0.2, near=2.0))
    np.testing.assert_allclose(cost[0, 0, [7, 9, 10, 11, 30]], [0.2, 0.1, 0, 0.1, 0.2], atol=1e-6)
    assert not cost[0, 1].any() and cost.dtype == np.float32


def test_places_on_the_object_are_left_out():
    """A wall in front of two cameras, one half of which the first holds out."""
    waves = np.random.default_rng(0).normal(0, 6, (3, 9))
    cameras = [Camera(f"{n}", LENS, np.eye(3), np.array([-0.3 * n, 0.0, 0.0])) for n in range(6)]

    def picture(i: int) -> np.ndarray:
        world = cameras[i].centre + WALL * cameras[i].picture_rays(80, 48)
        return (128 + 90 * np.sin(world @ waves).reshape(48, 80, 3, 3).mean(-1)).astype(np.uint8)

    depths = np.tile([4.0, WALL, 6.0], 20)
    sweeps = FrameSweeps(
        picture, (80, 48), dict(enumerate(cameras)), 6, depths, StereoSettings(), SweepSettings()
    )
    holdouts = np.zeros((6, 12, 20), np.uint8)
    holdouts[0, :, 10:] = 1
    shown = ShownPlaces(sweeps, cameras, holdouts)
    pixels, depth = cameras[0].project(shown.of(0))
    assert len(pixels) > 1000 and (pixels[:, 0] < 40).all()
    assert np.median(np.abs(depth - WALL)) < 0.2
    assert (cameras[1].project(shown.of(1))[0][:, 0] > 45).any()
