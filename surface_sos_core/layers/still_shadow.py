"""The shadow that an object which stands casts on the ground: lamps are found that explain, by the object's own shape, where the
ground is darker than the same ground beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from surface_sos_core.cameras import Box
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.occlusion import blocked
from surface_sos_core.layers.sources import Sources, lookup
from surface_sos_core.settings import StillShadowSettings

_RING = 6  # rays around the middle one of a bundle
_ROUNDS = 12  # of reweighted least squares
_DARK = 1e-3  # scene-linear, added to colours before their logarithm


@dataclass(frozen=True)
class Ground:
    """A square piece of a plane in cells: the world point `corner` (3,) is where the first cell begins, `axes` (2, 3) lead from a
    cell to the next column and to the next row, `normal` (3,) has length 1 and points to where the object is."""

    corner: np.ndarray
    axes: np.ndarray
    normal: np.ndarray
    size: int

    @property
    def points(self) -> np.ndarray:
        """(size * size, 3) the cells' middles in the world, row by row."""
        rows, columns = np.divmod(np.arange(self.size**2), self.size)
        return self.corner + (columns + 0.5)[:, None] * self.axes[0] + (rows + 0.5)[:, None] * self.axes[1]

    def places(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) column and row, in cells, that world points (N, 3) stand above, and how high (N,)."""
        away = world - self.corner
        return away @ self.axes.T / (self.axes**2).sum(axis=1), away @ self.normal


def ground_of(plane: np.ndarray, box: Box, size: int, reach: float) -> Ground:
    """The piece of a plane (4,) around the box, of whose longest sides `reach` go beyond it; faces the box's middle."""
    normal = plane[:3] if plane[:3] @ box.centre + plane[3] >= 0 else -plane[:3]
    below = box.centre - (plane[:3] @ box.centre + plane[3]) * plane[:3]
    first = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    first /= np.linalg.norm(first)
    half = (0.5 + reach) * 2.0 * float(np.max(box.half))
    axes = np.stack([first, np.cross(normal, first)]) * (2.0 * half / size)
    return Ground(below - axes.sum(axis=0) * (size / 2), axes, normal, size)


def seen_ground(ground: Ground, sources: Sources, settings: StillShadowSettings) -> np.ndarray:
    """(size * size, 3) scene-linear colours of the ground, medians of frames; nan where too few show it, or something else."""
    usable, world = sources.usable, ground.points
    some = np.unique(np.linspace(0, len(usable) - 1, min(settings.views, len(usable))).round().astype(int))
    colours = np.full((len(some), len(world), 3), np.nan, np.float32)
    for n, place in enumerate(some):
        pixels, free = sources.look(usable[place], world)
        if free.any():
            colours[n, free] = lookup(sources.picture(usable[place]), pixels[free])
    out = np.full((len(world), 3), np.nan, np.float32)
    shown = np.flatnonzero(np.isfinite(colours[..., 0]).sum(axis=0) >= settings.least_views)
    if len(shown):
        seen = colours[:, shown]
        middle = np.nanmedian(seen, axis=0)
        agree = np.nanmedian(np.abs(seen - middle).max(axis=2), axis=0) <= settings.differ
        out[shown[agree]] = srgb_decode(middle[agree])
    return out


@dataclass(frozen=True)
class Bundles:
    """Places of the sky: the middles (K, 3), unit vectors in the world, of K cones, half as wide as `width` radians."""

    middles: np.ndarray
    width: float

    @property
    def rays(self) -> np.ndarray:
        """(K, 7, 3) directions within each cone: its middle and a ring around it."""
        first, second = _across(self.middles)
        turn = np.arange(_RING) * (2.0 * np.pi / _RING)
        ring = np.cos(turn)[:, None, None] * first + np.sin(turn)[:, None, None] * second
        around = self.middles + np.tan(0.35 * self.width) * ring
        rays = np.concatenate([self.middles[None], around]).transpose(1, 0, 2)
        return rays / np.linalg.norm(rays, axis=2, keepdims=True)

    def finer(self, used: np.ndarray) -> Bundles:
        """Those that are `used` (K,) bool, each split into seven of half the width."""
        one = Bundles(self.middles[used], self.width)
        middles = Bundles(one.middles, one.width * 0.5 / 0.35).rays.reshape(-1, 3)
        return Bundles(_apart(middles, 0.25 * self.width), 0.5 * self.width)


def whole_sky(normal: np.ndarray, count: int, lowest: float) -> Bundles:
    """So many cones all over the sky above a plane with this normal (3,), no lower than at this sine (a Fibonacci lattice)."""
    first, second = _across(normal[None])
    height = lowest + (1.0 - lowest) * (np.arange(count) + 0.5) / count
    turn = np.arange(count) * np.pi * (3.0 - np.sqrt(5.0))
    flat = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    middles = height[:, None] * normal + np.sqrt(1.0 - height**2)[:, None] * flat
    return Bundles(middles, 2.0 * float(np.sqrt(2.0 * (1.0 - lowest) / count)))


