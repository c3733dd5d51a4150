"""A ball in a room, as a shot that is segmented in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras import CameraModel, Points, write_model

WIDTH, HEIGHT = 96, 72
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
preview_seconds = 1.0
[layers]
samples = 16
border_rays = 1
sources = 4
[mesh]
resolution = 32
"""


@dataclass
class SmallShot:
    """Plates, masks and cameras of a ball in a room."""

    folder: Path

    @property
    def options(self) -> dict[str, str]:
        """What `segment` is given of this shot, but for --out; the settings are only there to be small."""
        names = {"footage": "plates", "masks": "masks", "cameras": "model", "config": "small.toml"}
        paths = {option: str(self.folder / name) for option, name in names.items()}
        return {**paths, "preset": "preview", "device": "cpu", "frames": "1001-1004"}

    @property
    def words(self) -> list[str]:
        """The same as it is typed; the frames come last."""
        options = self.options
        footage = options.pop("footage")
        return [
            "segment",
            footage,
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ]


def write_small_shot(ball, folder: Path) -> SmallShot:
    """Twelve frames of a checkered ball before a checkered wall; the model has points on both."""
    (folder / "plates").mkdir()
    (folder / "masks").mkdir()
    for camera in ball.cameras:
        pixels = ball.pixel_grid(camera, WIDTH, HEIGHT)
        depth, wall = ball.hit(camera, pixels), ball.wall(camera, pixels)
        origin, directions = camera.rays(pixels)
        on = ~np.isnan(depth)
        place = np.where(on[:, None], origin + np.nan_to_num(depth)[:, None] * directions, wall)
        odd = np.floor(place * np.where(on, 3.0, 0.8)[:, None] + 0.01).astype(int).sum(axis=1) % 2 == 0
        colour = np.where(on[:, None], [60, 90, 220], [120, 160, 90]) + 60 * odd[:, None] - 30
        cv2.imwrite(
            str(folder / "plates" / camera.name),
            colour.reshape(HEIGHT, WIDTH, 3).clip(0, 255).astype(np.uint8),
        )
        cover = np.uint8(255 * ball.cover(camera, WIDTH, HEIGHT, 2))
        cv2.imwrite(str(folder / "masks" / camera.name), cover)
    write_model(CameraModel({c.name: c for c in ball.cameras}, _points(ball)), folder / "model")
    (folder / "small.toml").write_text(SETTINGS)
    return SmallShot(folder)


def _points(ball) -> Points:
    """Sparse points on the ball and the wall, each seen by every camera on whose picture it lies."""
    random = np.random.default_rng(0)
    found = []
    for camera in ball.cameras:
        pixels = random.uniform([0, 0], [WIDTH, HEIGHT], (25, 2))
        depth = ball.hit(camera, pixels)
        origin, directions = camera.rays(pixels)
        near = origin + np.nan_to_num(depth)[:, None] * directions
        found.append(np.where(np.isnan(depth)[:, None], ball.wall(camera, pixels), near))
    xyz = np.concatenate(found)
    tracks = [[i for i, c in enumerate(ball.cameras) if c.sees(point[None])[0]][:6] for point in xyz]
    kept = [n for n, track in enumerate(tracks) if len(track) >= 3]
    image = np.concatenate([tracks[n] for n in kept]).astype(np.int32)
    start = np.concatenate(([0], np.cumsum([len(tracks[n]) for n in kept]))).astype(np.int64)
    return Points(
        xyz[kept],
        np.full((len(kept), 3), 128, np.uint8),
        np.zeros(len(kept)),
        start,
        image,
        np.full((len(image), 2), np.nan),
    )


def but_for_the_shadow(warnings: list[str]) -> list[str]:
    """Without what is said whenever layers look for the shadow anew: the ball stands on nothing."""
    return [warning for warning in warnings if "no ground was found that it stands on" not in warning]
