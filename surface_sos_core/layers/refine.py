"""The matte's last pixels, read off the plate itself, and the foreground's own colour."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse
from pymatting import cf_laplacian, cg, estimate_foreground_ml, ichol

_HOLD = 0.05  # weight of the rays' alpha within the band, against the matting Laplacian
_FIXED = 100.0  # and off it
_UNSURE = 0.4  # thin parts whose alpha by rays is within so much of 0.5 are open, wherever they are
_HAZE = 0.05  # the solver leaves a veil of this much alpha on plain colours; 0.5 stays where it is
_MARGIN = 8  # pixels around the band that the solvers see


def refine_alpha(display: np.ndarray, alpha: np.ndarray, radius: int) -> np.ndarray:
    """Alpha (H, W) with the band of `radius` pixels around its outline solved from the plate's edges.

    display: (H, W, 3) plate in display values. alpha: what rays found. Closed-form matting (Levin et al., PAMI 2008)
    between what is surely object and surely background, held to the rays' alpha where the plate does not tell:

        minimise  a' L a + sum_i w_i (a_i - rays_i)^2,   w large off the band, _HOLD within it

    The band also takes in thin parts that rays are unsure of, some of them a pixel wide. Pixels off it are one or the other:
    what is seen through a solid surface far from its outline is a fault of the fields, no softness of the object.
    """
    solid = (alpha > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Thick parts that rays see through are a fault of the fields, see above: only thin ones are open wherever they are.
    seen = (alpha > 0.5 - _UNSURE).astype(np.uint8)
    wide = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * radius + 1, 4 * radius + 1))
    thick = cv2.dilate(cv2.morphologyEx(seen, cv2.MORPH_OPEN, wide), kernel)
    unsure = ((np.abs(alpha - 0.5) < _UNSURE) & (thick == 0)).astype(np.uint8)
    band = cv2.dilate(solid, kernel) - cv2.erode(solid, kernel) > 0
    band |= cv2.dilate(unsure, np.ones((3, 3), np.uint8)) > 0
    if not band.any():
        return alpha
    cut = _around(band, _MARGIN)
    part = band[cut]
    rays = np.where(part, alpha[cut], solid[cut]).astype(np.float64)
    laplacian = cf_laplacian(display[cut].astype(np.float64).clip(0.0, 1.0), is_known=~part)
    weights = np.where(part, _HOLD, _FIXED).ravel()
    system = laplacian + scipy.sparse.diags(weights)
    solved = cg(system, weights * rays.ravel(), M=ichol(system.tocsc(), discard_threshold=1e-4), rtol=1e-5)
    out = solid.astype(np.float32)
    clear = (solved.reshape(part.shape) - _HAZE) / (1.0 - 2.0 * _HAZE)
    out[cut][part] = clear[part].clip(0.0, 1.0)
    return out


def unmix_foreground(linear: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W, 4) premultiplied foreground of a scene-linear plate (H, W, 3): its own colour without the background's.

    Where alpha is between 0 and 1 the colour is estimated with the multi-level solver of Germer et al. (ICPR 2020), where
    it is 1 the plate's pixels pass through untouched.
    """
    height, width = alpha.shape
    out = np.zeros((height, width, 4), np.float32)
    out[..., 3] = alpha
    if not (alpha > 0).any():
        return out
    cut = _around(alpha > 0, _MARGIN)
    plate, cover = linear[cut], alpha[cut]
    # The solver clips at 1, bright plates are scaled into its range.
    peak = max(1.0, float(plate.max()))
    colour = estimate_foreground_ml(plate.astype(np.float64) / peak, cover.astype(np.float64)) * peak
    mixed = cover < 1.0
    own = np.where(mixed[..., None], colour, plate).astype(np.float32)
    out[cut][..., :3] = own * cover[..., None]
    return out


def _around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return (
        slice(max(0, int(rows.min()) - margin), min(height, int(rows.max()) + margin + 1)),
        slice(max(0, int(columns.min()) - margin), min(width, int(columns.max()) + margin + 1)),
    )
