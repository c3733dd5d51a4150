"""The small shot, several times in a JOBS.json, with settings that are only there to be small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_shot import SmallShot, write_small_shot

from surface_sos_core.layers.exr import read_layers
from surface_sos_core.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
[consensus]
resolution = 32
views = 12
[fields]
levels = 4
log2_table = 10
max_resolution = 32
hidden = 16
features = 4
[train]
iterations = 60
warm_up = 40
rays = 128
foreground_samples = 12
background_samples = 12
image_edge = 64
checkpoint_seconds = 0.2
[layers]
samples = 16
border_rays = 1
sources = 4
[mesh]
resolution = 32
"""


@pytest.fixture(scope="session")
def small_shot(ball, tmp_path_factory: pytest.TempPathFactory) -> SmallShot:
    shot = write_small_shot(ball, tmp_path_factory.mktemp("small"))
    (shot.folder / "small.toml").write_text(SETTINGS)
    return shot


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Of processes: this checkout's code, a thread each."""
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return {**os.environ, **threads, "PYTHONPATH": str(ROOT)}


def _entry(shot: SmallShot) -> dict[str, Any]:
    return {
        "footage": str(shot.folder / "plates"), "masks": str(shot.folder / "masks"), "cameras": str(shot.folder / "model"),
        "config": str(shot.folder / "small.toml"), "preset": "preview", "device": "cpu", "frames": "1001-1004",
    }  # fmt: skip


@pytest.fixture(scope="session")
def one_run(
    small_shot: SmallShot, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shot by one run of `segment`, the second one: what numba compiles for the first rounds otherwise."""
    out = tmp_path_factory.mktemp("one") / "out"
    given = _entry(small_shot)
    words = [
        "segment",
        given.pop("footage"),
        f"--out={out}",
        *(f"--{name}={value}" for name, value in given.items()),
    ]
    for again in ([], ["--overwrite"]):
        command = [sys.executable, "-m", "surface_sos_core", *words, *again]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Path, Path], None]:
    """Two folders of a shot hold the same layers, mesh and manifest, but for times."""

    def same(one: Path, other: Path) -> None:
        files = sorted(path.name for path in (one / "layers").iterdir())
        assert files == sorted(path.name for path in (other / "layers").iterdir()) and files
        for name in files:
            first, second = (
                vars(read_layers(one / "layers" / name)),
                vars(read_layers(other / "layers" / name)),
            )
            for layer, pixels in first.items():
                if isinstance(pixels, np.ndarray):
                    np.testing.assert_allclose(pixels, second[layer], atol=1 / 255, err_msg=f"{name} {layer}")
        assert (one / "mesh" / "object.ply").stat().st_size == (other / "mesh" / "object.ply").stat().st_size
        first, second = read_manifest(one), read_manifest(other)
        assert first.frames == second.frames and first.stages == second.stages and first.mesh == second.mesh
        assert first.made == second.made and second.timings["layers"] > 0

    return same


@dataclass
class Jobs:
    """A JOBS.json in a folder of its own, whose shots are written there."""

    file: Path
    entries: list[dict[str, Any]]

    def out(self, number: int) -> Path:
        return self.file.parent / self.entries[number - 1]["out"]


@pytest.fixture
def write_jobs(small_shot: SmallShot, tmp_path: Path):
    """Writes JOBS.json of so many small shots, with what is given said of all of them."""

    def write(count: int, out_prefix: str = "shot", **more: Any) -> Jobs:
        entry = {**_entry(small_shot), **more}
        entries = [{**entry, "out": f"shots/{out_prefix}{number}"} for number in range(1, count + 1)]
        file = tmp_path / "jobs.json"
        file.write_text(json.dumps(entries))
        return Jobs(file, entries)

    return write
