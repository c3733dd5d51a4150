"""Discs, what is near a mask, and the part that holds it."""

import numpy as np

from surface_sos_core.shapes import around_outline, dilated, disc, part_around, parts_above


def test_a_disc_is_as_wide_as_its_radius_says():
    assert disc(1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert disc(7).shape == (15, 15) and not disc(7)[0, 0]


def test_what_is_near_a_mask():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert np.array_equal(dilated(mask, 2)[2:7, 2:7], disc(2) > 0)
    assert dilated(mask, 2).sum() == disc(2).sum()


def test_the_part_around_a_mask_ends_at_the_picture():
    mask = np.zeros((20, 30), bool)
    mask[1, 10:14] = True
    assert part_around(mask, 3) == (slice(0, 5), slice(7, 17))


def test_around_an_outline_is_a_band_to_both_sides():
    mask = np.zeros((12, 20), bool)
    mask[:, :8] = True
    assert np.array_equal(np.flatnonzero(around_outline(mask, 2)[6]), [6, 7, 8, 9])
    assert not around_outline(np.ones((12, 20), bool), 2).any()


def test_parts_of_a_matte_stand_by_themselves_above_a_level():
    """Corners join; what is no higher than the level parts what is."""
    alpha = np.zeros((6, 9), np.float32)
    alpha[0, 0] = alpha[1, 1] = 1.0
    alpha[4, 4:9] = 0.6, 0.2, 0.6, 0.6, 0.0
    label, size = parts_above(alpha, 0.2)
    assert label[0, 0] == label[1, 1] and (label > 0).sum() == 5
    np.testing.assert_allclose(sorted(size), [0.0, 0.6, 1.2, 2.0], rtol=1e-6)
    assert len(parts_above(alpha, 0.0)[1]) == 3
