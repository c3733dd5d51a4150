"""The automatic start on a made-up shot: a patterned ball on a plain table in front of nothing else."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Box, Camera, CameraModel, Lens, Points, box_from_points, start_from_box
from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage, open_footage
from surface_sos_core.masks import automatic
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.consensus import Consensus, build_consensus

LENS = Lens("PINHOLE", 128, 96, (110.0, 110.0, 64.0, 48.0))
RADIUS = 0.5
TABLE = -0.5


def circle(count: int = 10) -> dict[str, Camera]:
    cameras = {}
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, count, endpoint=False)):
        centre = np.array([2.4 * np.cos(angle), 2.4 * np.sin(angle), 1.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack((right, np.cross(forward, right), forward))
        name = f"plate.{1001 + i}.png"
        cameras[name] = Camera(name, LENS, rotation, -rotation @ centre)
    return cameras


def render(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The picture (h, w, 3) and the ball's matte (h, w) bool."""
    u, v = np.meshgrid(np.arange(LENS.width) + 0.5, np.arange(LENS.height) + 0.5)
    origin, d = camera.rays(np.stack((u.ravel(), v.ravel()), axis=1))
    b, a, c = d @ origin, (d * d).sum(axis=1), origin @ origin - RADIUS**2
    root = b * b - a * c
    ball = root > 0
    hit = origin + d * ((-b - np.sqrt(np.maximum(root, 0))) / a)[:, None]
    with np.errstate(divide="ignore"):
        t = (TABLE - origin[2]) / d[:, 2]
    floor = origin + d * np.clip(t, 0, 50)[:, None]
    stripes = (np.sin(12 * hit[:, 2]) > 0)[:, None]
    tiles = ((np.floor(3 * floor[:, 0]) + np.floor(3 * floor[:, 1])) % 2 > 0)[:, None]
    rgb = np.where(tiles, [90, 110, 90], [120, 130, 110])
    rgb = np.where((t > 0)[:, None], rgb, [150, 160, 190])
    rgb = np.where(ball[:, None], np.where(stripes, [200, 60, 40], [230, 190, 60]), rgb)
    rgb = rgb + np.random.default_rng(0).normal(0, 4, rgb.shape)
    shape = (LENS.height, LENS.width)
    return np.clip(rgb, 0, 255).astype(np.uint8).reshape(*shape, 3), ball.reshape(shape)


def sparse_points(cameras: dict[str, Camera]) -> Points:
    generator = np.random.default_rng(1)
    ball = generator.normal(size=(400, 3))
    ball *= RADIUS / np.linalg.norm(ball, axis=1, keepdims=True)
    table = np.column_stack((generator.uniform(-2, 2, (900, 2)), np.full(900, TABLE)))
    xyz = np.concatenate((ball, table))
    tracks = []
    for point, on_ball in zip(xyz, np.arange(len(xyz)) < 400, strict=True):
        facing = [(c.centre - point) @ point > 0 or not on_ball for c in cameras.values()]
        tracks.append([i for i, c in enumerate(cameras.values()) if facing[i] and c.sees(point[None])[0]])
    start = np.cumsum([0] + [len(t) for t in tracks])
    images = np.concatenate([np.array(t, np.int32) for t in tracks])
    rgb = np.zeros((len(xyz), 3), np.uint8)
    return Points(xyz, rgb, np.ones(len(xyz)), start, images, np.full((len(images), 2), np.nan))


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> tuple[Footage, CameraModel, np.ndarray]:
    return film(tmp_path_factory.mktemp("ball"), circle())


def film(folder: Path, cameras: dict[str, Camera]) -> tuple[Footage, CameraModel, np.ndarray]:
    """Footage and model of the ball from these cameras, and its mattes."""
    mattes = []
    for name, camera in cameras.items():
        rgb, matte = render(camera)
        cv2.imwrite(str(folder / name), rgb[..., ::-1])
        mattes.append(matte)
    return open_footage(folder), CameraModel(cameras, sparse_points(cameras)), np.array(mattes)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_ball_is_found_and_not_the_table(shot: tuple[Footage, CameraModel, np.ndarray]) -> None:
    footage, model, mattes = shot
    cameras: list[Camera | None] = list(model.cameras.values())
    cameras[3] = None
    steps: list[tuple[int, int]] = []
    masks = automatic_masks(
        footage, cameras, model, box_from_points(model), lambda done, total: steps.append((done, total))
    )
    assert masks.probability.shape == mattes.shape and masks.probability.dtype == np.uint8
    assert masks.known.tolist() == [i != 3 for i in range(10)]
    assert not masks.probability[3].any()
    scores = [overlap(masks.probability[i] > 127, mattes[i]) for i in range(10) if i != 3]
    assert min(scores) > 0.85 and np.mean(scores) > 0.9
    assert steps == [(n + 1, 18) for n in range(18)]


def test_no_frame_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all frames are known: at most a quarter of what a frame's picture, colours and odds take."""
    held = {}

    def vote(*given: object) -> Consensus:
        held[count] = tracemalloc.get_traced_memory()[0]
        return build_consensus(*given)

    monkeypatch.setattr(automatic, "build_consensus", vote)
    for count in (10, 30):
        folder = tmp_path / str(count)
        folder.mkdir()
        footage, model, _ = film(folder, circle(count))
        start = box_from_points(model)
        tracemalloc.start()
        automatic.automatic_masks(footage, list(model.cameras.values()), model, start)
        tracemalloc.stop()
    assert (held[30] - held[10]) / 20 < 0.25 * 12 * LENS.width * LENS.height


def test_it_repeats(shot: tuple[Footage, CameraModel, np.ndarray]) -> None:
    footage, model, _ = shot
    start = box_from_points(model)
    cameras = list(model.cameras.values())
    first = automatic_masks(footage, cameras, model, start)
    cv2.setRNGSeed(7)
    np.testing.assert_array_equal(
        first.probability, automatic_masks(footage, cameras, model, start).probability
    )


def test_a_given_box_is_the_region(shot: tuple[Footage, CameraModel, np.ndarray]) -> None:
    footage, model, mattes = shot
    box = Box(np.zeros(3), np.full(3, 0.6), np.eye(3))
    start = start_from_box(box, model)
    assert start.box is box
    assert start.plane is not None and abs(start.plane[2]) > 0.99
    long = model.points.track_length[:400] >= 4
    assert start.on_object[:400][long].mean() > 0.9 and not start.on_object[400:].any()
    masks = automatic_masks(footage, list(model.cameras.values()), model, start)
    assert np.mean([overlap(m > 127, t) for m, t in zip(masks.probability, mattes, strict=True)]) > 0.9


def test_without_points_the_middle_is_taken(shot: tuple[Footage, CameraModel, np.ndarray]) -> None:
    footage, model, mattes = shot
    bare = CameraModel(model.cameras, Points.empty())
    masks = automatic_masks(footage, list(model.cameras.values()), bare, box_from_points(bare))
    assert np.mean([overlap(m > 127, t) for m, t in zip(masks.probability, mattes, strict=True)]) > 0.85


def test_a_box_that_no_frame_shows(shot: tuple[Footage, CameraModel, np.ndarray]) -> None:
    footage, model, _ = shot
    start = start_from_box(Box(np.array([0, 0, 90.0]), np.full(3, 0.1), np.eye(3)), model)
    with pytest.raises(InputError, match="--masks"):
        automatic_masks(footage, list(model.cameras.values()), model, start)
