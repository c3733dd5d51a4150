"""A ball in a room, as a shot that is segmented in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.cameras import CameraModel, Points, write_model

WIDTH, HEIGHT = 96, 72


@dataclass
class SmallShot:
    """Plates, masks and cameras of a ball in a room."""

    folder: Path

    @property
    def words(self) -> list[str]:
        """`segment` of this shot, but for --out."""
        given = (
            "--preset",
            "preview",  # SMALL says what this is
            "--masks",
            self.folder / "masks",
            "--cameras",
            self.folder / "model",
            "--frames",
            "1001-1004",
        )
        return ["segment", str(self.folder / "plates"), *map(str, given)]


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
