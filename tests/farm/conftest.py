"""The small shot, several times in a JOBS.json."""

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


@pytest.fixture(scope="session")
def small_shot(ball, tmp_path_factory: pytest.TempPathFactory) -> SmallShot:
    return write_small_shot(ball, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Of processes: this checkout's code, a thread each."""
    threads = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return {**os.environ, **threads, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line as a program that queues can call."""
    path = tmp_path_factory.mktemp("bin") / "surface-sos"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m surface_sos_core "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def one_run(
    small_shot: SmallShot, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shot by one run of `segment`, the second one: what numba compiles for the first rounds otherwise."""
    out = tmp_path_factory.mktemp("one") / "out"
    for again in ([], ["--overwrite"]):
        command = [sys.executable, "-m", "surface_sos_core", *small_shot.words, f"--out={out}", *again]
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
        entry = {**small_shot.options, **more}
        entries = [{**entry, "out": f"shots/{out_prefix}{number}"} for number in range(1, count + 1)]
        file = tmp_path / "jobs.json"
        file.write_text(json.dumps(entries))
        return Jobs(file, entries)

    return write
