"""The small shot, several times in a JOBS.json, with settings that are only there to be small."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_shot import SmallShot, write_small_shot

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
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@pytest.fixture(scope="session")
def small_shot(ball, tmp_path_factory: pytest.TempPathFactory) -> SmallShot:
    shot = write_small_shot(ball, tmp_path_factory.mktemp("small"))
    (shot.folder / "small.toml").write_text(SETTINGS)
    return shot


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

    def write(count: int, **more: Any) -> Jobs:
        shot = small_shot.folder
        entry = {
            "footage": str(shot / "plates"), "masks": str(shot / "masks"), "cameras": str(shot / "model"),
            "config": str(shot / "small.toml"), "preset": "preview", "device": "cpu", "frames": "1001-1004", **more,
        }  # fmt: skip
        entries = [{**entry, "out": f"shots/{number}"} for number in range(1, count + 1)]
        file = tmp_path / "jobs.json"
        file.write_text(json.dumps(entries))
        return Jobs(file, entries)

    return write
