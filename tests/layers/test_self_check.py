"""A matte beside what masks say: what they agree on is put back, colours settle the rest, and what differs is told."""

import cv2
import numpy as np
import pytest

from surface_sos_core.layers.self_check import Said, Witnesses, doubts, solved_again, upheld, worst_first
from surface_sos_core.manifest import FrameEntry
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks, save_consensus
from surface_sos_core.settings import CheckSettings, ColourSettings, EdgeSettings

CHECK = CheckSettings()
HEIGHT, WIDTH = 120, 200


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


OBJECT = disc(100, 60, 45)
"""What the masks are of."""
SURE = np.where(OBJECT, np.float32(0.95), np.float32(0.05))


def as_alpha(shape: np.ndarray) -> np.ndarray:
    return shape.astype(np.float32)


def test_what_mask_and_hull_hold_is_put_back():
    matte = as_alpha(OBJECT & ~disc(125, 60, 18))
    out = upheld(matte, Said(OBJECT, SURE), CHECK)
    np.testing.assert_array_equal(out > 0.5, OBJECT)
    assert out.dtype == np.float32


def test_what_neither_holds_is_taken_out():
    matte = as_alpha(OBJECT | disc(20, 20, 12))
    np.testing.assert_array_equal(upheld(matte, Said(OBJECT, SURE), CHECK) > 0.5, OBJECT)
    np.testing.assert_array_equal(upheld(matte, Said(None, SURE), CHECK) > 0.5, OBJECT)


def test_where_one_of_the_two_denies_it_nothing_is_put_back():
    part = disc(125, 60, 18)
    matte = as_alpha(OBJECT & ~part)
    by_mask = upheld(matte, Said(OBJECT & ~part, SURE), CHECK)
    by_hull = upheld(matte, Said(OBJECT, np.where(part, np.float32(0.6), SURE)), CHECK)
    for out in (by_mask, by_hull, upheld(matte, Said(None, SURE), CHECK)):
        assert not out[part].any()


def test_outlines_stay_as_the_matte_has_them():
    matte = as_alpha(disc(100, 60, 43.5))
    matte[OBJECT & (matte == 0)] = 0.3
    out = upheld(matte, Said(OBJECT, SURE), CHECK)
    rim = OBJECT & ~disc(100, 60, 40)
    np.testing.assert_array_equal(out[rim], matte[rim])


def test_small_holes_well_inside_are_filled():
    matte = as_alpha(OBJECT)
    matte[58:60, 98:100] = 0.0
    matte[70:72, 110:112] = 0.7
    np.testing.assert_array_equal(upheld(matte, Said(OBJECT, SURE), CHECK), as_alpha(OBJECT))


def two_colours(shape: np.ndarray) -> np.ndarray:
    """Display values: the shape is red, all else green, with a little noise."""
    noise = np.random.default_rng(0).normal(0, 0.01, (HEIGHT, WIDTH, 3))
    return np.where(shape[..., None], (0.7, 0.2, 0.2), (0.2, 0.6, 0.3)) + noise


@pytest.mark.parametrize("of_object", [True, False])
def test_colours_settle_what_mask_and_matte_differ_in(of_object):
    """A part that the matte has and the mask has not: it is the object by its colours, or it is not."""
    part = disc(150, 60, 18) & ~OBJECT
    truth = OBJECT | part if of_object else OBJECT
    said = Said(OBJECT, np.where(OBJECT | part, np.float32(0.6), np.float32(0.05)))
    out = solved_again(
        two_colours(truth), as_alpha(OBJECT | part), said, CHECK, ColourSettings(), EdgeSettings()
    )
    wrong = (out > 0.5) ^ truth
    assert wrong.sum() < 0.1 * part.sum()


