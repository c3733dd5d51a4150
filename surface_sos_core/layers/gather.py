"""Places of the background as the frames that see them best show them, one frame for each place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.layers.agreement import changes, differences, one_each, smoothed
from surface_sos_core.layers.seams import Pairs, beside
from surface_sos_core.layers.sources import Sources, lookup, nearness
from surface_sos_core.settings import PlateSettings


@dataclass(frozen=True)
class Gathered:
    """What the sources say of N pixels and their P pairs: colour (N, 3) display values, count (N,) of the frames that show
    the place; change (P, 3) from one pixel to its neighbour, shown (P,) how many frames say so, 0 where none shows both."""

    colour: np.ndarray
    count: np.ndarray
    change: np.ndarray
    shown: np.ndarray


def gather(
    sources: Sources,
    camera: Camera,
    world: np.ndarray,
    in_hole: np.ndarray,
    most: int,
    own: int | None,
    pairs: Pairs,
    settings: PlateSettings,
) -> Gathered:
    """World points (N, 3) as the frames that see them best show them; never frame `own`.

    Each place has one source, since means of many are blurred: by how alike its view is, by how far it agrees with the median
    of all, and such that seams show little. Where most disagree, or one alone shows the place among several, its depth is
    likely wrong: nothing is better there than a wrong piece.
    """
    chosen = sources.choose(camera, world[in_hole], most, own)
    colours = np.zeros((len(chosen), len(world), 3), np.float32)
    weights = np.zeros((len(chosen), len(world)), np.float32)
    for n, index in enumerate(chosen):
        pixels, free = sources.look(index, world)
        if free.any():
            colours[n, free] = lookup(sources.picture(index), pixels[free])
            weights[n, free] = nearness(camera, sources.camera(index), world[free], settings.angle)
    seen = weights > 0
    count = seen.sum(axis=0)
    apart, typical = differences(colours, seen)
    near = beside(pairs, len(world))
    doubtful = (smoothed(typical, count > 0, near, settings.doubt_rounds) > settings.doubt) | (count < min(2, len(chosen)))
    seen[:, doubtful], count[doubtful] = False, 0
    # No worse than a view far away: what differs may be the view's own, a highlight or the grain.
    cost = np.minimum((apart / settings.spread) ** 2, settings.worst) - np.log(np.maximum(weights, 1e-20))
    cost = np.where(seen, cost, np.inf).astype(np.float32)
    cost[cost > cost.min(axis=0, initial=np.inf) + settings.worse] = np.inf
    label = one_each(cost, colours, near, settings.seam, settings.seam_rounds)
    at, colour = np.flatnonzero(label >= 0), np.zeros((len(world), 3), np.float32)
    colour[at] = colours[label[at], at]
    return Gathered(colour, count, *changes(colours, seen, label, pairs.a, pairs.b))
