"""Sparse points by pycolmap for cameras that are known, on the sample's plates and true cameras."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from surface_sos_core.cameras import Camera, CameraModel, Lens, Points, read_model
from surface_sos_core.cameras.triangulate import (
    pairs_by_pose,
    reliable_points,
    triangulate_points,
)
from surface_sos_core.footage import Footage, open_footage
from surface_sos_core.settings import PointSettings, SolveSettings

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SETTINGS, SOLVE = PointSettings(), SolveSettings()
OBJECT = 1.25  # the robot's height; it stands on the table top, z = 0

# Lenses of every kind that see about what the sample's does, its focal length in f.
KINDS: dict[str, Callable[[float], tuple[float, ...]]] = {
    "SIMPLE_PINHOLE": lambda f: (f, 318, 182),
    "PINHOLE": lambda f: (f, 1.01 * f, 322, 179),
    "SIMPLE_RADIAL": lambda f: (f, 320, 180, -0.08),
    "RADIAL": lambda f: (f, 320, 180, -0.1, 0.05),
    "OPENCV": lambda f: (f, f, 321, 180, -0.1, 0.05, 0.002, -0.003),
    "OPENCV_FISHEYE": lambda f: (f, f, 320, 181, 0.02, -0.01, 0.0, 0.0),
    "FULL_OPENCV": lambda f: (f, f, 320, 180, -0.1, 0.05, 0.001, -0.001, 0.0, 0.02, 0.01, 0.0),
    "FOV": lambda f: (f, f, 320, 180, 0.5),
    "SIMPLE_RADIAL_FISHEYE": lambda f: (f, 320, 180, 0.03),
    "RADIAL_FISHEYE": lambda f: (f, 320, 180, 0.03, -0.01),
    "THIN_PRISM_FISHEYE": lambda f: (f, f, 320, 180, 0.03, 0, 0.001, 0.001, 0, 0, 0.002, -0.001),
    "RAD_TAN_THIN_PRISM_FISHEYE": lambda f: (
        *(f, f, 320, 180, 0.03, -0.01, 0, 0, 0, 0, 0.001, -0.001, 0.001, 0, 0.001, 0),
    ),
}


@pytest.fixture(scope="module")
def truth() -> CameraModel:
    return read_model(SAMPLES / "truth" / "cameras")


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Every second frame of the sample, so that half of the model's images are not there."""
    folder = tmp_path_factory.mktemp("plates")
    for path in sorted((SAMPLES / "plates").iterdir())[::2]:
        shutil.copy(path, folder)
    return open_footage(folder)


def errors(model: CameraModel) -> np.ndarray:
    """(M,) pixels between where each entry of the tracks was seen and where its camera projects the point."""
    points = model.points
    error = np.full(len(points.track_image), np.inf)
    for number, camera in enumerate(model.cameras.values()):
        entries = np.flatnonzero(points.track_image == number)
        pixels, depth = camera.project(points.xyz[points.track_point[entries]])
        assert (depth > 0).all()
        error[entries] = np.linalg.norm(pixels - points.track_xy[entries], axis=1)
    return error


def shares_near_truth(
    xyz: np.ndarray, names: list[str], truth: CameraModel, reach: float
) -> tuple[int, float]:
    """How many points the mattes of the images `names` all show on the robot, and the share near its mesh."""
    on_robot = np.ones(len(xyz), bool)
    for name in names:
        matte = cv2.imread(str(SAMPLES / "truth" / "matte" / f"{Path(name).stem}.png"), cv2.IMREAD_GRAYSCALE)
        at = np.floor(np.nan_to_num(truth.cameras[name].project(xyz)[0], nan=-1.0)).astype(int)
        inside = ((at >= 0) & (at < (matte.shape[1], matte.shape[0]))).all(axis=1)
        on_robot &= inside
        on_robot[inside] &= matte[at[inside, 1], at[inside, 0]] > 250
    mesh = trimesh.load(SAMPLES / "truth" / "mesh.ply")
    surface, _ = trimesh.sample.sample_surface(mesh, 100_000, seed=0)
    away = cKDTree(surface).query(xyz[on_robot])[0]
    return int(on_robot.sum()), float((away < reach).mean())


