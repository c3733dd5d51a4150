"""The automatic start: coarse masks without any given, from cameras, sparse points and the frames' colours.

Where the object is, as log odds of every pixel, comes from the sparse points first, each spread up to the picture's edges
and to jumps in depth, and then also from the hull that the masks of all frames agree on, which knows what a single frame
cannot; where a plane sweep tells how far away a pixel is, only what the hull holds there counts. To that the odds of its colour are added, learnt from the
sure pixels of all frames together. The first outlines are GrabCut's (Rother, Kolmogorov and Blake 2004), which learns each
frame's colours anew and so errs in each frame in its own way; the last are a graph cut of the odds as they are. Blobs that
some of these lack, or have, against what the others say of the same places are mended in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from surface_sos_core.cameras import AutomaticBox, Box, Camera, CameraModel
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.cameras.point_labels import spread_labels
from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.colours import (
    LearntColours,
    colours_of,
    difference,
    frequencies,
    log_odds,
    nearby_log_odds,
    trust_in_colours,
)
from surface_sos_core.masks.consensus import build_consensus
from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.masks.hull import project_grid
from surface_sos_core.masks.mending import mend_blobs
from surface_sos_core.masks.places import Place, PlacesOfFrames, place_by_hull
from surface_sos_core.masks.walker import spread
from surface_sos_core.settings import Settings, StartSettings
from surface_sos_core.stereo.frame_disparity import frame_depths
from surface_sos_core.stereo.known_depth import KnownDepth

_UNTOLD = 0.01  # probability that is left however much points tell
_FEWEST = 10  # pixels that GrabCut's mixtures need


def automatic_masks(
    footage: Footage,
    cameras: Sequence[Camera | None],
    model: CameraModel,
    start: AutomaticBox,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
    within: Mapping[int, np.ndarray] | None = None,
    nearby: bool = False,
) -> CoarseMasks:
    """Masks of the object in `start`, of the size that the settings say; the same on every run.

    cameras: one for each frame of `footage`, named as in `model`, whose sparse points `start` refers to. A frame without
    a camera, or whose mask has little to do with what all agree on, is unknown. progress gets (done, total) steps. Without
    points the masks start from the middle of the box. within: (h, w) bool of the masks' size for some frames, outside of
    which nothing is the object there. nearby: what is sure near a pixel tells what its colour means there; only for a start
    that was drawn, since others are too often sure of what is wrong. Raises InputError where no object can be told.
    """
    own = settings.start
    size = reduced_size(footage, own.edge)
    seen = {i: camera for i, camera in enumerate(cameras) if camera is not None}
    box = Box(start.box.centre, start.box.half * own.growth, start.box.rotation)
    off = _off_object(model.points.xyz, start, box, own.above_support) & ~start.core
    on_object, beside = spread_labels(model.points.xyz, start.core, off, settings.point_groups)
    frames = PlacesOfFrames(list(seen), len(cameras), size)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, (3 + own.rounds) * len(seen))

    for i in seen:
        frames.pictures[i] = footage.read_small(i, size)
    depth = frame_depths(frames.pictures.__getitem__, size, seen, len(cameras), model, step, settings)

    for i, camera in seen.items():
        seen_beside = _seen_near(camera, model, box.centre, own.near) & beside
        outline = _outline(box, camera, size)
        possible = outline & within[i] if within is not None and i in within else outline
        core, others = model.points.xyz[on_object], model.points.xyz[seen_beside]
        frames.told[i] = _told_by_points(
            frames.pictures[i], depth(i), camera, core, others, possible, settings
        )
        place = _place_by_points(camera, frames.told[i], start, outline, own)
        frames[i] = _bounded(place, within, i, own.outside)

    def hull(frame: int) -> np.ndarray:
        return project_grid(consensus.grid, box, seen[frame], *size, depth(frame).span(settings.stereo.error))

    voting = replace(settings.consensus, resolution=own.consensus_resolution, views=own.consensus_views)
    masks = _segment(frames, depth, _grab_cut_outline, step, False, 0.0, settings)
    for _ in range(own.rounds):
        consensus = build_consensus(masks, cameras, voting, settings.thin_parts, box)
        for i in seen:
            place = place_by_hull(hull(i), settings.hull)
            frames[i] = _bounded(replace(place, odds=place.odds + frames.told[i]), within, i, own.outside)
        least_told = 0.0 if start.core.any() else own.least_told
        masks = _segment(frames, depth, _graph_cut_outline, step, nearby, least_told, settings)
    for i in seen:
        if masks.known[i] and _overlap(masks.probability[i] > 127, hull(i) > 0.5) < own.least_overlap:
            masks.forget(i, "its outline has little to do with what all frames agree on")
    mend_blobs(masks, seen, depth, settings.mending, settings.votes, step, lambda frame: frames.colour[frame])
    masks.reasons |= {i: "it has no camera" for i in range(len(cameras)) if i not in seen}
    return masks


def _untold() -> InputError:
    return InputError(
        "The camera model's sparse points and the frames' colours do not tell the object from what is around it; "
        "give --masks or --box, or --subject moving if it moves."
    )


def _seen_near(camera: Camera, model: CameraModel, target: np.ndarray, near: float) -> np.ndarray:
    """(N,) bool: the points that an image has seen which stands near, as a share of the distance to `target` (3,): no image
    finds all it shows."""
    room = near * float(np.linalg.norm(camera.centre - target))
    centres = np.array([other.centre for other in model.cameras.values()])
    beside = np.linalg.norm(centres - camera.centre, axis=1) <= room
    seen = np.zeros(len(model.points), bool)
    seen[model.points.track_point[beside[model.points.track_image]]] = True
    return seen


def _told_by_points(
    rgb: np.ndarray,
    depth: KnownDepth,
    camera: Camera,
    core: np.ndarray,
    beside: np.ndarray,
    possible: np.ndarray,
    settings: Settings,
) -> np.ndarray:
    """(h, w) log odds by the points (N, 3) of the object and those beside it, each spread as far as edges and jumps in depth.

    0 where the object has none.
    """
    if not len(core):
        return np.zeros(possible.shape)
    own = settings.start
    size = max(1, rgb.shape[1] // own.walk_pixels), max(1, rgb.shape[0] // own.walk_pixels)
    inside, outside = (_counts(camera, points, size) for points in (core, beside))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    near = cv2.resize(possible.astype(np.uint8), size) > 0
    weight = inside + outside + np.where(near, own.faint, 1.0)
    known = (inside + np.where(near, 0.5 * own.faint, 0.0)) / weight
    value = spread(small, known, weight, depth.at(size), settings.edges)
    value = cv2.resize(value, rgb.shape[1::-1])
    return np.clip(np.log((value + _UNTOLD) / (1 + _UNTOLD - value)), -own.told_against, own.told_for)


def _place_by_points(
    camera: Camera, told: np.ndarray, start: AutomaticBox, outline: np.ndarray, settings: StartSettings
) -> Place:
    """By the points, and by how far from the middle of the start's box a pixel is; within the box's outline (h, w) bool."""
    height, width = outline.shape
    scale = width / camera.lens.width
    middle, depth = camera.project(start.box.centre[None])
    radius = np.max(start.box.half) / max(depth[0], 1e-9) * camera.lens.focal
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    with np.errstate(invalid="ignore"):
        away = np.hypot(u / scale - middle[0, 0], v / scale - middle[0, 1]) / radius
    central = (
        np.clip(1 - 2 * away**2, -settings.middle_against, 1)
        if np.isfinite(middle).all()
        else np.zeros((height, width))
    )
    odds = central + told if told.any() else settings.middle_weight * central
    return Place(np.where(outline, odds, -settings.outside).astype(np.float32), outline)


def _bounded(place: Place, within: Mapping[int, np.ndarray] | None, frame: int, outside: float) -> Place:
    """The place without what is known not to be the object, where log odds are -`outside`."""
    if within is None or frame not in within:
        return place
    return Place(
        np.where(within[frame], place.odds, -outside).astype(np.float32), place.possible & within[frame]
    )


def _off_object(xyz: np.ndarray, start: AutomaticBox, box: Box, above: float) -> np.ndarray:
    """(N,) bool: known to be beside the object, outside the box, or not that share of its half above the support."""
    off = ~box.contains(xyz) | start.beside
    if start.plane is not None:
        off |= xyz @ start.plane[:3] + start.plane[3] < above * np.max(start.box.half)
    return off


def _counts(camera: Camera, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w): how many of the points (N, 3) fall on each pixel of the camera's picture of `size` (w, h)."""
    width, height = size
    _, (row, column) = picture_pixels(camera, camera.project(points)[0], (height, width))
    counts = np.bincount(row * width + column, minlength=width * height)
    return counts.reshape(height, width).astype(np.float64)


