"""A box on a patterned floor below a lamp and an even sky, rendered by numpy: its shadow is told from the pattern."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Box, Camera, Lens
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.lamps import Sky
from surface_sos_core.layers.sources import Sources
from surface_sos_core.layers.still_shadow import StillShadow, find_still_shadow, hidden_sky
from surface_sos_core.settings import PlateSettings, StillShadowSettings

WIDTH, HEIGHT = 160, 120
HALF = np.array([0.35, 0.25, 0.5])  # the box stands on z = 0, around the z axis
FLOOR = np.array([[0.0, 0.0, 1.0, 0.0]])
LAMP = np.array([0.5, 0.3, 0.8]) / np.linalg.norm([0.5, 0.3, 0.8])
WARM = np.array([0.6, 0.55, 0.5])  # what the lamp gives of the light, by channel
SETTINGS = replace(StillShadowSettings(), texels=160, compared=120, cells=48)


def meets_box(points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(N,) bool: whether rays from points (N, 3) along directions (N, 3) or (3,) meet the box."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = [((0.0, 0.0, HALF[2]) + side * HALF - points) / directions for side in (-1.0, 1.0)]
    near, far = np.minimum(*ends).max(axis=1), np.maximum(*ends).min(axis=1)
    return (near < far) & (far > 1e-6)


def light(points: np.ndarray) -> np.ndarray:
    """(N, 3) what is left of the light of places of the floor (N, 3): of a lamp five degrees wide and of a sky of 150 places."""
    first = np.cross(LAMP, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = [
        LAMP + np.tan(np.radians(2.5)) * (np.cos(t) * first + np.sin(t) * np.cross(LAMP, first))
        for t in turns
    ]
    lamp = np.mean([meets_box(points, one) for one in disc], axis=0)
    random = np.random.default_rng(1).normal(size=(150, 3)) * (1, 1, 0) + (0, 0, 0)
    height = np.sqrt((np.arange(150) + 0.5) / 150)  # as the floor's own cosine weighs them
    sky_ways = random / np.linalg.norm(random, axis=1, keepdims=True) * np.sqrt(1 - height**2)[:, None] + (
        height[:, None] * np.array([0.0, 0.0, 1.0])
    )
    sky = np.mean([meets_box(points, one) for one in sky_ways], axis=0)
    return 1.0 - lamp[:, None] * WARM - sky[:, None] * (0.95 - WARM)


def pattern(points: np.ndarray) -> np.ndarray:
    """(N, 3) the floor's albedo: tiles of four colours with a grain."""
    tile = np.floor(points[:, :2] / 0.23).astype(int)
    kind = np.random.default_rng(2).integers(0, 4, (64, 64))[tile[:, 0] % 64, tile[:, 1] % 64]
    colours = np.array([[0.5, 0.45, 0.35], [0.15, 0.25, 0.4], [0.45, 0.2, 0.12], [0.3, 0.4, 0.3]])
    grain = 1.0 + 0.06 * np.sin(points[:, 0] * 37.0) * np.sin(points[:, 1] * 41.0 + 1.0)
    return colours[kind] * grain[:, None]


