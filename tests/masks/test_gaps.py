"""A ball with a bore through it, seen through by few of the views around it: a gap is opened, a part that a mask lost is not."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Box, Lens
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import build_consensus
from surface_sos_core.masks.gaps import Look, open_gaps
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.settings import ColourSettings, ConsensusSettings, GapSettings, ThinPartSettings
from tests.conftest import look_at

WIDTH, HEIGHT, SIZE, VIEWS, BORE = 128, 96, 64, 48, 0.35
RED, BLUE, GREY = (200, 40, 40), (40, 40, 200), (120, 120, 120)
BOX = Box(np.zeros(3), np.full(3, 1.2), np.eye(3))
LENS = Lens("PINHOLE", WIDTH, HEIGHT, (150.0, 150.0, WIDTH / 2, HEIGHT / 2))
CAMERAS = [
    look_at(f"{n}.png", 5.0 * np.array([np.cos(a), np.sin(a), 0.1 * (n % 3)]), np.zeros(3), LENS, 0.0)
    for n, a in enumerate(2 * np.pi * np.arange(VIEWS) / VIEWS)
]
BESIDE = VIEWS // 4  # a view that the bore, along x, is across to


def of_object(points: np.ndarray, bore: float = BORE) -> np.ndarray:
    """(...,) bool, which points (..., 3) are in the ball and not in the bore."""
    return (np.linalg.norm(points, axis=-1) < 1) & (np.linalg.norm(points[..., 1:], axis=-1) >= bore)


@cache
def seen(bore: float = BORE) -> np.ndarray:
    """(VIEWS, HEIGHT, WIDTH) bool: what each view sees of it."""
    depth = np.linspace(3.9, 6.2, 48)[:, None, None, None]
    found = [of_object(c.centre + depth * c.picture_rays(WIDTH, HEIGHT), bore).any(axis=0) for c in CAMERAS]
    return np.array(found)


def cells(test) -> np.ndarray:
    """(SIZE, SIZE, SIZE) bool: cells whose middle passes a test of points."""
    ticks = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    at = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1)
    return test(BOX.to_world(at.reshape(-1, 3) * BOX.extent)).reshape((SIZE,) * 3)


BALL = cells(lambda points: of_object(points, 0.0))


def look(object_: np.ndarray, inside=RED, outside=BLUE, **changes) -> Look:
    """Frames that show the object in one colour before all else in another, both a little noisy."""
    noise = np.random.default_rng(0).integers(-8, 9, (HEIGHT, WIDTH, 3))

    def picture(i: int, size: tuple[int, int]) -> np.ndarray:
        plain = np.where(object_[i][..., None], inside, outside) + noise
        return cv2.resize(plain.astype(np.uint8), size, interpolation=cv2.INTER_AREA)

    return Look(picture, replace(GapSettings(), **changes), ColourSettings())


def opened(masks: np.ndarray, shown: Look, trust: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    trust = np.full(masks.shape, 255, np.uint8) if trust is None else trust
    given = trust.copy()
    hull, now = open_gaps(BALL, 255 * masks.astype(np.uint8), trust, CAMERAS, np.arange(VIEWS), BOX, shown)
    assert (trust == given).all() and not (hull & ~BALL).any()
    return hull, now


def covered(hull: np.ndarray, i: int) -> np.ndarray:
    return project_grid(hull.astype(np.float32), BOX, CAMERAS[i], WIDTH, HEIGHT) > 0.5


def lost(masks: np.ndarray, i: int) -> np.ndarray:
    """The masks, one of them without a disc."""
    masks = masks.copy()
    masks[i] &= cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (WIDTH // 2 + 8, HEIGHT // 2), 10, 1, -1) == 0
    return masks


@pytest.mark.parametrize("colours", [(RED, BLUE), (GREY, GREY)], ids=["colours", "geometry"])
def test_a_bore_is_opened_and_nothing_else(colours):
    masks = seen()
    hull, _ = opened(masks, look(masks, *colours))
    through = [i for i in range(VIEWS) if (~masks[i][44:52, 60:68]).any()]
    assert 0 in through and VIEWS // 2 in through and len(through) < VIEWS / 4
    for i in (0, VIEWS // 2):
        free = seen(0.0)[i] & ~masks[i]
        assert (free & ~covered(hull, i)).sum() > 0.5 * free.sum()
    for i in range(VIEWS):
        assert (covered(hull, i) & masks[i]).sum() > 0.985 * (covered(BALL, i) & masks[i]).sum(), i


@pytest.mark.parametrize("colours", [(RED, BLUE), (GREY, GREY)], ids=["colours", "geometry"])
def test_a_part_that_a_mask_lost_is_not(colours):
    whole = seen(0.0)
    hull, _ = opened(lost(whole, BESIDE), look(whole, *colours))
    assert (hull == BALL).all()


def test_masks_are_believed_in_gaps_and_not_in_lost_parts():
    masks = lost(seen(), BESIDE)
    doubted = np.where(seen(0.0) & ~masks, 0, 255).astype(np.uint8)
    _, trust = opened(masks, look(seen()), doubted)
    bore = (slice(44, 52), slice(60, 68))
    assert (trust[0][bore] == 255).all() and (doubted[0][bore] == 0).any()
    assert (trust[BESIDE] == doubted[BESIDE]).all()


def test_a_gap_of_one_view_opens_nothing_but_is_believed():
    """Seen by a single view, whose mask is wrong or right; fields may still follow it."""
    masks, gap = seen(0.0).copy(), seen()
    masks[0] = gap[0]
    shown = look(np.concatenate([gap[:1], seen(0.0)[1:]]), views=1, angle=1.0)
    hull, trust = opened(masks, shown, np.where(seen(0.0) & ~masks, 0, 255).astype(np.uint8))
    assert (hull == BALL).all() and (trust[0] == 255).all()


def test_the_consensus_has_the_bore_where_frames_are_looked_at():
    """By votes alone it is solid: most views look at it from aside, and as many miss each other part."""
    masks, random = seen().copy(), np.random.default_rng(1)
    for mask in masks:
        row, column = np.argwhere(seen(0.0)[0])[random.integers(seen(0.0)[0].sum())]
        mask &= cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), (int(column), int(row)), 13, 1, -1) == 0
    given = CoarseMasks(255 * masks.astype(np.uint8), np.ones(VIEWS, bool), np.zeros(VIEWS, bool))
    voting = ConsensusSettings(resolution=SIZE)
    through = []
    for shown in (None, look(seen())):
        agreed = build_consensus(given, CAMERAS, voting, ThinPartSettings(), look=shown)
        hull = project_grid(agreed.grid, agreed.box, CAMERAS[0], WIDTH, HEIGHT)
        through.append((hull < 0.5)[seen(0.0)[0] & ~seen()[0]].mean())
    assert through[0] < 0.2 and through[1] > 0.4, through