def test_points_lie_where_the_frames_show_them(footage: Footage, truth: CameraModel, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    notes: list[str] = []
    model = triangulate_points(
        footage,
        truth,
        tmp_path,
        SETTINGS,
        SOLVE,
        lambda done, total: steps.append((done, total)),
        seed=1,
        warn=notes.append,
    )
    assert not notes and model.cameras is truth.cameras
    points = model.points
    assert len(points) > 800
    error = errors(model)
    assert error.max() < SETTINGS.most_error and np.median(error) < 0.5
    np.testing.assert_allclose(
        points.error, np.bincount(points.track_point, error) / points.track_length, atol=1e-9
    )
    assert points.track_length.min() >= 3
    missing = [n for n, name in enumerate(truth.cameras) if int(Path(name).stem[-4:]) % 2 == 0]
    assert len(missing) == 12 and not np.isin(points.track_image, missing).any()
    count, near = shares_near_truth(points.xyz, list(truth.cameras), truth, 0.03 * OBJECT)
    assert count > 60 and near > 0.9
    table = points.xyz[(np.abs(points.xyz) < (1.6, 1.3, 0.1)).all(axis=1)]
    assert len(table) > 100 and np.median(np.abs(table[:, 2])) < 0.01 * OBJECT
    assert points.rgb.std() > 20
    assert steps[-1][0] == steps[-1][1] and [s[0] for s in steps] == sorted(s[0] for s in steps)
    assert list(tmp_path.iterdir()) == []


def test_a_lens_of_each_kind_and_a_model_of_larger_images(
    footage: Footage, truth: CameraModel, tmp_path: Path
) -> None:
    """Each frame is bent as another kind of lens sees it; the lenses are for twice the frames' size."""
    (tmp_path / "plates").mkdir()
    cameras: dict[str, Camera] = {}
    assert len(KINDS) == len(footage.frames)
    for i, (kind, params) in enumerate(KINDS.items()):
        original = truth.cameras[footage.frames[i].file]
        lens = Lens(kind, 640, 360, params(2 * original.lens.focal))
        y, x = np.mgrid[0 : footage.height, 0 : footage.width] + 0.5
        rays = lens.scaled(footage.width, footage.height).unproject(np.stack((x.ravel(), y.ravel()), axis=1))
        at = (original.lens.project(rays).reshape(*x.shape, 2) - 0.5).astype(np.float32)
        bent = cv2.remap(footage.read_display(i), at[..., 0], at[..., 1], cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "plates" / f"bent {i:04d}.png"), bent[..., ::-1])
        cameras[f"bent {i:04d}.png"] = replace(original, name=f"bent {i:04d}.png", lens=lens)
    model = triangulate_points(
        open_footage(tmp_path / "plates"), CameraModel(cameras, Points.empty()), tmp_path, SETTINGS, SOLVE
    )
    assert all(model.cameras[name] is camera for name, camera in cameras.items())
    assert len(model.points) > 500
    assert set(model.points.track_image) == set(range(len(KINDS)))
    error = errors(model)
    assert error.max() < 2 * SETTINGS.most_error and np.median(error) < 1
    count, near = shares_near_truth(model.points.xyz, list(truth.cameras), truth, 0.03 * OBJECT)
    assert count > 30 and near > 0.9


def test_wrong_poses_are_told_and_leave_the_model_as_it_is(
    footage: Footage, truth: CameraModel, tmp_path: Path
) -> None:
    cameras = list(truth.cameras.values())
    shuffled = np.random.default_rng(0).permutation(len(cameras))
    wrong = CameraModel(
        {c.name: replace(cameras[i], name=c.name) for c, i in zip(cameras, shuffled, strict=True)},
        Points.empty(),
    )
    notes: list[str] = []
    assert triangulate_points(footage, wrong, tmp_path, SETTINGS, SOLVE, warn=notes.append) is wrong
    assert len(notes) == 1 and "agree with its cameras" in notes[0]


def test_frames_without_texture_are_told(truth: CameraModel, tmp_path: Path) -> None:
    (tmp_path / "plates").mkdir()
    for i in range(1001, 1005):
        cv2.imwrite(str(tmp_path / "plates" / f"plate.{i}.png"), np.full((180, 320, 3), i - 900, np.uint8))
    notes: list[str] = []
    grey = open_footage(tmp_path / "plates")
    assert triangulate_points(grey, truth, tmp_path / "scratch", SETTINGS, SOLVE, warn=notes.append) is truth
    assert len(notes) == 1 and "stays at 0 sparse points: 0 were found in the frames" in notes[0]


