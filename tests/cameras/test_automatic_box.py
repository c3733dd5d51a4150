"""The automatic start on made-up scenes."""

from dataclasses import replace

import numpy as np
import pytest

from surface_sos_core.cameras.automatic_box import _completed, box_from_points, look_at, on_planes
from surface_sos_core.cameras.box import Box
from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.errors import InputError
from surface_sos_core.settings import BoxSettings, PointGroupSettings

LENS = Lens("PINHOLE", 640, 480, (420.0, 420.0, 320.0, 240.0))
CENTRE = np.array([0.5, -0.2, 0.3])
SETTINGS, GROUPS = BoxSettings(), PointGroupSettings()


def looking(centre: np.ndarray, target: np.ndarray, name: str = "") -> Camera:
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack((right, np.cross(forward, right), forward))
    return Camera(name, LENS, rotation, -rotation @ centre)


def circle(count: int = 24) -> list[Camera]:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    places = [CENTRE + [4 * np.cos(a), 4 * np.sin(a), 1.8] for a in angles]
    wobble = np.random.default_rng(2).normal(0, 0.05, (count, 3))
    return [looking(p, CENTRE + w, f"{i}.png") for i, (p, w) in enumerate(zip(places, wobble, strict=True))]


def model_of(xyz: np.ndarray, cameras: list[Camera]) -> CameraModel:
    start = np.arange(len(xyz) + 1) * 5
    images = np.tile(np.arange(5), len(xyz)).astype(np.int32)
    points = Points(
        xyz, np.zeros((len(xyz), 3), np.uint8), np.ones(len(xyz)), start, images, np.zeros((5 * len(xyz), 2))
    )
    return CameraModel({c.name: c for c in cameras}, points)


def surface_of_block(generator: np.random.Generator, half: float, count: int) -> np.ndarray:
    points = generator.uniform(-half, half, (count, 3))
    face = generator.integers(0, 3, count)
    points[np.arange(count), face] = half * generator.choice([-1, 1], count)
    return CENTRE + points


def room(generator: np.random.Generator) -> np.ndarray:
    directions = generator.normal(size=(1500, 3))
    return CENTRE + 9 * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_look_at_ignores_a_few_that_look_elsewhere() -> None:
    cameras = circle()
    np.testing.assert_allclose(look_at(cameras), CENTRE, atol=0.05)
    strays = [looking(c.centre, np.array([0.0, 0.0, 9.0]), f"s{i}") for i, c in enumerate(cameras[:3])]
    np.testing.assert_allclose(look_at(cameras + strays), CENTRE, atol=0.1)


def test_look_at_of_parallel_cameras_is_finite() -> None:
    cameras = [Camera(str(i), LENS, np.eye(3), np.array([float(i), 0.0, 0.0])) for i in range(4)]
    assert np.isfinite(look_at(cameras)).all()


def test_object_alone_is_kept_whole() -> None:
    generator = np.random.default_rng(0)
    block, far = surface_of_block(generator, 0.5, 1500), room(generator)
    found = box_from_points(model_of(np.concatenate((block, far)), circle()), SETTINGS, GROUPS)
    assert found.on_object[:1500].mean() > 0.98 and not found.on_object[1500:].any()
    assert found.plane is None  # the block's own faces are no support
    assert found.box.contains(block).all()
    assert np.max(found.box.half) < 1.0


def test_a_table_under_the_object_is_left_out() -> None:
    generator = np.random.default_rng(1)
    block, far = surface_of_block(generator, 0.5, 1500), room(generator)
    table = np.column_stack((generator.uniform(-2.2, 2.2, (2500, 2)), np.full(2500, -0.5))) + CENTRE
    table[:, 2] += generator.normal(0, 0.005, 2500)
    found = box_from_points(model_of(np.concatenate((block, table, far)), circle()), SETTINGS, GROUPS)
    assert found.plane is not None
    np.testing.assert_allclose(found.plane[:3], [0, 0, 1], atol=0.02)
    np.testing.assert_allclose(found.plane[3], -(CENTRE[2] - 0.5), atol=0.03)
    upper = block[:, 2] > CENTRE[2] - 0.4
    assert found.on_object[:1500][upper].mean() > 0.98
    assert found.on_object[1500:].sum() < 0.03 * found.on_object.sum()
    assert found.box.contains(block[upper]).mean() > 0.97
    np.testing.assert_allclose(np.abs(found.box.rotation[:, 2]), [0, 0, 1], atol=0.02)


def test_a_plane_that_much_shows_through_is_no_wall() -> None:
    generator = np.random.default_rng(5)
    heap = CENTRE + generator.normal(0, 0.3, (3000, 3))
    fence = CENTRE + np.column_stack((np.full(450, 0.44), generator.uniform(-2.2, 2.2, (450, 2))))
    model = model_of(np.concatenate((heap, fence, room(generator))), circle())
    settings = replace(SETTINGS, plane_tries=5000)
    behind = heap[:, 0] > CENTRE[0] + 0.5
    found = box_from_points(model, settings, GROUPS)
    assert found.on_object[:3000][behind].mean() > 0.95
    wall = box_from_points(model, replace(settings, seen_through=100.0), GROUPS)
    assert not wall.on_object[:3000][behind].any()


