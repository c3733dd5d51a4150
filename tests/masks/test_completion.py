"""Masks of all frames from those of a few, on the ball filmed slowly."""

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.completion import complete_masks


def masks_of(shot, mattes, frames):
    masks = CoarseMasks.unknown(len(mattes), (shot.footage.width, shot.footage.height))
    for i in frames:
        masks.put(i, mattes[i].astype(np.float32))
    return masks


def test_two_of_ten_are_enough(slow_shot, overlaps):
    shot, mattes = slow_shot
    cameras = [None if i == 4 else camera for i, camera in enumerate(shot.cameras)]
    masks, steps = masks_of(shot, mattes, (1, 8)), []
    found = complete_masks(
        shot.footage, cameras, shot.model, masks, lambda done, total: steps.append((done, total))
    )
    assert found == [0, 2, 3, 5, 6, 7, 9]
    assert masks.known.tolist() == [i != 4 for i in range(10)] and not masks.probability[4].any()
    np.testing.assert_array_equal(masks.probability[8], 255 * mattes[8])  # as it was given
    assert overlaps(masks.probability, mattes)[found].min() > 0.93
    assert steps == [(n + 1, 16) for n in range(16)]


def test_masks_of_half_of_the_frames_are_left_as_they_are(slow_shot):
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, range(0, 10, 2))
    assert complete_masks(shot.footage, shot.cameras, shot.model, masks, pytest.fail) == []
    assert masks.known.sum() == 5


def test_one_mask_says_too_little(slow_shot):
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, [5])
    assert complete_masks(shot.footage, shot.cameras, shot.model, masks, pytest.fail) == []


def test_what_is_not_seen_stays_unknown(slow_shot):
    """Without points there are no depths, so nothing is known to be the same place."""
    shot, mattes = slow_shot
    masks = masks_of(shot, mattes, (1, 8))
    bare = CameraModel(shot.model.cameras, Points.empty())
    assert complete_masks(shot.footage, shot.cameras, bare, masks, lambda done, total: None) == []
    assert sorted(masks.reasons) == [0, 2, 3, 4, 5, 6, 7, 9]
    assert "seen in frames that have a mask" in masks.reasons[0] and masks.known.sum() == 2
