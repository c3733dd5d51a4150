"""Masks mended by each other, and those of a few frames made those of all, on the ball filmed slowly."""

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.mending import Mended, mend_masks
from surface_sos_core.settings import Settings


def masks_of(shot, mattes, frames):
    masks = CoarseMasks.unknown(len(mattes), (shot.footage.width, shot.footage.height))
    for i in frames:
        masks.put(i, mattes[i].astype(np.float32))
    return masks


def mend(shot, masks, cameras=None, model=None, progress=lambda done, total: None):
    return mend_masks(shot.footage, cameras or shot.cameras, model or shot.model, masks, Settings(), progress)


def test_blobs_are_mended_and_outlines_stay(slow_shot, overlaps):
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, range(10))
    hole, table = np.s_[40:56, 56:70], np.s_[70:90, 90:112]
    assert mattes[3][hole].all() and not mattes[6][table].any()
    masks.probability[3][hole], masks.probability[6][table] = 0, 255
    damaged = np.array(masks.probability)
    assert mend(shot, masks) == Mended([3, 6], [])
    before, after = (overlaps(one, mattes)[[3, 6]] for one in (damaged, masks.probability))
    assert ((1 - after) < 0.3 * (1 - before)).all(), (
        before,
        after,
    )  # but for corners, and where no depth is known
    others = [i for i in range(10) if i not in (3, 6)]
    np.testing.assert_array_equal(masks.probability[others], damaged[others])


def test_a_thin_part_is_not_taken_out(slow_shot):
    """What only one mask has is not a blob as long as it is thin."""
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, range(10))
    masks.probability[6][80:83, 20:110] = 255
    given = np.array(masks.probability[6])
    assert mend(shot, masks) == Mended([], [])
    np.testing.assert_array_equal(masks.probability[6], given)


def test_two_of_ten_are_enough(slow_shot, overlaps):
    shot, mattes = slow_shot
    cameras = [None if i == 4 else camera for i, camera in enumerate(shot.cameras)]
    masks, steps = masks_of(shot, mattes, (1, 8)), []
    found = mend(shot, masks, cameras, progress=lambda done, total: steps.append((done, total)))
    assert found == Mended([], [0, 2, 3, 5, 6, 7, 9])
    assert masks.known.tolist() == [i != 4 for i in range(10)] and not masks.probability[4].any()
    np.testing.assert_array_equal(masks.probability[8], 255 * mattes[8])  # as it was given
    assert overlaps(masks.probability, mattes)[found.completed].min() > 0.93
    assert steps == [(n + 1, 18) for n in range(18)]


def test_frames_without_a_mask_stay_so_where_half_have_one(slow_shot):
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, range(0, 10, 2))
    assert mend(shot, masks) == Mended([], []) and masks.known.sum() == 5


def test_one_mask_says_too_little(slow_shot):
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, [5])
    assert mend(shot, masks, progress=pytest.fail) == Mended([], [])


def test_what_is_not_seen_stays_unknown(slow_shot):
    """Without points there are no depths, so nothing is known to be the same place."""
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, (1, 8))
    bare = CameraModel(shot.model.cameras, Points.empty())
    assert mend(shot, masks, model=bare) == Mended([], [])
    assert sorted(masks.reasons) == [0, 2, 3, 4, 5, 6, 7, 9]
    assert "seen in frames that have a mask" in masks.reasons[0] and masks.known.sum() == 2


@pytest.mark.parametrize("given", [True, False])
def test_what_nearly_all_given_masks_hold_is_not_taken_out(slow_shot, given):
    """A pane that all masks hold: frames see the table through it, which others see beside it and say is no object."""
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, range(10))
    y, x = np.mgrid[0 : shot.footage.height, 0 : shot.footage.width] + 0.5
    panes = []
    for i, camera in enumerate(shot.cameras):
        at = camera.project(np.array([[1.2, 0.8, 0.1]]))[0][0]
        panes.append(np.hypot(x - at[0], y - at[1]) < 12)
        masks.probability[i][panes[-1]] = 255
    mend_masks(
        shot.footage, shot.cameras, shot.model, masks, Settings(), lambda done, total: None, given=given
    )
    kept = np.mean([(masks.probability[i][pane] > 127).mean() for i, pane in enumerate(panes)])
    assert kept > 0.99 if given else kept < 0.95, kept
