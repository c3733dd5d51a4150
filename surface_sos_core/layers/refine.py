"""The matte's last pixels, read off the plate itself, and the foreground's own colour."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.layers.matting import closed_form
from surface_sos_core.settings import MattingSettings
from surface_sos_core.shapes import around_outline, disc, part_around, parts_above

_MARGIN = 8  # pixels around the band that the solvers see


def refine_alpha(
    display: np.ndarray, alpha: np.ndarray, radius: int, settings: MattingSettings
) -> np.ndarray:
    """Alpha (H, W) with a band of `radius` pixels around its outline solved from the plate's edges.

    display: (H, W, 3) plate in display values. alpha: what rays found. Closed-form matting (Levin et al., PAMI 2008)
    between what is surely object and surely background, held to the alpha so far where the plate does not tell:

        minimise  a' L a + sum_i w_i (a_i - so far_i)^2,   w = hold in the band, hold_thin on thin parts

    It is solved twice: a wide band finds the outline, a narrow one around that outline leaves no veil far from it. The
    first band also takes in thin parts that rays are unsure of, some of them a pixel wide. Pixels off it are one or the
    other: what is seen through a solid surface far from its outline is a fault of the fields, no softness of the object.
    """
    width = _thin_width(radius, settings)
    alpha = _drawn_in(alpha, radius, settings)
    solid = (alpha > 0.5).astype(np.uint8)
    # Thick parts that rays see through are a fault of the fields, see above: only thin ones are open wherever they are.
    seen = (alpha > 0.5 - settings.unsure).astype(np.uint8)
    thick = cv2.dilate(cv2.morphologyEx(seen, cv2.MORPH_OPEN, disc(2 * width)), disc(width))
    unsure = ((np.abs(alpha - 0.5) < settings.unsure) & (thick == 0)).astype(np.uint8)
    band = around_outline(solid > 0, radius) | (cv2.dilate(unsure, np.ones((3, 3), np.uint8)) > 0)
    if not band.any():
        return alpha
    narrow = _thin(solid, width) | _thin(1 - solid, width) | unsure
    thin = cv2.dilate(narrow, disc(width)) > 0
    hold = np.where(thin, settings.hold_thin, settings.hold)
    first = _solve(display, np.where(band, alpha, solid), hold, band, settings)
    solid = (first > 0.5).astype(np.uint8)
    band = around_outline(solid > 0, narrower(radius, settings)) & ~thin
    if not band.any():
        return first
    hold = np.full(alpha.shape, settings.hold)
    return _solve(display, np.where(band | thin, first, solid), hold, band, settings)


def refine_by_plate(
    display: np.ndarray,
    alpha: np.ndarray,
    clean: np.ndarray,
    seen: np.ndarray,
    radius: int,
    settings: MattingSettings,
) -> np.ndarray:
    """Alpha (H, W) with its outline solved once more, now that the clean plate (H, W, 3) is there, display values too.

    Where other frames saw the background (seen (H, W) 1), the plate I, the foreground F that the alpha so far gives, and the
    clean plate B tell alpha, most where F and B differ and their mixture looks like the plate:

        t = (I - B) . (F - B) / |F - B|^2,   minimise  a' L a + sum_i hold_by_plate (a_i - so far_i)^2 + say_i (a_i - t_i)^2
    """
    band = around_outline(alpha > 0.5, narrower(radius, settings)) | ((alpha > 0) & (alpha < 1))
    if not band.any():
        return alpha
    cut = part_around(band, _MARGIN)
    plate, behind = display[cut], clean[cut]
    front = _foreground_colours(plate, alpha[cut])
    apart = front - behind
    distance = (apart**2).sum(axis=-1)
    told = np.clip(((plate - behind) * apart).sum(axis=-1) / (distance + 1e-4), 0.0, 1.0)
    misfit = np.abs(plate - behind - told[..., None] * apart).max(axis=-1)
    say = settings.plate_say * distance / (distance + settings.alike**2)
    say *= np.exp(-((misfit / settings.misfit) ** 2))
    # Further out the clean plate is the frame itself.
    beside = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    say *= (seen * beside)[cut]
    hold, wanted = np.full(alpha.shape, settings.hold_by_plate), alpha.astype(np.float64)
    wanted[cut] = (settings.hold_by_plate * alpha[cut] + say * told) / (settings.hold_by_plate + say)
    hold[cut] += say
    return _solve(display, np.where(band, wanted, alpha), hold, band, settings)


def without_hidden_holes(display: np.ndarray, alpha: np.ndarray, settings: MattingSettings) -> np.ndarray:
    """Alpha (H, W) with those half transparent holes solid that the plate (H, W, 3), in display values, does not show.

    What is seen through a hole has colours of its own. Fields are thin here and there without any such sign; the more
    transparent a hole is, the more alike its colours have to be to count as one of these.
    """
    margin = settings.hole_rim
    label, _ = ndimage.label(alpha < settings.solid)
    outside = np.unique(np.concatenate((label[0], label[-1], label[:, 0], label[:, -1])))
    out = alpha.copy()
    element = disc(margin)
    for number, place in enumerate(ndimage.find_objects(label), start=1):
        if number in outside:
            continue
        cut = tuple(slice(max(0, part.start - margin), part.stop + margin) for part in place)
        hole, colours, cover = label[cut] == number, display[cut], alpha[cut]
        rim = (cv2.dilate(hole.astype(np.uint8), element) > 0) & (cover >= settings.solid)
        if not rim.any():
            continue
        inside = np.average(colours[hole], axis=0, weights=1.0 - cover[hole])
        if np.abs(inside - colours[rim].mean(axis=0)).max() < settings.hole_contrast * cover[hole].min():
            out[cut][hole] = 1.0
    return out


def without_islands(alpha: np.ndarray, held: np.ndarray, settings: MattingSettings) -> np.ndarray:
    """Alpha (H, W) without what is small, stands by itself and is in no mask `held` (H, W) bool: clutter that an outline's band took in."""
    label, size = parts_above(alpha, settings.island_alpha)
    if len(size) < 3:
        return alpha
    gone = size < settings.island * size.max()
    gone[label[held]] = False
    alpha = np.where(gone[label] & (label > 0), np.float32(0.0), alpha)
    # What is left around them is as faint, and touches nothing.
    label, count = ndimage.label(alpha > 0, np.ones((3, 3)))
    most = np.asarray(ndimage.maximum(alpha, label, np.arange(count + 1)))
    faint = (most <= settings.island_alpha)[label] & ~held
    return np.where(faint, np.float32(0.0), alpha)


