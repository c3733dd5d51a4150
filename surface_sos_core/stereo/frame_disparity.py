"""How far away all that the frames show is: a plane sweep in each frame, kept where other frames say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.footage.frame_stack import TemporaryValues
from surface_sos_core.settings import StereoSettings, SweepSettings
from surface_sos_core.stereo.known_depth import pixels_that_show, places_shown
from surface_sos_core.stereo.pinhole import PinholeView
from surface_sos_core.stereo.sweep import sweep_disparity


def frame_disparities(
    picture: Callable[[int], np.ndarray],
    size: tuple[int, int],
    cameras: Mapping[int, Camera],
    count: int,
    model: CameraModel,
    step: Callable[[], None],
    settings: StereoSettings,
    sweep: SweepSettings,
) -> tuple[TemporaryValues, float]:
    """Disparity (1 / depth along the camera's axis) of every pixel of the frames, 0 where it is not known; a step of it.

    picture(i): rgb (h, w, 3) uint8 of frame i, of `size` (w, h); cameras: of the frames that have one, of `count` in all;
    model: its sparse points tell the range. `step` is called once for each frame. Nothing is known without points, and in
    frames that hardly any other stands near.
    """
    found, agreed = TemporaryValues(count, size), TemporaryValues(count, size)
    depths = point_depths(model)
    if len(depths) < settings.least_points:
        for _ in cameras:
            step()
        return agreed, 0.0
    near, far = np.percentile(depths, (settings.outliers, 100 - settings.outliers))
    far, near = far * settings.beyond_farthest, near * settings.before_nearest
    steps = np.linspace(1 / far, 1 / near, settings.disparities)
    reach, numbers = float(np.median(depths)), list(cameras)
    views = _Views(picture, size, cameras, 4 * settings.views)
    for i in numbers:
        others = _compared_with(cameras, i, reach, settings)
        if len(others) > 1:
            found[i] = _swept(picture(i), size, cameras[i], steps, [views[j] for j in others], sweep)
        step()
    width = float(steps[1] - steps[0])
    centres = np.array([camera.centre for camera in cameras.values()])
    for i in numbers:
        away = np.linalg.norm(centres - cameras[i].centre, axis=1)
        witnesses = [numbers[n] for n in np.argsort(away)[1 : settings.witnesses + 1]]
        disparity = found[i]
        # the first and the last steps are where the search ended
        kept = (disparity > steps[1]) & (disparity < steps[-2])
        world = places_shown(cameras[i], disparity, kept)
        agree = sum(
            pixels_that_show(world, cameras[j], found[j], settings.same * width) >= 0 for j in witnesses
        )
        kept[kept] = agree >= settings.agree
        agreed[i] = np.where(kept, disparity, 0)
    return agreed, width


class _Views:
    """Views of the latest frames asked for: frames next to each other ask nearly the same ones."""

    def __init__(
        self,
        picture: Callable[[int], np.ndarray],
        size: tuple[int, int],
        cameras: Mapping[int, Camera],
        most: int,
    ) -> None:
        self._picture, self._cameras, self._most = picture, cameras, most
        self._everywhere = np.ones(size[::-1], np.uint8)
        self._made: dict[int, PinholeView] = {}

    def __getitem__(self, frame: int) -> PinholeView:
        view = self._made.pop(frame, None)
        if view is None:
            rgb = self._picture(frame).astype(np.float32) / 255
            view = PinholeView.of(rgb, self._everywhere, self._cameras[frame])
        self._made[frame] = view
        while len(self._made) > self._most:
            self._made.pop(next(iter(self._made)))
        return view


def point_depths(model: CameraModel) -> np.ndarray:
    """(M,) depth of the sparse points in the images that saw them."""
    points = model.points
    depths = [
        camera.project(points.xyz[points.track_point[points.track_image == number]])[1]
        for number, camera in enumerate(model.cameras.values())
    ]
    found = np.concatenate([np.zeros(0), *depths])
    return found[found > 0]


def _compared_with(
    cameras: Mapping[int, Camera], frame: int, reach: float, settings: StereoSettings
) -> list[int]:
    """Frames from near enough to show the same and far enough to tell depth, spread evenly over these distances."""
    own = cameras[frame]
    numbers = np.array(list(cameras))
    away = np.array([np.linalg.norm(camera.centre - own.centre) for camera in cameras.values()]) / reach
    alike = np.array([camera.axis @ own.axis for camera in cameras.values()])
    apart = (away > settings.nearest_view) & (away < settings.farthest_view)
    usable = np.flatnonzero(apart & (alike > settings.least_cosine))
    usable = usable[np.argsort(away[usable], kind="stable")]
    chosen = np.linspace(0, len(usable) - 1, min(settings.views, len(usable))).astype(int)
    return numbers[usable[chosen]].tolist()


def _swept(
    rgb: np.ndarray,
    size: tuple[int, int],
    camera: Camera,
    steps: np.ndarray,
    views: list[PinholeView],
    settings: SweepSettings,
) -> np.ndarray:
    nothing, anywhere = np.zeros((0, *size[::-1])), np.full(size[::-1], np.inf)
    own, rays = rgb.astype(np.float32) / 255, np.nan_to_num(camera.picture_rays(*size))
    return sweep_disparity(camera.centre, rays, own, nothing, anywhere, steps, views, settings)