def _across(normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (K, 3) each, at right angles to normals (K, 3) and to each other."""
    first = np.cross(normals, np.eye(3)[np.argmin(np.abs(normals), axis=1)])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(normals, first)


def _apart(middles: np.ndarray, angle: float) -> np.ndarray:
    """Those unit vectors (K, 3) that are further than `angle` radians from all that were kept before."""
    kept: list[np.ndarray] = []
    for one in middles:
        if all(one @ other < np.cos(angle) for other in kept):
            kept.append(one)
    return np.array(kept)


@dataclass(frozen=True)
class Pairs:
    """Pairs of places of the ground: a, b (P,) their numbers, change (P, 3) of the logarithm of what they show, from a to b."""

    a: np.ndarray
    b: np.ndarray
    change: np.ndarray

    def of(self, some: np.ndarray) -> Pairs:
        return Pairs(self.a[some], self.b[some], self.change[some])


def alike_pairs(colours: np.ndarray, size: int, shaded: np.ndarray, settings: StillShadowSettings) -> Pairs:
    """Pairs of places that may be of the same kind and of which a lamp might light one more than the other.

    colours (size * size, 3), nan where unknown; shaded (size * size, K): what the object takes of the light of places of the sky.
    """
    light = np.log(colours + _DARK)
    rows, columns = np.divmod(np.arange(size**2), size)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    step = 1
    while step <= settings.farthest:
        for right, down in ((step, 0), (0, step), (step, step), (step, -step)):
            inside = (columns + right < size) & (rows + down >= 0) & (rows + down < size)
            a = np.flatnonzero(inside & np.isfinite(light[:, 0]))
            b = a + right + down * size
            known = np.isfinite(light[b, 0])
            found.append((a[known], b[known]))
        step *= 2
    a, b = (np.concatenate(ends) for ends in zip(*found, strict=True))
    change = light[b] - light[a]
    tint = change - change.mean(axis=1, keepdims=True)
    differs = np.abs(shaded[b] - shaded[a]).max(axis=1) > 0.1
    same = np.abs(tint).max(axis=1) < settings.tint + 0.15 * np.abs(change.mean(axis=1))
    kept = np.flatnonzero(differs & same)
    kept = np.random.default_rng(0).permutation(kept)[: settings.pairs]
    return Pairs(a[kept], b[kept], change[kept])


def fit_shares(pairs: Pairs, shaded: np.ndarray, change: np.ndarray, settings: StillShadowSettings) -> np.ndarray:
    """(K,) the share of the ground's light that comes from each place of the sky.

        minimise  sum_ab rho(change_ab - log S_b + log S_a) + frugal P sum_k w_k,   S = 1 - sum_k w_k O_k,   w >= 0

    with O the `shaded` (N, K), change (P,) of one channel and rho(r) = log(1 + (r / noise)^2): what texture changes is left to
    the few pairs across its edges. Gauss-Newton and reweighted least squares.
    """
    shares = np.zeros(shaded.shape[1])
    a, b = shaded[pairs.a], shaded[pairs.b]
    for _ in range(_ROUNDS):
        left_a, left_b = (np.maximum(1.0 - one @ shares, settings.darkest) for one in (a, b))
        slope = a / left_a[:, None] - b / left_b[:, None]
        rest = change - np.log(left_b / left_a)
        weight = 1.0 / (1.0 + (rest / settings.noise) ** 2)
        goal = rest + slope @ shares
        weighted = slope * weight[:, None]
        matrix = weighted.T @ slope
        matrix[np.diag_indices_from(matrix)] += 1e-6 * max(1.0, matrix.diagonal().max())
        vector = weighted.T @ goal - settings.frugal * weight.sum()
        root = np.linalg.cholesky(matrix)
        new = nnls(root.T, np.linalg.solve(root, vector))[0]
        new *= min(1.0, (1.0 - settings.darkest) / max(new.sum(), 1e-9))
        done = np.abs(new - shares).max() < 1e-3
        shares = new
        if done:
            break
    return shares


def share_seen(predicted: np.ndarray, change: np.ndarray) -> float:
    """How much of the predicted changes (P,) is in the changes (P,) that were seen: a robust slope through 0, the median of their
    ratios, each counted by its prediction."""
    counts = np.abs(predicted) > 0.02
    if not counts.any():
        return 0.0
    ratio, weight = change[counts] / predicted[counts], np.abs(predicted[counts])
    order = np.argsort(ratio)
    summed = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(summed, 0.5 * summed[-1])])