def test_what_close_views_lack_belongs_to_the_object_too() -> None:
    generator = np.random.default_rng(6)
    block, far = surface_of_block(generator, 0.5, 1500), room(generator)
    mast = CENTRE + np.column_stack(
        (generator.uniform(-0.1, 0.1, (500, 2)), generator.uniform(0.5, 1.7, 500))
    )
    close = Lens("PINHOLE", 640, 480, (1600.0, 1600.0, 320.0, 240.0))
    cameras = [replace(c, lens=close) if n % 3 == 0 else c for n, c in enumerate(circle())]
    found = box_from_points(model_of(np.concatenate((block, mast, far)), cameras), SETTINGS, GROUPS)
    assert found.on_object[:2000].mean() > 0.98 and not found.on_object[2000:].any()
    assert found.box.contains(mast).mean() > 0.98


def test_a_plain_thing_on_a_patterned_floor_is_not_the_floor() -> None:
    generator = np.random.default_rng(7)
    floor = CENTRE + np.column_stack((generator.uniform(-2.2, 2.2, (900, 2)), generator.normal(-0.9, 0.004, 900)))
    thing = surface_of_block(generator, 0.4, 12)
    found = box_from_points(model_of(np.concatenate((floor, thing)), circle()), SETTINGS, GROUPS)
    assert found.plane is not None and not found.on_object.any() and "guess" in found.notes[0]
    np.testing.assert_allclose(found.plane, [0, 0, 1, 0.9 - CENTRE[2]], atol=0.02)
    assert found.box.contains(thing).all() and found.box.contains((CENTRE - [0, 0, 0.88])[None]).all()


def test_cameras_that_look_apart() -> None:
    outward = [looking(c.centre, 2 * c.centre - CENTRE, c.name) for c in circle()]
    with pytest.raises(InputError, match="do not look at one place"):
        box_from_points(CameraModel({c.name: c for c in outward}, Points.empty()), SETTINGS, GROUPS)


def test_without_points_the_box_is_a_stated_guess() -> None:
    found = box_from_points(CameraModel({c.name: c for c in circle()}, Points.empty()), SETTINGS, GROUPS)
    np.testing.assert_allclose(found.box.centre, CENTRE, atol=0.05)
    assert 0.5 < found.box.half[0] < 2.0
    assert found.plane is None and len(found.on_object) == 0
    assert "guess" in found.notes[0]


def test_a_box_reaches_down_to_the_support_and_has_a_back() -> None:
    box = Box(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.2, 0.5]), np.eye(3))
    floor = np.array([0.0, 0.0, 1.0, -0.3])  # at height 0.3, the box ends at 0.5
    whole = _completed(box, floor, np.array([0.0, -5.0, 2.0]), 0.6)
    np.testing.assert_allclose(whole.centre - whole.half, [-1.0, -0.2, 0.3])  # the side that was filmed stays
    np.testing.assert_allclose(whole.centre + whole.half, [1.0, 1.0, 1.5])
    behind = _completed(box, None, np.array([0.0, 5.0, 2.0]), 0.6)
    np.testing.assert_allclose(behind.centre - behind.half, [-1.0, -1.0, 0.5])
    np.testing.assert_allclose(behind.centre + behind.half, [1.0, 0.2, 1.5])


def test_a_box_that_points_tell_all_of_stays() -> None:
    deep = Box(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.7, 0.5]), np.eye(3))
    far_below = np.array([0.0, 0.0, 1.0, 2.0])  # what hangs high above a floor does not stand on it
    thin = Box(np.zeros(3), np.array([1.0, 0.2, 0.5]), np.eye(3))
    for box, plane, camera in (
        (deep, None, [1.0, -9.0, 3.0]),
        (deep, far_below, [1.0, -9.0, 3.0]),
        (thin, None, [9.0, 0.1, 0.0]),  # seen along its width, its depth has points
    ):
        same = _completed(box, plane, np.array(camera), 0.6)
        np.testing.assert_allclose(same.centre, box.centre)
        np.testing.assert_allclose(same.half, box.half)


def test_planes_that_go_on_beside_are_told() -> None:
    """A floor that most points lie on, some of them within what is asked about, and a heap of others."""
    generator = np.random.default_rng(4)
    floor = np.column_stack((generator.uniform(-1, 1, (400, 2)), generator.normal(scale=0.002, size=400)))
    heap = generator.uniform(-0.3, 0.3, (100, 3)) + [0, 0, 0.4]
    xyz, beside = np.concatenate((floor, heap)), np.arange(500) < 300
    on = on_planes(xyz, beside, 0.01, SETTINGS)
    assert on[:400].all() and not on[400:].any()
    assert not on_planes(heap, np.ones(100, bool), 0.001, SETTINGS).any()
    assert not on_planes(xyz, np.zeros(500, bool), 0.01, SETTINGS).any()
