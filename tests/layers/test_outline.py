"""The outline that colours and edges want, near the one that there is."""

import numpy as np
import pytest

from surface_sos_core.layers.outline import cut_outline
from surface_sos_core.settings import ColourSettings, EdgeSettings, MattingSettings, RedrawSettings

SIZE, RADIUS = 160, 8
SETTINGS = RedrawSettings()
RED, BLUE = np.array([0.7, 0.3, 0.2]), np.array([0.3, 0.4, 0.6])


def distance(shift: float = 0.0) -> np.ndarray:
    """(SIZE, SIZE) pixels from the outline of a disc, above 0 in it."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    return 45.0 - np.hypot(x - SIZE / 2 - shift, y - SIZE / 2)


def picture(alpha: np.ndarray, grain: float = 0.1) -> np.ndarray:
    """Red before blue, both with a grain of blocks that has edges of its own."""
    blocks = np.random.default_rng(4).uniform(-grain, grain, (SIZE // 4, SIZE // 4, 3))
    colours = alpha[..., None] * RED + (1 - alpha[..., None]) * BLUE
    return (colours + blocks.repeat(4, 0).repeat(4, 1)).astype(np.float32)


def alpha(distances: np.ndarray) -> np.ndarray:
    return np.clip(distances + 0.5, 0.0, 1.0).astype(np.float32)


def moved(plate: np.ndarray, guess: np.ndarray) -> np.ndarray:
    return cut_outline(plate, guess, RADIUS, SETTINGS, MattingSettings(), ColourSettings(), EdgeSettings())


def wrong(found: np.ndarray, truth: np.ndarray) -> int:
    return int(np.count_nonzero((found > 0.5) != (truth > 0.5)))


def test_a_wrong_outline_moves_to_where_the_colours_change():
    truth, guess = alpha(distance()), alpha(distance(shift=4.0))
    assert wrong(moved(picture(truth), guess), truth) < 0.1 * wrong(guess, truth)


def test_bays_and_bumps_go():
    truth = alpha(distance())
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    bay, bump = (np.hypot(x - across, y - SIZE / 2) < 6 for across in (SIZE / 2 + 44, SIZE / 2 - 46))
    guess = np.where(bay, 0.0, np.where(bump, 1.0, truth)).astype(np.float32)
    there = bay | bump
    assert wrong(moved(picture(truth), guess)[there], truth[there]) < 0.1 * wrong(guess, truth)


def test_where_the_plate_does_not_tell_the_outline_stays():
    guess = alpha(distance())
    plain = np.full((SIZE, SIZE, 3), 0.4, np.float32)
    assert wrong(moved(plain, guess), guess) < 0.02 * np.count_nonzero(np.abs(distance()) < RADIUS)


def test_off_the_band_nothing_changes():
    guess = alpha(distance(shift=6.0))
    far = np.abs(distance(shift=6.0)) > RADIUS + 1
    np.testing.assert_array_equal(moved(picture(alpha(distance())), guess)[far], guess[far])


def test_a_thin_part_is_not_cut_short():
    """A rod three pixels thick of colours that the background has as well, and soft."""
    truth = alpha(distance())
    truth[79:82, 120:150] = 0.8
    found = moved(picture(truth, grain=0.2), truth)
    np.testing.assert_array_equal(found[79:82, 130:148], truth[79:82, 130:148])


@pytest.mark.parametrize("everywhere", [0.0, 1.0])
def test_no_outline_no_change(everywhere):
    guess = np.full((SIZE, SIZE), everywhere, np.float32)
    np.testing.assert_array_equal(moved(picture(alpha(distance())), guess), guess)


def test_an_object_of_a_few_pixels_and_one_on_the_border():
    dot = np.zeros((SIZE, SIZE), np.float32)
    dot[40:42, 40:42] = 1.0
    edge = np.zeros((SIZE, SIZE), np.float32)
    edge[:, :50] = 1.0
    assert moved(picture(dot, grain=0.0), dot)[40:42, 40:42].all()
    assert wrong(moved(picture(edge), edge), edge) == 0
