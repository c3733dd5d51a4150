"""Colours carried into a hole."""

import numpy as np

from surface_sos_core.layers.fill import carry_on

H, W = 40, 60


def test_what_is_known_stays_and_a_slope_goes_on():
    y, x = np.mgrid[:H, :W].astype(np.float32)
    values = np.stack([x / W, y / H, 0 * x + 0.3], axis=-1)
    known = np.ones((H, W), bool)
    known[10:30, 20:45] = False
    filled = carry_on(np.where(known[..., None], values, 7.0), known)
    np.testing.assert_array_equal(filled[known], values[known])
    assert np.abs(filled - values).max() < 1e-3  # a plane is a membrane at rest


def test_colours_meet_in_the_middle():
    values = np.zeros((H, W, 1), np.float32)
    values[:, :20], values[:, 40:] = 1.0, 0.0
    known = np.ones((H, W), bool)
    known[:, 20:40] = False
    middle = carry_on(values, known)[20, 20:40, 0]
    assert np.all(np.diff(middle) < 0) and abs(middle.mean() - 0.5) < 0.05


def test_large_pictures_are_filled_on_a_coarser_lattice():
    values = np.full((900, 1300, 3), 0.4, np.float32)
    known = np.ones((900, 1300), bool)
    known[200:700, 300:900] = False
    filled = carry_on(np.where(known[..., None], values, 0.0).astype(np.float32), known)
    np.testing.assert_allclose(filled, values, atol=1e-4)


def test_nothing_known_or_nothing_missing():
    values = np.random.default_rng(0).random((H, W, 3), np.float32)
    assert not carry_on(values, np.zeros((H, W), bool)).any()
    np.testing.assert_array_equal(carry_on(values, np.ones((H, W), bool)), values)
