"""How far away things are along rays: a plane sweep over the frames that see them, made smooth by scanlines.

Every pixel of a lattice tries a range of disparities (1 / depth). At each, the other frames are looked up and compared:
where they show the same colour, that is where something may be (Collins, "A space-sweep approach to true
multi-image matching", CVPR 1996). Costs are made consistent along rows and columns (Hirschmüller, "Stereo
processing by semiglobal matching", PAMI 2008).
"""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit, prange
from scipy import ndimage

from surface_sos_core.settings import SweepSettings
from surface_sos_core.stereo.pinhole import PinholeView


def sweep_disparity(
    origin: np.ndarray,
    directions: np.ndarray,
    own: np.ndarray,
    priors: np.ndarray,
    ceiling: np.ndarray,
    steps: np.ndarray,
    views: list[PinholeView],
    settings: SweepSettings,
    likely: np.ndarray | None = None,
) -> np.ndarray:
    """Disparity (h, w) of what is seen on a lattice of rays.

    origin (3,) and directions (h, w, 3) in the world, of length 1 along the axis; own (h, w, 3): the frame's own display
    colours, nan where the object hides them; priors (k, h, w): disparities that are likely, each as good as the others; ceiling (h, w): disparity of what is in front; steps
    (n,): the disparities to try, growing evenly; views: the frames to ask, all of one size. likely (h, w, n): what each step costs besides, by
    what is known from elsewhere.
    """
    rows, columns = ceiling.shape
    # Every second point, as on a checkerboard: costs are means of 5 x 5 points, and are nearly the same from half of them.
    asked = np.add.outer(np.arange(rows), np.arange(columns)) % 2 == 0
    raw = np.zeros((rows, columns, len(steps)), np.float32)
    raw[asked] = _costs(
        directions[asked],
        own[asked].astype(np.float32),
        steps,
        np.stack([view.rotation @ (origin - view.place) for view in views]),
        np.stack([view.rotation for view in views]),
        np.stack([np.concatenate((view.focal, view.centre)) for view in views]),
        np.stack([view.picture for view in views]),
        np.stack([view.free for view in views]),
        np.float32(settings.worst),
    )
    raw = _with_untold(raw, asked, np.isnan(own[..., 0]), settings)
    share = cv2.blur(asked.astype(np.float32), (5, 5))
    costs = np.stack([cv2.blur(raw[..., k], (5, 5)) / share for k in range(len(steps))], axis=-1)
    tried = steps.astype(np.float32)
    away = np.full_like(costs, np.inf)
    for prior in priors.astype(np.float32):
        np.minimum(away, np.abs(tried - prior[..., None]), out=away)
    costs += settings.prior * np.minimum(away / np.float32(settings.near * (steps[-1] - steps[0])), 1.0)
    if likely is not None:
        costs += likely
    costs[steps > ceiling[..., None]] = 1.0
    total = _along_scanlines(costs, np.float32(settings.small_step), np.float32(settings.large_step)).sum(
        axis=0
    )
    best = np.argmin(total, axis=-1)
    fine = without_speckles(_between_steps(total, best), settings.speckle)
    return steps[0] + fine * (steps[1] - steps[0])


def _with_untold(costs: np.ndarray, asked: np.ndarray, hidden: np.ndarray, settings: SweepSettings) -> np.ndarray:
    """Costs (h, w, n) with those that no two frames tell, nan before; where asked (h, w).

    What the frame itself sees (not `hidden`) has a match somewhere, so what nobody tells costs a little. What it hides may be
    hidden from all. There the best that is told is as good as its picture allows, much in clutter and little on plain
    walls, and what nobody tells is hardly worse; else depths right behind the object, which it hides from all, would win.
    """
    told = np.where(np.isnan(costs), np.float32(np.inf), costs).min(axis=-1)
    some = asked & np.isfinite(told)
    around = (settings.around,) * 2
    least = cv2.blur(np.where(some, told, np.float32(0.0)), around) / np.maximum(cv2.blur(some.astype(np.float32), around), 1e-6)
    untold = np.where(hidden & (least > 0), least + np.float32(settings.hidden), np.float32(settings.neutral))
    return np.where(np.isnan(costs), untold[..., None], costs).astype(np.float32)


def without_speckles(step: np.ndarray, most: int) -> np.ndarray:
    """Steps (h, w) with pieces of at most so many pixels, more than a step from all around them, replaced by what is nearest: plain surfaces look the same at any
    depth, so that chance decides there."""
    fine, noise = 16, -1  # parts of a step that OpenCV's whole numbers tell apart; its mark
    whole = np.round(step * fine).astype(np.int16)
    cv2.filterSpeckles(whole, noise, most, fine)
    speckle = whole == noise
    if not speckle.any() or speckle.all():
        return step
    nearest = ndimage.distance_transform_edt(speckle, return_distances=False, return_indices=True)
    return step[tuple(nearest)]


