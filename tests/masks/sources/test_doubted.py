"""Masks that take along what goes on beside the object are told by the sparse points; those that are right never are."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources import doubted
from surface_sos_core.masks.sources.doubted import found_anew
from surface_sos_core.masks.sources.mended import mended


def masks_of(mattes):
    height, width = mattes.shape[1:]
    masks = CoarseMasks.unknown(len(mattes), (width, height))
    for i, matte in enumerate(mattes):
        masks.put(i, matte.astype(float))
    return masks


def before_a_wall(shot, with_points):
    """The shot with points on a wall behind the ball, which every frame has seen."""
    middle = np.mean([camera.centre for camera in shot.cameras], axis=0)
    away = -middle / np.linalg.norm(middle)
    right = np.cross(away, [0, 0, 1])
    generator = np.random.default_rng(2)
    across, up = generator.uniform(-2, 2, (2, 600, 1))
    wall = 1.2 * away + across * right + up * np.cross(right, away)
    return replace(shot, model=with_points(shot.model, wall))


def with_wall(mattes):
    """The mattes, and a piece of the wall above and beside each."""
    grown = mattes.copy()
    for matte, one in zip(mattes, grown, strict=True):
        rows, columns = np.nonzero(matte)
        one[max(0, rows.min() - 12) : rows.max() - 8, columns.min() + 8 : columns.max() + 36] = True
    return grown


@pytest.fixture
def grabbed(slow_shot, with_points):
    """A shot, its mattes, and masks that hold a piece of the wall."""
    shot, mattes = slow_shot
    return before_a_wall(shot, with_points), mattes, masks_of(with_wall(mattes))


def test_a_wall_in_all_masks_is_doubted_and_left_out(grabbed, overlaps):
    shot, mattes, masks = grabbed
    before = overlaps(masks.probability, mattes).mean()
    found = found_anew(masks, shot, lambda done, total: None)
    assert found is not None and before < 0.8
    assert overlaps(found.probability, mattes).mean() > 0.9


def test_pieces_beside_the_given_masks_are_left_out(grabbed, monkeypatch):
    shot, mattes, masks = grabbed
    stray = np.zeros(mattes.shape[1:], bool)
    stray[-6:, :6] = True
    assert not (stray & mattes.any(axis=0)).any()
    anew = masks_of(np.array([matte | stray for matte in mattes]))
    anew.put(3, stray.astype(float))
    monkeypatch.setattr(doubted, "automatic_masks", lambda *given, **settings: anew)
    found = found_anew(masks, shot, lambda done, total: None)
    assert found is not None and not found.known[3] and "beside the mask" in found.reasons[3]
    assert not (found.probability[:, stray] > 127).any()
    assert np.array_equal(found.probability[4] > 127, mattes[4])


def test_the_user_is_told(grabbed):
    shot, _, masks = grabbed
    told = []
    mended(masks, replace(shot, warn=told.append), lambda done, total: None)
    assert len(told) == 1 and told[0].startswith("The masks hold much that goes on beside them")


def test_masks_that_are_right_are_believed(ball_shot, slow_shot):
    for shot, mattes in (ball_shot, slow_shot):
        assert found_anew(masks_of(mattes), shot, lambda done, total: None) is None


def test_masks_with_damage_are_believed(ball_shot):
    shot, mattes = ball_shot
    mattes = mattes.copy()
    for i in range(0, len(mattes), 3):
        mattes[i, :, mattes.shape[2] // 2 :] = False
    assert found_anew(masks_of(mattes), shot, lambda done, total: None) is None


def test_few_masks_are_believed(grabbed):
    shot, _, masks = grabbed
    masks.known[5:] = False
    assert found_anew(masks, shot, lambda done, total: None) is None


def test_without_points_masks_are_believed(grabbed):
    shot, _, masks = grabbed
    bare = replace(shot, model=CameraModel(shot.model.cameras, Points.empty()))
    assert found_anew(masks, bare, lambda done, total: None) is None
