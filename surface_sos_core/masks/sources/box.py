"""A box or a rough outline on one frame, carried to all others and drawn along edges: works offline, needs no weights.

With cameras it is carried through the world. The nearer sparse points that are seen in the middle of what is drawn are the
object's, points that do not project into what is drawn, nor close beside it, are not; all others follow the group of points they are in, so
that what stands behind the object, inside the drawing, is told from it. The object's points tell how far away it is, so
what is drawn becomes a box in the world. From there on it goes as in the automatic start, with what is outside the drawing
kept out of its frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import AutomaticBox, Box, Camera, CameraModel, look_at
from surface_sos_core.cameras.automatic_box import on_planes
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.cameras.point_labels import spread_labels
from surface_sos_core.errors import InputError
from surface_sos_core.footage import Footage
from surface_sos_core.masks.automatic import automatic_masks
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.sources.drawn import Drawn
from surface_sos_core.masks.sources.flow import Known, carry_by_flow, nothing_known
from surface_sos_core.masks.sources.source import MaskShot
from surface_sos_core.settings import BoxSettings, DrawnSettings, Settings


class BoxSource:
    """Masks of all frames from what is drawn on some."""

    needs_cameras = False

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn

    def find(self, shot: MaskShot) -> CoarseMasks:
        """By the cameras where the shot has some, by optical flow otherwise."""
        if shot.model is None:
            return self.carry(shot)
        settings = shot.settings
        start = start_from_drawn(self._drawn, shot.cameras, shot.model, settings)
        within = self._drawn.at(reduced_size(shot.footage, settings.start.edge))
        return automatic_masks(
            shot.footage, shot.cameras, shot.model, start, settings, shot.progress, within, nearby=True
        )

    def carry(self, shot: MaskShot, known: Known = nothing_known) -> CoarseMasks:
        """By optical flow, whether there are cameras or not; known: as `carry_by_flow` takes it."""
        return carry_by_flow(shot.footage, self._drawn, shot.settings.flow, shot.progress, known)

    def nearby(self, footage: Footage, settings: Settings) -> CoarseMasks:
        """Masks of the frames around those that were drawn on alone, to see in a few seconds whether the subject moves."""
        reach = settings.subject_motion.drawn_reach
        return carry_by_flow(footage, self._drawn, settings.flow, lambda done, total: None, reach=reach)


def start_from_drawn(
    drawn: Drawn,
    cameras: Sequence[Camera | None],
    model: CameraModel,
    settings: Settings,
    wrong: float = 0.0,
) -> AutomaticBox:
    """Where in the world the object is. wrong: share of the drawings that may lack some of it.

    Raises InputError where no frame that was drawn on has a camera.
    """
    held = {i: camera for i in drawn.regions if (camera := cameras[i]) is not None}
    if not held:
        raise InputError("No frame that was drawn on has a camera; draw the box on another frame.")
    xyz, own = model.points.xyz, settings.drawn
    number = {name: n for n, name in enumerate(model.cameras)}
    views = []
    for i, camera in held.items():
        seen = np.zeros(len(xyz), bool)
        seen[model.points.seen_by(number[camera.name])] = True
        views.append(_View.of(drawn.regions[i], camera, xyz, seen, own))
    inside = np.mean([view.inside for view in views], axis=0) >= 1 - wrong
    outside = np.mean([view.outside for view in views], axis=0) > wrong
    long = model.points.track_length >= settings.box.object_track
    flat = _on_planes_beside(xyz, outside, long, views, own, settings.box)
    front, beside = _front(views, long & ~flat, own) & inside, outside
    beside |= _front(views, long, own) & flat
    on_object, beside = spread_labels(xyz, front, beside, settings.point_groups)
    on_object &= inside
    box = _middle_box([view.box(on_object, model, own) for view in views], wrong)
    on_object &= long
    return AutomaticBox(box, on_object, on_object, None, beside, ())


def _on_planes_beside(
    xyz: np.ndarray,
    outside: np.ndarray,
    long: np.ndarray,
    views: Sequence[_View],
    settings: DrawnSettings,
    box: BoxSettings,
) -> np.ndarray:
    """(N,) bool: the points (N, 3) on planes that go on beside what is drawn, like a floor."""
    front = _front(views, long, settings)
    if not front.any():
        return front
    width = float(np.median([view.width(front) for view in views]))
    near = np.linalg.norm(xyz - np.median(xyz[front], axis=0), axis=1) < settings.around * width
    return on_planes(xyz, near & long & outside, settings.flat * width, box)


def _front(views: Sequence[_View], possible: np.ndarray, settings: DrawnSettings) -> np.ndarray:
    """(N,) bool: of the possible points (N,) bool what a drawing has in its middle and in front."""
    return np.any([view.front(possible, settings) for view in views], axis=0)


@dataclass(frozen=True, eq=False)
class _View:
    """What is drawn on one frame, and where the sparse points are in it.

    middle, size: (2,) of the drawing, in pixels of the camera; depth (N,); inside (N,) bool: within what is drawn, or beyond a
    side of the picture that it reaches; outside (N,) bool: not even close beside it;
    middle_points (N,) bool: in its middle, seen by the frame itself where it saw enough.
    """

    camera: Camera
    middle: np.ndarray
    size: np.ndarray
    depth: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    middle_points: np.ndarray

    @classmethod
    def of(
        cls,
        region: np.ndarray,
        camera: Camera,
        xyz: np.ndarray,
        seen: np.ndarray,
        settings: DrawnSettings,
    ) -> _View:
        """From the drawing, (h, w) bool of a frame, and the points that the frame has seen, (N,) bool."""
        scale = camera.lens.width / region.shape[1]
        pixels, depth = camera.project(xyz)
        rows, columns = np.nonzero(region)
        low, high = (np.array([f(columns), f(rows)], float) for f in (np.min, np.max))
        reach = 2 * int(settings.close * np.max(high - low + 1)) + 1
        close = cv2.dilate(region.astype(np.uint8), np.ones((reach, reach), np.uint8))
        # An object that the picture's edge cuts goes on beyond it, where the frame tells nothing.
        inside, beyond = _inside(region, camera, pixels), _beyond(close > 0, camera, pixels)
        outside = ~(_inside(close > 0, camera, pixels) | beyond)
        middle, extent = scale * (low + high + 1) / 2, scale * (high - low + 1)
        with np.errstate(invalid="ignore"):
            off_middle = np.linalg.norm(2 * (pixels - middle) / extent, axis=1)
        middle_points = inside & (off_middle < settings.middle)
        # A frame in another light has hardly a point of its own; it shows those of others all the same.
        choices = (middle_points & seen, inside & seen, middle_points)
        shown = next((some for some in choices if some.sum() >= settings.least_points), inside & seen)
        return cls(camera, middle, extent, depth, inside | beyond, outside, shown)

    def front(self, possible: np.ndarray, settings: DrawnSettings) -> np.ndarray:
        """(N,) bool: of the possible points (N,) bool in the middle those that are hardly behind the first."""
        shown = self.middle_points & possible
        if not shown.any():
            return shown
        first = float(np.sort(self.depth[shown])[: settings.first][-1])
        behind = settings.front * self.size.min() / self.camera.lens.focal
        return shown & (self.depth <= first * (1 + behind))

    def width(self, points: np.ndarray) -> float:
        """Of what is drawn, or its height if that is less, in the world; as far away as the points (N,) bool."""
        return float(np.median(self.depth[points]) * self.size.min() / self.camera.lens.focal)

    def box(self, on_object: np.ndarray, model: CameraModel, settings: DrawnSettings) -> Box:
        """What is drawn as a box in the world, as deep as it is wide or high, whichever is less.

        As far away as the object's points (N,) bool tell, else where all cameras look.
        """
        depth = self.depth[on_object]
        enough = len(depth) >= settings.least_points
        if enough:
            near, far = np.percentile(depth, (settings.begins, settings.ends))
        else:
            near = far = float(
                self.camera.axis @ (look_at(list(model.cameras.values())) - self.camera.centre)
            )
        if near <= 0:
            raise InputError(
                "No sparse point of the camera model lies in what is drawn, so its distance is unknown; "
                "draw it on another frame."
            )
        size = self.size * far / self.camera.lens.focal
        deep = max(far - near, size.min())
        middle = near + deep / 2 if enough else near
        origin, ray = self.camera.rays(self.middle[None])
        box = Box(origin + middle * ray[0], 0.5 * np.array([*size, deep]), self.camera.rotation.T)
        if not enough:
            return box
        # Points tell more of an object that the picture's edge cuts.
        local = box.to_box(model.points.xyz[on_object]) / box.scale
        low, high = np.percentile(local, (settings.begins, settings.ends), axis=0)
        return box.between(np.minimum(low, -box.half), np.maximum(high, box.half))


def _middle_box(boxes: Sequence[Box], wrong: float) -> Box:
    """Of the boxes that the drawings of several frames give, the axes of the first, the middle place, and the largest size
    but for the share of them that may be `wrong`."""
    centre = np.median([box.centre for box in boxes], axis=0)
    # how deep the object is, one frame cannot tell; seen from aside it is a width
    half = (
        boxes[0].half
        if len(boxes) == 1
        else np.full(3, np.quantile([box.half.max() for box in boxes], 1 - wrong))
    )
    return Box(centre, half, boxes[0].rotation)


def _beyond(region: np.ndarray, camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """(N,) bool: the camera's pixels (N, 2) that lie beyond its picture, next to where a region (h, w) bool reaches its edge."""
    size = np.array([camera.lens.width, camera.lens.height], float)
    nearest = np.clip(pixels, 0.0, np.nextafter(size, 0.0))
    return (nearest != pixels).any(axis=1) & _inside(region, camera, nearest)


def _inside(region: np.ndarray, camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """(N,) bool: the camera's pixels (N, 2) that a region (h, w) bool of its picture holds."""
    inside, at = picture_pixels(camera, pixels, region.shape)
    inside[inside] = region[at]
    return inside