def _between_steps(total: np.ndarray, best: np.ndarray) -> np.ndarray:
    """The least cost's place (h, w), by a parabola through its neighbours."""
    inner = best.clip(1, total.shape[-1] - 2)
    low, middle, high = (
        np.take_along_axis(total, (inner + shift)[..., None], axis=-1)[..., 0] for shift in (-1, 0, 1)
    )
    bend = np.maximum(low - 2 * middle + high, 1e-9)
    shift = np.clip(0.5 * (low - high) / bend, -0.5, 0.5)
    return np.where(inner == best, best + shift, best)


@njit(parallel=True, nogil=True, fastmath={"nsz", "arcp", "contract", "reassoc"}, cache=True)
def _costs(directions, own, steps, shifts, turns, lenses, pictures, free, worst):  # type: ignore[no-untyped-def]
    """(pixels, steps) float32: how much the views differ, as a mean over those that see the place; nan where fewer than two do."""
    count, depths, views = len(directions), len(steps), len(shifts)
    height, width = free.shape[1:]
    out = np.empty((count, depths), dtype=np.float32)
    for i in prange(count):
        colours = np.empty((views + 1, 3), dtype=np.float32)
        ordered = np.empty(views + 1, dtype=np.float32)
        turned = np.empty((views, 3))
        for s in range(views):
            for k in range(3):
                turned[s, k] = (
                    turns[s, k, 0] * directions[i, 0]
                    + turns[s, k, 1] * directions[i, 1]
                    + turns[s, k, 2] * directions[i, 2]
                )
        known = not np.isnan(own[i, 0])
        for d in range(depths):
            n = 0
            for s in range(views):
                # Seen from the view, the point at disparity q lies along q shift + turned.
                z = steps[d] * shifts[s, 2] + turned[s, 2]
                if z <= 1e-6:
                    continue
                x = (steps[d] * shifts[s, 0] + turned[s, 0]) / z * lenses[s, 0] + lenses[s, 2] - 0.5
                y = (steps[d] * shifts[s, 1] + turned[s, 1]) / z * lenses[s, 1] + lenses[s, 3] - 0.5
                if not (x >= 0.0 and y >= 0.0 and x < width - 1 and y < height - 1):
                    continue
                column, row = int(x), int(y)
                if free[s, int(y + 0.5), int(x + 0.5)] == 0:
                    continue
                fx, fy = np.float32(x - column), np.float32(y - row)
                for k in range(3):
                    top = pictures[s, row, column, k] * (1 - fx) + pictures[s, row, column + 1, k] * fx
                    low = (
                        pictures[s, row + 1, column, k] * (1 - fx) + pictures[s, row + 1, column + 1, k] * fx
                    )
                    colours[n, k] = top * (1 - fy) + low * fy
                n += 1
            if n + known < 2:
                out[i, d] = np.nan
                continue
            total = np.float32(0.0)
            for k in range(3):
                if known:
                    middle = own[i, k]
                else:
                    for s in range(n):
                        value, at = colours[s, k], s
                        while at > 0 and ordered[at - 1] > value:
                            ordered[at] = ordered[at - 1]
                            at -= 1
                        ordered[at] = value
                    middle = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])
                for s in range(n):
                    total += min(abs(colours[s, k] - middle), worst)
            # The median of few lies close to each of them.
            out[i, d] = total / (3 * n) * (1.0 if known else n / (n - 1.0))
    return out


@njit(parallel=True, nogil=True, cache=True)
def _along_scanlines(costs, small, large):  # type: ignore[no-untyped-def]
    """(4, rows, columns, steps): costs of the best path that reaches a pixel from the left, right, top and bottom."""
    rows, columns, depths = costs.shape
    paths = np.empty((4, rows, columns, depths), dtype=np.float32)
    for number in prange(4):
        backwards = number == 1 or number == 3
        for a in range(rows):
            for b in range(columns):
                r = rows - 1 - a if backwards else a
                c = columns - 1 - b if backwards else b
                pr, pc = r, c
                if number < 2:
                    pc += 1 if backwards else -1
                else:
                    pr += 1 if backwards else -1
                if pr < 0 or pc < 0 or pr >= rows or pc >= columns:
                    for d in range(depths):
                        paths[number, r, c, d] = costs[r, c, d]
                    continue
                least = paths[number, pr, pc, 0]
                for d in range(1, depths):
                    least = min(least, paths[number, pr, pc, d])
                for d in range(depths):
                    best = min(paths[number, pr, pc, d], least + large)
                    if d > 0:
                        best = min(best, paths[number, pr, pc, d - 1] + small)
                    if d < depths - 1:
                        best = min(best, paths[number, pr, pc, d + 1] + small)
                    paths[number, r, c, d] = costs[r, c, d] + best - least
    return paths
