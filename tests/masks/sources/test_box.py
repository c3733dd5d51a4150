"""A box on one frame becomes masks of all: through the world where cameras are known, by optical flow otherwise."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points
from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.box import BoxSource, start_from_drawn
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.settings import Settings


def start_of(drawn, cameras, model):
    return start_from_drawn(drawn, cameras, model, Settings())


def around(mattes, frame, room=4):
    rows, columns = np.nonzero(mattes[frame])
    region = np.zeros(mattes.shape[1:], bool)
    region[
        max(0, rows.min() - room) : rows.max() + room, max(0, columns.min() - room) : columns.max() + room
    ] = True
    return Drawn((region.shape[1], region.shape[0]), {frame: region})


def test_through_the_world(ball_shot, overlaps):
    shot, mattes = ball_shot
    masks = BoxSource(around(mattes, 3)).find(shot)
    assert masks.known.all()
    scores = overlaps(masks.probability, mattes)
    assert scores.mean() > 0.9 and scores.min() > 0.85


def test_where_in_the_world_it_is(ball_shot):
    shot, mattes = ball_shot
    start = start_of(around(mattes, 3), shot.cameras, shot.model)
    assert np.linalg.norm(start.box.centre) < 0.25
    assert start.core[:400].mean() > 0.35 and not start.core[400:].any()


def test_what_stands_behind_in_the_drawing_is_told_from_it(ball_shot, with_points):
    shot, mattes = ball_shot
    away = -shot.cameras[3].centre / np.linalg.norm(shot.cameras[3].centre)
    post = np.random.default_rng(2).normal(scale=[0.08, 0.08, 0.3], size=(200, 3)) + 1.3 * away
    start = start_of(around(mattes, 3), shot.cameras, with_points(shot.model, post))
    assert not start.core[1300:].any() and start.beside[1300:].mean() > 0.9
    assert start.core[:400].mean() > 0.35 and not start.core[400:1300].any()
    assert not start.beside[:400][start.core[:400]].any()


def test_a_floor_in_the_drawing_is_not_the_object(ball_shot):
    """Drawn with so much room that the floor in front of the ball is nearer than the ball."""
    shot, mattes = ball_shot
    start = start_of(around(mattes, 3, room=20), shot.cameras, shot.model)
    assert start.core[:400].any() and not start.core[400:].any()


def test_an_object_goes_on_where_the_pictures_edge_cuts_it(ball_shot):
    """The frame's left half alone, which cuts the ball in two."""
    shot, mattes = ball_shot
    name, lens = list(shot.model.cameras)[3], shot.cameras[3].lens
    camera = replace(shot.cameras[3], lens=replace(lens, width=lens.width // 2))
    model = CameraModel(shot.model.cameras | {name: camera}, shot.model.points)
    half = around(mattes, 3).regions[3][:, : lens.width // 2]
    assert half[:, -1].any()
    start = start_of(
        Drawn((half.shape[1], half.shape[0]), {3: half}),
        [camera if n == 3 else c for n, c in enumerate(shot.cameras)],
        model,
    )
    ball = model.points.xyz[:400]
    cut = ~np.isfinite(camera.project(ball)[0]).all(axis=1) | (camera.project(ball)[0][:, 0] >= lens.width / 2)
    assert 100 < cut.sum() < 300
    assert start.core[:400][cut].mean() > 0.1 and not start.core[400:].any()
    assert start.box.contains(ball[cut]).mean() > 0.4


def test_a_frame_that_no_point_was_found_in_shows_those_of_others(ball_shot):
    shot, mattes = ball_shot
    points = shot.model.points
    others = points.track_image != 3
    length = np.bincount(points.track_point[others], minlength=len(points))
    without = replace(
        points,
        track_start=np.concatenate(([0], np.cumsum(length))),
        track_image=points.track_image[others],
        track_xy=points.track_xy[others],
    )
    assert not len(without.seen_by(3))
    start = start_of(around(mattes, 3), shot.cameras, CameraModel(shot.model.cameras, without))
    assert np.linalg.norm(start.box.centre) < 0.25
    assert start.core[:400].mean() > 0.35 and not start.core[400:].any()


def test_without_points_the_look_at_tells_the_distance(ball_shot, overlaps):
    shot, mattes = ball_shot
    bare = replace(shot, model=CameraModel(shot.model.cameras, Points.empty()))
    assert np.linalg.norm(start_of(around(mattes, 0), bare.cameras, bare.model).box.centre) < 0.35
    assert overlaps(BoxSource(around(mattes, 0)).find(bare).probability, mattes).mean() > 0.8


def test_nothing_outside_the_drawing_on_its_frame(ball_shot):
    shot, mattes = ball_shot
    half = around(mattes, 5)
    half.regions[5][:, 64:] = False
    masks = BoxSource(half).find(shot)
    assert not (masks.probability[5] > 127)[~half.regions[5]].any() and (masks.probability[5] > 127).any()


def test_a_drawing_on_a_frame_without_camera(ball_shot):
    shot, mattes = ball_shot
    cameras = [None, *shot.cameras[1:]]
    with pytest.raises(InputError, match="another frame"):
        BoxSource(around(mattes, 0)).find(replace(shot, cameras=cameras))


def test_by_optical_flow(slow_shot, overlaps):
    shot, mattes = slow_shot
    steps = []
    unsolved = replace(
        shot, model=None, cameras=[None] * 10, progress=lambda done, total: steps.append((done, total))
    )
    masks = BoxSource(around(mattes, 4)).find(unsolved)
    assert masks.known.all() and not masks.reasons
    assert overlaps(masks.probability, mattes).min() > 0.85
    assert steps[-1] == (10, 10)


def test_flow_that_loses_the_object_says_where(slow_shot, tmp_path):
    """From the sixth frame on the plates show something else."""
    import cv2

    from surface_sos_core.footage import open_footage

    shot, mattes = slow_shot
    for i, frame in enumerate(shot.footage.frames):
        picture = shot.footage.read_display(i)
        if i >= 6:
            picture = np.random.default_rng(i).integers(0, 256, picture.shape, np.uint8)
        cv2.imwrite(str(tmp_path / frame.file), picture[..., ::-1])
    broken = replace(shot, footage=open_footage(tmp_path), model=None, cameras=[None] * 10)
    masks = BoxSource(around(mattes, 2)).find(broken)
    assert masks.known.tolist() == [True] * 6 + [False] * 4
    assert set(masks.reasons) == {6, 7, 8, 9} and "plate.1007" in masks.reasons[9]
