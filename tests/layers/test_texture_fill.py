"""Holes in pictures whose texture is known, and loops against plain ones."""

import numpy as np
import pytest

from surface_sos_core.layers.patch_match import difference, search, vote
from surface_sos_core.layers.texture_fill import fill_texture
from surface_sos_core.settings import FillSettings

SETTINGS = FillSettings()


@pytest.fixture
def stripes() -> np.ndarray:
    """(80, 100, 3): stripes 6 pixels wide that lean, dark and bright."""
    y, x = np.mgrid[:80, :100]
    bright = np.where((x + y // 2) // 6 % 2 == 0, 0.2, 0.8)
    return np.repeat(bright[..., None], 3, axis=2).astype(np.float32)


def disc(shape: tuple[int, ...], radius: float, centre: tuple[int, int] = (40, 50)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2


def test_stripes_that_run_into_a_hole_go_on(stripes):
    hole = disc(stripes.shape, 15)
    given = np.where(hole[..., None], 0.5, stripes)
    filled, left = fill_texture(given, hole, ~hole, SETTINGS, 0)
    assert not left.any()
    np.testing.assert_array_equal(filled[~hole], stripes[~hole])
    assert np.abs(filled - stripes)[hole].mean() < 0.06


def test_noise_stays_noise():
    """No fog: what is invented differs as much from pixel to pixel as what is around it."""
    picture = np.random.default_rng(0).uniform(0.3, 0.7, (80, 100, 3)).astype(np.float32)
    hole = disc(picture.shape, 18)
    filled, _ = fill_texture(np.where(hole[..., None], 0, picture), hole, ~hole, SETTINGS, 0)
    assert 0.8 < filled[hole].std() / picture[~hole].std() < 1.2


def test_only_exemplars_are_copied(stripes):
    """The right half is red, but is no exemplar."""
    picture = stripes.copy()
    picture[:, 60:] = (1.0, 0.0, 0.0)
    hole = disc(picture.shape, 8)
    exemplars = ~hole
    exemplars[:, 60:] = False
    filled, _ = fill_texture(picture, hole, exemplars, SETTINGS, 0)
    assert np.abs(filled[hole][:, 0] - filled[hole][:, 1]).max() < 1e-3


def test_what_is_neither_hole_nor_exemplar_is_unknown(stripes):
    """Whatever stands in the picture there."""
    hole = disc(stripes.shape, 12)
    exemplars = ~hole
    exemplars[:, 55:] = False
    first, second = stripes.copy(), stripes.copy()
    second[:, 55:][~hole[:, 55:]] = (1.0, 0.0, 0.0)
    one, other = (fill_texture(picture, hole, exemplars, SETTINGS, 0)[0] for picture in (first, second))
    np.testing.assert_array_equal(one[hole], other[hole])


def test_what_is_deep_is_filled_from_what_is_as_deep(stripes):
    """Noise all over, of two colours that differ little, on a floor and on what is far behind it."""
    random = np.random.default_rng(2)
    picture = (0.5 + random.uniform(-0.1, 0.1, stripes.shape)).astype(np.float32)
    picture[:, 50:, 0] += 0.05
    deep = np.zeros(stripes.shape[:2], np.float32)
    deep[:, 50:] = 500.0
    hole = disc(stripes.shape, 12, (40, 45))
    deep[hole] = 500.0
    filled, _ = fill_texture(picture, hole, ~hole, SETTINGS, 0, deep)
    plain, _ = fill_texture(picture, hole, ~hole, SETTINGS, 0)
    assert filled[hole][:, 0].mean() > 0.53 > plain[hole][:, 0].mean()


def test_the_same_seed_fills_the_same(stripes):
    hole = disc(stripes.shape, 15)
    first, second = (fill_texture(stripes + 0, hole, ~hole, SETTINGS, 3)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_hole_at_the_border_and_one_beside_another(stripes):
    hole = (
        disc(stripes.shape, 9, (2, 20)) | disc(stripes.shape, 6, (60, 60)) | disc(stripes.shape, 6, (60, 80))
    )
    filled, left = fill_texture(np.where(hole[..., None], 0.5, stripes), hole, ~hole, SETTINGS, 0)
    assert not left.any() and np.abs(filled - stripes)[hole].mean() < 0.12


def test_without_an_exemplar_the_picture_is_left_as_it_was(stripes):
    hole = np.ones(stripes.shape[:2], bool)
    hole[:4] = False  # less than a patch
    filled, left = fill_texture(stripes, hole, ~hole, SETTINGS, 0)
    np.testing.assert_array_equal(left, hole)
    np.testing.assert_array_equal(filled, stripes)


def test_a_large_hole_goes_on_from_half_the_size(stripes):
    hole = disc(stripes.shape, 15)
    settings = FillSettings(searched=300)
    filled, _ = fill_texture(np.where(hole[..., None], 0.5, stripes), hole, ~hole, settings, 0)
    assert np.abs(filled - stripes)[hole].mean() < 0.12


def plain_difference(picture, trust, one, other, radius) -> float:
    total = 0.0
    for i in range(-radius, radius + 1):
        for j in range(-radius, radius + 1):
            r, c = one[0] + i, one[1] + j
            if 0 <= r < trust.shape[0] and 0 <= c < trust.shape[1]:
                apart = picture[r, c].astype(float) - picture[other[0] + i, other[1] + j]
                total += float(trust[r, c]) * float((apart**2).sum())
    return total


@pytest.fixture
def small():
    """A picture (24, 28, 3), trust, places of a hole in its corner, and where patches may come from."""
    random = np.random.default_rng(1)
    picture = random.uniform(0, 1, (24, 28, 3)).astype(np.float32)
    trust = random.uniform(0.2, 1, (24, 28)).astype(np.float32)
    places = np.argwhere(np.pad(np.ones((8, 9), bool), ((0, 16), (0, 19))))
    usable = np.zeros((24, 28), bool)
    usable[12:-2, 2:-2] = True
    return picture, trust, places, usable


def test_the_difference_of_patches_against_a_plain_one(small):
    picture, trust, _, _ = small
    for one, other in (((0, 0), (15, 5)), ((7, 8), (20, 25)), ((1, 3), (13, 2))):
        told = difference(picture, trust, *one, *other, 2, np.inf)
        assert told == pytest.approx(plain_difference(picture, trust, one, other, 2), rel=1e-4)


def test_the_search_finds_nearly_the_best_patches(small):
    """Against a look at all of them."""
    picture, trust, places, usable = small
    match = np.full((24, 28, 2), -1)
    match[places[:, 0], places[:, 1]] = (13, 3)
    cost = np.zeros((24, 28), np.float32)
    search(
        picture, trust, places, usable, match, cost, 2, 12, 28, np.zeros((24, 28, 3), np.float32), 0.0, 0.0, 0
    )
    found = cost[places[:, 0], places[:, 1]]
    best = [
        min(plain_difference(picture, trust, place, other, 2) for other in np.argwhere(usable))
        for place in places
    ]
    assert np.all(found > 0.999 * np.array(best)) and np.mean(found / best) < 1.1
    for place in places[::7]:
        told = plain_difference(picture, trust, place, match[tuple(place)], 2)
        assert cost[tuple(place)] == pytest.approx(told, rel=1e-4)


def test_the_cheapest_patch_around_a_pixel_tells_its_colour(small):
    picture, _, places, _ = small
    match, cost = np.full((24, 28, 2), -1), np.ones((24, 28), np.float32)
    match[places[:, 0], places[:, 1]] = (14, 4)
    match[3, 4], cost[3, 4] = (20, 10), 0.5
    told = vote(picture, np.array([[3, 4], [2, 5], [7, 8]]), match, cost, 2)
    np.testing.assert_array_equal(told[:2], picture[[20, 19], [10, 11]])
    assert not np.array_equal(told[2], picture[20, 10])