def test_what_the_mask_holds_comes_back_where_colours_say_so():
    part = disc(125, 60, 18)
    unsure = np.where(OBJECT, np.float32(0.6), np.float32(0.05))  # the hull is not certain of it
    matte, said = as_alpha(OBJECT & ~part), Said(OBJECT, unsure)
    assert not upheld(matte, said, CHECK)[part].any()
    out = solved_again(two_colours(OBJECT), matte, said, CHECK, ColourSettings(), EdgeSettings())
    assert ((out > 0.5) ^ OBJECT).sum() < 0.05 * part.sum()


def test_without_a_mask_the_hull_and_the_colours_decide():
    """What the hull fills beside the object, and what the matte lost of it, in a frame that nobody masked."""
    filled, part = OBJECT | disc(150, 60, 18), disc(80, 60, 18)
    said = Said(None, np.where(filled, np.float32(0.9), np.float32(0.05)))
    matte = as_alpha(OBJECT & ~part)
    out = solved_again(two_colours(OBJECT), matte, said, CHECK, ColourSettings(), EdgeSettings())
    assert ((out > 0.5) ^ OBJECT).sum() < 0.05 * part.sum()
    assert doubts(out, said, CHECK) == []


def test_a_matte_that_fits_its_mask_is_not_touched():
    matte = as_alpha(disc(100, 60, 44))
    said = Said(OBJECT, SURE)
    out = solved_again(two_colours(OBJECT), matte, said, CHECK, ColourSettings(), EdgeSettings())
    assert out is matte
    assert doubts(matte, said, CHECK) == []


def test_what_differs_is_told_worst_first():
    lost, more = as_alpha(OBJECT & ~disc(125, 60, 20)), as_alpha(OBJECT | disc(20, 20, 15))
    entries = [
        FrameEntry("fits", 1, "a.exr", doubts(as_alpha(OBJECT), Said(OBJECT, SURE), CHECK)),
        FrameEntry("more", 2, "b.exr", doubts(more, Said(OBJECT, SURE), CHECK)),
        FrameEntry("lost", 3, "c.exr", doubts(lost, Said(OBJECT, SURE), CHECK)),
        FrameEntry("no mask", 4, "d.exr", doubts(as_alpha(disc(100, 60, 20)), Said(None, SURE), CHECK)),
    ]
    gone = FrameEntry("its layers are gone", 5, None, entries[2].doubts)
    assert [entry.name for entry in worst_first([*entries, gone])] == ["no mask", "lost", "more"]
    assert entries[2].doubts == [
        "20% of what its mask holds is not in the matte; look which of them is right."
    ]
    assert "in the matte besides" in entries[1].doubts[0]
    assert "other frames' masks" in entries[3].doubts[0]


def test_a_frame_is_asked_by_its_own_mask_and_the_hull(ball, tmp_path):
    """The hull of a ball looks like the ball from each camera; a frame without agreement has no mask."""
    cells = (np.indices((48,) * 3).reshape(3, -1).T + 0.5) / 48 * 2 - 1
    inside = (
        np.linalg.norm(ball.box.to_world(cells * ball.box.extent) - ball.box.centre, axis=1) < ball.radius
    )
    grid = inside.reshape((48,) * 3).astype(np.float32)
    covers = [ball.cover(camera, 96, 72, 4) for camera in ball.cameras[:2]]
    agreement = np.array([1.0, np.nan])
    consensus = Consensus(ball.box, grid, np.zeros((2, 3, 4), np.uint8), agreement)
    masks = np.stack([np.rint(255 * cover).astype(np.uint8) for cover in covers])
    save_consensus(tmp_path / "c.npz", masks, consensus)
    witnesses = Witnesses(SolidMasks.read(tmp_path / "c.npz", 2), consensus)
    said = witnesses.of(0, ball.cameras[0], 96, 72)
    np.testing.assert_array_equal(said.mask, masks[0] > 127)
    seen = said.hull > 0.5
    assert (seen & said.mask).sum() / (seen | said.mask).sum() > 0.9
    larger = witnesses.of(1, ball.cameras[1], 192, 144)
    assert larger.mask is None and larger.hull.shape == (144, 192)
    assert cv2.resize(larger.hull, (96, 72)).max() > 0.9
