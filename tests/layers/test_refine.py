"""The outline read off the plate, and the foreground's own colour."""

import numpy as np
import pytest

from surface_sos_core.layers.refine import (
    refine_alpha,
    refine_by_plate,
    unmix_foreground,
    without_hidden_holes,
    without_islands,
)
from surface_sos_core.settings import MattingSettings

SIZE = 96
SETTINGS = MattingSettings()
RED, BLUE = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.2, 0.7])


def disc(radius: float, shift: float = 0.0) -> np.ndarray:
    """Coverage (SIZE, SIZE) of a disc, soft over a pixel."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    return np.clip(radius - np.hypot(x - SIZE / 2 - shift, y - SIZE / 2) + 0.5, 0.0, 1.0).astype(np.float32)


def picture(alpha: np.ndarray) -> np.ndarray:
    return (alpha[..., None] * RED + (1 - alpha[..., None]) * BLUE).astype(np.float32)


def test_a_wrong_outline_moves_to_the_edge_of_the_plate():
    truth, guess = disc(25.0), disc(25.0, shift=2.0)
    refined = refine_alpha(picture(truth), guess, 5, SETTINGS)
    assert np.abs(refined - truth).mean() < 0.3 * np.abs(guess - truth).mean()
    assert refined.min() >= 0.0 and refined.max() <= 1.0


def test_only_the_band_changes():
    truth, guess = disc(25.0), disc(25.0, shift=2.0)
    refined = refine_alpha(picture(truth), guess, 5, SETTINGS)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    off = np.abs(np.hypot(x - SIZE / 2 - 2.0, y - SIZE / 2) - 25.0) > 8
    np.testing.assert_array_equal(refined[off], guess[off])


def test_a_part_as_thin_as_a_pixel_is_kept():
    """Rays give a wire two fifths of its pixels; the plate shows it clearly."""
    truth = disc(20.0)
    truth[40:41, 68:90] = 0.9
    rays = disc(20.0)
    rays[40:41, 68:90] = 0.4
    refined = refine_alpha(picture(truth), rays, 3, SETTINGS)
    assert np.abs(refined - truth)[38:43, 70:88].mean() < np.abs(rays - truth)[38:43, 70:88].mean()
    assert refined[40, 70:88].min() > 0.35 and refined[[38, 42], 70:88].max() < 0.05


def test_where_the_plate_does_not_tell_the_rays_do():
    alpha = disc(25.0)
    plain = np.full((SIZE, SIZE, 3), 0.4, np.float32)
    refined = refine_alpha(plain, alpha, 4, SETTINGS)
    assert np.abs((refined > 0.5) ^ (alpha > 0.5)).mean() < 0.01


@pytest.mark.parametrize("alpha", [np.zeros((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)])
def test_no_outline_no_change(alpha):
    np.testing.assert_array_equal(refine_alpha(picture(disc(20.0)), alpha, 4, SETTINGS), alpha)


def test_an_object_of_a_few_pixels_and_one_on_the_border():
    dot = np.zeros((SIZE, SIZE), np.float32)
    dot[40:42, 40:42] = 1.0
    edge = np.zeros((SIZE, SIZE), np.float32)
    edge[:, :30] = 1.0
    for alpha in (dot, edge):
        refined = refine_alpha(picture(alpha), alpha, 4, SETTINGS)
        assert np.isfinite(refined).all() and refined.shape == alpha.shape
    assert np.abs(refine_alpha(picture(edge), edge, 4, SETTINGS) - edge).max() < 0.1


BACK = np.broadcast_to(BLUE, (SIZE, SIZE, 3)).astype(np.float32)


def test_solid_pixels_pass_through_premultiplied_and_nothing_is_left_outside():
    alpha = disc(25.0)
    plate = picture(alpha) * np.float32(1.0)
    layer = unmix_foreground(plate, alpha, BACK, SETTINGS)
    np.testing.assert_array_equal(layer[..., 3], alpha)
    np.testing.assert_array_equal(layer[alpha == 1.0][:, :3], plate[alpha == 1.0])
    assert not layer[alpha == 0.0].any()


@pytest.mark.parametrize("clean", [BACK, np.full_like(BACK, 0.9)])
def test_the_background_is_taken_out_of_the_border(clean):
    """By a right clean plate; a grossly wrong one does no harm either."""
    alpha = disc(25.0)
    layer = unmix_foreground(picture(alpha), alpha, clean, SETTINGS)
    border = (alpha > 0.2) & (alpha < 0.8)
    colour = layer[border][:, :3] / alpha[border][:, None]
    mixed = picture(alpha)[border]
    assert np.abs(colour - RED).mean() < (0.02 if clean is BACK else 1.0) * np.abs(mixed - RED).mean()


def test_foreground_over_clean_plate_is_the_plate():
    """Grain and all, where the clean plate is right."""
    alpha, random = disc(25.0), np.random.default_rng(0)
    object_, back = (np.clip(c + random.uniform(-0.05, 0.05, BACK.shape), 0.02, 1.0) for c in (RED, BLUE))
    plate = (alpha[..., None] * object_ + (1 - alpha[..., None]) * back).astype(np.float32)
    layer = unmix_foreground(plate, alpha, back.astype(np.float32), SETTINGS)
    again = layer[..., :3] + (1 - alpha[..., None]) * back
    assert np.abs(again - plate).max() < 0.02


def test_a_wrong_clean_plate_does_not_shine_in_haze():
    alpha = np.full((SIZE, SIZE), 0.02, np.float32)
    alpha[30:60, 30:60] = 1.0
    layer = unmix_foreground(picture(alpha), alpha, np.zeros_like(BACK), SETTINGS)
    assert layer[..., :3][alpha < 0.5].max() < 0.03


def test_plates_brighter_than_white_keep_their_values():
    alpha = disc(25.0)
    plate = 12.0 * picture(alpha)
    layer = unmix_foreground(plate, alpha, 12.0 * BACK, SETTINGS)
    np.testing.assert_array_equal(layer[alpha == 1.0][:, :3], plate[alpha == 1.0])
    border = (alpha > 0.2) & (alpha < 0.8)
    colour = layer[border][:, :3] / alpha[border][:, None]
    assert np.abs(colour - 12 * RED).mean() < 1.5


def test_no_object():
    assert not unmix_foreground(picture(disc(20.0)), np.zeros((SIZE, SIZE), np.float32), BACK, SETTINGS).any()


def test_a_wide_band_finds_the_outline_and_leaves_no_veil_far_from_it():
    truth, guess = disc(25.0), disc(25.0, shift=4.0)
    grain = np.random.default_rng(3).uniform(-0.05, 0.05, (SIZE, SIZE, 3))
    refined = refine_alpha((picture(truth) + grain).clip(0.0, 1.0).astype(np.float32), guess, 12, SETTINGS)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    far = np.abs(np.hypot(x - SIZE / 2, y - SIZE / 2) - 25.0) > 4
    assert np.abs(refined - truth)[far].max() < 0.01
    assert ((refined > 0.5) == (truth > 0.5)).mean() > 0.999


def test_a_narrow_gap_stays_open_where_grain_nearly_hides_it():
    alpha = disc(30.0)
    alpha[46:50, 30:66] = 0.0
    plate = np.full((SIZE, SIZE, 3), 0.4)
    plate[46:50, 30:66] += 0.05
    plate += np.random.default_rng(3).uniform(-0.02, 0.02, plate.shape)
    refined = refine_alpha(plate.astype(np.float32), alpha, 6, SETTINGS)
    assert refined[47:49, 34:62].max() < 0.5


def mosaic(seed: int) -> np.ndarray:
    """(SIZE, SIZE, 3) patches of random colours, in which no outline stands out."""
    patches = np.random.default_rng(seed).uniform(0.1, 0.9, (SIZE // 8, SIZE // 8, 3))
    return patches.repeat(8, 0).repeat(8, 1).astype(np.float32)


def test_the_clean_plate_tells_where_a_patterned_object_ends():
    truth, guess = disc(25.0), disc(25.0, shift=1.5)
    clean = mosaic(2)
    plate = truth[..., None] * mosaic(1) + (1 - truth[..., None]) * clean
    everywhere = np.ones((SIZE, SIZE), np.float32)
    told = np.abs(refine_by_plate(plate, guess, clean, everywhere, 5, SETTINGS) - truth).mean()
    untold = np.abs(refine_by_plate(plate, guess, clean, 0 * everywhere, 5, SETTINGS) - truth).mean()
    assert told < 0.8 * untold and told < 0.65 * np.abs(guess - truth).mean()


def test_a_wrong_clean_plate_moves_no_outline():
    """Another pattern fits the plate nowhere, and a plate of the object's own colours tells nothing."""
    truth = disc(25.0)
    plate = truth[..., None] * mosaic(1) + (1 - truth[..., None]) * mosaic(2)
    everywhere = np.ones((SIZE, SIZE), np.float32)
    untold = refine_by_plate(plate, truth, mosaic(2), 0 * everywhere, 5, SETTINGS)
    for clean in (mosaic(3), mosaic(1)):
        told = refine_by_plate(plate, truth, clean, everywhere, 5, SETTINGS)
        assert ((told > 0.5) != (untold > 0.5)).mean() < 0.01


