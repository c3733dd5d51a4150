"""A plane sweep over views of a slanted, textured wall behind an object."""

import numpy as np
import pytest

from surface_sos_core.cameras.planes import plane_disparity
from surface_sos_core.settings import SweepSettings
from surface_sos_core.stereo.pinhole import PinholeView
from surface_sos_core.stereo.sweep import _along_scanlines, _with_untold, sweep_disparity, without_speckles

H, W = 40, 56
FOCAL, CENTRE = np.array([60.0, 60.0]), np.array([28.0, 20.0])
WALL = np.array([[0.3, 0.1, 1.0, -5.0]]) / np.linalg.norm([0.3, 0.1, 1.0])


def texture(world: np.ndarray) -> np.ndarray:
    waves = np.array([[3.1, 0.7, 1.1], [0.4, 2.9, -1.3], [-2.2, 1.0, 1.7]])
    return 0.5 + 0.2 * np.sin(2.5 * world @ waves.T) + 0.2 * np.sin(world @ waves.T * 1.1 + 1.0)


def rays() -> np.ndarray:
    u, v = np.meshgrid(np.arange(W) + 0.5, np.arange(H) + 0.5)
    return np.stack([(u - CENTRE[0]) / FOCAL[0], (v - CENTRE[1]) / FOCAL[1], np.ones_like(u)], axis=-1)


def picture(place: np.ndarray) -> np.ndarray:
    disparity = plane_disparity(WALL, place, rays())[0]
    return texture(place + rays() / disparity[..., None]).astype(np.float32)


@pytest.fixture(scope="module")
def views() -> list[PinholeView]:
    found = []
    for n in range(6):
        place = np.array([0.5 * np.cos(n), 0.4 * np.sin(n), 0.1 * n - 0.2])
        free = np.ones((H, W), np.uint8)
        free[10:22, 20 + n : 26 + n] = 0  # the object
        shown = picture(place)
        shown[free == 0] = 0.0
        found.append(PinholeView(shown, free, FOCAL, CENTRE, np.eye(3), place))
    return found


@pytest.fixture(scope="module")
def hidden() -> np.ndarray:
    own = picture(np.zeros(3))
    own[8:30, 15:40] = np.nan
    return own


def sweep(own, views, priors, ceiling=None, steps=None) -> np.ndarray:
    steps = np.linspace(0.1, 0.35, 64) if steps is None else steps
    ceiling = np.full((H, W), np.inf) if ceiling is None else ceiling
    return sweep_disparity(np.zeros(3), rays(), own, priors, ceiling, steps, views, SweepSettings())


def test_colours_find_a_wall_that_nothing_told_of(hidden, views):
    true = plane_disparity(WALL, np.zeros(3), rays())[0]
    wrong = np.full((1, H, W), 0.12)
    found = sweep(hidden, views, wrong)
    hole = np.isnan(hidden[..., 0])
    assert np.median(np.abs(found / true - 1)[hole]) < 0.01
    assert np.mean(np.abs(found / true - 1)[hole] < 0.03) > 0.95


def test_where_nobody_sees_the_likely_plane_goes_on(hidden, views):
    blind = [PinholeView(v.picture, v.free.copy(), v.focal, v.centre, v.rotation, v.place) for v in views]
    for view in blind:
        view.free[6:32, 8:48] = 0
    true = plane_disparity(WALL, np.zeros(3), rays())
    other = np.full((1, H, W), 0.33)
    hole = np.isnan(hidden[..., 0])
    alone = np.abs(sweep(hidden, blind, other) / true[0] - 1)[hole]
    told = np.abs(sweep(hidden, blind, np.concatenate([other, true])) / true[0] - 1)[hole]
    assert np.mean(told < 0.03) > 0.9 and told.mean() < 0.7 * alone.mean()


def test_depths_that_nobody_sees_do_not_win_in_clutter():
    """Of three steps two frames see two, in a row of points of which the frame itself sees the first half."""
    settings, untold = SweepSettings(), np.nan
    costs = np.repeat(np.array([[[untold, 0.12, 0.16]]], np.float32), 40, axis=1)
    asked, hidden = np.arange(40)[None] % 2 == 0, np.arange(40)[None] >= 20
    costs[~asked] = 0.0
    found = _with_untold(costs, asked, hidden, settings)
    np.testing.assert_array_equal(found[..., 1:], costs[..., 1:])
    assert found[0, 0, 0] == pytest.approx(settings.neutral)
    assert found[0, 38, 0] == pytest.approx(0.12 + settings.hidden)
    nobody = np.where(asked[..., None], np.float32(untold), costs)
    assert _with_untold(nobody, asked, hidden, settings)[0, 38] == pytest.approx(settings.neutral)


def test_background_is_not_in_front_of_the_object(hidden, views):
    ceiling = np.where(np.isnan(hidden[..., 0]), 0.15, np.inf)
    found = sweep(hidden, views, np.full((1, H, W), 0.3), ceiling)
    step = (0.35 - 0.1) / 63
    assert found[np.isnan(hidden[..., 0])].max() <= 0.15 + step


def test_small_pieces_are_taken_for_noise_and_large_ones_are_not():
    slope = np.linspace(20.0, 40.0, 60)[None] + np.zeros((50, 1))  # a third of a step from one to the next
    noisy = slope.copy()
    noisy[10:20, 10:20] = 3.0  # 100 points
    noisy[25:45, 25:45] = 55.0  # 400
    noisy[0, 59] = 0.0
    found = without_speckles(noisy, 200)
    assert np.abs(found - slope)[10:20, 10:20].max() < 3.5 and abs(found[0, 59] - slope[0, 59]) < 0.5
    assert np.array_equal(found[25:45, 25:45], noisy[25:45, 25:45])
    untouched = np.abs(noisy - slope) == 0
    assert np.array_equal(found[untouched], slope[untouched])
    assert np.array_equal(without_speckles(slope[:4, :5], 200), slope[:4, :5])  # all of it is small


def test_scanlines_agree_with_the_definition():
    costs = np.random.default_rng(3).random((5, 6, 7), np.float32)
    small, large = np.float32(0.1), np.float32(0.3)
    found = _along_scanlines(costs, small, large)
    expected = np.empty_like(costs)
    for r in range(5):
        for c in range(6):
            for d in range(7):
                if c == 0:
                    expected[r, c, d] = costs[r, c, d]
                    continue
                before = expected[r, c - 1]
                jumps = [before[e] + (0 if e == d else small if abs(e - d) == 1 else large) for e in range(7)]
                expected[r, c, d] = costs[r, c, d] + min(jumps) - before.min()
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    mirrored = _along_scanlines(np.ascontiguousarray(costs[:, ::-1]), small, large)
    np.testing.assert_allclose(found[1], mirrored[0][:, ::-1], rtol=1e-5)
    turned = _along_scanlines(np.ascontiguousarray(costs.transpose(1, 0, 2)), small, large)
    np.testing.assert_allclose(found[2:], turned[:2].transpose(0, 2, 1, 3), rtol=1e-5)
