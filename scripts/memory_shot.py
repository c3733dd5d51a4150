"""The most memory that a shot of so many frames takes: run by `benchmark.py memory` and by the tests, once for each shot.

python scripts/memory_shot.py FRAMES WIDTH HEIGHT [--until STAGE] [--steps N] [--small]

A ball is filmed on a circle, and the shot goes through `segment`, with layers for two of its frames. Prints one JSON
object: the peak in MB, and what it was when each stage began.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import torch

from surface_sos_core import pipeline
from surface_sos_core.cameras import Camera, CameraModel, Lens, Points, write_model
from surface_sos_core.errors import Cancelled
from surface_sos_core.settings import FieldSettings, LayerSettings, MeshSettings, preset

RADIUS, DISTANCE, WALL = 0.5, 3.0, 5.0


def cameras_around(count: int, width: int, height: int) -> CameraModel:
    """Cameras on a circle that look at the ball, with sparse points on ball and room."""
    lens = Lens("PINHOLE", width, height, (1.2 * width, 1.2 * width, width / 2, height / 2))
    cameras = {}
    for n in range(count):
        angle = 2 * np.pi * n / count
        centre = DISTANCE * np.array([np.cos(angle), np.sin(angle), 0.2])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        name = f"plate.{n + 1:04d}.jpg"
        cameras[name] = Camera(name, lens, rotation, -rotation @ centre)
    random = np.random.default_rng(0)
    xyz = random.normal(size=(3000, 3))
    xyz *= np.where(np.arange(3000) % 3 == 0, RADIUS, WALL)[:, None] / np.linalg.norm(
        xyz, axis=1, keepdims=True
    )
    seen = [np.sort(random.choice(count, min(count, 6), replace=False)) for _ in xyz]
    start = np.cumsum([0] + [len(track) for track in seen])
    images = np.concatenate(seen).astype(np.int32)
    rgb, error = np.full((len(xyz), 3), 128, np.uint8), np.ones(len(xyz))
    return CameraModel(cameras, Points(xyz, rgb, error, start, images, np.full((len(images), 2), np.nan)))


def film(folder: Path, model: CameraModel, width: int, height: int) -> None:
    """Plates and masks. All frames show the same from where they stand, so one is drawn, with its number's own noise."""
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    camera = next(iter(model.cameras.values()))
    origin, d = camera.rays(np.stack([u.ravel(), v.ravel()], axis=1))
    along, square = d @ origin, (d * d).sum(axis=1)
    ball = (along**2 - square * (origin @ origin - RADIUS**2) > 0).reshape(height, width)
    tiles = ((u // (width / 16)).astype(int) + (v // (height / 12)).astype(int)) % 2
    picture = np.where(
        ball[..., None], (60, 80, 210), np.where(tiles[..., None], (90, 120, 90), (150, 160, 140))
    )
    noise = np.random.default_rng(0).normal(0, 3, (height, width + len(model.cameras), 1))
    for kind in ("plates", "masks"):
        (folder / kind).mkdir()
    mask = cv2.imencode(".png", 255 * ball.astype(np.uint8))[1]
    for n, name in enumerate(model.cameras):
        plate = (picture + noise[:, n : n + width]).clip(0, 255).astype(np.uint8)
        cv2.imencode(".jpg", plate)[1].tofile(folder / "plates" / name)
        mask.tofile(folder / "masks" / f"{Path(name).stem}.png")


def peak() -> float:
    """MB of this process at its largest."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss counts what the process before this one had as well
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource  # not on Windows

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("frames", "width", "height"):
        parser.add_argument(name, type=int)
    parser.add_argument("--until", help="stage to stop before")
    parser.add_argument("--steps", type=int, default=200, help="training iterations")
    parser.add_argument(
        "--small", action="store_true", help="fields and grids as small as can be, for a test"
    )
    options = parser.parse_args()
    settings = preset("default", "cpu")
    settings = dataclasses.replace(
        settings, train=dataclasses.replace(settings.train, iterations=options.steps)
    )
    if options.small:
        settings = dataclasses.replace(
            settings,
            consensus=dataclasses.replace(settings.consensus, resolution=32, views=24, rounds=2),
            fields=FieldSettings(levels=4, log2_table=12, max_resolution=64, hidden=16, features=4),
            train=dataclasses.replace(settings.train, warm_up=20, rays=512),
            layers=LayerSettings(samples=8, border_rays=1, refine=False, sources=2),
            mesh=MeshSettings(resolution=32),
        )
    peaks = {"start": peak()}

    def listen(event: dict[str, object]) -> None:
        if event["event"] == "stage":
            peaks[str(event["stage"])] = peak()
            if event["stage"] == options.until:
                raise Cancelled

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = cameras_around(options.frames, options.width, options.height)
        film(folder, model, options.width, options.height)
        write_model(model, folder / "cameras")
        shot = pipeline.Shot(
            folder / "plates",
            folder / "out",
            masks=folder / "masks",
            cameras=folder / "cameras",
            frames="1-2",
        )
        torch.manual_seed(0)
        with suppress(Cancelled):
            pipeline.segment(shot, settings, listen)
    print(json.dumps({"frames": options.frames, "peak": peak(), "before": peaks}))


if __name__ == "__main__":
    main()
