"""Real Blenders as child processes, and a shot small enough for them to load in a moment.

A Blender is the program (3.4 or newer; `blender` on the PATH or SURFACE_SOS_BLENDER) or the bpy module in an
environment of its own. Each is started once, and executes all scripts of the tests (worker.py), made as new between
them. A tool that is missing skips its tests and is named.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surface_sos_core.cameras import Camera, CameraModel, Lens, Points, write_model
from surface_sos_core.layers.exr import FrameLayers, write_layers
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.mesh.export import write_ply
from surface_sos_core.mesh.extract import Mesh

ROOT = Path(__file__).resolve().parents[2]

if "blender_addon" not in sys.modules:  # its modules without bpy, without its __init__, which imports bpy
    package = types.ModuleType("blender_addon")
    package.__path__ = [str(ROOT / "blender_addon")]
    sys.modules["blender_addon"] = package

_INSTALL = """
import sys
import bpy
if bpy.app.version >= (4, 2):
    bpy.ops.extensions.package_install_files(filepath=sys.argv[-2], repo="user_default")
else:
    bpy.ops.preferences.addon_install(filepath=sys.argv[-1])
"""

WORKER = Path(__file__).with_name("worker.py")
MODULES = ("bpy45", "bpy50", "bpy51", "bpy52")  # of scripts/blenders.py, oldest first
TARGETS = ("program", "newest")


@dataclass(frozen=True)
class Run:
    """How a script in Blender ended, and what it told by tell()."""

    code: int
    output: str
    facts: dict[str, Any]


class Worker:
    """A Blender that stays: executes one script after the other, see worker.py. One that has ended is started anew."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self._words, self._environment, self._folder = [*command, str(WORKER)], environment, folder
        self._process: subprocess.Popen[str] | None = None

    def execute(self, script: Path, arguments: Sequence[str], timeout: float) -> Run:
        """Run a script in its own folder; fails the test where it takes longer than `timeout` seconds."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        process, said = self._process, [script.with_suffix(f".{name}") for name in ("out", "err")]
        for file in said:
            file.unlink(missing_ok=True)
        order = {
            "file": str(script), "arguments": arguments, "folder": str(script.parent),
            "out": str(said[0]), "err": str(said[1]),
        }  # fmt: skip
        patience = threading.Timer(timeout, process.kill)
        patience.start()
        print(json.dumps(order), file=process.stdin, flush=True)
        # Before its first answer a Blender has said its name.
        answer = next((line for line in process.stdout if line.startswith("ENDED ")), None)
        late = answer is None and not patience.is_alive()
        patience.cancel()
        code = process.wait() if answer is None else int(answer.split()[1])
        out, err = (file.read_text(errors="replace") if file.exists() else "" for file in said)
        if late:
            pytest.fail(f"{script} did not end within {timeout} s: {out + err}")
        return Run(code, out + err, facts_in(out))

    def _start(self) -> subprocess.Popen[str]:
        with (self._folder / "worker.txt").open("ab") as errors:
            return subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment,
            )

    def close(self) -> None:
        """Let it end, which it has to do well."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.stdin.close()
        self._process.stdout.read()
        code = self._process.wait(60)
        assert code == 0, (code, (self._folder / "worker.txt").read_text(errors="replace"))


