"""What error in decibels does not tell of a clean plate: whether it is sharp, has the right texture, and holds still.

Fog has a better PSNR than grass that is another blade's. Plates and truths are (H, W, 3) floats in display values, `region` is
(H, W) bool, the hole.
"""

from __future__ import annotations

import cv2
import numpy as np

LEVELS = 3
PATCH = 7  # pixels along a patch's edge
MOST_PATCHES = 4096  # of a level
DIRECTIONS = 128


def sharpness(plate: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Gradient energy of the plate over that of truth: below 1 it is blurred, above 1 it has noise or seams.

    The energy is the sum of squared differences of neighbours, both in the region, along rows and columns, over all channels.
    nan where truth has none.
    """
    energy, expected = _gradient_energy(plate, region), _gradient_energy(truth, region)
    return energy / expected if expected > 0 else float("nan")


def patch_distance(plate: np.ndarray, truth: np.ndarray, region: np.ndarray, seed: int = 0) -> float:
    """Sliced Wasserstein distance of the 7 x 7 patches of plate and truth, in 8-bit steps; nan where none fits.

    Rabin et al., "Wasserstein barycenter and its application to texture mixing", 2011; patches of Laplacian levels after
    Karras et al., "Progressive growing of GANs", ICLR 2018, but without their division by the standard deviation, which
    would make fog as good as grass. Mean over three levels of the Laplacian pyramid (Burt and Adelson 1983) of the mean over
    128 random directions; at most 4,096 patches a level that lie wholly in the region, the same places in both pictures.
    Where patches lie does not count, only which there are. `seed` draws places and directions.
    """
    random = np.random.default_rng(seed)
    directions = random.standard_normal((DIRECTIONS, PATCH * PATCH * plate.shape[2])).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inside = region
    distances = []
    for ours, theirs in zip(laplacian_levels(plate), laplacian_levels(truth), strict=True):
        places = _whole_patches(inside)
        if len(places):
            places = places[random.choice(len(places), min(len(places), MOST_PATCHES), replace=False)]
            apart = sliced_wasserstein(_patches(ours, places), _patches(theirs, places), directions)
            distances.append(255 * apart)
        inside = _half(inside.astype(np.float32)) > 0.99
    return float(np.mean(distances)) if distances else float("nan")


def sliced_wasserstein(a: np.ndarray, b: np.ndarray, directions: np.ndarray) -> float:
    """Mean over unit `directions` (K, D) of the 1-Wasserstein distance of the projections of `a` and `b`, both (N, D)."""
    ours, theirs = (np.sort(points @ directions.T, axis=0) for points in (a, b))
    return float(np.mean(np.abs(ours - theirs), dtype=np.float64))


def laplacian_levels(picture: np.ndarray) -> list[np.ndarray]:
    """What each of three halvings of the picture (H, W, C) loses, the finest first."""
    levels, picture = [], picture.astype(np.float32)
    for _ in range(LEVELS):
        smaller = _half(picture)
        levels.append(picture - cv2.pyrUp(smaller, dstsize=picture.shape[1::-1]).reshape(picture.shape))
        picture = smaller
    return levels


def flicker(
    plate: np.ndarray,
    next_plate: np.ndarray,
    truth: np.ndarray,
    next_truth: np.ndarray,
    region: np.ndarray,
) -> float:
    """Root mean square change of the plate's error from one frame to the next, in 8-bit steps; nan for an empty region.

    An error that stays where it is in the picture does not flicker. The region is what the two frames' holes share.
    """
    change = ((next_plate - next_truth) - (plate - truth))[region]
    return 255 * float(np.sqrt(np.mean(np.square(change), dtype=np.float64))) if change.size else float("nan")


def _gradient_energy(picture: np.ndarray, region: np.ndarray) -> float:
    down = np.diff(picture, axis=0)[region[1:] & region[:-1]]
    across = np.diff(picture, axis=1)[region[:, 1:] & region[:, :-1]]
    return float(np.sum(down**2, dtype=np.float64) + np.sum(across**2, dtype=np.float64))


def _half(picture: np.ndarray) -> np.ndarray:
    small = cv2.pyrDown(picture)
    return small if picture.ndim == 2 else small.reshape(*small.shape[:2], picture.shape[2])


def _whole_patches(inside: np.ndarray) -> np.ndarray:
    """(N, 2) rows and columns of the upper left corners of the patches that lie wholly `inside`."""
    middles = cv2.erode(inside.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8), borderValue=0)
    return np.argwhere(middles) - PATCH // 2


def _patches(picture: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N, PATCH * PATCH * C) the patches at `corners`, row by row."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
    return windows[corners[:, 0], corners[:, 1]].transpose(0, 2, 3, 1).reshape(len(corners), -1)
