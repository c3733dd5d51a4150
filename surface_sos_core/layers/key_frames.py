"""Key frames: the few in which background that nobody saw is made; all others take it from there, so all show the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.layers.sources import lookup, nearness
from surface_sos_core.settings import FillSettings

_MET = 1e-9  # share of the depth that is none


@dataclass(frozen=True)
class KeyFrame:
    """A clean frame: its camera, colour (H, W, 3) float16 display values as the sources are exposed, and disparity (H, W)
    float32, one over the depth of the background in and around where the object was, 0 elsewhere.

    square: a picture square onto a plane, made for what lies on it and for nothing else.
    """

    camera: Camera
    colour: np.ndarray
    disparity: np.ndarray
    square: bool = False

    def shows(self, world: np.ndarray, within: float) -> np.ndarray:
        """(N,) bool, which world points (N, 3) lie nearer to the surface that it shows than this share of its depth."""
        return np.abs(self._behind(world)[0]) <= within  # nan is not

    def carry(
        self, origin: np.ndarray, directions: np.ndarray, depth: np.ndarray, settings: FillSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours (N, 3) of where rays meet the surface that this frame sees, and for which of them (N,) it was found.

        Rays from origin (3,) along directions (N, 3); depth (N,) along them, as directions count, is where to look first. From
        there on by the secant method: where on a ray a place lies as deep in this frame as its surface does.
        """
        depth = depth.astype(np.float64)
        before = depth * (1.0 + settings.ray_miss)
        behind_before, *_ = self._behind(origin + before[:, None] * directions)
        for step in range(settings.ray_steps):
            behind, pixels = self._behind(origin + depth[:, None] * directions)
            if step == settings.ray_steps - 1:
                break
            with np.errstate(all="ignore"):
                slope = (behind - behind_before) / (depth - before)
                there = np.clip(depth - behind / slope, 0.5 * depth, 2.0 * depth)
            before, behind_before = depth, behind
            # Where it is met already, what is left of the slope is rounding.
            depth = np.where(np.isfinite(there) & (np.abs(behind) > _MET), there, depth)
        met = np.abs(behind) <= settings.ray_miss
        colours = np.zeros((len(depth), 3), np.float32)
        if met.any():
            colours[met] = lookup(self.colour, pixels[met])
        return colours, met

    def _behind(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far (N,) world points (N, 3) lie behind the surface, as a share of its depth, nan where none is known; and their
        pixels (N, 2)."""
        pixels, away = self.camera.project(world)
        inside, (rows, columns) = picture_pixels(self.camera, pixels, self.disparity.shape)
        at = np.flatnonzero(inside)
        known = (self.disparity[rows, columns] > 0) & (away[at] > 0)
        at, behind = at[known], np.full(len(world), np.nan)
        if len(at):
            surface = lookup(self.disparity[..., None], pixels[at], cv2.INTER_LINEAR)[:, 0]
            behind[at] = away[at] * surface - 1.0
        return behind, pixels


@dataclass(frozen=True)
class Carried:
    """What key frames say of N pixels: colour (N, 3), and which of them tells it (N,), -1 where none does."""

    colour: np.ndarray
    key: np.ndarray


def carried(
    keys: Sequence[KeyFrame],
    camera: Camera,
    directions: np.ndarray,
    depth: np.ndarray,
    settings: FillSettings,
) -> Carried:
    """What the key frame that is most like `camera`, of those that show it, says of each of its rays; of what lies on a plane, the
    picture square onto it does."""
    origin = camera.centre
    probes = (origin + depth[:, None] * directions)[:: max(1, len(depth) // settings.probes)]
    alike = [float(nearness(camera, one.camera, probes, settings.key_angle).mean()) for one in keys]
    colour, key = np.zeros((len(depth), 3), np.float32), np.full(len(depth), -1)
    for n in sorted(range(len(keys)), key=lambda n: (not keys[n].square, -alike[n])):
        open_ = np.flatnonzero(key < 0)
        if keys[n].square:
            world = origin + depth[open_, None] * directions[open_]
            open_ = open_[keys[n].shows(world, settings.plane_near)]
        told, met = keys[n].carry(origin, directions[open_], depth[open_], settings)
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
