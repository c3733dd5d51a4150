"""Masks of a ball, some of them wrong, and what they agree on."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.cameras import Box
from surface_sos_core.errors import InputError
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.consensus import Consensus, build_consensus, contradiction
from surface_sos_core.settings import ConsensusSettings, ThinPartSettings

WIDTH, HEIGHT = 96, 72
SETTINGS = ConsensusSettings(resolution=48, views=12, rounds=3, box_margin=0.1)
THIN = ThinPartSettings()
UNKNOWN, EMPTY, SHIFTED, GRABBED = 1, 4, 6, 9


def masks_of(pictures: list[np.ndarray | None]) -> CoarseMasks:
    """Masks from pictures in 0..1; None is unknown."""
    probability = np.array(
        [np.zeros((HEIGHT, WIDTH), np.uint8) if p is None else np.uint8(np.round(255 * p)) for p in pictures]
    )
    known = np.array([p is not None for p in pictures])
    return CoarseMasks(probability, known, known & (probability.max(axis=(1, 2)) < 128))


@pytest.fixture(scope="module")
def pictures(ball):
    """A missing mask, a black one, one of another place, one that holds a chair as well, eight good ones."""
    found: list[np.ndarray | None] = [ball.cover(camera, WIDTH, HEIGHT) for camera in ball.cameras]
    found[UNKNOWN] = None
    found[EMPTY] = np.zeros((HEIGHT, WIDTH))
    found[SHIFTED] = np.roll(found[SHIFTED], 30, axis=1)
    found[GRABBED] = found[GRABBED].copy()
    found[GRABBED][4:16, 4:24] = 1.0
    return found


@pytest.fixture(scope="module")
def agreed(ball, pictures) -> Consensus:
    return build_consensus(masks_of(pictures), ball.cameras, SETTINGS, THIN)


def world_cells(consensus: Consensus) -> np.ndarray:
    size = consensus.grid.shape[0]
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    cells = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1) * consensus.box.extent
    return consensus.box.to_world(cells.reshape(-1, 3)).reshape(*cells.shape[:3], 3)


def ball_overlap(consensus: Consensus, ball) -> float:
    inside = np.linalg.norm(world_cells(consensus) - ball.box.centre, axis=-1) < ball.radius
    found = consensus.grid > 0.5
    return float((inside & found).sum() / (inside | found).sum())


def test_the_box_lies_around_the_ball(ball, agreed):
    corners = ball.box.centre + ball.radius * np.vstack([np.eye(3), -np.eye(3)])
    assert agreed.box.contains(corners).all()
    assert agreed.box.half.max() < 1.6 * ball.radius


def test_the_grid_is_the_ball(ball, agreed):
    assert agreed.grid.dtype == np.float32
    assert len(set(agreed.grid.shape)) == 1 and agreed.grid.min() >= 0.0 and agreed.grid.max() <= 1.0
    assert ball_overlap(agreed, ball) > 0.75


def test_views_that_contradict_the_others_agree_least(agreed):
    good = np.delete(agreed.agreement, [UNKNOWN, EMPTY, SHIFTED, GRABBED])
    assert good.min() > 0.8
    assert agreed.agreement[SHIFTED] < 0.6 and agreed.agreement[GRABBED] < good.min()


def test_frames_without_a_mask_say_nothing(agreed):
    for frame in (UNKNOWN, EMPTY):
        assert np.isnan(agreed.agreement[frame]) and not agreed.trust[frame].any()


def test_a_grabbed_place_loses_trust_and_the_rest_of_its_mask_keeps_it(agreed):
    trust = agreed.trust[GRABBED] / 255.0
    assert trust[6:14, 6:22].mean() < 0.1
    assert trust[24:].mean() > 0.9
    others = np.delete(agreed.trust, [UNKNOWN, EMPTY, SHIFTED, GRABBED], axis=0)
    assert (others / 255.0).mean() > 0.95


def test_a_given_box_is_kept(ball, pictures):
    agreed = build_consensus(masks_of(pictures), ball.cameras, SETTINGS, THIN, ball.box)
    np.testing.assert_allclose(agreed.box.similarity, ball.box.similarity)
    assert ball_overlap(agreed, ball) > 0.75


def test_few_key_frames_are_enough(ball, pictures):
    few = [p if n in (0, 3, 5, 8) else None for n, p in enumerate(pictures)]
    agreed = build_consensus(masks_of(few), ball.cameras, SETTINGS, THIN)
    assert ball_overlap(agreed, ball) > 0.5
    assert np.isfinite(agreed.agreement).sum() == 4


def test_a_frame_without_a_camera_is_left_out(ball, pictures):
    cameras = [None if n == 2 else camera for n, camera in enumerate(ball.cameras)]
    agreed = build_consensus(masks_of(pictures), cameras, SETTINGS, THIN)
    assert np.isnan(agreed.agreement[2]) and not agreed.trust[2].any()
    assert ball_overlap(agreed, ball) > 0.7


def test_progress_goes_up_and_ends(ball, pictures):
    told: list[tuple[int, int]] = []
    build_consensus(
        masks_of(pictures), ball.cameras, SETTINGS, THIN, ball.box, lambda *step: told.append(step)
    )
    done = [step for step, _ in told]
    assert done == sorted(done) and len(set(done)) > 1 and all(step <= total for step, total in told)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: [None] * len(p),
        lambda p: [p[0], *[None] * (len(p) - 1)],
        lambda p: [np.zeros((HEIGHT, WIDTH))] * len(p),
    ],
    ids=["none", "one", "black"],
)
def test_too_few_masks_are_bad_input(ball, pictures, change):
    with pytest.raises(InputError, match="masks"):
        build_consensus(masks_of(change(pictures)), ball.cameras, SETTINGS, THIN)


def test_masks_of_different_things_are_bad_input(ball):
    """Each mask a dot elsewhere: no place is in two of them."""
    pictures = []
    for n in range(len(ball.cameras)):
        picture = np.zeros((HEIGHT, WIDTH))
        row, column = 4 + 15 * (n % 4), 4 + 28 * (n // 4)
        picture[row : row + 6, column : column + 6] = 1.0
        pictures.append(picture)
    with pytest.raises(InputError, match="agree on no object in 3D"):
        build_consensus(masks_of(pictures), ball.cameras, SETTINGS, THIN, ball.box)


def test_the_world_may_lie_anywhere(ball, pictures):
    """The same shot moved, turned and 1000 times as large gives the same grid in a box moved likewise."""
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    moved = []
    for camera in ball.cameras:
        centre = 1000.0 * (turn @ camera.centre) + 77.0
        rotation = camera.rotation @ turn.T
        moved.append(replace(camera, rotation=rotation, translation=-rotation @ centre))
    box = Box(1000.0 * (turn @ ball.box.centre) + 77.0, 1000.0 * ball.box.half, turn @ ball.box.rotation)
    here = build_consensus(masks_of(pictures), ball.cameras, SETTINGS, THIN, ball.box)
    there = build_consensus(masks_of(pictures), moved, SETTINGS, THIN, box)
    assert np.mean((here.grid > 0.5) != (there.grid > 0.5)) < 0.002


def test_masks_that_contradict_the_cameras_are_told():
    from_good = np.array([0.9, 0.8, np.nan, 0.3, 0.7])
    assert contradiction(from_good, SETTINGS) is None and contradiction(np.full(3, np.nan), SETTINGS) is None
    sentence = contradiction(np.array([0.4, 0.1, 0.9, np.nan, 0.41]), SETTINGS)
    assert sentence is not None and "less than 40%" in sentence and "cameras" in sentence
