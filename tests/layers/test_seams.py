"""Colours from differences, against a dense solution and against pictures whose seams are known."""

import numpy as np
import pytest

from surface_sos_core.layers.seams import neighbours, solve_colours, spread, without_faint_steps
from surface_sos_core.settings import PlateSettings

H, W = 14, 18
SETTINGS = PlateSettings()


@pytest.fixture
def picture() -> np.ndarray:
    y, x = np.mgrid[:H, :W]
    return np.stack([0.3 + 0.02 * x, 0.5 + 0.1 * np.sin(0.7 * x + 0.3 * y), 0.8 - 0.03 * y], axis=-1)


def hole() -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[2:-2, 2:-2] = True
    return mask


def differences(picture: np.ndarray, pairs) -> np.ndarray:
    flat = picture.reshape(-1, 3)
    return flat[pairs.b] - flat[pairs.a]


def test_neighbours_of_a_ragged_mask():
    mask = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], bool)  # listed as 0 1 / 2 3 / 4 5
    pairs = neighbours(mask)
    assert set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)) == {(0, 1), (2, 3), (1, 2), (3, 5)}


def test_a_picture_comes_back_from_its_border_and_its_differences(picture):
    pairs, open_ = neighbours(np.ones((H, W), bool)), hole().ravel()
    start = np.where(open_[:, None], 0.0, picture.reshape(-1, 3))
    solved = solve_colours(
        pairs,
        differences(picture, pairs),
        np.ones(len(pairs.a), bool),
        start,
        np.zeros(H * W),
        open_,
        SETTINGS.loose,
    )
    np.testing.assert_allclose(solved, picture.reshape(-1, 3), atol=2e-3)
    np.testing.assert_array_equal(solved[~open_], start[~open_].astype(np.float32))


def test_it_is_the_least_squares_solution(picture):
    """Against numpy's dense one, with random differences, some of which no frame shows, and anchors."""
    random = np.random.default_rng(0)
    pairs, open_ = neighbours(np.ones((H, W), bool)), hole().ravel()
    change = random.normal(0.0, 0.1, (len(pairs.a), 3))
    shown = random.random(len(pairs.a)) < 0.7
    change[~shown] = 0.0
    colour, anchor = picture.reshape(-1, 3), random.uniform(0.0, 0.3, H * W)
    solved = solve_colours(pairs, change, shown, colour, anchor, open_, SETTINGS.loose)

    weight = np.sqrt(np.where(shown, 1.0, 0.05))
    rows = np.zeros((len(pairs.a) + 2 * H * W, H * W))
    told = np.zeros((len(rows), 3))
    each = np.arange(len(pairs.a))
    rows[each, pairs.a], rows[each, pairs.b] = -weight, weight
    told[each] = weight[:, None] * change
    for i in range(H * W):
        rows[len(pairs.a) + i, i] = 1e6 if not open_[i] else np.sqrt(anchor[i])
    told[len(pairs.a) : len(pairs.a) + H * W] = (
        rows[len(pairs.a) + np.arange(H * W), np.arange(H * W), None] * colour
    )
    dense = np.linalg.lstsq(rows, told, rcond=None)[0]
    np.testing.assert_allclose(solved, dense, atol=2e-3)


