"""Sharpness, patches and flicker of clean plates against cases worked out by hand."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from surface_sos_core.evaluate import texture

EVERYWHERE = np.ones((64, 64), bool)


def noise(seed: int = 0, size: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (size, size, 3)).astype(np.float32)


def test_sharpness_by_hand():
    truth = np.zeros((2, 3, 3))
    truth[:, 1] = 0.4  # two rows of 0, 0.4, 0: four steps of 0.4 in each channel
    plate = np.zeros((2, 3, 3))
    plate[:, 1] = 0.2
    plate[0] += 0.1  # and three steps of 0.1 between the rows
    region = np.ones((2, 3), bool)
    expected = (4 * 0.2**2 + 3 * 0.1**2) / (4 * 0.4**2)
    assert texture.sharpness(plate, truth, region) == pytest.approx(expected)
    region[:, 2] = False  # what crosses the region's edge does not count
    assert texture.sharpness(plate, truth, region) == pytest.approx((2 * 0.2**2 + 2 * 0.1**2) / (2 * 0.4**2))
    assert np.isnan(texture.sharpness(plate, np.zeros_like(truth), region))


def test_what_is_blurred_is_less_sharp_and_what_is_noisy_more():
    truth = gaussian_filter(noise(), (1, 1, 0))
    assert texture.sharpness(gaussian_filter(truth, (2, 2, 0)), truth, EVERYWHERE) < 0.3
    assert texture.sharpness(truth + 0.2 * noise(1), truth, EVERYWHERE) > 1.2


def test_sliced_wasserstein_by_hand():
    a = np.array([[0.0, 5.0], [1.0, 5.0]])
    b = np.array([[3.0, 4.0], [1.0, 4.0]])
    # Along x: 0, 1 against 1, 3, apart by 1 and 2. Along y: 5 against 4.
    assert texture.sliced_wasserstein(a, b, np.eye(2)) == pytest.approx((1.5 + 1) / 2)
    assert texture.sliced_wasserstein(a, a[::-1], np.eye(2)) == 0  # which point is which does not count
    # Along the diagonal: 5, 6 against 5, 7 over the root of two.
    diagonal = np.array([[1.0, 1.0]]) / np.sqrt(2)
    assert texture.sliced_wasserstein(a, b, diagonal) == pytest.approx(0.5 / np.sqrt(2))


def test_laplacian_levels_are_what_halving_loses():
    levels = texture.laplacian_levels(noise())
    assert [level.shape for level in levels] == [(64, 64, 3), (32, 32, 3), (16, 16, 3)]
    flat = texture.laplacian_levels(np.full((32, 48, 3), 0.3, np.float32))
    assert all(np.abs(level).max() < 1e-6 for level in flat)
    # A grid of single pixels is all in the finest level, slow waves are not in it.
    grid = np.indices((64, 64)).sum(0)[..., None] % 2 * np.ones(3)
    wave = np.cos(np.arange(64) / 64 * 4 * np.pi)[None, :, None] * np.ones((64, 1, 3))
    for picture, finest in ((grid, True), (wave, False)):
        energy = [np.abs(level[4:-4, 4:-4]).mean() for level in texture.laplacian_levels(picture)]
        assert (energy[0] > 100 * energy[2]) == finest


def test_patches_tell_fog_from_texture_and_not_where_texture_is():
    truth, other = noise(0), noise(1)
    fog = np.full_like(truth, truth.mean())
    alike = texture.patch_distance(other, truth, EVERYWHERE)
    apart = texture.patch_distance(fog, truth, EVERYWHERE)
    assert texture.patch_distance(truth, truth, EVERYWHERE) == 0 and alike < 0.25 * apart
    # Nothing of a flat picture is left in a Laplacian level, so the distance grows as the texture's contrast does.
    faint = texture.patch_distance(fog, fog + (truth - fog) / 2, EVERYWHERE)
    assert faint == pytest.approx(apart / 2, rel=1e-3)


def test_the_distance_of_patches_is_in_steps_of_eight_bits(monkeypatch):
    monkeypatch.setattr(texture, "LEVELS", 1)
    truth = noise()
    fine = texture.laplacian_levels(truth)[0]
    flat = texture.patch_distance(np.zeros_like(truth), truth, EVERYWHERE)
    # Patches against nothing: the mean of |w x| over unit directions w, that of a Gaussian of the patches' own spread.
    assert flat == pytest.approx(255 * fine[3:-3, 3:-3].std() * np.sqrt(2 / np.pi), rel=0.1)


def test_patches_are_the_same_on_every_call_and_lie_within_the_region():
    truth, plate = noise(0), noise(1)
    region = np.zeros((64, 64), bool)
    region[8:40, 8:40] = True
    first = texture.patch_distance(plate, truth, region)
    assert texture.patch_distance(plate, truth, region) == first
    assert texture.patch_distance(plate, truth, region, seed=1) == pytest.approx(first, rel=0.2)
    elsewhere = plate.copy()
    elsewhere[:, 60:] = 0  # further away than any level reaches
    assert texture.patch_distance(elsewhere, truth, region) == pytest.approx(first, rel=1e-5)
    corners = texture._whole_patches(region)
    assert len(corners) == 26 * 26 and corners.min() == 8 and corners.max() == 33
    region[:] = False
    region[10:16, 10:30] = True  # six rows: no patch of seven
    assert np.isnan(texture.patch_distance(plate, truth, region))


def test_flicker_by_hand():
    still = np.zeros((4, 4, 3))
    brighter = still + 2 / 255
    inside = np.ones((4, 4), bool)
    assert texture.flicker(still, brighter, still, brighter, inside) == 0  # the truth changes as well
    assert texture.flicker(brighter, brighter, still, still, inside) == 0  # an error that stays
    assert texture.flicker(still, brighter, still, still, inside) == pytest.approx(2)
    half = brighter * (np.arange(4) < 2)[:, None, None]
    assert texture.flicker(still, half, still, still, inside) == pytest.approx(np.sqrt(2))
    assert texture.flicker(still, half, still, still, np.arange(16).reshape(4, 4) < 8) == pytest.approx(2)
    assert np.isnan(texture.flicker(still, half, still, still, ~inside))