def _outline(box: Box, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """(h, w) bool: the box's silhouette; everything where a corner cannot be seen."""
    width, height = size
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T * box.extent
    pixels, _ = camera.project(box.to_world(corners))
    if not np.isfinite(pixels).all():
        return np.ones((height, width), dtype=bool)
    inside = np.zeros((height, width), np.uint8)
    outline = cv2.convexHull((pixels * (width / camera.lens.width)).astype(np.float32))
    # the bound keeps far corners of nearly grazing views within what the drawing can count
    cv2.fillConvexPoly(inside, np.clip(np.rint(outline), -20000, 20000).astype(np.int32), 1)
    return inside > 0


def _segment(
    frames: PlacesOfFrames,
    depth: Callable[[int], KnownDepth],
    outline: Callable[[np.ndarray, KnownDepth, Place, np.ndarray, float, Settings], np.ndarray],
    step: Callable[[], None],
    nearby: bool,
    least_told: float,
    settings: Settings,
) -> CoarseMasks:
    """The masks of all frames from the places, and the colours that these teach.

    outline: of a frame's rgb (h, w, 3), its depth, its place, its colours' log odds (h, w), and how well colours tell the object from
    the rest at all, 0 not, 1 entirely; to (h, w) bool.
    """
    sure, colours = settings.start.sure, settings.colours
    masks = CoarseMasks.unknown(frames.count, frames.size)
    learnt = LearntColours(colours)
    for i in frames.numbers:
        odds = frames[i].odds
        learnt.add(colours_of(frames.pictures[i], colours), odds > sure, odds < -sure)
    both = learnt.frequencies()
    if both is None:
        raise _untold()
    inside, outside = both
    told = difference(inside, outside)
    if told < least_told:
        raise _untold()
    for i in frames.numbers:
        rgb, place = frames.pictures[i], frames[i]
        seen = colours_of(rgb, colours)
        own = frequencies(seen[place.odds < -sure], colours)
        beside = outside if own is None else (outside + own) / 2
        colour = log_odds(inside, beside, colours)[seen]
        if nearby:
            # what is so near to the hull may be what it lacks, and must not teach that it is not
            away = (place.odds < -sure) & ~place.possible
            here = nearby_log_odds(rgb, place.odds > sure, away, (inside, beside), colours)
            # where colours tell the object in general, they must tell it in both ways
            colour = here - trust_in_colours(told, colours) * np.maximum(here - colour, 0)
        frames.colour[i] = colour
        mask = outline(rgb, depth(i), place, colour, told, settings)
        if not mask.any() or mask.all():
            masks.reasons[i] = "nothing in it, or all of it, would be the object"
        else:
            masks.put(i, mask)
        step()
    return masks


def _along_edges(rgb: np.ndarray, values: np.ndarray, settings: StartSettings) -> np.ndarray:
    """Values (h, w) smoothed but for the picture's edges: guided filter (He, Sun and Tang 2010), by its grey."""
    window = (settings.guide_window, settings.guide_window)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mean, level = cv2.blur(grey, window), cv2.blur(values, window)
    variance = cv2.blur(grey * grey, window) - mean * mean
    slope = (cv2.blur(grey * values, window) - mean * level) / (variance + settings.guide_contrast)
    return cv2.blur(slope, window) * grey + cv2.blur(level - slope * mean, window)


def _grab_cut_outline(
    rgb: np.ndarray, depth: KnownDepth, place: Place, colour: np.ndarray, told: float, settings: Settings
) -> np.ndarray:
    """(h, w) bool, as _segment wants it; colours redraw the outline only as far as they tell the object from the rest."""
    own = settings.start
    odds = np.where(place.possible, colour + place.odds, -own.impossible).astype(np.float32)
    odds = _along_edges(rgb, odds, own)
    if not _FEWEST <= (odds > 0).sum() <= odds.size - _FEWEST:
        return np.zeros(odds.shape, bool)
    freedom = own.freedom * told
    clues = np.select(
        [odds > freedom, odds > 0, odds > -freedom], [cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_PR_BGD], cv2.GC_BGD
    ).astype(np.uint8)
    cv2.setRNGSeed(0)  # its mixtures start from random colours
    models, rounds = np.zeros((2, 1, 65)), own.grab_cut_rounds
    cv2.grabCut(rgb, clues, (0, 0, 0, 0), models[0], models[1], rounds, cv2.GC_INIT_WITH_MASK)
    return (clues == cv2.GC_FGD) | (clues == cv2.GC_PR_FGD)


def _graph_cut_outline(
    rgb: np.ndarray, depth: KnownDepth, place: Place, colour: np.ndarray, told: float, settings: Settings
) -> np.ndarray:
    """(h, w) bool, as _segment wants it. Much that the hull holds is beside the object, so it counts less than the colour, and
    is doubted as far as colours tell."""
    doubt = settings.start.doubt * trust_in_colours(told, settings.colours)
    odds = colour + settings.start.hull_weight * place.odds - doubt
    return cut(rgb, np.where(place.possible, odds, -settings.start.impossible), depth, settings.edges)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max((a | b).sum(), 1))
