"""Nearest patches within one picture, and pictures made of them, in compiled loops.

A patch is the square of pixels at most `radius` away from its middle; where the picture ends, what is inside. `places` (N, 2)
are the middles, row by row, of the patches something is looked for; `match` (H, W, 2) says for each of them the middle of the
patch that it is most like, which is one of the `usable` (H, W) ones and lies in the picture as a whole. `trust` (H, W) is how
much a pixel counts.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def search(picture, trust, places, usable, match, cost, radius, sweeps, span, near, seed):  # type: ignore[no-untyped-def]
    """Better matches, by what neighbours have found and by random looks ever closer around (Barnes et al., "PatchMatch",
    SIGGRAPH 2009).

    picture (H, W, 3) float32; match is improved where it lies and cost (H, W) float32 becomes that of it: the sum of the
    squared differences, by trust. span: how far the first random look goes, 0 for none. near: what a match costs besides for
    its squared distance, so that of patches as like the one close by is taken. The same seed finds the same.
    """
    np.random.seed(seed)
    height, width = trust.shape
    for n in range(len(places)):
        r, c = places[n]
        cost[r, c] = difference(picture, trust, r, c, match[r, c, 0], match[r, c, 1], radius, np.inf)
    for sweep in range(sweeps):
        step = 1 if sweep % 2 == 0 else -1
        for n in range(len(places)) if step == 1 else range(len(places) - 1, -1, -1):
            r, c = places[n]
            found_r, found_c = match[r, c, 0], match[r, c, 1]
            own = cost[r, c]
            best = own + near * ((found_r - r) ** 2 + (found_c - c) ** 2)
            for side in range(2):
                near_r, near_c = (r - step, c) if side == 0 else (r, c - step)
                if not (0 <= near_r < height and 0 <= near_c < width) or match[near_r, near_c, 0] < 0:
                    continue
                try_r, try_c = match[near_r, near_c, 0] + r - near_r, match[near_r, near_c, 1] + c - near_c
                if 0 <= try_r < height and 0 <= try_c < width and usable[try_r, try_c]:
                    extra = near * ((try_r - r) ** 2 + (try_c - c) ** 2)
                    if extra < best:
                        apart = difference(picture, trust, r, c, try_r, try_c, radius, best - extra)
                        if apart + extra < best:
                            best, own, found_r, found_c = apart + extra, apart, try_r, try_c
            reach = span
            while reach >= 1:
                try_r = found_r + np.random.randint(-reach, reach + 1)
                try_c = found_c + np.random.randint(-reach, reach + 1)
                if 0 <= try_r < height and 0 <= try_c < width and usable[try_r, try_c]:
                    extra = near * ((try_r - r) ** 2 + (try_c - c) ** 2)
                    if extra < best:
                        apart = difference(picture, trust, r, c, try_r, try_c, radius, best - extra)
                        if apart + extra < best:
                            best, own, found_r, found_c = apart + extra, apart, try_r, try_c
                reach //= 2
            cost[r, c], match[r, c, 0], match[r, c, 1] = own, found_r, found_c


@njit(nogil=True, cache=True)
def difference(picture, trust, r, c, other_r, other_c, radius, enough):  # type: ignore[no-untyped-def]
    """Of the patches around two pixels, by the first one's trust; counted no further than `enough`."""
    height, width = trust.shape
    total = np.float32(0.0)
    for i in range(max(-radius, -r), min(radius, height - 1 - r) + 1):
        for j in range(max(-radius, -c), min(radius, width - 1 - c) + 1):
            apart = np.float32(0.0)
            for k in range(3):
                d = picture[r + i, c + j, k] - picture[other_r + i, other_c + j, k]
                apart += d * d
            total += trust[r + i, c + j] * apart
        if total >= enough:
            return total
    return total


@njit(nogil=True, cache=True)
def vote(picture, places, match, cost, radius):  # type: ignore[no-untyped-def]
    """Colours (N, 3) of pixels `places` (N, 2): of all patches around one, that whose match costs least tells it.

    The mean of them all (Wexler et al., "Space-time completion of video", PAMI 2007) blurs, and what is blurred then is
    most like what is plain: texture ends as fog.
    """
    height, width = cost.shape
    colours = np.zeros((len(places), 3), np.float32)
    for n in range(len(places)):
        r, c = places[n]
        least = np.inf
        for i in range(max(-radius, -r), min(radius, height - 1 - r) + 1):
            for j in range(max(-radius, -c), min(radius, width - 1 - c) + 1):
                if match[r + i, c + j, 0] >= 0 and cost[r + i, c + j] < least:
                    least = cost[r + i, c + j]
                    colours[n] = picture[match[r + i, c + j, 0] - i, match[r + i, c + j, 1] - j]
    return colours
