"""A shot whose every mask is known: a patterned ball on a tiled table, circled by ten cameras, with sparse points."""

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Camera, CameraModel, Lens, Points
from surface_sos_core.footage import open_footage
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import Settings

LENS = Lens("PINHOLE", 128, 96, (110.0, 110.0, 64.0, 48.0))
RADIUS, TABLE = 0.5, -0.5


def _circle(aim, arc, count=10):
    names = [f"plate.{1001 + i}.png" for i in range(count)]
    angles = np.linspace(0, arc, count, endpoint=False)
    places = [np.array([2.4 * np.cos(a), 2.4 * np.sin(a), 1.0]) for a in angles]
    return {name: aim(name, place, np.zeros(3), LENS) for name, place in zip(names, places, strict=True)}


def _picture(camera: Camera):
    """(h, w, 3) uint8 and the ball's matte (h, w) bool."""
    u, v = np.meshgrid(np.arange(LENS.width) + 0.5, np.arange(LENS.height) + 0.5)
    origin, d = camera.rays(np.stack((u.ravel(), v.ravel()), axis=1))
    b, a, c = d @ origin, (d * d).sum(axis=1), origin @ origin - RADIUS**2
    root = b * b - a * c
    hit = origin + d * ((-b - np.sqrt(np.maximum(root, 0))) / a)[:, None]
    with np.errstate(divide="ignore"):
        t = (TABLE - origin[2]) / d[:, 2]
    floor = origin + d * np.clip(t, 0, 50)[:, None]
    around = np.arctan2(hit[:, 1], hit[:, 0])
    stripes = (np.sin(12 * hit[:, 2]) * np.sin(5 * around) > 0)[:, None]
    tiles = ((np.floor(3 * floor[:, 0]) + np.floor(3 * floor[:, 1])) % 2 > 0)[:, None]
    rgb = np.where(tiles, [90, 110, 90], [120, 130, 110])
    rgb = np.where((t > 0)[:, None], rgb, [150, 160, 190])
    rgb = np.where((root > 0)[:, None], np.where(stripes, [200, 60, 40], [230, 190, 60]), rgb)
    rgb = rgb + np.random.default_rng(0).normal(0, 2, rgb.shape)
    shape = (LENS.height, LENS.width)
    return np.clip(rgb, 0, 255).astype(np.uint8).reshape(*shape, 3), (root > 0).reshape(shape)


def _points(cameras) -> Points:
    generator = np.random.default_rng(1)
    ball = generator.normal(size=(400, 3))
    ball *= RADIUS / np.linalg.norm(ball, axis=1, keepdims=True)
    table = np.column_stack((generator.uniform(-2, 2, (900, 2)), np.full(900, TABLE)))
    xyz = np.concatenate((ball, table))
    tracks = []
    for n, point in enumerate(xyz):
        tracks.append([i for i, c in enumerate(cameras.values()) if _shows(c, point, on_ball=n < 400)])
    start = np.cumsum([0] + [len(track) for track in tracks])
    images = np.concatenate([np.array(track, np.int32) for track in tracks])
    rgb = np.zeros((len(xyz), 3), np.uint8)
    return Points(xyz, rgb, np.ones(len(xyz)), start, images, np.full((len(images), 2), np.nan))


def _shows(camera: Camera, point: np.ndarray, on_ball: bool) -> bool:
    to = point - camera.centre
    if on_ball:
        return to @ point < 0 and bool(camera.sees(point[None])[0])
    along = np.clip(-(camera.centre @ to) / (to @ to), 0, 1)  # nearest to the ball's middle
    hidden = np.linalg.norm(camera.centre + along * to) < RADIUS
    return not hidden and bool(camera.sees(point[None])[0])


def _shot(folder, cameras):
    mattes = []
    for name, camera in cameras.items():
        rgb, matte = _picture(camera)
        cv2.imwrite(str(folder / name), rgb[..., ::-1])
        mattes.append(matte)
    model = CameraModel(cameras, _points(cameras))
    shot = MaskShot(
        open_footage(folder),
        model,
        list(cameras.values()),
        None,
        Settings(),
        pytest.fail,
        lambda done, total: None,
    )
    return shot, np.array(mattes)


@pytest.fixture(scope="package")
def ball_shot(tmp_path_factory, aim):
    """The shot, and its mattes (frames, h, w) bool."""
    return _shot(tmp_path_factory.mktemp("ball"), _circle(aim, 2 * np.pi))


@pytest.fixture(scope="package")
def slow_shot(tmp_path_factory, aim):
    """The same, filmed slowly: three degrees from frame to frame."""
    return _shot(tmp_path_factory.mktemp("slow"), _circle(aim, np.radians(30)))


@pytest.fixture(scope="package")
def long_shot(tmp_path_factory, aim):
    """The same with thirty frames."""
    return _shot(tmp_path_factory.mktemp("long"), _circle(aim, 2 * np.pi, 30))


@pytest.fixture(scope="session")
def overlaps():
    """IoU of each of the masks (frames, h, w) with its matte (frames, H, W)."""

    def make(probability, mattes):
        height, width = mattes.shape[1:]
        masks = np.array([cv2.resize(one, (width, height)) > 127 for one in probability])
        return (masks & mattes).sum(axis=(1, 2)) / (masks | mattes).sum(axis=(1, 2))

    return make


@pytest.fixture(scope="session")
def with_points():
    """A camera model with more points xyz (N, 3), which every image has seen."""

    def make(model: CameraModel, xyz: np.ndarray) -> CameraModel:
        points, images = model.points, len(model.cameras)
        more = np.cumsum(np.full(len(xyz), images)) + len(points.track_image)
        return CameraModel(
            model.cameras,
            Points(
                np.concatenate((points.xyz, xyz)),
                np.concatenate((points.rgb, np.zeros((len(xyz), 3), np.uint8))),
                np.concatenate((points.error, np.ones(len(xyz)))),
                np.concatenate((points.track_start, more)),
                np.concatenate((points.track_image, np.tile(np.arange(images, dtype=np.int32), len(xyz)))),
                np.concatenate((points.track_xy, np.full((len(xyz) * images, 2), np.nan))),
            ),
        )

    return make