@dataclass(frozen=True)
class Shot:
    """cells (X, Y, Z): the box; pictures: scene-linear (H, W, 3)."""

    box: Box
    cells: np.ndarray
    cameras: list[Camera]
    sources: Sources

    def found(self, settings: StillShadowSettings = SETTINGS, planes: np.ndarray = FLOOR) -> StillShadow:
        return find_still_shadow(self.cells, self.box, planes, self.sources, settings)

    def on_floor(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Depth (H, W) of the floor, and world points (N, 3) of all pixels."""
        pixels = np.stack(np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5), axis=-1).reshape(
            -1, 2
        )
        origin, ways = camera.rays(pixels)
        depth = -origin[2] / ways[:, 2]
        return depth.reshape(HEIGHT, WIDTH), origin + depth[:, None] * ways


def filmed(aim, shadowed: bool) -> Shot:
    """From eight places around the box, with or without its shadow."""
    lens = Lens("PINHOLE", WIDTH, HEIGHT, (110.0, 110.0, WIDTH / 2, HEIGHT / 2))
    turns = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    cameras = [
        aim(f"{n}.png", np.array([2.2 * np.cos(t), 2.2 * np.sin(t), 2.0]), np.array([0.0, 0.0, 0.2]), lens)
        for n, t in enumerate(turns)
    ]
    box = Box(np.array([0.0, 0.0, 0.5]), np.array([0.6, 0.5, 0.7]), np.eye(3))
    shape = np.round(48 * box.extent).astype(int)
    middles = [((np.arange(n) + 0.5) / n * 2 - 1) * half for n, half in zip(shape, box.half, strict=True)]
    inside = [np.abs(one) <= half for one, half in zip(middles, HALF, strict=True)]
    cells = inside[0][:, None, None] & inside[1][:, None] & inside[2]
    shot = Shot(
        box, cells, cameras, Sources(lambda i: pictures[i], cameras, np.zeros((8, 1, 1)), PlateSettings())
    )
    pictures, covered = [], []
    for camera in cameras:
        _, points = shot.on_floor(camera)
        picture = pattern(points) * (light(points) if shadowed else 1.0)
        hidden = meets_box(np.broadcast_to(camera.centre, points.shape), points - camera.centre)
        picture[hidden] = (0.8, 0.1, 0.1)
        pictures.append(picture.reshape(HEIGHT, WIDTH, 3).astype(np.float32))
        covered.append(cv2.dilate(hidden.reshape(HEIGHT, WIDTH).astype(np.uint8), np.ones((3, 3), np.uint8)))
    shot.sources.holdouts = np.array(covered)
    return shot


@pytest.fixture(scope="module")
def shaded(aim) -> Shot:
    return filmed(aim, True)


@pytest.fixture(scope="module")
def shadow(shaded) -> StillShadow:
    return shaded.found()


def test_the_shadow_is_told_from_the_pattern(shaded, shadow):
    assert shadow.ground is not None and shadow.doubt == ""
    points = shadow.ground.points
    beside = (np.abs(points[:, :2]) > HALF[:2] + 0.03).any(axis=1)
    expected = light(points)
    error = np.log(shadow.left.reshape(-1, 3)) - np.log(expected)
    dark = beside & (expected.mean(axis=1) < 0.8)
    assert dark.sum() > 500
    assert np.sqrt((np.log(expected[dark]) ** 2).mean()) > 0.5
    assert np.sqrt((error[dark] ** 2).mean()) < 0.15
    # In the core of it, the lamp's tint shows.
    core = beside & (expected[:, 0] < 0.42)
    assert shadow.left.reshape(-1, 3)[core].mean(axis=0) == pytest.approx(
        expected[core].mean(axis=0), abs=0.06
    )
    assert np.abs(error[beside & (expected.mean(axis=1) > 0.98)]).mean() < 0.03


def test_a_pattern_without_a_shadow_gives_none_and_a_sentence(aim):
    nothing = filmed(aim, False)
    found = nothing.found()
    assert found.ground is None and "not told apart" in found.doubt
    zeros = np.zeros((HEIGHT, WIDTH), np.float32)
    factor = found.factor(nothing.cameras[0], zeros, zeros + 1, lambda pixels: np.ones(len(pixels)), 32)
    assert factor.shape == (HEIGHT, WIDTH, 3) and (factor == 1).all()


def test_a_shadow_that_the_shape_does_not_explain_is_none(shaded):
    """The same pictures, but the box thought to stand somewhere else than where it casts its shadow."""
    moved = replace(shaded, cells=np.roll(shaded.cells, (12, 12), (0, 1)))
    assert moved.found().ground is None


def test_without_a_ground_there_is_a_sentence(shaded):
    ceiling = np.array([[0.0, 0.0, 1.0, -3.0]])
    assert "no ground" in shaded.found(planes=ceiling).doubt


def test_all_frames_show_the_same_shadow_and_nothing_above_the_ground_does(shaded, shadow):
    ones = np.ones((HEIGHT, WIDTH), np.float32)
    for camera in shaded.cameras[:3]:
        depth, points = shaded.on_floor(camera)

        def asked(pixels, depth=depth):
            return depth[pixels[:, 1].astype(int), pixels[:, 0].astype(int)]

        factor = shadow.factor(camera, 0 * ones, ones, asked, WIDTH)
        beside = (np.abs(points[:, :2]) > HALF[:2] + 0.05).any(axis=1) & (np.abs(points[:, :2]) < 1.2).all(
            axis=1
        )
        error = factor.reshape(-1, 3)[beside] - light(points)[beside]
        assert np.sqrt((error**2).mean()) < 0.05, camera.name
        known = shadow.factor(camera, (1.0 / depth).astype(np.float32), ones, asked, WIDTH)
        assert np.abs(known - factor).max() < 1e-3
        near = shadow.factor(camera, 0 * ones, ones, lambda pixels, asked=asked: 0.8 * asked(pixels), WIDTH)
        assert (near == 1).all()


def test_ground_that_no_frame_shows_gets_the_shadow_around_it(shaded, shadow):
    """All light is kept off below the box; what frames show beside it is not nearly so dark."""
    points = shadow.ground.points
    below = (np.abs(points[:, :2]) < HALF[:2]).all(axis=1)
    shown = sum(shaded.sources.look(frame, points)[1].astype(int) for frame in range(len(shaded.cameras)))
    told = shown >= SETTINGS.least_views
    left = shadow.left.reshape(-1, 3)
    assert below.sum() > 300 and (below & ~told).sum() > 0.8 * below.sum()
    assert (left[~told].min(axis=0) >= left[told].min(axis=0)).all()
    assert left[below & ~told].min() > SETTINGS.darkest + 0.1
    # Nor is there a step where it begins.
    grid, grey = told.reshape(shadow.left.shape[:2]), shadow.left.mean(axis=2)
    steps = [np.abs(np.diff(grey, axis=axis))[np.diff(grid, axis=axis)] for axis in (0, 1)]
    assert np.concatenate(steps).mean() < 0.05


def test_the_shadow_ends_in_full_light(shadow):
    sides = np.concatenate([shadow.left[0], shadow.left[-1], shadow.left[:, 0], shadow.left[:, -1]])
    assert sides.min() > 0.97


def test_what_is_invented_goes_on_from_what_is_around_it(shaded, shadow):
    camera = shaded.cameras[0]
    depth, _ = shaded.on_floor(camera)
    disparity = (1.0 / depth).astype(np.float32)
    seen = np.ones((HEIGHT, WIDTH), np.float32)
    whole = shadow.factor(camera, disparity, seen, lambda pixels: np.ones(len(pixels)), WIDTH)
    hole = whole.mean(axis=2) < 0.3  # the darkest of it, beside the box
    seen[hole] = 0.0
    filled = shadow.factor(camera, disparity, seen, lambda pixels: np.ones(len(pixels)), WIDTH)
    np.testing.assert_array_equal(filled[~hole], whole[~hole])
    assert hole.any() and filled[hole].min() > whole[hole].min()


def test_what_is_kept_is_read_again(shadow, tmp_path: Path):
    path = tmp_path / "shadow.npz"
    shadow.write(path, "these layers")
    back = StillShadow.read(path, "these layers")
    assert back is not None and back.ground is not None and shadow.ground is not None
    np.testing.assert_allclose(back.left, shadow.left, atol=1e-3)
    np.testing.assert_array_equal(back.ground.axes, shadow.ground.axes)
    assert StillShadow.read(path, "others") is None
    good = path.read_bytes()
    for share in np.linspace(0, 1, 20, endpoint=False):
        path.write_bytes(good[: int(share * len(good))])
        assert StillShadow.read(path, "these layers") is None
    replace(shadow, left=shadow.left[:5]).write(path, "these layers")
    assert StillShadow.read(path, "these layers") is None
    assert StillShadow.read(tmp_path / "nothing.npz", "these layers") is None


def test_a_sentence_is_kept_too(tmp_path: Path):
    none = StillShadow(None, np.ones((1, 1, 3), np.float32), 1.0, "It is not told.")
    none.write(tmp_path / "shadow.npz", "a")
    back = StillShadow.read(tmp_path / "shadow.npz", "a")
    assert back is not None and back.ground is None and back.doubt == "It is not told."


def test_light_is_hidden_where_the_box_is_in_the_way(shaded):
    """The compiled loop against slabs, for rays all over the sky."""
    random = np.random.default_rng(3)
    points = np.column_stack([random.uniform(-1, 1, (400, 2)), np.zeros(400)])
    points = points[(np.abs(points[:, :2]) > HALF[:2] + 0.05).any(axis=1)]
    sky = Sky(Sky.above(np.array([0.0, 0.0, 1.0]), 40, 0.2).middles, np.full(40, 1e-4))
    hidden = hidden_sky(shaded.cells, shaded.box, points, sky)
    exact = np.stack([meets_box(points, one) for one in sky.middles], axis=1)
    assert 0.02 < exact.mean() < 0.5 and np.abs(hidden - exact).mean() < 0.01


def test_cones_are_split_into_halves_of_their_own_places():
    sky = Sky.above(np.array([0.0, 0.0, 1.0]), 50, 0.2)
    split = np.arange(50) == 20
    finer = sky.finer(split)
    assert len(finer.middles) == 49 + 7 and finer.widths.min() == pytest.approx(0.5 * sky.widths[20])
    new = finer.middles[finer.widths < 0.9 * sky.widths[20]]
    assert (new @ sky.middles[20] > np.cos(0.6 * sky.widths[20])).all()


def test_clipped_ground_tells_nothing(aim, shaded):
    bright = replace(SETTINGS, brightest=float(srgb_decode(np.float32(0.02))))
    assert shaded.found(bright).ground is None
