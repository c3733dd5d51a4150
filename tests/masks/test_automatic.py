"""The automatic start on a made-up shot: a patterned ball on a tiled table in front of nothing else."""

import tracemalloc

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Box, CameraModel, Points, box_from_points, start_from_box
from surface_sos_core.errors import InputError
from surface_sos_core.masks import automatic
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.consensus import build_consensus


def test_the_ball_is_found_and_not_the_table(ball_shot, overlaps):
    shot, mattes = ball_shot
    cameras = [None if i == 3 else camera for i, camera in enumerate(shot.cameras)]
    steps = []
    masks = automatic_masks(
        shot.footage,
        cameras,
        shot.model,
        box_from_points(shot.model),
        lambda done, total: steps.append((done, total)),
    )
    assert masks.probability.shape == mattes.shape and masks.probability.dtype == np.uint8
    assert masks.known.tolist() == [i != 3 for i in range(10)]
    assert not masks.probability[3].any()
    scores = overlaps(masks.probability, mattes)[masks.known]
    assert scores.min() > 0.85 and scores.mean() > 0.9
    assert steps == [(n + 1, 36) for n in range(36)]


def test_no_frame_is_kept_in_memory(ball_shot, long_shot, monkeypatch):
    """Once all frames are known: at most a quarter of what a frame's picture, colours and odds take."""
    held = []

    def vote(*given):
        held.append(tracemalloc.get_traced_memory()[0])
        return build_consensus(*given)

    monkeypatch.setattr(automatic, "build_consensus", vote)
    for shot, _ in (ball_shot, long_shot):
        start = box_from_points(shot.model)
        tracemalloc.start()
        automatic.automatic_masks(shot.footage, shot.cameras, shot.model, start)
        tracemalloc.stop()
    more = len(long_shot[0].cameras) - len(ball_shot[0].cameras)
    rounds = len(held) // 2
    for short, long in zip(held[:rounds], held[rounds:], strict=True):
        assert (long - short) / more < 0.25 * 12 * shot.footage.width * shot.footage.height


def test_it_repeats(ball_shot):
    shot, _ = ball_shot
    start = box_from_points(shot.model)
    first = automatic_masks(shot.footage, shot.cameras, shot.model, start)
    cv2.setRNGSeed(7)
    again = automatic_masks(shot.footage, shot.cameras, shot.model, start)
    np.testing.assert_array_equal(first.probability, again.probability)


def test_a_given_box_is_the_region(ball_shot, overlaps):
    shot, mattes = ball_shot
    box = Box(np.zeros(3), np.full(3, 0.6), np.eye(3))
    start = start_from_box(box, shot.model)
    assert start.box is box
    assert start.plane is not None and abs(start.plane[2]) > 0.99
    long = shot.model.points.track_length[:400] >= 4
    assert start.on_object[:400][long].mean() > 0.9 and not start.on_object[400:].any()
    masks = automatic_masks(shot.footage, shot.cameras, shot.model, start)
    assert overlaps(masks.probability, mattes).mean() > 0.9


def test_without_points_the_middle_is_taken(ball_shot, overlaps):
    shot, mattes = ball_shot
    bare = CameraModel(shot.model.cameras, Points.empty())
    masks = automatic_masks(shot.footage, shot.cameras, bare, box_from_points(bare))
    assert overlaps(masks.probability, mattes).mean() > 0.85


def test_a_box_that_no_frame_shows(ball_shot):
    shot, _ = ball_shot
    start = start_from_box(Box(np.array([0, 0, 90.0]), np.full(3, 0.1), np.eye(3)), shot.model)
    with pytest.raises(InputError, match="--masks"):
        automatic_masks(shot.footage, shot.cameras, shot.model, start)