def facts_in(out: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for line in out.splitlines():
        if line.startswith("FACTS "):
            facts |= json.loads(line[6:])
    return facts


@dataclass(frozen=True)
class Blender:
    """One Blender; its user folder has the installed add-on."""

    target: str
    command: tuple[str, ...]
    environment: dict[str, str]
    worker: Worker

    def run(self, script: str, folder: Path, *arguments: object, timeout: float = 90) -> Run:
        """Run a script with the names that worker.py gives it, as if in a Blender that has just started.

        `arguments` are the end of its sys.argv.
        """
        file = folder / f"script_{self.target}.py"
        file.write_text(script, encoding="utf-8")
        return self.worker.execute(file, list(map(str, arguments)), timeout)

    def facts(self, script: str, folder: Path, *arguments: object, timeout: float = 90) -> dict[str, Any]:
        """What a script tells that must end well."""
        run = self.run(script, folder, *arguments, timeout=timeout)
        assert run.code == 0 and "Traceback" not in run.output, run.output
        return run.facts

    def start(self, script: str, folder: Path, *arguments: object) -> None:
        """Run a script, which must end well, in a Blender of its own."""
        file = folder / f"script_{self.target}.py"
        file.write_text(script, encoding="utf-8")
        words = [
            *self.command,
            str(file),
            *(["--"] if self.target == "program" else []),
            *map(str, arguments),
        ]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=90, env=self.environment, cwd=folder, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def find_blender(target: str) -> tuple[str, ...]:
    """The command that runs a script in a Blender; skips the test where it is missing."""
    if target == "program":
        program = os.environ.get("SURFACE_SOS_BLENDER") or shutil.which("blender")
        if program is None:
            pytest.skip("the program blender is missing")
        return (program, "-b", "--factory-startup", "--python-exit-code", "3", "-P")
    python = module_python(target)
    if not python.exists():
        pytest.skip(f"the bpy module is missing in .venv-{target}")
    return (str(python),)


def module_python(target: str) -> Path:
    return ROOT / f".venv-{target}" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def newest_module() -> str:
    """Of those that are here; the newest of all, which is then missing, where there is none."""
    return next((name for name in reversed(MODULES) if module_python(name).exists()), MODULES[-1])


@pytest.fixture(scope="session")
def zips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The extension's zip and the legacy one, as build_addon.py makes them."""
    folder = tmp_path_factory.mktemp("zips")
    command = [sys.executable, str(ROOT / "build_addon.py"), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(folder.glob("*.zip"), key=lambda path: "legacy" in path.name)


@pytest.fixture(scope="session")
def blenders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Blender]]:
    """A Blender by its target, with the zip installed; each is started once for all scripts."""
    workers: list[Worker] = []

    @cache
    def get(target: str) -> Blender:
        command = find_blender(target)
        zips = request.getfixturevalue("zips")
        folder = tmp_path_factory.mktemp(f"user_{target}")
        environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")
        }
        environment |= {"BLENDER_USER_RESOURCES": str(folder), "SURFACE_SOS_PYTHON": sys.executable}
        workers.append(Worker(command, environment, folder))
        found = Blender(target, command, environment, workers[-1])
        found.start(_INSTALL, folder, *zips)
        return found

    yield get
    for worker in workers:
        worker.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`blender` is the oldest and the newest in turn, with --all-blenders those between as well."""
    if "blender" in metafunc.fixturenames and not is_parametrized(metafunc):
        targets = ("program", *MODULES) if metafunc.config.getoption("--all-blenders") else TARGETS
        metafunc.parametrize("blender", targets, indirect=True, scope="session")


def is_parametrized(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any(mark.args[0] == "blender" for mark in marks)


@pytest.fixture(scope="session")
def blender(request: pytest.FixtureRequest, blenders: Callable[[str], Blender]) -> Blender:
    """A real Blender: the program, the newest bpy module that is here, or one by its name."""
    return blenders(newest_module() if request.param == "newest" else request.param)


def ring(aim: Callable[..., Camera], count: int, lens: Lens, suffix: str = ".png") -> dict[str, Camera]:
    """Cameras plate.1001 and on, around a tilted axis, as a solver leaves them."""
    tilt = np.array([[0.96, 0.28, 0.0], [0.0, 0.0, -1.0], [-0.28, 0.96, 0.0]])
    cameras = {}
    for n in range(count):
        around = 0.2 * n
        place = 4.0 * np.array([np.cos(around), np.sin(around), 0.4 + 0.05 * n])
        camera = aim(f"plate.{1001 + n}{suffix}", place, np.array([0.1, -0.1, 0.2]), lens, 0.1 * n)
        rotation = camera.rotation @ tilt.T
        cameras[camera.name] = Camera(camera.name, lens, rotation, -rotation @ tilt @ place)
    return cameras


def sparse_points(count: int, cameras: int, seed: int = 1) -> Points:
    """Points within 1.2 of the origin, each seen by every camera."""
    random = np.random.default_rng(seed)
    xyz = random.uniform(-1.2, 1.2, (count, 3))
    start = np.arange(count + 1) * cameras
    image = np.tile(np.arange(cameras, dtype=np.int32), count)
    track = np.full((count * cameras, 2), np.nan)
    rgb = random.integers(0, 256, (count, 3), dtype=np.uint8)
    return Points(xyz, rgb, np.full(count, 0.5), start, image, track)


@dataclass(frozen=True)
class TinyShot:
    """A shot folder of the core's own writers, and what is in it."""

    out: Path
    plates: Path
    frames: list[int]
    layers: dict[int, FrameLayers]
    """As the EXR files hold them: colour rounded to halves."""
    cameras: dict[str, Camera]
    points: Points
    mesh: Mesh
    colours: np.ndarray


