"""The automatic start on a made-up shot: a patterned ball on a tiled table in front of nothing else."""

import tracemalloc

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Box, Camera, CameraModel, Lens, Points, box_from_points, start_from_box
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.frame_stack import TemporaryValues
from surface_sos_core.masks import automatic
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.consensus import build_consensus
from surface_sos_core.settings import Settings
from surface_sos_core.stereo import frame_disparity

SETTINGS = Settings()


def test_the_ball_is_found_and_not_the_table(ball_shot, overlaps):
    shot, mattes = ball_shot
    cameras = [None if i == 3 else camera for i, camera in enumerate(shot.cameras)]
    steps = []
    masks = automatic_masks(
        shot.footage,
        cameras,
        shot.model,
        box_from_points(shot.model, SETTINGS.box, SETTINGS.point_groups),
        SETTINGS,
        lambda done, total: steps.append((done, total)),
    )
    assert masks.probability.shape == mattes.shape and masks.probability.dtype == np.uint8
    assert masks.known.tolist() == [i != 3 for i in range(10)]
    assert not masks.probability[3].any()
    scores = overlaps(masks.probability, mattes)[masks.known]
    assert scores.min() > 0.85 and scores.mean() > 0.9
    assert steps == [(n + 1, 45) for n in range(45)]


def _with_last_outlines(change, shot, monkeypatch):
    """The masks of ten frames where `change(frame, outline)` has changed the last outlines in place."""
    real, calls = automatic._graph_cut_outline, []

    def outline(*given):
        found = real(*given)
        if len(calls) >= 10:
            change(len(calls) - 10, found)
        calls.append(None)
        return found

    monkeypatch.setattr(automatic, "_graph_cut_outline", outline)
    masks = automatic_masks(
        shot.footage, shot.cameras, shot.model, box_from_points(shot.model, SETTINGS.box, SETTINGS.point_groups), SETTINGS
    )
    assert len(calls) == 20
    return masks


def test_what_one_frame_loses_is_put_back(slow_shot, monkeypatch):
    shot, mattes = slow_shot
    hole = np.s_[40:56, 56:70]
    assert mattes[5][hole].all()

    def change(frame, outline):
        if frame == 5:
            assert outline[hole].all()
            outline[hole] = False

    masks = _with_last_outlines(change, shot, monkeypatch)
    assert (masks.probability[5][hole] > 127).mean() > 0.7  # but for its corners


def test_what_has_not_the_objects_colours_is_not_put_in(slow_shot, monkeypatch):
    """Nine frames hold a piece of the table, as they do where depths reach beyond the object."""
    shot, mattes = slow_shot
    table = np.s_[70:90, 90:112]
    assert not mattes[5][table].any()

    def change(frame, outline):
        if frame != 5:
            outline[table] = True

    masks = _with_last_outlines(change, shot, monkeypatch)
    assert masks.probability[4][table].all() and not masks.probability[5][table].any()


def test_no_frame_is_kept_in_memory(ball_shot, long_shot, monkeypatch):
    """Once all frames are known: at most a quarter of what a frame's picture, colours and odds take."""
    held = []

    def vote(*given):
        held.append(tracemalloc.get_traced_memory()[0])
        return build_consensus(*given)

    monkeypatch.setattr(automatic, "build_consensus", vote)
    for shot, _ in (ball_shot, long_shot):
        start = box_from_points(shot.model, SETTINGS.box, SETTINGS.point_groups)
        tracemalloc.start()
        automatic.automatic_masks(shot.footage, shot.cameras, shot.model, start, SETTINGS)
        tracemalloc.stop()
    more = len(long_shot[0].cameras) - len(ball_shot[0].cameras)
    rounds = len(held) // 2
    for short, long in zip(held[:rounds], held[rounds:], strict=True):
        assert (long - short) / more < 0.25 * 12 * shot.footage.width * shot.footage.height


def test_it_repeats(ball_shot):
    shot, _ = ball_shot
    start = box_from_points(shot.model, SETTINGS.box, SETTINGS.point_groups)
    first = automatic_masks(shot.footage, shot.cameras, shot.model, start, SETTINGS)
    cv2.setRNGSeed(7)
    again = automatic_masks(shot.footage, shot.cameras, shot.model, start, SETTINGS)
    np.testing.assert_array_equal(first.probability, again.probability)