def thin_parts(alpha: np.ndarray, radius: int, settings: MattingSettings) -> np.ndarray:
    """(H, W) bool: the parts of alpha (H, W), surely seen or not, that are thin for a band of `radius` pixels, and around them."""
    width = _thin_width(radius, settings)
    sure, seen = ((alpha > least).astype(np.uint8) for least in (0.5, 0.5 - settings.unsure))
    return cv2.dilate(_thin(sure, width) | _thin(seen, width), disc(width)) > 0


def _drawn_in(alpha: np.ndarray, radius: int, settings: MattingSettings) -> np.ndarray:
    """Alpha (H, W) with its odds lowered but on thin parts."""
    odds = settings.drawn_in
    lowered = odds * alpha / (1.0 - (1.0 - odds) * alpha)
    return np.where(thin_parts(alpha, radius, settings), alpha, lowered)


def _thin_width(radius: int, settings: MattingSettings) -> int:
    return max(settings.thin_pixels, round(settings.thin * radius))


def narrower(radius: int, settings: MattingSettings) -> int:
    """The radius of a band around an outline that was found in a band of `radius` pixels."""
    return max(2, round(settings.second_band * radius))


def _solve(
    display: np.ndarray, wanted: np.ndarray, hold: np.ndarray, band: np.ndarray, settings: MattingSettings
) -> np.ndarray:
    """Alpha (H, W) solved for in the band (H, W) bool, held there by hold (H, W) to what is wanted, elsewhere that itself."""
    cut = part_around(band, _MARGIN)
    part = band[cut]
    solved = closed_form(display[cut].clip(0.0, 1.0), wanted[cut], hold[cut], part, settings.epsilon)
    out = wanted.astype(np.float32)
    out[cut][part] = ((solved - settings.haze) / (1.0 - 2.0 * settings.haze)).clip(0.0, 1.0)
    return out


def _thin(shape: np.ndarray, radius: int) -> np.ndarray:
    """(H, W) uint8: 1 on parts of a shape (H, W) uint8 that a disc of this radius does not fit into, corners left out."""
    body = cv2.morphologyEx(shape, cv2.MORPH_OPEN, disc(radius))
    count, label = cv2.connectedComponents(shape - body, connectivity=8)
    away = cv2.distanceTransform(1 - body, cv2.DIST_L2, 5)
    # A corner's tip is less than a radius away from the disc that fits into it.
    far = np.asarray(ndimage.maximum(away, label, np.arange(count))) > radius
    far[0] = False  # what is no such part
    return far[label].astype(np.uint8)


def unmix_foreground(
    linear: np.ndarray, alpha: np.ndarray, clean: np.ndarray, settings: MattingSettings
) -> np.ndarray:
    """(H, W, 4) premultiplied foreground of a scene-linear plate (H, W, 3): its own colour without the background's.

    Where alpha is 1 the plate's pixels pass through untouched. Where it is between 0 and 1 a solver says about which colour
    the object has there, and the clean plate (H, W, 3) which one exactly:

        plate = alpha F + (1 - alpha) clean

    so that foreground over clean plate is the plate again; the clean plate is not trusted with more than `freedom`, or
    its mistakes would shine in thin haze.
    """
    height, width = alpha.shape
    out = np.zeros((height, width, 4), np.float32)
    out[..., 3] = alpha
    if not (alpha > 0).any():
        return out
    cut = part_around(alpha > 0, _MARGIN)
    plate, cover = linear[cut], alpha[cut][..., None]
    about = _foreground_colours(plate, cover[..., 0])
    exact = (plate - (1.0 - cover) * clean[cut]) / np.maximum(cover, 1e-3)
    room = settings.freedom * (about + settings.dark)
    colour = np.clip(exact, np.maximum(about - room, 0.0), about + room)
    own = np.where(cover < 1.0, colour, plate).astype(np.float32)
    out[cut][..., :3] = own * cover
    return out


def _foreground_colours(plate: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """About which colour (H, W, 3) the object has where alpha (H, W) is not 1, by the solver of Germer et al. (ICPR 2020)."""
    from pymatting import estimate_foreground_ml

    peak = max(1.0, float(plate.max()))  # it clips at 1: bright plates are scaled into its range
    return estimate_foreground_ml(plate.astype(np.float64) / peak, alpha.astype(np.float64)) * peak
