"""Masks that take along what goes on beside the object are told by the sparse points; only those of networks are replaced."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources import doubted
from surface_sos_core.masks.sources.doubted import doubt_of, found_anew
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
    doubt = doubt_of(masks, shot)
    assert doubt is not None and doubt.share > 0.25 and before < 0.8
    found = found_anew(masks, shot, doubt.start, lambda done, total: None)
    assert overlaps(found.probability, mattes).mean() > 0.9


def test_pieces_beside_the_given_masks_are_left_out(grabbed, monkeypatch):
    shot, mattes, masks = grabbed
    stray = np.zeros(mattes.shape[1:], bool)
    stray[-6:, :6] = True
    assert not (stray & mattes.any(axis=0)).any()
    anew = masks_of(np.array([matte | stray for matte in mattes]))
    anew.put(3, stray.astype(float))
    monkeypatch.setattr(doubted, "automatic_masks", lambda *given, **settings: anew)
    doubt = doubt_of(masks, shot)
    assert doubt is not None
    found = found_anew(masks, shot, doubt.start, lambda done, total: None)
    assert not found.known[3] and "beside the mask" in found.reasons[3]
    assert not (found.probability[:, stray] > 127).any()
    assert np.array_equal(found.probability[4] > 127, mattes[4])


def with_find_anew(shot, whose, told):
    settings = shot.settings.with_values({"doubt.find_anew": whose})
    return replace(shot, settings=settings, warn=told.append)


@pytest.mark.parametrize(("whose", "given"), [("networks", True), ("never", False)])
def test_masks_that_are_doubted_are_used_and_the_option_is_told(grabbed, whose, given):
    """By default so with masks given as files: what the artist gives is never found anew."""
    shot, _, masks = grabbed
    told, before = [], np.array(masks.probability)
    assert shot.settings.doubt.find_anew == "networks"
    found = mended(masks, with_find_anew(shot, whose, told), lambda done, total: None, given)
    assert "% of the sparse points" in told[0] and "--set doubt.find_anew=all" in told[0]
    assert all("mended where the others" in more for more in told[1:])  # that is no finding anew
    changed = (found.probability > 127) != (before > 127)
    assert found is masks and changed.sum() < 0.02 * (before > 127).sum()


@pytest.mark.parametrize(("whose", "given"), [("networks", False), ("all", True)])
def test_masks_of_networks_are_found_anew_and_files_where_that_is_asked_for(
    grabbed, monkeypatch, whose, given
):
    shot, mattes, masks = grabbed
    monkeypatch.setattr(doubted, "automatic_masks", lambda *given, **settings: masks_of(mattes))
    told = []
    found = mended(masks, with_find_anew(shot, whose, told), lambda done, total: None, given)
    assert len(told) == 1 and told[0].endswith("so the outline is found anew within boxes around the masks.")
    assert np.array_equal(found.probability > 127, mattes)


def test_masks_that_are_right_are_believed(ball_shot, slow_shot):
    for shot, mattes in (ball_shot, slow_shot):
        assert doubt_of(masks_of(mattes), shot) is None


def test_masks_with_damage_are_believed(ball_shot):
    shot, mattes = ball_shot
    mattes = mattes.copy()
    for i in range(0, len(mattes), 3):
        mattes[i, :, mattes.shape[2] // 2 :] = False
    assert doubt_of(masks_of(mattes), shot) is None


def test_few_masks_are_believed(grabbed):
    shot, _, masks = grabbed
    masks.known[5:] = False
    assert doubt_of(masks, shot) is None


def test_without_points_masks_are_believed(grabbed):
    shot, _, masks = grabbed
    bare = replace(shot, model=CameraModel(shot.model.cameras, Points.empty()))
    assert doubt_of(masks, bare) is None
