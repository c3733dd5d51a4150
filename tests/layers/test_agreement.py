"""How far sources agree, against the same in numpy."""

import warnings

import numpy as np

from surface_sos_core.layers.agreement import changes, differences


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


def test_changes_are_means_over_the_sources_that_show_both_places():
    random = np.random.default_rng(1)
    colours = random.random((5, 40, 3)).astype(np.float32)
    weights = (random.random((5, 40)) * (random.random((5, 40)) < 0.5)).astype(np.float32)
    a, b = random.integers(0, 40, (2, 300))
    together = np.minimum(weights[:, a], weights[:, b])
    total = together.sum(axis=0)
    expected = (together[..., None] * (colours[:, b] - colours[:, a])).sum(axis=0)
    expected /= np.maximum(total, 1e-20)[:, None]
    change, both = changes(colours, weights, a, b)
    np.testing.assert_allclose(change, expected, atol=1e-5)
    np.testing.assert_allclose(both, total, atol=1e-6)
    assert (both == 0).any()


def test_no_sources_change_nothing():
    pair = np.array([0]), np.array([1])
    change, both = changes(np.zeros((0, 2, 3), np.float32), np.zeros((0, 2), np.float32), *pair)
    assert not change.any() and not both.any()