def test_frames_that_are_lit_otherwise_leave_no_seam(picture):
    """The left half from one frame, the right half from a brighter one; either shows its own differences."""
    pairs, open_ = neighbours(np.ones((H, W), bool)), hole().ravel()
    patched = picture + 0.2 * (np.arange(W) >= W // 2)[None, :, None]
    start = np.where(open_[:, None], patched.reshape(-1, 3), picture.reshape(-1, 3))
    solved = solve_colours(
        pairs,
        differences(picture, pairs),
        np.ones(len(pairs.a), bool),
        start,
        np.zeros(H * W),
        open_,
        SETTINGS.loose,
    )
    np.testing.assert_allclose(solved, picture.reshape(-1, 3), atol=2e-3)


def test_what_no_frame_saw_is_a_membrane():
    """Between a left edge of 0 and a right edge of 1 it rises evenly."""
    pairs = neighbours(np.ones((H, W), bool))
    open_ = np.zeros((H, W), bool)
    open_[:, 1:-1] = True
    colour = np.zeros((H, W, 3))
    colour[:, -1] = 1.0
    nothing = np.zeros(len(pairs.a), bool)
    solved = solve_colours(
        pairs,
        np.zeros((len(pairs.a), 3)),
        nothing,
        colour.reshape(-1, 3),
        np.zeros(H * W),
        open_.ravel(),
        SETTINGS.loose,
    )
    np.testing.assert_allclose(
        solved.reshape(H, W, 3)[..., 0], np.tile(np.arange(W) / (W - 1), (H, 1)), atol=2e-3
    )


def test_an_island_and_an_empty_hole():
    colour = np.full((4, 3), 0.25)
    pairs = neighbours(np.ones((2, 2), bool))
    change, shown = np.zeros((len(pairs.a), 3)), np.ones(len(pairs.a), bool)
    everything = solve_colours(pairs, change, shown, colour, np.zeros(4), np.ones(4, bool), SETTINGS.loose)
    np.testing.assert_allclose(everything, 0.25, atol=1e-4)
    np.testing.assert_array_equal(
        solve_colours(pairs, change, shown, colour, np.zeros(4), np.zeros(4, bool), SETTINGS.loose),
        colour.astype(np.float32),
    )


def test_what_is_known_is_spread_over_the_rest():
    y, x = np.mgrid[:61, :83]
    colour = np.stack([x / 83, y / 61, np.full(x.shape, 0.5)], axis=-1).astype(np.float32)
    known = np.hypot(x - 40, y - 30) > 20
    found = spread(np.where(known[..., None], colour, 9.0), known)
    np.testing.assert_array_equal(found[known], colour[known])
    assert np.abs(found - colour).max() < 0.15 and np.abs(found - colour)[30, 40].max() < 0.05
    assert not spread(colour, np.zeros_like(known)).any()


def test_a_large_hole_is_solved_to_its_middle():
    """From a start that is zero there, but for what is spread."""
    size = 200
    mask = np.ones((size, size), bool)
    pairs, open_ = neighbours(mask), np.zeros((size, size), bool)
    open_[1:-1, 1:-1] = True
    ramp = np.broadcast_to(np.linspace(0, 1, size)[None, :, None], (size, size, 3)).astype(np.float32)
    start = spread(np.where(open_[..., None], 0.0, ramp), ~open_).reshape(-1, 3)
    nothing = np.zeros(len(pairs.a), bool)
    solved = solve_colours(
        pairs, np.zeros((len(pairs.a), 3)), nothing, start, np.zeros(size**2), open_.ravel(), SETTINGS.loose
    )
    assert np.abs(solved.reshape(size, size, 3) - ramp).max() < 0.01


def test_a_patch_of_wrong_depth_takes_the_level_of_what_is_around_it(picture):
    """Its step goes where it is faint and depth jumps; a strong one, and one on a surface that goes on, stay."""
    pairs, open_ = neighbours(np.ones((H, W), bool)), hole().ravel()
    patch = np.zeros((H, W), bool)
    patch[5:9, 6:11] = True
    depth = np.where(patch, 3.0, 4.0).ravel()

    def solved(step: float, depth: np.ndarray) -> np.ndarray:
        change = differences(picture * 0 + 0.5 + step * patch[..., None], pairs)
        start = np.full((H * W, 3), 0.5)
        told = without_faint_steps(pairs, change.astype(np.float32), depth, SETTINGS)
        return solve_colours(
            pairs, told, np.ones(len(pairs.a), bool), start, np.zeros(H * W), open_, SETTINGS.loose
        )

    np.testing.assert_allclose(solved(0.05, depth), 0.5, atol=1e-3)
    inside = patch.ravel()
    np.testing.assert_allclose(solved(0.05, np.full(H * W, 4.0))[inside], 0.55, atol=1e-3)
    np.testing.assert_allclose(solved(0.2, depth)[inside], 0.7, atol=1e-3)
