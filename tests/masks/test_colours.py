import numpy as np
import pytest

from surface_sos_core.masks import colours
from surface_sos_core.masks.colours import LearntColours
from surface_sos_core.settings import ColourSettings

SETTINGS = ColourSettings()


def colours_of(rgb: np.ndarray) -> np.ndarray:
    return colours.colours_of(rgb, SETTINGS)


RED, BLUE = (colours_of(np.full((4, 4, 3), rgb, np.uint8)) for rgb in ((200, 30, 30), (30, 40, 200)))
EITHER = np.concatenate((RED, BLUE))


def learnt(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = LearntColours(SETTINGS)
    both = np.concatenate((inside, outside))
    first = np.arange(len(both))[:, None].repeat(4, axis=1) < len(inside)
    found.add(both, first, ~first)
    frequencies = found.frequencies()
    assert frequencies is not None and frequencies[0].sum() == pytest.approx(1)
    np.testing.assert_allclose(frequencies[0], colours.frequencies(inside, SETTINGS))
    return frequencies


def test_a_colour_tells_for_what_has_it():
    odds = colours.log_odds(*learnt(RED, BLUE), SETTINGS)
    assert odds.shape == (colours.colours_told_apart(SETTINGS),)
    assert odds[RED].min() == 3 and odds[BLUE].max() == -3
    assert odds[colours_of(np.zeros((1, 1, 3), np.uint8))] == 0  # nobody has it


def test_how_well_colours_tell():
    told = [colours.difference(*learnt(*pair)) for pair in ((RED, RED), (RED, EITHER), (RED, BLUE))]
    assert told == pytest.approx([0, 0.5, 1], abs=0.01)
    assert colours.trust_in_colours(told[2], SETTINGS) == colours.trust_in_colours(0.8, SETTINGS) == 1
    assert colours.trust_in_colours(0.4, SETTINGS) == pytest.approx(1 / 256)


def test_what_was_never_seen_tells_nothing():
    assert LearntColours(SETTINGS).frequencies() is None
    assert colours.frequencies(np.zeros(0, int), SETTINGS) is None


def test_nearby_a_colour_may_tell_otherwise():
    """Red in the left half is the object and green beside it; on the right it is the other way round."""
    red, green = (200, 30, 30), (30, 160, 60)
    picture = np.zeros((80, 160, 3), np.uint8)
    picture[:, :40], picture[:, 40:80], picture[:, 80:120], picture[:, 120:] = red, green, red, green
    column = np.arange(160)[None].repeat(80, axis=0)
    inside, outside = (column < 30) | (column > 130), (column > 50) & (column < 110)
    found = LearntColours(SETTINGS)
    names = colours_of(picture)
    found.add(names, inside, outside)
    often = found.frequencies()
    in_general = colours.log_odds(*often, SETTINGS)[names]
    assert np.abs(in_general).max() < 0.1  # in all of the picture, both are as often the object as not
    odds = colours.nearby_log_odds(picture, inside, outside, often, SETTINGS)
    assert odds[:, :30].min() > 0.5 and odds[:, 50:70].max() < -0.5
    assert odds[:, 90:110].max() < -0.5 and odds[:, 130:].min() > 0.5


def test_nearby_hardly_different_tints_are_told_apart():
    """White fur on a cream platform: in general one colour, which tells nothing."""
    fur, platform = (224, 222, 219), (226, 221, 212)
    picture = np.full((80, 120, 3), platform, np.uint8)
    picture[:, :60] = fur
    names = colours_of(picture)
    assert len(np.unique(names)) == 1
    column = np.arange(120)[None].repeat(80, axis=0)
    inside, outside = column < 40, column > 80
    found = LearntColours(SETTINGS)
    found.add(names, inside, outside)
    often = found.frequencies()
    assert np.abs(colours.log_odds(*often, SETTINGS)[names]).max() < 1e-6
    odds = colours.nearby_log_odds(picture, inside, outside, often, SETTINGS)
    assert odds[:, :60].min() > 1 and odds[:, 60:].max() < -1


def test_what_is_not_seen_nearby_tells_what_it_does_in_general():
    picture = np.full((60, 90, 3), (200, 30, 30), np.uint8)
    often = learnt(RED, BLUE)
    nothing = np.zeros(picture.shape[:2], bool)
    np.testing.assert_allclose(colours.nearby_log_odds(picture, nothing, nothing, often, SETTINGS), 3)
    blue_beside = nothing.copy()
    blue_beside[:, :40] = True
    picture[:, :40] = (30, 40, 200)
    odds = colours.nearby_log_odds(picture, nothing, blue_beside, often, SETTINGS)
    np.testing.assert_allclose(odds[:, 40:], 3, atol=0.05)
    np.testing.assert_allclose(odds[:, :40], -3, atol=0.05)


def test_nearby_as_a_plain_sum_over_pixels():
    """A noisy picture: the sparse sums are those over all sure pixels, one by one, seen from the middles of the window's cells."""
    rng = np.random.default_rng(3)
    picture = rng.integers(90, 170, (40, 50, 3)).astype(np.uint8)
    inside, outside = rng.random((2, 40, 50)) < 0.2
    outside &= ~inside
    found = LearntColours(SETTINGS)
    names = colours_of(picture)
    found.add(names, inside, outside)
    often = found.frequencies()
    odds = colours.nearby_log_odds(picture, inside, outside, often, SETTINGS)
    cell = 0.5 * SETTINGS.window * 50
    at = np.stack(np.meshgrid(np.arange(40) // cell, np.arange(50) // cell, indexing="ij"), axis=2)
    bins = colours._bins(picture, SETTINGS.bins, SETTINGS.finer)
    smooth = (SETTINGS.smooth_light, SETTINGS.smooth_tint, SETTINGS.smooth_tint)
    for row, column in rng.integers(0, 40, (10, 2)):
        cells = np.abs(at - at[row, column])
        window = np.where((cells <= 5).all(axis=2), np.exp(-np.square(cells).sum(axis=2) / 8), 0)
        window *= 8 * np.pi / np.sum(np.exp(-np.square(np.arange(-5, 6)) / 8)) ** 2
        square = np.square((bins - bins[row, column]) / smooth).sum(axis=2)
        like = np.where(square <= SETTINGS.alike**2, np.exp(-square / 2), 0)
        like /= (2 * np.pi) ** 1.5 * np.prod(smooth)
        shares, seen = [], 0.0
        for sure, general in zip((inside, outside), often, strict=True):
            near = (window * like)[sure].sum()
            prior = SETTINGS.general * general[names[row, column]] / SETTINGS.finer**2
            shares.append((near + prior) / (window[sure].sum() + SETTINGS.general))
            seen += near
        in_general, here = (
            colours.log_odds(*often, SETTINGS)[names[row, column]],
            colours.log_odds(*shares, SETTINGS),
        )
        expected = in_general + (here - in_general) * seen / (seen + SETTINGS.seen)
        assert odds[row, column] == pytest.approx(expected, abs=1e-3)


def test_what_colours_tell_where_one_side_is_nowhere():
    picture = np.full((40, 40, 3), (200, 30, 30), np.uint8)
    everywhere = np.ones((40, 40), bool)
    assert not colours.colours_tell(picture, everywhere, ~everywhere, SETTINGS).any()
    picture[:, 20:] = (30, 40, 200)
    left = np.arange(40)[None].repeat(40, axis=0) < 20
    told = colours.colours_tell(picture, left, ~left, SETTINGS)
    assert told[:, :20].min() > 1 and told[:, 20:].max() < -1
