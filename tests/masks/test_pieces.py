"""A ball, and smaller ones beside it: what masks hold is kept however small, what few views agree on by chance is not."""

import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.masks.pieces import object_pieces
from surface_sos_core.settings import ThinPartSettings

WIDTH, HEIGHT, SIZE, LEAST = 192, 144, 64, 0.1


def cells(ball) -> np.ndarray:
    ticks = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    at = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    return ball.box.to_world(at * ball.box.extent)


def around(ball, place, radius: float) -> np.ndarray:
    """(SIZE, SIZE, SIZE) bool: cells within a radius of a place."""
    return (np.linalg.norm(cells(ball) - place, axis=1) < radius).reshape(SIZE, SIZE, SIZE)


@pytest.fixture(scope="module")
def pair(ball):
    """The ball, drawn smaller, with a tenth of its radius above it; where that is, and both as cells."""
    up = ball.box.rotation[:, 2]
    place = ball.box.centre + 0.95 * ball.radius * up
    return place, around(ball, ball.box.centre, 0.6 * ball.radius), around(ball, place, 0.12 * ball.radius)


def masks(ball, places: list[tuple[np.ndarray, float]]) -> np.ndarray:
    """(12, HEIGHT, WIDTH) uint8: a disc for each place and radius."""
    found = np.zeros((12, HEIGHT, WIDTH), np.uint8)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    for i, camera in enumerate(ball.cameras):
        for place, radius in places:
            pixel, depth = camera.project(place[None])
            at = pixel[0] * (WIDTH / camera.lens.width)
            wide = radius * camera.lens.focal / depth[0] * (WIDTH / camera.lens.width)
            found[i][np.hypot(x - at[0], y - at[1]) < wide] = 255
    return found


def kept(ball, hull, probability, trust=None) -> np.ndarray:
    trust = np.full_like(probability, 255) if trust is None else trust
    return object_pieces(
        hull, probability, trust, ball.cameras, np.arange(12), ball.box, ThinPartSettings(), LEAST
    )


def test_a_small_piece_that_masks_hold_is_the_objects(ball, pair):
    place, large, small = pair
    held = masks(ball, [(ball.box.centre, 0.6 * ball.radius), (place, 0.12 * ball.radius)])
    assert small.sum() < 0.02 * large.sum()
    assert (kept(ball, large | small, held) == (large | small)).all()


def test_a_piece_that_masks_lack_where_they_see_it_is_not_however_large(ball, pair):
    _, large, _ = pair
    other = around(ball, ball.box.centre + 1.15 * ball.radius * ball.box.rotation[:, 2], 0.45 * ball.radius)
    assert other.sum() > 2 * LEAST * large.sum() and not (other & large).any()
    lacking = masks(ball, [(ball.box.centre, 0.6 * ball.radius)])
    assert (kept(ball, large | other, lacking) == large).all()


def test_views_that_are_not_trusted_have_no_say(ball, pair):
    place, large, small = pair
    held = masks(ball, [(ball.box.centre, 0.6 * ball.radius), (place, 0.12 * ball.radius)])
    damaged = held.copy()
    damaged[:8] = masks(ball, [(ball.box.centre, 0.6 * ball.radius)])[:8]  # most have lost it
    assert (kept(ball, large | small, damaged) == large).all()
    trust = np.full_like(held, 255)
    trust[:8] = 0
    assert (kept(ball, large | small, damaged, trust) == (large | small)).all()


def test_of_what_no_view_sees_beside_the_largest_size_decides(ball):
    centre = ball.box.centre
    shell = around(ball, centre, 0.6 * ball.radius) & ~around(ball, centre, 0.5 * ball.radius)
    held = masks(ball, [(centre, 0.6 * ball.radius)])
    for radius, stays in ((0.1, False), (0.42, True)):
        core = around(ball, centre, radius * ball.radius)
        found = kept(ball, shell | core, held)
        assert (found == (shell | core if stays else shell)).all()


def test_an_empty_hull_is_refused(ball):
    with pytest.raises(InputError, match="agree on no object in 3D"):
        kept(ball, np.zeros((SIZE,) * 3, bool), masks(ball, []))
