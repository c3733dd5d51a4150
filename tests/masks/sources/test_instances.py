"""Of several things in each frame, the one that is the same thing in the world is taken."""

import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.instances import Instance, choose_by_cameras, choose_by_overlap
from surface_sos_core.settings import NetworkSettings, Settings

SIZE = (128, 96)


def blob(x, y, radius=14):
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cv2.circle(mask, (int(x), int(y)), radius, 255, -1)
    return mask


@pytest.fixture
def found(ball_shot):
    """The ball, and in every frame a surer thing that is elsewhere each time."""
    _, mattes = ball_shot
    generator = np.random.default_rng(4)
    corners = [(16, 16), (112, 16), (16, 80), (112, 80)]
    return [
        [Instance(blob(*corners[generator.integers(4)]), 0.99), Instance(255 * matte.astype(np.uint8), 0.8)]
        for matte in mattes
    ]


def test_the_thing_that_all_frames_agree_on(ball_shot, found, overlaps):
    shot, mattes = ball_shot
    masks = choose_by_cameras(found, shot.cameras, SIZE, Settings())
    assert masks.known.all() and overlaps(masks.probability, mattes).min() == 1.0


def test_frames_that_miss_it_stay_unknown_with_a_reason(ball_shot, found, overlaps):
    shot, mattes = ball_shot
    found[2], found[5] = found[2][:1], []
    cameras = [None if i == 7 else camera for i, camera in enumerate(shot.cameras)]
    masks = choose_by_cameras(found, cameras, SIZE, Settings())
    assert np.flatnonzero(~masks.known).tolist() == [2, 5, 7] and set(masks.reasons) == {2, 5, 7}
    assert "no camera" in masks.reasons[7] and "other frames" in masks.reasons[5]
    assert overlaps(masks.probability, mattes)[masks.known].min() == 1.0


def test_of_two_objects_the_one_that_is_asked_for(ball_shot):
    """A second ball that hangs beside the first; both are found in all frames."""
    shot, mattes = ball_shot
    place = np.array([0.1, 0.9, 0.0])
    found = []
    for camera, matte in zip(shot.cameras, mattes, strict=True):
        (x, y), depth = camera.project(place[None])[0][0], camera.project(place[None])[1][0]
        found.append(
            [Instance(blob(x, y, round(22 / depth)), 0.9), Instance(255 * matte.astype(np.uint8), 0.9)]
        )
    for target, which in ((place, 0), (np.zeros(3), 1)):
        masks = choose_by_cameras(found, shot.cameras, SIZE, Settings(), target)
        for i in np.flatnonzero(masks.known):
            np.testing.assert_array_equal(masks.probability[i], found[i][which].mask)
        assert masks.known.sum() >= 8


def test_pieces_of_a_matte_are_joined(ball_shot, overlaps):
    shot, mattes = ball_shot
    found = []
    for matte in mattes:
        cut = int(np.median(np.nonzero(matte)[0]))
        upper, lower = (255 * matte.astype(np.uint8) for _ in range(2))
        upper[cut:], lower[:cut] = 0, 0
        found.append([Instance(upper, 1.0), Instance(lower, 1.0), Instance(blob(16, 80, 8), 1.0)])
    masks = choose_by_cameras(found, shot.cameras, SIZE, Settings(), join=True)
    assert masks.known.sum() >= 9 and overlaps(masks.probability, mattes)[masks.known].min() > 0.99


def test_things_that_are_never_the_same(ball_shot):
    shot, _ = ball_shot
    found = [[Instance(blob(64, 48), 0.9)] if i == 0 else [] for i in range(10)]
    with pytest.raises(InputError, match="fewer than two frames"):
        choose_by_cameras(found, shot.cameras, SIZE, Settings())


def test_followed_without_cameras():
    found = [[Instance(blob(100 - 4 * k, 70), 0.95), Instance(blob(20 + 5 * k, 30), 0.8)] for k in range(8)]
    drawn = Drawn(SIZE, {3: blob(36, 31, 20) > 0})
    masks = choose_by_overlap(found, drawn, SIZE, NetworkSettings())
    assert masks.known.all()
    assert all((masks.probability[k] == found[k][1].mask).all() for k in range(8))
    surest = choose_by_overlap(found, None, SIZE, NetworkSettings())
    assert all((surest.probability[k] == found[k][0].mask).all() for k in range(8))
    found[5] = []
    gap = choose_by_overlap(found, drawn, SIZE, NetworkSettings())
    assert np.flatnonzero(~gap.known).tolist() == [5] and 5 in gap.reasons
    with pytest.raises(InputError, match="another frame"):
        choose_by_overlap(found, Drawn(SIZE, {0: blob(64, 90, 4) > 0}), SIZE, NetworkSettings())
