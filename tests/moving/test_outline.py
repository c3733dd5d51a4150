"""A shadow and a dark thing on a textured wall: both are darker, one of them keeps the wall's texture."""

import cv2
import numpy as np
import pytest

from surface_sos_core.moving.outline import Behind, difference_odds, in_shadow, may_be_shadow, texture_lost
from surface_sos_core.settings import OutlineSettings, ShadowColourSettings

SHAPE = 120, 240
SHADOW, THING = np.s_[30:90, 20:100], np.s_[30:90, 140:220]
COLOURS = ShadowColourSettings()


def noise(seed: int, sigma: float, contrast: float) -> np.ndarray:
    grey = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32), (0, 0), sigma)
    return np.float32(1.0) + contrast * (grey / grey.std())[..., None]


@pytest.fixture
def wall() -> np.ndarray:
    return (noise(1, 2.0, 0.15) * np.array([0.6, 0.5, 0.45], np.float32)).clip(0.02, 1)


@pytest.fixture
def picture(wall) -> np.ndarray:
    """The wall with a shadow on it, whose outline is hard, and a thing of the wall's tint before it."""
    seen = wall.copy()
    seen[SHADOW] *= 0.5
    seen[THING] = (0.5 * noise(2, 3.0, 0.1) * wall.mean(axis=(0, 1)))[THING]
    return seen + np.random.default_rng(3).normal(0, 0.004, seen.shape).astype(np.float32)


def inner(part: tuple[slice, slice], by: int = 4) -> tuple[slice, slice]:
    return tuple(slice(one.start + by, one.stop - by) for one in part)


def test_colours_alone_do_not_tell_them_apart(wall, picture):
    dark = may_be_shadow(picture, wall, COLOURS)
    assert dark[inner(SHADOW)].mean() > 0.9 and dark[inner(THING)].mean() > 0.9


def test_a_shadow_keeps_the_texture_also_at_its_outline(wall, picture):
    lost = texture_lost(picture, wall, COLOURS)
    around = np.ones(SHAPE, bool)
    around[inner(THING, -12)] = False
    assert lost[around].mean() < 0.03  # beside the shadow's own outline
    assert lost[inner(THING)].mean() > 0.8


def test_a_plain_wall_has_none_to_lose(picture):
    plain = np.full((*SHAPE, 3), 0.5, np.float32)
    assert not texture_lost(picture, plain, COLOURS).any()


def test_the_thing_is_not_background_and_the_shadow_may_be(wall, picture):
    behind = Behind(wall, np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool))
    rgb = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
    by_colour = difference_odds(rgb, behind, OutlineSettings(), COLOURS)
    assert (by_colour[inner(THING)] <= 0).mean() > 0.9
    odds = difference_odds(rgb, behind, OutlineSettings(), COLOURS, by_texture=True)
    assert (odds[inner(SHADOW)] <= 0).mean() > 0.97
    assert (odds[inner(THING)] > 0).mean() > 0.75
    unknown = Behind(wall, behind.spread, np.zeros(SHAPE, bool))
    assert not difference_odds(rgb, unknown, OutlineSettings(), COLOURS).any()


def test_the_shadow_is_told_by_the_texture_that_it_leaves(wall, picture):
    behind = Behind(wall, np.zeros(SHAPE, np.float32), np.ones(SHAPE, bool))
    shadow = in_shadow(np.rint(255 * picture.clip(0, 1)).astype(np.uint8), behind, OutlineSettings(), COLOURS)
    assert shadow[inner(SHADOW)].mean() > 0.8 and shadow[inner(THING)].mean() < 0.2
    around = np.ones(SHAPE, bool)
    around[SHADOW], around[THING] = False, False
    assert not shadow[around].any()
    plain = Behind(np.full((*SHAPE, 3), 0.9, np.float32), behind.spread, behind.known)
    grey = np.full((*SHAPE, 3), 100, np.uint8)
    assert not in_shadow(grey, plain, OutlineSettings(), COLOURS).any()  # nothing tells it from a grey coat