@pytest.mark.parametrize("alpha", [np.zeros((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)])
def test_no_outline_no_change_by_the_clean_plate(alpha):
    seen = np.ones((SIZE, SIZE), np.float32)
    np.testing.assert_array_equal(refine_by_plate(mosaic(1), alpha, mosaic(2), seen, 4, SETTINGS), alpha)


def test_holes_that_the_plate_does_not_show_are_solid():
    alpha = disc(30.0)
    alpha[40:44, 40:50] = 0.4  # a thin place of the fields
    alpha[55:60, 40:50] = 0.4  # a gap with something behind it
    alpha[30:34, 50:54] = 0.0  # one that shows what looks alike
    plate = picture(disc(30.0))
    plate[55:60, 40:50] = 0.5 * RED + 0.5 * BLUE
    plate += np.random.default_rng(1).normal(0.0, 0.02, plate.shape).astype(np.float32)
    found = without_hidden_holes(plate, alpha, SETTINGS)
    assert (found[40:44, 40:50] == 1.0).all()
    found[40:44, 40:50] = 0.4
    np.testing.assert_array_equal(found, alpha)


def test_clutter_that_stands_by_itself_goes_and_what_a_mask_holds_stays():
    """A speck with a soft rim, one that the mask has, one as large as a part, and one that hangs on by a soft bridge."""
    alpha = disc(25.0)
    kept = alpha.copy()
    alpha[10, 10], alpha[9, 10] = 1.0, 0.1
    for picture_ in (alpha, kept):
        picture_[10, 85] = 0.9
        picture_[84:86, 84:86] = 0.9
        picture_[48, 72:80] = 0.3
    held = np.zeros(alpha.shape, bool)
    held[10, 84:87] = True
    np.testing.assert_array_equal(without_islands(alpha, held, SETTINGS), kept)
    assert without_islands(alpha, np.ones_like(held), SETTINGS) == pytest.approx(alpha)
