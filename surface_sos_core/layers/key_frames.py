"""Key frames: the few in which background that nobody saw is made; all others take it from there, so all show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.layers.sources import lookup, nearness
from surface_sos_core.settings import FillSettings


@dataclass(frozen=True)
class KeyFrame:
    """A clean frame: its camera, colour (H, W, 3) float16 display values as the sources are exposed, and depth (H, W) float32
    of the background in and around where the object was, 0 elsewhere."""

    camera: Camera
    colour: np.ndarray
    depth: np.ndarray

    def carry(
        self, origin: np.ndarray, directions: np.ndarray, depth: np.ndarray, settings: FillSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours (N, 3) of where rays meet the surface that this frame sees, and for which of them (N,) it was found.

        Rays from origin (3,) along directions (N, 3); depth (N,) along them is where to look first, and counts as directions do.
        Each step goes on to the depth of what this frame has in the last place's direction.
        """
        depth = depth.astype(np.float64)
        met = np.zeros(len(depth), bool)
        for _ in range(settings.ray_steps):
            place = origin + depth[:, None] * directions
            pixels, away = self.camera.project(place)
            inside, (rows, columns) = picture_pixels(self.camera, pixels, self.depth.shape)
            at = np.flatnonzero(inside)
            surface = self.depth[rows, columns]
            known = (surface > 0) & (away[at] > 0)
            at, ratio = at[known], surface[known] / away[at[known]]
            met = np.zeros(len(depth), bool)
            met[at] = np.abs(ratio - 1.0) <= settings.ray_miss
            found = self.camera.centre + ratio[:, None] * (place[at] - self.camera.centre)
            along = directions[at]
            depth[at] = ((found - origin) * along).sum(axis=1) / (along * along).sum(axis=1)
            met[at] &= depth[at] > 0
        colours = np.zeros((len(depth), 3), np.float32)
        if met.any():
            colours[met] = lookup(self.colour, pixels[met])
        return colours, met


@dataclass(frozen=True)
class Carried:
    """What key frames say of N pixels: colour (N, 3), and which of them tells it (N,), -1 where none does."""

    colour: np.ndarray
    key: np.ndarray


def carried(
    keys: Sequence[KeyFrame],
    origin: np.ndarray,
    directions: np.ndarray,
    depth: np.ndarray,
    settings: FillSettings,
) -> Carried:
    """What the first key frame that shows it says of each ray, as `KeyFrame.carry` takes them."""
    colour, key = np.zeros((len(depth), 3), np.float32), np.full(len(depth), -1)
    for n, one in enumerate(keys):
        open_ = np.flatnonzero(key < 0)
        told, met = one.carry(origin, directions[open_], depth[open_], settings)
        colour[open_[met]], key[open_[met]] = told[met], n
    return Carried(colour, key)


def choose_key_frames(
    unseen: Mapping[int, np.ndarray], cameras: Sequence[Camera | None], settings: FillSettings
) -> list[int]:
    """The few frames that between them show best what no frame saw; the best one first.

    unseen: world points (N, 3) that each candidate hides and nobody saw. A point counts as the nearest chosen view shows it
    (a facility location problem, solved greedily).
    """
    places = np.concatenate([*unseen.values(), np.zeros((0, 3))])
    if not len(places):
        return []
    candidates = [i for i in unseen if cameras[i] is not None]
    worth = np.zeros((len(candidates), len(places)))
    for n, candidate in enumerate(candidates):
        camera, start = cameras[candidate], 0
        assert camera is not None
        _, away = camera.project(places)
        shown = camera.sees(places) & (away > 0)
        for index, points in unseen.items():
            other, part = cameras[index], slice(start, start + len(points))
            assert other is not None
            worth[n, part] = shown[part] * nearness(camera, other, points, settings.key_angle)
            start += len(points)
    chosen: list[int] = []
    have = np.zeros(len(places))
    while len(chosen) < settings.key_frames:
        gain = np.maximum(worth - have, 0.0).sum(axis=1)
        best = int(np.argmax(gain))
        if gain[best] <= settings.key_gain * len(places) * bool(chosen):
            break
        chosen.append(best)
        have = np.maximum(have, worth[best])
    return [candidates[n] for n in chosen]
