"""The background's depth, looked for through the subject, of a near board before a wall that a sliding camera films."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.moving.camera_motion import FREE
from surface_sos_core.moving.depth import BackgroundDepth, background_depth
from surface_sos_core.moving.subject import follow_subject
from surface_sos_core.settings import MovingDepthSettings, Settings, SweepSettings

WIDTH, HEIGHT, COUNT, NEAR, FAR = 160, 90, 15, 2.5, 4.0
LENS = Lens("SIMPLE_PINHOLE", WIDTH, HEIGHT, (150.0, WIDTH / 2, HEIGHT / 2))
CENTRES = np.linspace(-0.5, 0.5, COUNT)
CAMERAS = [Camera(f"{i}.png", LENS, np.eye(3), -np.array([x, 0.0, 0.0])) for i, x in enumerate(CENTRES)]
SETTINGS = MovingDepthSettings(image_edge=WIDTH, reach=8)


def texture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((512, 512, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip((soft - soft.mean()) / soft.std() * 0.2 + 0.5, 0, 1)


WALL, BOARD = texture(1), texture(2)


def places(i: int, depth: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    return CENTRES[i] + depth * (x - WIDTH / 2) / 150, depth * (y - HEIGHT / 2) / 150


def on_board(i: int) -> np.ndarray:
    x, y = places(i, NEAR)
    return (np.abs(x) < 0.3) & (np.abs(y) < 0.4)


def held_out(i: int) -> np.ndarray:
    """Where the subject is: it crosses the picture."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:75, 10 + 9 * i : 24 + 9 * i] = True
    return mask


def picture(i: int) -> np.ndarray:
    shown = [
        cv2.remap(t, *((100 * p + 256).astype(np.float32) for p in places(i, z)), cv2.INTER_LINEAR)
        for t, z in ((WALL, FAR), (BOARD, NEAR))
    ]
    background = np.where(on_board(i)[..., None], shown[1], shown[0])
    return np.where(held_out(i)[..., None], np.float32(0.9), background).astype(np.float32)


def model() -> CameraModel:
    """Cameras with points of both depths, each seen by the first one."""
    xyz = np.array([(0.01 * n, 0.0, z) for n in range(30) for z in (NEAR, FAR)])
    count = len(xyz)
    points = Points(
        xyz, np.zeros((count, 3), np.uint8), np.zeros(count), np.arange(count + 1), np.zeros(count, np.int32),
        np.zeros((count, 2)),
    )  # fmt: skip
    return CameraModel({camera.name: camera for camera in CAMERAS}, points)


@pytest.fixture(scope="module")
def depth() -> BackgroundDepth:
    found = background_depth(
        picture, held_out, (WIDTH, HEIGHT), CAMERAS, model(), SETTINGS, SweepSettings(), lambda: None
    )
    assert found is not None
    return found


def test_depth_is_that_of_the_background_behind_the_subject_too(depth: BackgroundDepth) -> None:
    for i in (4, 7, 10):
        truth = 1 / np.where(on_board(i), NEAR, FAR)
        wrong = np.abs(depth.disparity[i].astype(float) - truth) > 0.02
        assert wrong[held_out(i)].mean() < 0.15
        assert wrong[10:-10, 10:-10].mean() < 0.1


def test_another_frame_is_looked_up_where_it_shows_the_same(depth: BackgroundDepth) -> None:
    whole = (slice(0, HEIGHT), slice(0, WIDTH))
    at, shown = depth.lookup(7, 10, whole, (HEIGHT, WIDTH))
    brought = cv2.remap(picture(10), at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    hidden = (
        cv2.remap(held_out(10).astype(np.uint8), at[..., 0], at[..., 1], cv2.INTER_NEAREST, borderValue=1) > 0
    )
    free = shown & ~hidden & ~held_out(7)
    assert free.mean() > 0.5
    assert np.median(np.abs(brought - picture(7))[free]) < 0.02
    behind = shown & ~hidden & held_out(7)
    assert behind.sum() > 300


def test_too_few_points_tell_no_depth() -> None:
    bare = CameraModel(model().cameras, Points.empty())
    assert (
        background_depth(
            picture, held_out, (WIDTH, HEIGHT), CAMERAS, bare, SETTINGS, SweepSettings(), lambda: None
        )
        is None
    )


def test_a_subject_found_in_part_is_made_whole_by_what_the_depths_leave_unexplained(tmp_path: Path) -> None:
    for i in range(COUNT):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.rint(255 * picture(i)[..., ::-1]).astype(np.uint8))
    footage, part = open_footage(tmp_path), CoarseMasks.unknown(COUNT, (WIDTH, HEIGHT))
    for i in range(COUNT):
        upper = held_out(i)
        upper[42:] = False
        part.put(i, upper)

    def overlap(found: bool) -> float:
        subject = follow_subject(
            footage, part, FREE, Settings(), lambda done, total: None, model(), CAMERAS, found
        )
        masks = zip(subject.masks, map(held_out, range(COUNT)), strict=True)
        return float(np.mean([iou(mask / 255.0, truth.astype(np.float32)) for mask, truth in masks]))

    assert overlap(found=True) > 0.85
    assert overlap(found=False) < 0.6
