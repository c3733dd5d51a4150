"""Solving by pycolmap in its own process, on a rendered corner of a room."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import solve
from surface_sos_core.cameras.camera import Camera
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.cameras.solve import solve_cameras
from surface_sos_core.cameras.solve_worker import pairs_to_match
from surface_sos_core.cameras.solver_process import Job
from surface_sos_core.errors import InputError, SolveError
from surface_sos_core.settings import SolveSettings

SETTINGS = SolveSettings()
LENS = Lens("SIMPLE_RADIAL", 320, 240, (330.0, 160.0, 120.0, 0.02))


@dataclass
class OneFrame:
    name: str
    file: str


class Shot:
    """Frames in a folder; names with spaces, as people have them."""

    def __init__(self, folder: Path, images: list[np.ndarray]) -> None:
        self.folder, self.width, self.height = folder, LENS.width, LENS.height
        folder.mkdir()
        self.frames = [OneFrame(f"my shot.{1001 + i}", f"my shot.{1001 + i}.png") for i in range(len(images))]
        for frame, image in zip(self.frames, images, strict=True):
            cv2.imwrite(str(folder / frame.file), image)

    def image_folder(self, scratch: Path) -> tuple[Path, list[str]]:
        return self.folder, [frame.file for frame in self.frames]


def looking(centre: np.ndarray, target: np.ndarray) -> Camera:
    forward = (target - centre) / np.linalg.norm(target - centre)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack((right, np.cross(forward, right), forward))
    return Camera("", LENS, rotation, -rotation @ centre)


def texture(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    layers = [cv2.resize(generator.random((n, n, 3), np.float32), (1024, 1024), interpolation=cv2.INTER_CUBIC)
              for n in (24, 64, 160)]  # fmt: skip
    return np.clip(np.mean(layers, axis=0) * 380 - 60, 0, 255).astype(np.uint8)


TEXTURES = [texture(i) for i in range(3)]


def render(camera: Camera, noise: int) -> np.ndarray:
    """The room's corner x = 0, y = 0, z = 0, walls 4 wide, seen from its positive side."""
    y, x = np.mgrid[0 : LENS.height, 0 : LENS.width] + 0.5
    origin, directions = camera.rays(np.stack((x.ravel(), y.ravel()), axis=1))
    with np.errstate(divide="ignore"):
        depths = np.where(directions < 0, -origin / directions, np.inf)  # [pixels, wall]
    wall = np.argmin(depths, axis=1)
    hits = origin + directions * depths[np.arange(len(wall)), wall][:, None]
    hits, wall = hits.reshape(LENS.height, LENS.width, 3), wall.reshape(LENS.height, LENS.width)
    image = np.zeros(hits.shape)
    for k, picture in enumerate(TEXTURES):
        at = (np.delete(hits, k, axis=2) * 256).astype(np.float32)
        drawn = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        image[wall == k] = drawn[wall == k]
    grain = np.random.default_rng(noise).normal(0, 2, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def circling(count: int) -> list[Camera]:
    angles = np.radians(np.linspace(20, 70, count))
    centres = [np.array([3.0 * np.cos(a), 3.0 * np.sin(a), 1.4 + 0.3 * np.sin(5 * a)]) for a in angles]
    return [looking(c, np.array([0.3, 0.3, 0.5])) for c in centres]


def align(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Similarity s R x + t from source to target points (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = float((d * np.diag(sign)).sum() / (a**2).sum())
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    return Shot(tmp_path_factory.mktemp("room") / "plates", [render(c, i) for i, c in enumerate(circling(9))])


def test_solves_the_cameras_that_filmed(room: Shot, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    notes: list[str] = []
    model = solve_cameras(
        room, tmp_path, SETTINGS, lambda done, total: steps.append((done, total)), seed=1, warn=notes.append
    )
    assert sorted(model.cameras) == [f.file for f in room.frames] and not notes
    truth = circling(9)
    solved = [model.cameras[f.file] for f in room.frames]
    scale, rotation, shift = align(np.array([c.centre for c in solved]), np.array([c.centre for c in truth]))
    for mine, true in zip(solved, truth, strict=True):
        assert np.linalg.norm(scale * rotation @ mine.centre + shift - true.centre) < 0.02
        cosine = (np.trace(mine.rotation @ rotation.T @ true.rotation.T) - 1) / 2
        assert np.degrees(np.arccos(min(cosine, 1.0))) < 0.5
    assert len({c.lens for c in solved}) == 1 and solved[0].lens.model == "SIMPLE_RADIAL"
    assert abs(solved[0].lens.focal / LENS.focal - 1) < 0.03
    assert len(model.points) > 200
    on_wall = np.abs(scale * model.points.xyz @ rotation.T + shift).min(axis=1)
    assert np.median(on_wall) < 0.01
    assert steps[-1] == (27, 27) and [s[0] for s in steps] == sorted(s[0] for s in steps)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_are_not_doubled_have_fewer_features_and_the_same_cameras(room: Shot, tmp_path: Path) -> None:
    fine, coarse = (
        solve_cameras(room, tmp_path, replace(SETTINGS, doubled_edge=edge)) for edge in (LENS.width, LENS.width - 1)
    )
    assert len(coarse.cameras) == 9 and len(coarse.points) < 0.7 * len(fine.points)
    solved, truth = ([m.cameras[f.file].centre for f in room.frames] for m in (coarse, fine))
    scale, rotation, shift = align(np.array(solved), np.array(truth))
    assert np.linalg.norm(scale * np.array(solved) @ rotation.T + shift - truth, axis=1).max() < 0.02 * np.std(truth)

def test_no_features_are_taken_where_something_moves(room: Shot, tmp_path: Path) -> None:
    right = np.zeros((24, 32), bool)
    right[:, 22:] = True  # of any size
    model = solve_cameras(room, tmp_path, SETTINGS, held_out=lambda i: right)
    assert len(model.cameras) == 9
    assert model.points.track_xy[:, 0].max() < 222


def turntable(folder: Path, slides: float) -> tuple[Shot, np.ndarray, list[Camera]]:
    """A round thing that turns before a wall which stands, or slides by so many pixels from frame to frame; its mask."""
    cameras = circling(9)
    wall = cv2.resize(texture(7), (480, 480), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[0 : LENS.height, 0 : LENS.width]
    round_thing = np.hypot(x - LENS.width / 2, y - LENS.height / 2) < 85
    images = []
    for i, camera in enumerate(cameras):
        left = round(slides * i)
        image = wall[: LENS.height, left : left + LENS.width].copy()
        image[round_thing] = render(camera, i)[round_thing]
        images.append(image)
    return Shot(folder, images), round_thing, cameras


@pytest.mark.parametrize("slides", [0.0, 1.5])
def test_before_a_room_that_stands_cameras_are_relative_to_what_turns(slides: float, tmp_path: Path) -> None:
    shot, mask, truth = turntable(tmp_path / "plates", slides)
    notes: list[str] = []
    model = solve_cameras(shot, tmp_path / "scratch", SETTINGS, warn=notes.append, subject=lambda i: mask)
    assert len(model.cameras) == 9
    assert len(notes) == 1 and "turntable" in notes[0] and "solve.subject_fits=2" in notes[0]
    solved = np.array([model.cameras[f.file].centre for f in shot.frames])
    centres = np.array([c.centre for c in truth])
    scale, rotation, shift = align(solved, centres)
    assert np.linalg.norm(scale * solved @ rotation.T + shift - centres, axis=1).max() < 0.05
    assert np.hypot(*(model.points.track_xy - (160, 120)).T).max() < 90


def test_a_subject_that_stands_in_the_room_leaves_all_features_in(room: Shot, tmp_path: Path) -> None:
    y, x = np.mgrid[0 : LENS.height, 0 : LENS.width]
    notes: list[str] = []
    model = solve_cameras(
        room, tmp_path, SETTINGS, warn=notes.append, subject=lambda i: np.hypot(x - 160, y - 120) < 85
    )
    assert len(model.cameras) == 9 and not notes
    assert np.hypot(*(model.points.track_xy - (160, 120)).T).max() > 120


def test_time_that_has_run_out_is_told(room: Shot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = {"registered": 2, "static": False, "panoramic": False, "late": True, "turns": False}
    monkeypatch.setattr(solve, "run_worker", lambda *job, **others: outcome)
    with pytest.raises(SolveError, match="2 of 9 frames registered in the 7 seconds that it may take"):
        solve_cameras(room, tmp_path, replace(SETTINGS, most_seconds=7))


def test_a_static_camera_needs_parallax(tmp_path: Path) -> None:
    shot = Shot(tmp_path / "plates", [render(circling(1)[0], i) for i in range(5)])
    with pytest.raises(SolveError, match="of 5 frames registered.*parallax: film while walking around"):
        solve_cameras(shot, tmp_path / "scratch", SETTINGS)


def test_a_camera_turning_on_the_spot_needs_parallax(tmp_path: Path) -> None:
    centre = np.array([2.5, 2.0, 1.2])
    targets = [np.array([0.2 + 0.12 * i, 0.3, 0.4]) for i in range(7)]
    shot = Shot(tmp_path / "plates", [render(looking(centre, t), i) for i, t in enumerate(targets)])
    with pytest.raises(SolveError, match="of 7 frames registered.*parallax"):
        solve_cameras(shot, tmp_path / "scratch", SETTINGS)


def test_frames_without_texture_say_how_many_registered(tmp_path: Path) -> None:
    shot = Shot(tmp_path / "plates", [np.full((240, 320, 3), 90 + i, np.uint8) for i in range(4)])
    with pytest.raises(SolveError, match="0 of 4 frames registered; more overlap"):
        solve_cameras(shot, tmp_path / "scratch", SETTINGS)


def test_one_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 frame"):
        solve_cameras(
            Shot(tmp_path / "plates", [np.zeros((8, 8, 3), np.uint8)]), tmp_path / "scratch", SETTINGS
        )


def test_an_interrupt_ends_the_child_and_cleans_up(room: Shot, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_cameras(room, tmp_path, SETTINGS, interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_the_worker_ends_with_its_parent(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "surface_sos_core.cameras.solve_worker"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert worker.stdin is not None
        os.mkfifo(tmp_path / "never.png")  # reading it blocks for ever
        job = Job(str(tmp_path), ["never.png"], str(tmp_path), str(tmp_path / "out"), 0, 1, SETTINGS)
        worker.stdin.write(job.to_line().encode())
        worker.stdin.close()
        start = time.monotonic()
        assert worker.wait(timeout=30) == 1
        assert time.monotonic() - start < 30
    finally:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
            worker.wait()


_DOUBTFUL = """
from surface_sos_core.cameras import solve_worker
tell = solve_worker._Solver._map
def told(self, name, options):
    model = tell(self, name, options)
    matches, fit = self._fit(model)
    image = next(iter(model.images.values()))
    image.frame.rig_from_world.translation += 0.3
    print("map", name, options.min_num_matches, model.num_reg_images(), fit, self._fit(model)[1], flush=True)
    image.frame.rig_from_world.translation -= 0.3
    return model
solve_worker._Solver._map = told
solve_worker.main()
"""


def test_doubtful_cameras_are_solved_from_strong_pairs_as_well(room: Shot, tmp_path: Path) -> None:
    """And how well matches fit tells wrong cameras."""
    images, names = room.folder, [frame.file for frame in room.frames]
    plain = [f"{i}.png" for i in range(len(names))]
    (tmp_path / "images").mkdir()
    for name, short in zip(names, plain, strict=True):
        (tmp_path / "images" / short).write_bytes((images / name).read_bytes())
    doubting = SolveSettings(agreed_share=1.0)  # as if things looked alike
    job = Job(str(tmp_path / "images"), plain, str(tmp_path), str(tmp_path / "model"), 0, 1, doubting)
    with subprocess.Popen(
        [sys.executable, "-c", _DOUBTFUL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as worker:  # fmt: skip
        assert worker.stdin is not None and worker.stdout is not None
        worker.stdin.write(job.to_line().encode())
        worker.stdin.flush()
        lines = worker.stdout.read().decode().splitlines()
    maps = [line.split() for line in lines if line.startswith("map")]
    assert [name for _, name, *_ in maps] == ["maps", "maps_strict"]
    assert int(maps[1][2]) > int(maps[0][2])  # matches that a pair has to have
    for _, _, _, registered, fit, spoilt in maps:
        assert int(registered) == len(plain) and float(fit) > 0.95 and float(spoilt) < 0.9
    assert (tmp_path / "model" / "images.txt").exists()


def test_pairs() -> None:
    assert pairs_to_match(4, None) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    pairs = pairs_to_match(100, 10)
    assert len(pairs) == len(set(pairs)) and all(i < j < 100 for i, j in pairs)
    assert {j for i, j in pairs if i == 0} == {*range(1, 11), 16, 32, 64}
