"""Carrying known values into the unknown."""

import numpy as np
import pytest

from surface_sos_core.layers.fill import diffuse


def test_known_values_stay_bit_for_bit():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(33, 47, 3)).astype(np.float32)
    known = generator.random((33, 47)) < 0.3
    filled = diffuse(values, known)
    np.testing.assert_array_equal(filled[known], values[known])
    assert filled.dtype == np.float32


def test_what_is_unknown_is_not_looked_at():
    values = np.full((40, 40, 1), 0.25, np.float32)
    known = np.zeros((40, 40), bool)
    known[:5] = True
    values[~known] = 1e6
    np.testing.assert_allclose(diffuse(values, known), 0.25, atol=1e-5)


def test_a_hole_in_a_ramp_is_filled_smoothly():
    ramp = np.broadcast_to(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], (64, 64, 1)).copy()
    known = np.ones((64, 64), bool)
    known[20:44, 20:44] = False
    filled = diffuse(np.where(known[..., None], ramp, 9.0).astype(np.float32), known)
    assert np.abs(filled - ramp).max() < 0.2
    assert (
        np.abs(np.diff(filled[..., 0], axis=0)).max() < 0.12
        and np.abs(np.diff(filled[..., 0], axis=1)).max() < 0.12
    )


def test_values_stay_within_those_known():
    generator = np.random.default_rng(1)
    values = generator.random((50, 31, 2)).astype(np.float32)
    filled = diffuse(values, generator.random((50, 31)) < 0.02)
    assert filled.min() >= 0.0 and filled.max() <= 1.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (17, 16)])
def test_nothing_known_is_zero_and_everything_known_is_itself(shape):
    values = np.random.default_rng(2).random((*shape, 3)).astype(np.float32)
    assert not diffuse(values, np.zeros(shape, bool)).any()
    np.testing.assert_array_equal(diffuse(values, np.ones(shape, bool)), values)
