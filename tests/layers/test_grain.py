"""Noise that was put into pictures is found again, and given to what is filled."""

import numpy as np
import pytest

from surface_sos_core.layers.grain import noise_levels, with_grain
from surface_sos_core.settings import GrainSettings

SETTINGS = GrainSettings()
SIGMA = np.array([0.01, 0.02, 0.04])


@pytest.fixture
def clean() -> np.ndarray:
    """(120, 160, 3): dark on the left, bright on the right, no noise."""
    return np.repeat(np.where(np.arange(160) < 80, 0.25, 0.75)[None, :, None], 120, axis=0).repeat(3, axis=2)


@pytest.fixture
def plate(clean) -> np.ndarray:
    """The same with noise, other in each channel, twice as much where it is bright."""
    noise = np.random.default_rng(0).standard_normal(clean.shape) * SIGMA * np.where(clean > 0.5, 2.0, 1.0)
    return (clean + noise).astype(np.float32)


@pytest.fixture
def filled() -> np.ndarray:
    mask = np.zeros((120, 160), bool)
    mask[30:90, 40:120] = True
    return mask


def test_noise_is_measured_by_channel_and_brightness(plate):
    found = noise_levels(plate, np.ones((120, 160), bool), SETTINGS)
    np.testing.assert_allclose(found[1], SIGMA, rtol=0.25)
    np.testing.assert_allclose(found[4], 2 * SIGMA, rtol=0.25)


def test_texture_is_no_noise(plate):
    stripes = plate.copy()
    stripes[:, :60:4] += 0.1
    stripes[::4, :60] += 0.1
    np.testing.assert_allclose(
        noise_levels(stripes, np.ones((120, 160), bool), SETTINGS)[1], SIGMA, rtol=0.35
    )


def test_what_is_filled_gets_the_noise_around_it(clean, plate, filled):
    given = np.where(filled[..., None], clean, plate).astype(np.float32)
    done = with_grain(given, plate, filled, SETTINGS, 5)
    np.testing.assert_array_equal(done[~filled], given[~filled])
    for bright, factor in ((False, 1.0), (True, 2.0)):
        part = filled & ((clean[..., 0] > 0.5) == bright)
        np.testing.assert_allclose((done - clean)[part].std(axis=0), factor * SIGMA, rtol=0.25)
    np.testing.assert_array_equal(done, with_grain(given, plate, filled, SETTINGS, 5))
    assert not np.array_equal(done, with_grain(given, plate, filled, SETTINGS, 6))


def test_what_has_it_gets_no_more(plate, filled):
    done = with_grain(plate, plate, filled, SETTINGS, 0)
    assert (done - plate)[filled].std(axis=0).max() < 0.4 * SIGMA.max()


def test_a_hole_in_a_plate_without_noise_stays_plain(clean, filled):
    np.testing.assert_array_equal(with_grain(clean, clean, filled, SETTINGS, 0), clean)
    everything = np.ones_like(filled)
    np.testing.assert_array_equal(with_grain(clean, clean, everything, SETTINGS, 0), clean)
