"""Lamps that are not seen: how much of the ground's light comes from each place of the sky, told by the shadow of a known object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from surface_sos_core.cameras.planes import across
from surface_sos_core.settings import StillShadowSettings

_RING = 6  # rays around the middle one of a cone
_OUT = 0.35  # where they go through it, as a share of its width
_ROUNDS = 4  # of least squares for each noise, at most
_STEPS = 3  # from rough to fine noise
_SETTLED = 1e-3  # a share that changes by less is found
_TELLS = 0.02  # log; smaller predictions tell nothing about what is seen
_AT_ONCE = 1 << 15  # pairs
_LEAST_COLOUR = 1e-3  # scene-linear, added before a logarithm


@dataclass(frozen=True)
class Sky:
    """Places of the sky: cones around unit vectors `middles` (K, 3) in the world, `widths` (K,) radians wide."""

    middles: np.ndarray
    widths: np.ndarray

    @staticmethod
    def above(normal: np.ndarray, count: int, lowest: float) -> Sky:
        """So many, evenly spread above a plane with this normal (3,), none lower than at this sine (a Fibonacci lattice)."""
        first, second = across(normal[None])
        height = lowest + (1.0 - lowest) * (np.arange(count) + 0.5) / count
        turn = np.arange(count) * np.pi * (3.0 - np.sqrt(5.0))
        flat = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
        middles = height[:, None] * normal + np.sqrt(1.0 - height**2)[:, None] * flat
        return Sky(middles, np.full(count, 2.0 * np.sqrt(2.0 * (1.0 - lowest) / count)))

    @property
    def rays(self) -> np.ndarray:
        """(K, 7, 3) unit vectors in each cone: its middle and a ring around it."""
        return self._ringed(_OUT)

    def of(self, some: np.ndarray) -> Sky:
        """The cones that are named (bool or numbers)."""
        return Sky(self.middles[some], self.widths[some])

    def finer(self, split: np.ndarray) -> Sky:
        """The cones, those that are to be `split` (K,) bool as seven of half the width each."""
        coarse, rest = self.of(split), self.of(~split)
        middles, widths = coarse._ringed(0.5).reshape(-1, 3), np.repeat(0.5 * coarse.widths, _RING + 1)
        kept: list[int] = []
        for n, (one, width) in enumerate(zip(middles, widths, strict=True)):
            # Of neighbours that are both split some nearly coincide.
            if all(one @ middles[other] < np.cos(0.5 * width) for other in kept):
                kept.append(n)
        return Sky(np.concatenate([middles[kept], rest.middles]), np.concatenate([widths[kept], rest.widths]))

    def _ringed(self, out: float) -> np.ndarray:
        first, second = across(self.middles)
        turn = np.arange(_RING) * (2.0 * np.pi / _RING)
        ring = np.cos(turn)[:, None, None] * first + np.sin(turn)[:, None, None] * second
        around = self.middles + np.tan(out * self.widths)[:, None] * ring
        rays = np.concatenate([self.middles[None], around]).transpose(1, 0, 2)
        return rays / np.linalg.norm(rays, axis=2, keepdims=True)


@dataclass(frozen=True)
class Pairs:
    """Places of the ground that are compared: numbers a, b (P,) of cells, and the change (P, 3) of log colour from a to b."""

    a: np.ndarray
    b: np.ndarray
    change: np.ndarray

    @property
    def light(self) -> np.ndarray:
        """(P,) the mean of the change over the channels."""
        return self.change.mean(axis=1)

    def of(self, some: np.ndarray) -> Pairs:
        """Those that are named (bool or numbers)."""
        return Pairs(self.a[some], self.b[some], self.change[some])


def pairs_alike(colours: np.ndarray, size: int, shaded: np.ndarray, settings: StillShadowSettings) -> Pairs:
    """Pairs of cells of one tint, near to each other, one of which sees more of the sky.

    colours (size * size, 3) scene-linear, nan where unknown; shaded (size * size, K): the share of each place of the sky that the
    object hides.
    """
    light: np.ndarray = np.log(np.maximum(colours, 0.0) + _LEAST_COLOUR)
    rows, columns = np.divmod(np.arange(size**2), size)
    known: np.ndarray = np.isfinite(light).all(axis=1)
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    step = 1
    while step <= settings.farthest:
        for right, down in ((step, 0), (0, step), (step, step), (step, -step)):
            a = np.flatnonzero(known & (columns + right < size) & (rows + down >= 0) & (rows + down < size))
            b = a + right + down * size
            ends.append((a[known[b]], b[known[b]]))
        step *= 2
    a, b = (np.concatenate(side) for side in zip(*ends, strict=True))
    # In an order that is the same on every run.
    some = np.random.default_rng(0).permutation(len(a))
    a, b = a[some], b[some]
    change = light[b] - light[a]
    mean = change.mean(axis=1, keepdims=True)
    alike = np.abs(change - mean).max(axis=1) < settings.tint + settings.deep_tint * np.abs(mean[:, 0])
    a, b, change = a[alike], b[alike], change[alike]
    told: list[np.ndarray] = []
    for start in range(0, len(a), _AT_ONCE):  # `shaded` is wide
        if sum(map(len, told)) >= settings.pairs:
            break
        ends_here = slice(start, start + _AT_ONCE)
        differs = np.abs(shaded[b[ends_here]] - shaded[a[ends_here]]).max(axis=1, initial=0.0)
        told.append(start + np.flatnonzero(differs > settings.shaded))
    kept = np.concatenate([*told, np.zeros(0, np.int64)])[: settings.pairs]
    return Pairs(a[kept], b[kept], change[kept].astype(np.float32))


def fit_shares(
    pairs: Pairs,
    shaded: np.ndarray,
    change: np.ndarray,
    settings: StillShadowSettings,
    like: np.ndarray | None = None,
) -> np.ndarray:
    """(K,) the share of the ground's light that comes from each place of the sky.

        minimise  sum_ab log(1 + (r_ab / s)^2),  r_ab = change_ab - log S_b + log S_a,
        S = 1 - sum_k w_k O_k,  w >= 0,  sum_k w_k <= 1 - darkest

    with O the `shaded` (cells, K) and change (P,) of one channel: a texture's edges are few or of either sign, and what is left
    over counts less the larger it is. s goes from `rough` down to `noise`, each by Gauss and Newton with reweighted least
    squares, not negative (Lawson and Hanson), the sum held by a slack variable. like (K,): shares that these resemble, where the
    changes do not say otherwise.
    """
    count = shaded.shape[1]
    shares = np.zeros(count) if like is None else like
    a, b = shaded[pairs.a], shaded[pairs.b]
    for scale in np.geomspace(settings.rough, settings.noise, _STEPS):
        for _ in range(_ROUNDS):
            now = shares.astype(np.float32)
            left_a, left_b = (np.maximum(1.0 - one @ now, settings.darkest) for one in (a, b))
            slope = a / left_a[:, None] - b / left_b[:, None]
            rest = change - np.log(left_b / left_a)
            weighted = slope / (1.0 + (rest / scale) ** 2)[:, None]
            matrix, vector = np.zeros((count + 1, count + 1)), np.zeros(count + 1)
            matrix[:count, :count] = weighted.T @ slope
            vector[:count] = weighted.T @ (rest + slope @ now)
            if like is not None:
                tie = settings.alike * float(matrix.diagonal().mean())
                matrix[np.diag_indices(count)] += tie
                vector[:count] += tie * like
            heavy = 100.0 * max(float(matrix.diagonal().max()), 1e-9)
            matrix += heavy
            vector += heavy * (1.0 - settings.darkest)
            matrix[np.diag_indices(count + 1)] += 1e-7 * heavy  # sums in single precision are a little off
            root = np.linalg.cholesky(matrix)
            new = nnls(root.T, np.linalg.solve(root, vector), maxiter=30 * count)[0][:count]
            settled = np.abs(new - shares).max() < _SETTLED
            shares = new
            if settled:
                break
    return shares


def predicted(pairs: Pairs, shaded: np.ndarray, shares: np.ndarray, darkest: float) -> np.ndarray:
    """(P,) the change of log light from a to b that lamps with these shares (K,) make."""
    left_a, left_b = (np.maximum(1.0 - shaded[end] @ shares, darkest) for end in (pairs.a, pairs.b))
    return np.log(left_b / left_a)


@dataclass(frozen=True)
class Evidence:
    """What lamps tell of pairs that they were not found by. gain: how much more likely these are than without lamps, as mean log; sure:
    the same by how much is told of each; share of the change that is told that is seen."""

    gain: float
    sure: float
    share: float

    def convinces(self, settings: StillShadowSettings) -> bool:
        """Whether there is a shadow."""
        return self.sure >= settings.least_gain and self.share >= settings.least_share


def evidence(pairs: Pairs, shaded: np.ndarray, size: int, settings: StillShadowSettings) -> Evidence:
    """Leave out one part of the ground's blocks after the other, find lamps by the rest, and see how these explain it."""
    rows, columns = np.divmod(pairs.a, size)
    blocks = settings.blocks
    dealt = np.random.default_rng(0).permutation(blocks**2) % settings.parts
    part = dealt[(rows * blocks // size) * blocks + columns * blocks // size]
    told, light = np.zeros(len(part)), pairs.light
    for one in range(settings.parts):
        out = part == one
        if out.any() and not out.all():
            shares = fit_shares(pairs.of(~out), shaded, light[~out], settings)
            told[out] = predicted(pairs.of(out), shaded, shares, settings.darkest)
    scale = settings.texture
    gain = np.log1p((light / scale) ** 2) - np.log1p(((light - told) / scale) ** 2)
    weight = np.abs(told)
    sure = float(gain @ weight / max(weight.sum(), 1e-9))
    return Evidence(float(gain.mean()), sure, _share_seen(told, light))


def _share_seen(told: np.ndarray, seen: np.ndarray) -> float:
    """The slope of changes that are seen (P,) over those that are told (P,): the median of their ratios, by the latter's size."""
    at = np.flatnonzero(np.abs(told) > _TELLS)
    if not len(at):
        return 0.0
    ratio = seen[at] / told[at]
    order = np.argsort(ratio)
    summed = np.cumsum(np.abs(told[at])[order])
    return float(ratio[order[np.searchsorted(summed, 0.5 * summed[-1])]])


@dataclass(frozen=True)
class Lamps:
    """sky: where light comes from; shares (K, 3): how much of it from each place, by channel."""

    sky: Sky
    shares: np.ndarray


def find_lamps(
    colours: np.ndarray,
    size: int,
    normal: np.ndarray,
    hidden: Callable[[Sky], np.ndarray],
    settings: StillShadowSettings,
) -> Lamps | None:
    """The lamps that explain where the ground is darker; None where they do not explain it in parts that were left out.

    colours: (size * size, 3) scene-linear, nan where unknown; normal (3,): the ground's; hidden: the share (size * size, K) of
    places of the sky that the object hides. Places are split where halves explain more.
    """
    sky = Sky.above(normal, settings.directions, settings.lowest)
    shaded = hidden(sky)
    pairs = pairs_alike(colours, size, shaded, settings)
    if len(pairs.a) < settings.least_pairs:
        return None
    proof = evidence(pairs, shaded, size, settings)
    if not proof.convinces(settings):
        return None
    shares = fit_shares(pairs, shaded, pairs.light, settings)
    for _ in range(settings.finer):
        lit, bright = shares > 0, shares > settings.bright
        closer = sky.of(lit).finer(bright[lit])
        hides = hidden(closer)
        more = evidence(pairs, hides, size, settings)
        if more.gain < settings.finer_gain * proof.gain:
            break
        sky, shaded, proof = closer, hides, more
        shares = fit_shares(pairs, shaded, pairs.light, settings)
    lit = shares > 0
    by_channel = [
        fit_shares(pairs, shaded[:, lit], pairs.change[:, c], settings, shares[lit]) for c in range(3)
    ]
    return Lamps(sky.of(lit), np.stack(by_channel, axis=1))
