"""What the camera does, told by how the background moves; and cameras for one that turns, zooms or stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix

from surface_sos_core.cameras.camera import Camera, CameraModel, Points
from surface_sos_core.cameras.lens import Lens
from surface_sos_core.moving.registration import Registration, Step, corner_travel, follow
from surface_sos_core.settings import CameraMoveSettings, RegisterSettings, Settings

LOCKED, TURNING, FREE = "locked", "turning", "free"

_FOCAL_LENGTHS = 25  # that are tried before the best one is refined
_EVALUATIONS = 30  # of the solver, at most


@dataclass(frozen=True)
class CameraMotion:
    """What the camera does.

    kind: LOCKED, TURNING or FREE; reason: why that is believed, as the end of a sentence. focal: (frames,) in pixels of the
    pictures that were looked at, and rotations (frames, 3, 3), those of a camera that is not FREE.
    """

    kind: str
    reason: str
    focal: np.ndarray
    rotations: np.ndarray

    @property
    def zooms(self) -> bool:
        return bool(np.ptp(np.log(self.focal)) > 0)

    def model(self, names: Sequence[str], size: tuple[int, int], scale: float) -> CameraModel:
        """Cameras at one place for frames of these names, of pictures of this width and height, so many times as large."""
        cameras = {}
        for name, focal, rotation in zip(names, self.focal, self.rotations, strict=True):
            lens = Lens("SIMPLE_PINHOLE", *size, (float(focal * scale), size[0] / 2, size[1] / 2))
            cameras[name] = Camera(name, lens, rotation, np.zeros(3))
        return CameraModel(cameras, Points.empty())


def camera_motion(
    registration: Registration,
    grey: Callable[[int], np.ndarray],
    holdouts: Callable[[int], np.ndarray],
    settings: Settings,
    wanted: str | None = None,
) -> CameraMotion:
    """Tell from pictures grey(i) (h, w) uint8 whether the camera stands, turns on the spot or travels.

    A camera that only turns or zooms moves near and far alike, by H = K_j R_j R_i^T K_i^-1, also over long times; one that
    travels does not, or before a plane by no such H. holdouts(i): (h, w) bool, where the subject may be. wanted: the kind,
    where it is known. Rotations and focal lengths, one for all frames or one for each where it zooms, are such that corners
    of pairs of frames lie on the same rays (Brown and Lowe, "Automatic panoramic image stitching", IJCV 2007). Nothing tells
    the focal length of a camera that stands: it is then a common one.
    """
    own = settings.camera_move
    height, width = grey(0).shape
    edge, count = max(height, width), len(registration.to_world)
    standing = np.full(count, own.usual_focal * edge), np.tile(np.eye(3), (count, 1, 1))
    travel = float(corner_travel(registration.to_world, (width, height)).max())
    if wanted == LOCKED or (wanted is None and travel < own.still_move * edge):
        return CameraMotion(LOCKED, f"its pictures move by no more than {travel:.1f} pixels", *standing)
    if wanted == FREE:
        return CameraMotion(FREE, "that was given", *standing)
    shares = _long_shares(registration, grey, holdouts, settings)
    if wanted is None and not shares:
        return CameraMotion(FREE, "frames that lie apart have too little in common to tell", *standing)
    share = float(np.median(shares)) if shares else 0.0
    told = f"{share:.0%} of the background moves as one"
    if wanted is None and share < own.follows:
        return CameraMotion(FREE, f"near and far move differently ({told})", *standing)
    pairs = _pairs(registration, grey, holdouts, settings)
    if not pairs:
        return CameraMotion(FREE, "too little of the background could be followed", *standing)
    middle = np.array([width / 2, height / 2])
    focal, rotations, left = _solve(registration, pairs, middle, edge, own)
    if wanted is None and left > own.rotates * edge:
        return CameraMotion(FREE, f"no rotation explains how the background moves ({told})", *standing)
    return CameraMotion(TURNING, f"near and far move alike ({told})", focal, rotations)


def _long_shares(
    registration: Registration,
    grey: Callable[[int], np.ndarray],
    holdouts: Callable[[int], np.ndarray],
    settings: Settings,
) -> list[float]:
    """How much of the picture follows one homography, for pairs of frames as far apart as they still overlap."""
    own, count = settings.camera_move, len(registration.to_world)
    for span in (own.far_span, own.middle_span, own.near_span):
        away = max(1, round(span * count))
        starts = np.unique(np.linspace(0, count - 1 - away, own.span_pairs).round().astype(int))
        found = [
            _far_step(registration, grey, holdouts, (int(i), int(i) + away), settings.register, own.overlap)
            for i in starts
        ]
        # Where too few corners could be followed nothing is known, be it because of parallax or of a zoom.
        known = [step for step in found if step is not None and step.share > 0]
        shares = [area_share(step, grey(0).shape, own) for step in known]
        if 2 * len(shares) >= len(starts):
            return shares
    return []


def area_share(step: Step, shape: tuple[int, ...], settings: CameraMoveSettings) -> float:
    """Of a picture of this shape (h, w) where it has corners, how much follows a step's homography.

    A cell of it counts no more for having more corners: most of them may be on one wall, which a homography follows before any
    camera. It must have some.
    """
    side = max(shape) / settings.cells
    column, row = np.floor_divide(step.corners, side).astype(int).T
    cell = row * settings.cells + column
    total = np.bincount(cell)
    held = np.bincount(cell, weights=step.held)
    counts = np.minimum(total, settings.cell_corners)
    return float((counts * held / np.maximum(total, 1)).sum() / counts.sum())


def _far_step(
    registration: Registration,
    grey: Callable[[int], np.ndarray],
    holdouts: Callable[[int], np.ndarray],
    pair: tuple[int, int],
    settings: RegisterSettings,
    overlap: float,
) -> Step | None:
    """From one frame of a pair to the other, not beside it; None where they overlap by less than this share of the picture.

    The other is brought near by the registration before corners are followed, so they need not look far.
    """
    one, other = pair
    between = registration.between(one, other)
    size = grey(one).shape[::-1]
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    brought = cv2.warpPerspective(grey(other), between, size, flags=flags)
    nearest = cv2.WARP_INVERSE_MAP | cv2.INTER_NEAREST
    away = cv2.warpPerspective(holdouts(other).astype(np.uint8), between, size, flags=nearest, borderValue=2)
    if (away == 2).mean() > 1 - overlap:
        return None
    step = follow(grey(one), brought, holdouts(one), away > 0, settings)
    if not len(step.corners):
        return None
    found = cv2.perspectiveTransform(step.found[:, None].astype(np.float64), between)[:, 0]
    return Step(between @ step.homography, step.corners, found, step.held)


@dataclass(frozen=True)
class _Matches:
    """The same background in two frames: pixels (N, 2) each."""

    one: int
    other: int
    here: np.ndarray
    there: np.ndarray


def _pairs(
    registration: Registration,
    grey: Callable[[int], np.ndarray],
    holdouts: Callable[[int], np.ndarray],
    settings: Settings,
) -> list[_Matches]:
    own, count = settings.camera_move, len(registration.to_world)
    pairs = []
    for away in (1, own.near_pair, own.far_pair):
        for i in range(0, count - away, max(1, away // 2)):
            step = (
                registration.steps[i]
                if away == 1
                else _far_step(registration, grey, holdouts, (i, i + away), settings.register, own.overlap)
            )
            if step is not None and step.held.sum() >= own.least_held:
                kept = np.flatnonzero(step.held)
                kept = kept[:: max(1, len(kept) // own.pair_corners)]
                pairs.append(_Matches(i, i + away, step.corners[kept] + 0.5, step.found[kept] + 0.5))
    return pairs


def _solve(
    registration: Registration,
    pairs: list[_Matches],
    middle: np.ndarray,
    edge: int,
    settings: CameraMoveSettings,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Focal lengths (frames,) in pixels, rotations (frames, 3, 3), and by how many pixels they miss in the median."""
    count = len(registration.to_world)
    one = np.concatenate([np.full(len(pair.here), pair.one) for pair in pairs])
    other = np.concatenate([np.full(len(pair.here), pair.other) for pair in pairs])
    here = np.concatenate([pair.here for pair in pairs]) - middle
    there = np.concatenate([pair.there for pair in pairs]) - middle

    def missed(rotations: np.ndarray, focal: np.ndarray) -> np.ndarray:
        rays = np.concatenate((here / focal[one, None], np.ones((len(here), 1))), axis=1)
        world = np.einsum("nji,nj->ni", rotations[one], rays)
        seen = np.einsum("nij,nj->ni", rotations[other], world)
        return focal[other, None] * seen[:, :2] / np.maximum(seen[:, 2:], 1e-3) - there

    def start(focal: np.ndarray) -> np.ndarray:
        lens = np.tile(np.eye(3), (count, 1, 1))
        lens[:, 0, 0] = lens[:, 1, 1] = focal
        lens[:, :2, 2] = middle
        turned = np.linalg.inv(lens) @ np.linalg.inv(registration.to_world) @ lens[0]
        u, _, vt = np.linalg.svd(turned / np.cbrt(np.linalg.det(turned))[:, None, None])
        return u @ vt

    def search(scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tried = np.geomspace(settings.shortest_focal, settings.longest_focal, _FOCAL_LENGTHS)
        lengths = [f * scale for f in edge * tried]
        errors = [np.median(np.abs(missed(start(focal), focal))) for focal in lengths]
        best = lengths[int(np.argmin(errors))]
        return np.stack([cv2.Rodrigues(rotation)[0].ravel() for rotation in start(best)]), best

    def solve(each: bool, turns: np.ndarray, focal: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        lenses = count if each else 1

        def unpack(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            rotations = np.stack([cv2.Rodrigues(turn)[0] for turn in values[lenses:].reshape(count, 3)])
            return rotations, np.exp(np.broadcast_to(values[:lenses], count))

        def residuals(values: np.ndarray) -> np.ndarray:
            rotations, now = unpack(values)
            prior = settings.usual_weight * (values[:lenses] - np.log(settings.usual_focal * edge))
            steady = settings.steady_focal * np.diff(values[:lenses])
            return np.concatenate(
                (missed(rotations, now).ravel(), prior, steady, values[lenses : lenses + 3])
            )

        pattern = lil_matrix((2 * len(here) + 2 * lenses - 1 + 3, lenses + 3 * count), dtype=np.int8)
        rows = np.arange(2 * len(here))
        for frame in (one, other):
            held = np.repeat(frame, 2)
            pattern[rows, held if each else np.zeros_like(held)] = 1
            for axis in range(3):
                pattern[rows, lenses + 3 * held + axis] = 1
        at = 2 * len(here)
        for k in range(lenses):
            pattern[at + k, k] = 1
        for k in range(lenses - 1):
            pattern[at + lenses + k, k] = pattern[at + lenses + k, k + 1] = 1
        for axis in range(3):
            pattern[at + 2 * lenses - 1 + axis, lenses + axis] = 1
        first = np.concatenate((np.log(focal[:lenses]), turns.ravel()))
        found = least_squares(
            residuals, first, jac_sparsity=pattern, loss="soft_l1", x_scale="jac", max_nfev=_EVALUATIONS
        )
        rotations, now = unpack(found.x)
        return rotations, now, float(np.median(np.abs(missed(rotations, now))))

    rotations, focal, left = solve(False, *search(np.ones(count)))
    zoomed, lengths, rest = solve(True, *search(_magnified(registration, middle)))
    if np.ptp(np.log(lengths)) > settings.zoom and rest < settings.zoom_better * left:
        return lengths, zoomed, rest
    return focal, rotations, left


def _magnified(registration: Registration, middle: np.ndarray) -> np.ndarray:
    """(frames,) how much larger each frame shows what the first one has in its middle (2,)."""
    seen = np.linalg.inv(registration.to_world)
    at = seen @ np.append(middle, 1.0)
    place = at[:, :2] / at[:, 2:]
    # The Jacobian of a homography: its upper rows less the place times its lowest, over the third coordinate.
    turned = (seen[:, :2, :2] - place[..., None] * seen[:, 2:, :2]) / at[:, 2, None, None]
    return np.sqrt(np.abs(np.linalg.det(turned)))
