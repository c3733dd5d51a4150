"""How far away the background is before a camera that travels, behind the subject too: where frames show the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.settings import MovingDepthSettings, SweepSettings
from surface_sos_core.stereo.frame_disparity import tracked_depths
from surface_sos_core.stereo.pinhole import PinholeView
from surface_sos_core.stereo.sweep import sweep_disparity


@dataclass(frozen=True)
class BackgroundDepth:
    """The background's disparity (frames, h, w), 1 / depth along the axis, 0 where it is not known; the step that it was looked
    for in; and each frame's camera, None where it has none."""

    disparity: np.ndarray
    step: float
    cameras: Sequence[Camera | None]
    settings: MovingDepthSettings

    def knows(self, frame: int, other: int) -> bool:
        """Whether it can tell where the other frame shows what the one does."""
        return self.cameras[other] is not None and bool(self.disparity[frame].any())

    def lookup(
        self, frame: int, other: int, part: tuple[slice, slice], shape: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where the other frame shows the background of a part of one, both pictures of this shape (H, W).

        (h, w, 2) float32, its pixels, the middle of the upper left one at (0, 0); and (h, w) bool, where nothing nearer hides it
        there. Both frames must be known.
        """
        one, there = self.cameras[frame], self.cameras[other]
        assert one is not None and there is not None
        height, width = shape[:2]
        x, y = np.meshgrid(np.arange(part[1].start, part[1].stop), np.arange(part[0].start, part[0].stop))
        scale = np.array([one.lens.width / width, one.lens.height / height])
        origin, directions = one.rays((np.column_stack((x.ravel(), y.ravel())) + 0.5) * scale)
        near = cv2.resize(
            self.disparity[frame].astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST
        )
        near = near[part].ravel()
        known = near > 0
        pixels, depth = there.project(origin + directions / np.where(known, near, 1.0)[:, None])
        scale = np.array([there.lens.width / width, there.lens.height / height])
        at = np.where((known & (depth > 0))[:, None], pixels / scale - 0.5, np.nan)
        at = np.nan_to_num(at, nan=-1e4).reshape(*x.shape, 2).astype(np.float32)
        with np.errstate(divide="ignore"):
            own = np.where(depth > 0, 1.0 / depth, 0.0).reshape(x.shape)
        fewer = np.array(self.disparity.shape[:0:-1]) / (width, height)
        column, row = np.moveaxis(((at + 0.5) * fewer - 0.5).astype(np.float32), -1, 0)
        nearest = cv2.remap(self.disparity[other].astype(np.float32), column, row, cv2.INTER_NEAREST)
        shown = known.reshape(x.shape) & (nearest < own + self.settings.hides * self.step)
        return at, shown


def background_depth(
    picture: Callable[[int], np.ndarray],
    held_out: Callable[[int], np.ndarray],
    size: tuple[int, int],
    cameras: Sequence[Camera | None],
    model: CameraModel,
    settings: MovingDepthSettings,
    sweep: SweepSettings,
    step: Callable[[], None],
) -> BackgroundDepth | None:
    """A plane sweep in each frame, over frames spread around it in time, that looks through the subject: it goes by what these
    show where held_out(i) (h, w) bool hides the frame itself.

    picture(i): (h, w, 3) float32 display values, any size; size: width and height of the disparities. The model's sparse points
    tell the range; None where it has too few. step is called once for each frame.
    """
    count = len(cameras)
    depths = tracked_depths(model)
    if len(depths) < settings.least_points:
        return None
    near, far = np.percentile(depths, (settings.outliers, 100 - settings.outliers))
    steps = np.linspace(settings.beyond / far, settings.before / near, settings.disparities)
    views: dict[int, PinholeView] = {}
    disparity = np.zeros((count, size[1], size[0]), np.float16)
    for i, camera in enumerate(cameras):
        if camera is not None:
            around = np.linspace(i - settings.reach, i + settings.reach, settings.views).round().astype(int)
            others = [j for j in np.unique(around) if 0 <= j < count and j != i and cameras[j] is not None]
            for j in others:
                if j not in views:
                    views[j] = _view(picture(j), held_out(j), size, cameras[j])
            # As the lens saw it: the rays are those of the frame's own pixels.
            own = cv2.resize(picture(i), size, interpolation=cv2.INTER_AREA)
            hidden = cv2.resize(held_out(i).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            own = np.where(hidden[..., None], np.nan, own)
            if len(others) > 1:
                rays = np.nan_to_num(camera.picture_rays(*size))
                nothing, anywhere = np.zeros((0, *size[::-1])), np.full(size[::-1], np.inf)
                disparity[i] = sweep_disparity(
                    camera.centre, rays, own, nothing, anywhere, steps, [views[j] for j in others], sweep
                )
            views = {j: view for j, view in views.items() if j >= i - settings.reach}
        step()
    return BackgroundDepth(disparity, float(steps[1] - steps[0]), cameras, settings)


def _view(
    picture: np.ndarray, held_out: np.ndarray, size: tuple[int, int], camera: Camera | None
) -> PinholeView:
    assert camera is not None
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return PinholeView.of(small, (~held_out).astype(np.uint8), camera)
