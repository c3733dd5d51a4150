"""How far away a board and the wall behind it are, from frames that pass by them."""

import numpy as np
import pytest

from surface_sos_core.cameras import Camera, CameraModel, Lens, Points
from surface_sos_core.settings import StereoSettings, SweepSettings
from surface_sos_core.stereo.frame_disparity import (
    FrameSweeps,
    depths_in_view,
    frame_disparities,
    tracked_depths,
)

SIZE = W, H = 96, 64
LENS = Lens("SIMPLE_RADIAL", 192, 128, (200.0, 96.0, 64.0, -0.05))
BOARD, WALL, HALF = 3.0, 5.0, 0.6


def colours(world: np.ndarray, seed: int) -> np.ndarray:
    waves = np.random.default_rng(seed).normal(0, 9, (3, 12))
    return 128 + 90 * np.sin(world @ waves).reshape(*world.shape[:-1], 3, 4).mean(-1)


def camera(number: int, x: float) -> Camera:
    return Camera(f"{number}.png", LENS, np.eye(3), np.array([-x, 0.0, 0.0]))


def on_board(one: Camera) -> np.ndarray:
    """(h, w) bool: the pixels that show the board."""
    hit = one.centre + BOARD * one.picture_rays(*SIZE)
    return (np.abs(hit[..., :2]) < HALF).all(axis=-1)


def depth(one: Camera) -> np.ndarray:
    return np.where(on_board(one), BOARD, WALL)


def picture(one: Camera) -> np.ndarray:
    world = one.centre + depth(one)[..., None] * one.picture_rays(*SIZE)
    return np.where(on_board(one)[..., None], colours(world, 1), colours(world, 2)).astype(np.uint8)


def model(cameras: list[Camera]) -> CameraModel:
    """Points on the board and the wall, each seen by every image."""
    generator = np.random.default_rng(0)
    xyz = generator.uniform(-HALF, HALF, (60, 3))
    xyz[:30, 2], xyz[30:, 2] = BOARD, WALL
    images = np.tile(np.arange(len(cameras), dtype=np.int32), 60)
    points = Points(
        xyz, np.zeros((60, 3), np.uint8), np.ones(60), np.arange(61) * len(cameras), images,
        np.full((len(images), 2), np.nan),
    )  # fmt: skip
    return CameraModel({one.name: one for one in cameras}, points)


def sweeps(read, cameras: dict[int, Camera], count: int, depths: np.ndarray) -> FrameSweeps:
    return FrameSweeps(read, SIZE, cameras, count, depths, StereoSettings(), SweepSettings())


def found(cameras: dict[int, Camera], points: CameraModel, count: int):
    pictures = {i: picture(one) for i, one in cameras.items()}
    steps: list[None] = []
    values, step = frame_disparities(
        pictures.__getitem__,
        SIZE,
        cameras,
        count,
        tracked_depths(points),
        lambda: steps.append(None),
        StereoSettings(),
        SweepSettings(),
    )
    assert len(steps) == len(cameras)
    return values, step


@pytest.fixture(scope="module")
def passing() -> dict[int, Camera]:
    """Nine frames side by side; the one at 3 has no camera."""
    return {i: camera(i, 0.08 * (i - 4)) for i in range(9) if i != 3}


def test_the_board_and_the_wall_are_as_far_as_they_are(passing):
    values, step = found(passing, model(list(passing.values())), 9)
    assert not values[3].any()
    for i in (0, 4, 7):
        known = values[i] > 0
        assert known.mean() > 0.6
        wrong = np.abs(values[i] - 1 / depth(passing[i]))[known] / step
        assert np.median(wrong) < 0.5 and np.mean(wrong < 2) > 0.9
    assert np.median(values[4][on_board(passing[4])]) > 1.5 * np.median(values[4][~on_board(passing[4])])


def test_without_points_nothing_is_known(passing):
    values, step = found(passing, CameraModel({c.name: c for c in passing.values()}, Points.empty()), 9)
    assert step == 0 and not any(values[i].any() for i in range(9))


def test_frames_far_from_each_other_know_nothing():
    cameras = {i: camera(i, 2.0 * i) for i in range(4)}
    values, _ = found(cameras, model(list(cameras.values())), 4)
    assert not any(values[i].any() for i in range(4))


def test_each_frame_is_swept_once_and_only_when_asked_for(passing):
    read: list[int] = []

    def looked_at(i: int) -> np.ndarray:
        read.append(i)
        return picture(passing[i])

    depths = tracked_depths(model(list(passing.values())))
    swept = sweeps(looked_at, passing, 9, depths)
    assert not read
    first = swept[4]
    asked = len(read)
    assert asked > 2 and (swept[4] == first).all() and len(read) == asked
    known = swept.inside(4)
    assert known.mean() > 0.6 and (first[known] > swept.steps[1]).all()
    assert not sweeps(looked_at, passing, 9, np.zeros(0)).inside(4).any()


def test_depths_are_those_of_points_in_the_picture():
    xyz = np.array([[0.0, 0, 3], [0, 0, -3], [100, 0, 3], [0, 0, 5]])
    assert depths_in_view(xyz, [camera(0, 0.0), camera(1, 0.1)]).tolist() == [3, 5, 3, 5]
