"""How far sources agree, against the same in numpy."""

import warnings

import numpy as np

from surface_sos_core.layers.agreement import changes, differences, one_each, smoothed


def test_differences_are_those_of_plain_medians():
    random = np.random.default_rng(0)
    colours = random.random((7, 200, 3)).astype(np.float32)
    seen = random.random((7, 200)) < 0.5
    seen[:, 0], seen[:, 1] = False, [True] + [False] * 6
    known = np.where(seen[..., None], colours, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody sees the first place
        expected = np.abs(known - np.nanmedian(known, axis=0)).max(axis=-1)
        middle = np.nanmedian(expected, axis=0)
    apart, typical = differences(colours, seen)
    np.testing.assert_allclose(apart, np.nan_to_num(expected), atol=1e-6)
    np.testing.assert_allclose(typical, np.nan_to_num(middle), atol=1e-6)
    assert typical[0] == 0 and apart[0, 1] == 0  # one source alone agrees with itself


def test_changes_are_those_of_the_places_own_sources():
    random = np.random.default_rng(1)
    colours = random.random((5, 40, 3)).astype(np.float32)
    seen, chosen = random.random((5, 40)) < 0.6, random.integers(-1, 5, 40)
    chosen = np.where(seen[chosen, np.arange(40)], chosen, -1)
    a, b = random.integers(0, 40, (2, 300))
    change, both = changes(colours, seen, chosen, a, b)
    for p in range(300):
        ends = {chosen[a[p]], chosen[b[p]]}
        told = [] if -1 in ends else [s for s in ends if seen[s, a[p]] and seen[s, b[p]]]
        assert both[p] == len(told)
        expected = np.mean([colours[s, b[p]] - colours[s, a[p]] for s in told], axis=0) if told else 0.0
        np.testing.assert_allclose(change[p], expected, atol=1e-6)
    assert (both == 0).any() and (both == 2).any()


def test_no_sources_change_nothing():
    pair = np.array([0]), np.array([1])
    none = np.full(2, -1)
    change, both = changes(np.zeros((0, 2, 3), np.float32), np.zeros((0, 2), bool), none, *pair)
    assert not change.any() and not both.any()


def row_of(count: int) -> np.ndarray:
    """Neighbours (N, 4) of places that lie in a row."""
    near = np.full((count, 4), -1, np.int32)
    near[1:, 0], near[:-1, 1] = np.arange(count - 1), np.arange(1, count)
    return near


def test_a_place_gets_the_cheapest_source_that_shows_it():
    cost = np.array([[1.0, np.inf, np.inf, 3.0], [2.0, 2.0, np.inf, 1.0]], np.float32)
    chosen = one_each(cost, np.zeros((2, 4, 3), np.float32), row_of(4), 0.0, 5)
    assert chosen.tolist() == [0, 1, -1, 1]


def test_a_seam_moves_to_where_the_sources_look_alike():
    """Source 0 is best on the left, source 1 on the right; they differ in the middle, and are the same at place 2."""
    count = 12
    cost = np.stack([np.linspace(0, 1, count), np.linspace(1, 0, count)]).astype(np.float32)
    colours = np.zeros((2, count, 3), np.float32)
    colours[1] = 0.5
    colours[1, :4] = 0.0
    free = one_each(cost, colours, row_of(count), 0.0, 20)
    held = one_each(cost, colours, row_of(count), 10.0, 20)
    assert free.tolist() == [0] * 6 + [1] * 6
    step = np.flatnonzero(np.diff(held))
    assert len(step) <= 1 and all(colours[1, n].max() == 0 for n in step)


def test_values_become_the_mean_of_what_is_known_beside_them():
    values, near = np.array([1.0, 4.0, 7.0, 0.0, 5.0], np.float32), row_of(5)
    known = np.array([True, True, True, False, True])
    np.testing.assert_allclose(smoothed(values, known, near, 1), [2.5, 4.0, 5.5, 0.0, 5.0])
    np.testing.assert_allclose(smoothed(values, known, near, 2), [3.25, 4.0, 4.75, 0.0, 5.0])
    np.testing.assert_array_equal(smoothed(values, known, near, 0), values)
