"""The matte's last pixels, read off the plate itself, and the foreground's own colour."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse
from pymatting import cf_laplacian, cg, estimate_foreground_ml, ichol
from scipy import ndimage

_HOLD = 0.001  # weight of the alpha so far within the band, against the matting Laplacian
# And on thin parts and narrow gaps, which the Laplacian alone lets sink into what surrounds them.
_HOLD_THIN = 0.3
_FIXED = 100.0  # and off it
_UNSURE = 0.4  # thin parts whose alpha by rays is within so much of 0.5 are open, wherever they are
_HAZE = 0.05  # the solver leaves a veil of this much alpha on plain colours; 0.5 stays where it is
_NARROWER = 0.6  # the second band's radius as a share of the first's
_THIN = 0.4  # parts of at most this share of its radius, either side of their middle, are thin
_FREEDOM = 0.6  # share by which the clean plate may change the solver's colour of the foreground
_FLOOR = 0.05  # scene-linear, so that dark colours have room as well
_MARGIN = 8  # pixels around the band that the solvers see


def refine_alpha(display: np.ndarray, alpha: np.ndarray, radius: int) -> np.ndarray:
    """Alpha (H, W) with a band of `radius` pixels around its outline solved from the plate's edges.

    display: (H, W, 3) plate in display values. alpha: what rays found. Closed-form matting (Levin et al., PAMI 2008)
    between what is surely object and surely background, held to the alpha so far where the plate does not tell:

        minimise  a' L a + sum_i w_i (a_i - so far_i)^2,   w large off the band, _HOLD in it, _HOLD_THIN on thin parts

    It is solved twice: a wide band finds the outline, a narrow one around that outline leaves no veil far from it. The
    first band also takes in thin parts that rays are unsure of, some of them a pixel wide. Pixels off it are one or the
    other: what is seen through a solid surface far from its outline is a fault of the fields, no softness of the object.
    """
    solid = (alpha > 0.5).astype(np.uint8)
    width = max(2, round(_THIN * radius))
    # Thick parts that rays see through are a fault of the fields, see above: only thin ones are open wherever they are.
    seen = (alpha > 0.5 - _UNSURE).astype(np.uint8)
    thick = cv2.dilate(cv2.morphologyEx(seen, cv2.MORPH_OPEN, _disc(2 * width)), _disc(width))
    unsure = ((np.abs(alpha - 0.5) < _UNSURE) & (thick == 0)).astype(np.uint8)
    band = _around_outline(solid, radius) | (cv2.dilate(unsure, np.ones((3, 3), np.uint8)) > 0)
    if not band.any():
        return alpha
    narrow = _thin(solid, width) | _thin(1 - solid, width) | unsure
    thin = cv2.dilate(narrow, _disc(width)) > 0
    first = _solve(display, np.where(band, alpha, solid), np.where(thin, _HOLD_THIN, _HOLD), band)
    solid = (first > 0.5).astype(np.uint8)
    band = _around_outline(solid, max(2, round(_NARROWER * radius))) & ~thin
    if not band.any():
        return first
    return _solve(display, np.where(band | thin, first, solid), np.full(alpha.shape, _HOLD), band)


def _solve(display: np.ndarray, alpha: np.ndarray, hold: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Alpha (H, W) solved for in the band (H, W) bool, held there by hold (H, W) to what it was, elsewhere as it was."""
    cut = _cut_around(band, _MARGIN)
    part = band[cut]
    laplacian = cf_laplacian(display[cut].astype(np.float64).clip(0.0, 1.0), is_known=~part)
    weights = np.where(part, hold[cut], _FIXED).ravel()
    system = laplacian + scipy.sparse.diags(weights)
    before = alpha[cut].astype(np.float64).ravel()
    solved = cg(system, weights * before, M=ichol(system.tocsc(), discard_threshold=1e-4), rtol=1e-5)
    out = alpha.astype(np.float32)
    clear = (solved.reshape(part.shape) - _HAZE) / (1.0 - 2.0 * _HAZE)
    out[cut][part] = clear[part].clip(0.0, 1.0)
    return out


def _around_outline(solid: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) bool: pixels within a radius of the outline of a shape (H, W) uint8."""
    kernel = _disc(radius)
    return cv2.dilate(solid, kernel) > cv2.erode(solid, kernel)


def _thin(shape: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) uint8: 1 on parts of a shape (H, W) uint8 that a disc of this radius does not fit into, corners left out."""
    body = cv2.morphologyEx(shape, cv2.MORPH_OPEN, _disc(radius))
    count, label = cv2.connectedComponents(shape - body, connectivity=8)
    away = cv2.distanceTransform(1 - body, cv2.DIST_L2, 5)
    # A corner's tip is less than a radius away from the disc that fits into it.
    far = np.asarray(ndimage.maximum(away, label, np.arange(count))) > radius
    far[0] = False  # what is no such part
    return far[label].astype(np.uint8)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def unmix_foreground(linear: np.ndarray, alpha: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """(H, W, 4) premultiplied foreground of a scene-linear plate (H, W, 3): its own colour without the background's.

    Where alpha is 1 the plate's pixels pass through untouched. Where it is between 0 and 1 the multi-level solver of Germer
    et al. (ICPR 2020) says about which colour the object has there, and the clean plate (H, W, 3) which one exactly:

        plate = alpha F + (1 - alpha) clean

    so that foreground over clean plate is the plate again; the clean plate is not trusted with more than _FREEDOM, or
    its mistakes would shine in thin haze.
    """
    height, width = alpha.shape
    out = np.zeros((height, width, 4), np.float32)
    out[..., 3] = alpha
    if not (alpha > 0).any():
        return out
    cut = _cut_around(alpha > 0, _MARGIN)
    plate, cover = linear[cut], alpha[cut][..., None]
    # The solver clips at 1, bright plates are scaled into its range.
    peak = max(1.0, float(plate.max()))
    about = estimate_foreground_ml(plate.astype(np.float64) / peak, cover[..., 0].astype(np.float64)) * peak
    exact = (plate - (1.0 - cover) * clean[cut]) / np.maximum(cover, 1e-3)
    room = _FREEDOM * (about + _FLOOR)
    colour = np.clip(exact, np.maximum(about - room, 0.0), about + room)
    own = np.where(cover < 1.0, colour, plate).astype(np.float32)
    out[cut][..., :3] = own * cover
    return out


def _cut_around(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    return (
        slice(max(0, int(rows.min()) - margin), min(height, int(rows.max()) + margin + 1)),
        slice(max(0, int(columns.min()) - margin), min(width, int(columns.max()) + margin + 1)),
    )