def write_tiny_shot(folder: Path, aim: Callable[..., Camera], seed: int = 0) -> TinyShot:
    """Four frames of 64x36, numbered from 1001, made without any training."""
    import cv2

    width, height, frames = 64, 36, [1001, 1002, 1003, 1004]
    random = np.random.default_rng(seed)
    plates, out = folder / "plates", folder / "shot"
    plates.mkdir(parents=True)
    lens = Lens("PINHOLE", width, height, (60.0, 66.0, 30.5, 19.0))
    cameras = ring(aim, len(frames), lens)
    points = sparse_points(40, len(frames))
    write_model(CameraModel(cameras, points), out / "cameras")
    layers, entries = {}, []
    for frame in frames:
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        pixels[:, :, 0] = frame - 1001 + 10  # the blue channel tells which plate is seen
        cv2.imwrite(str(plates / f"plate.{frame}.png"), pixels)
        alpha = np.clip(random.uniform(-0.5, 1.5, (height, width, 1)), 0, 1)
        foreground = np.concatenate([random.uniform(0, 4, (height, width, 3)) * alpha, alpha], axis=2)
        foreground[0, 0] = (0.5, 0.25, 0.125, 0.0)  # light without alpha is legal
        layers[frame] = FrameLayers(
            foreground=foreground.astype(np.float16).astype(np.float32),
            clean=random.uniform(0, 3, (height, width, 3)).astype(np.float16).astype(np.float32),
            seen=np.ones((height, width), np.float32),
            depth=np.full((height, width), 3.0, np.float32),
            normal=np.zeros((height, width, 3), np.float32),
        )
        name = f"layers/plate.{frame}.exr"
        write_layers(out / name, layers[frame], frame)
        entries.append(FrameEntry(f"plate.{frame}", frame, name))
    mesh, colours = _octahedron()
    write_ply(out / "mesh" / "object.ply", mesh, colours)
    write_manifest(
        out,
        Manifest(
            footage=FootageEntry(str(plates), width, height, "plate"),
            frames=entries,
            cameras="cameras",
            mesh=MeshEntry(ply="mesh/object.ply"),
        ),
    )
    return TinyShot(out, plates, frames, layers, cameras, points, mesh, colours)


def _octahedron() -> tuple[Mesh, np.ndarray]:
    vertices = (
        np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32) * 0.5
    )
    faces = [[x, y, z] if (x + y + z) % 2 == 0 else [y, x, z] for x in (0, 1) for y in (2, 3) for z in (4, 5)]
    colours = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50], [10, 20, 30], [128, 128, 128]], np.uint8
    )
    return Mesh(vertices, np.array(faces, np.int32)), colours


@pytest.fixture(scope="session")
def tiny_shot(tmp_path_factory: pytest.TempPathFactory, aim: Callable[..., Camera]) -> TinyShot:
    return write_tiny_shot(tmp_path_factory.mktemp("tiny"), aim)


@dataclass(frozen=True)
class Makers:
    """What tests make camera models of: cameras(count, lens, suffix) and sparse_points(count, cameras)."""

    ring: Callable[..., dict[str, Camera]]
    sparse_points: Callable[..., Points]


@pytest.fixture(scope="session")
def makers(aim: Callable[..., Camera]) -> Makers:
    return Makers(partial(ring, aim), sparse_points)