def test_a_single_frame_with_a_camera_is_told(footage: Footage, truth: CameraModel, tmp_path: Path) -> None:
    names = [footage.frames[0].file, *(name for name in truth.cameras if int(Path(name).stem[-4:]) % 2 == 0)]
    one = CameraModel({name: truth.cameras[name] for name in names}, Points.empty())
    notes: list[str] = []
    assert triangulate_points(footage, one, tmp_path, SETTINGS, SOLVE, warn=notes.append) is one
    assert len(notes) == 1 and "a single frame has a camera" in notes[0]


def test_a_solver_that_cannot_start_is_told_and_leaves_the_model_as_it_is(
    footage: Footage, truth: CameraModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pycolmap.py").write_text("raise ImportError('libcolmap is not there')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    notes: list[str] = []
    assert (
        triangulate_points(footage, truth, tmp_path / "scratch", SETTINGS, SOLVE, warn=notes.append) is truth
    )
    assert len(notes) == 1 and "libcolmap is not there" in notes[0]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_model_that_has_points_stays(footage: Footage, truth: CameraModel, tmp_path: Path) -> None:
    some = SETTINGS.enough
    points = replace(
        Points.empty(), xyz=np.zeros((some, 3)), rgb=np.zeros((some, 3), np.uint8), error=np.zeros(some),
        track_start=np.zeros(some + 1, np.int64),
    )  # fmt: skip
    model = CameraModel(truth.cameras, points)
    assert triangulate_points(footage, model, tmp_path / "scratch", SETTINGS, SOLVE) is model
    assert not (tmp_path / "scratch").exists()


def test_an_interrupt_ends_it_and_cleans_up(footage: Footage, truth: CameraModel, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    few = open_footage(Path(footage.source) / "plate.100#.jpg")
    with pytest.raises(KeyboardInterrupt):
        triangulate_points(few, truth, tmp_path, SETTINGS, SOLVE, interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def ring(aim) -> list[Camera]:
    """120 cameras around the origin, one every three degrees."""
    lens = Lens("SIMPLE_PINHOLE", 320, 240, (300.0, 160.0, 120.0))
    angles = np.radians(np.arange(0, 360, 3))
    return [
        aim(f"{i}.png", np.array([np.cos(a), np.sin(a), 0.5]), np.zeros(3), lens)
        for i, a in enumerate(angles)
    ]


def test_all_pairs_of_a_short_shot(ring: list[Camera]) -> None:
    assert pairs_by_pose(ring[:5], SETTINGS) == [(i, j) for i in range(5) for j in range(i + 1, 5)]


def test_pairs_of_a_long_shot_are_near_views_whatever_their_order(ring: list[Camera]) -> None:
    order = np.random.default_rng(0).permutation(len(ring))
    pairs = pairs_by_pose([ring[i] for i in order], SETTINGS)
    assert len(pairs) == len(set(pairs)) < 16 * len(ring) and all(i < j for i, j in pairs)
    apart = np.abs(order[[i for i, _ in pairs]] - order[[j for _, j in pairs]])
    steps = np.minimum(apart, len(ring) - apart)  # of three degrees
    assert steps.max() <= 24 and {1, 2, 3, 6, 12} <= set(steps.tolist())
    partners = np.bincount(np.array(pairs)[steps <= 4].ravel(), minlength=len(ring))
    assert partners.min() >= 4


def test_only_what_holds_up_is_kept(ring: list[Camera]) -> None:
    xyz = np.array([[0.0, 0.0, 0.1], [0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [300.0, 0.0, 100.0]])
    tracks = [[0, 4, 8, 12], [0, 4, 8], [1, 2, 3, 4], [119, 0, 1]]
    seen = [(p, i) for p, images in enumerate(tracks) for i in images]
    at = np.array([ring[i].project(xyz[p : p + 1])[0][0] for p, i in seen])
    at[3] += 5.0  # one wrong entry in a track of four
    at[5] += 5.0  # and in one of three
    points = Points(
        xyz, np.zeros((4, 3), np.uint8), np.zeros(4), np.array([0, 4, 7, 11, 14]),
        np.array([i for _, i in seen], np.int32), at,
    )  # fmt: skip
    kept = reliable_points(points, ring, np.full(len(at), 2.0), 3, 1.5)
    np.testing.assert_array_equal(kept.xyz, xyz[[0, 2]])  # the last: seen from nearly one direction
    np.testing.assert_array_equal(kept.track_image, [0, 4, 8, 1, 2, 3, 4])
    np.testing.assert_array_equal(kept.track_start, [0, 3, 7])
    pair = reliable_points(points, ring, np.full(len(at), 2.0), 2, 1.5)
    np.testing.assert_array_equal(pair.xyz, xyz[:3])