def test_a_given_box_is_the_region(ball_shot, overlaps):
    shot, mattes = ball_shot
    box = Box(np.zeros(3), np.full(3, 0.6), np.eye(3))
    start = start_from_box(box, shot.model, SETTINGS.box)
    assert start.box is box
    assert start.plane is not None and abs(start.plane[2]) > 0.99
    long = shot.model.points.track_length[:400] >= 4
    assert start.on_object[:400][long].mean() > 0.9 and not start.on_object[400:].any()
    masks = automatic_masks(shot.footage, shot.cameras, shot.model, start, SETTINGS)
    assert overlaps(masks.probability, mattes).mean() > 0.9


def test_without_points_the_middle_is_taken(ball_shot, overlaps):
    shot, mattes = ball_shot
    bare = CameraModel(shot.model.cameras, Points.empty())
    masks = automatic_masks(shot.footage, shot.cameras, bare, box_from_points(bare, SETTINGS.box, SETTINGS.point_groups), SETTINGS)
    assert overlaps(masks.probability, mattes).mean() > 0.85


def test_a_box_that_no_frame_shows(ball_shot):
    shot, _ = ball_shot
    start = start_from_box(Box(np.array([0, 0, 90.0]), np.full(3, 0.1), np.eye(3)), shot.model, SETTINGS.box)
    with pytest.raises(InputError, match="--masks"):
        automatic_masks(shot.footage, shot.cameras, shot.model, start, SETTINGS)


def test_depth_tells_what_has_the_same_colours(tmp_path, monkeypatch, overlaps):
    """A board in front of a wall of the same speckles, filmed in passing."""
    lens, board, wall, half = Lens("PINHOLE", 128, 96, (110.0, 110.0, 64.0, 48.0)), 3.0, 4.2, 0.55
    generator = np.random.default_rng(0)
    speckles = cv2.GaussianBlur(generator.normal(128, 90, (900, 900, 3)), (0, 0), 2).clip(0, 255)
    v, u = np.mgrid[:96, :128] + 0.5
    rays = np.stack([(u - 64) / 110, (v - 48) / 110, np.ones_like(u)], axis=-1)
    cameras, mattes = {}, []
    for i in range(10):
        name, place = f"plate.{1001 + i}.png", np.array([0.1 * (i - 4.5), 0.0, 0.0])
        matte = (np.abs((place + board * rays)[..., :2]) < half).all(axis=-1)
        hit = place + np.where(matte, board, wall)[..., None] * rays
        x, y = (450 + 140 * hit[..., k] + np.where(matte, 170, 0) for k in (0, 1))
        picture = cv2.remap(speckles, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        cv2.imwrite(str(tmp_path / name), picture.astype(np.uint8))
        cameras[name] = Camera(name, lens, np.eye(3), -place)
        mattes.append(matte)
    xyz = generator.uniform(-half, half, (300, 3))
    xyz[:150, 2] = board
    angle, away = generator.uniform(0, 2 * np.pi, 150), generator.uniform(1.3, 2.0, 150)
    xyz[150:] = np.stack([away * np.cos(angle), away * np.sin(angle), np.full(150, wall)], axis=1)
    images = np.tile(np.arange(10, dtype=np.int32), 300)
    points = Points(
        xyz, np.zeros((300, 3), np.uint8), np.ones(300), np.arange(301) * 10, images, np.full((3000, 2), np.nan)
    )  # fmt: skip
    model = CameraModel(cameras, points)
    start = start_from_box(
        Box(np.array([0, 0, board]), np.array([0.6, 0.6, 0.4]), np.eye(3)), model, SETTINGS.box
    )
    footage = open_footage(tmp_path)

    def found() -> float:
        masks = automatic_masks(footage, list(cameras.values()), model, start, SETTINGS)
        return float(overlaps(masks.probability, np.array(mattes)).mean())

    with_depth = found()

    def unknown(picture, size, cameras, count, model, step, stereo, sweep):
        return TemporaryValues(count, size), 0.0

    monkeypatch.setattr(frame_disparity, "frame_disparities", unknown)
    without = found()
    assert with_depth > 0.9 and with_depth > without + 0.03
