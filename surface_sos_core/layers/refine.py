"""The matte's last pixels, read off the plate itself, and the foreground's own colour."""

from __future__ import annotations

import cv2
import numpy as np
from pymatting import estimate_alpha_cf, estimate_foreground_ml

_HAZE = 0.05  # the solver leaves a veil of this much alpha on plain colours; 0.5 stays where it is
_MARGIN = 8  # pixels around the band that the solvers see


def refine_alpha(display: np.ndarray, alpha: np.ndarray, radius: int) -> np.ndarray:
    """Alpha (H, W) with the band of `radius` pixels around its outline solved from the plate's edges.

    display: (H, W, 3) plate in display values. Closed-form matting (Levin et al., PAMI 2008) between what is surely
    object and surely background. Pixels off the band are one or the other: what is seen through a solid surface far from its
    outline is a fault of the fields, no softness of the object.
    """
    solid = (alpha > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner, outer = cv2.erode(solid, kernel), cv2.dilate(solid, kernel)
    band = (outer > 0) & (inner == 0)
    if not band.any():
        return alpha
    cut = _around(band, _MARGIN)
    trimap = np.where(band, 0.5, solid.astype(np.float64))[cut]
    if (trimap == 0).sum() == 0 or (trimap == 1).sum() == 0:
        return alpha
    solved = estimate_alpha_cf(display[cut].astype(np.float64).clip(0.0, 1.0), trimap)
    out = solid.astype(np.float32)
    clear = (solved - _HAZE) / (1.0 - 2.0 * _HAZE)
    out[cut][band[cut]] = clear[band[cut]].clip(0.0, 1.0)
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
