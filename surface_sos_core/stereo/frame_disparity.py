"""How far away all that the frames show is: a plane sweep in each frame, kept where other frames say the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from surface_sos_core.cameras import Camera, CameraModel
from surface_sos_core.footage.frame_stack import TemporaryValues
from surface_sos_core.settings import Settings, StereoSettings, SweepSettings
from surface_sos_core.stereo.known_depth import KnownDepth, pixels_that_show, places_shown
from surface_sos_core.stereo.pinhole import PinholeView
from surface_sos_core.stereo.sweep import sweep_disparity


class FrameSweeps:
    """Disparity (1 / depth along the camera's axis) of every pixel of the frames, each swept when first asked for.

    picture(i): rgb (h, w, 3) uint8 of frame i, of `size` (w, h); cameras: of the frames that have one, of `count` in all;
    depths: (M,) of sparse points in the frames, which tell the range (`tracked_depths`, `depths_in_view`). Nothing is known
    without points, and in frames that hardly any other stands near. Safe to use from several threads.
    """

    def __init__(
        self,
        picture: Callable[[int], np.ndarray],
        size: tuple[int, int],
        cameras: Mapping[int, Camera],
        count: int,
        depths: np.ndarray,
        settings: StereoSettings,
        sweep: SweepSettings,
    ) -> None:
        self._picture, self.size, self._cameras = picture, size, cameras
        self._settings, self._sweep = settings, sweep
        self._found, self._done = TemporaryValues(count, size), set[int]()
        self._views = _Views(picture, size, cameras, 4 * settings.views)
        self._lock = threading.Lock()
        self.steps = np.zeros(0)
        """The disparities that are told apart, growing evenly; none where nothing is known."""
        if len(depths) >= settings.least_points:
            near, far = np.percentile(depths, (settings.outliers, 100 - settings.outliers))
            far, near = far * settings.beyond_farthest, near * settings.before_nearest
            self.steps = np.linspace(1 / far, 1 / near, settings.disparities)
            self._reach = float(np.median(depths))

    def __getitem__(self, frame: int) -> np.ndarray:
        """(h, w), 0 where it is not known."""
        with self._lock:
            if frame not in self._done and len(self.steps):
                others = _compared_with(self._cameras, frame, self._reach, self._settings)
                if len(others) > 1:
                    views = [self._views[other] for other in others]
                    own, camera = self._picture(frame), self._cameras[frame]
                    self._found[frame] = _swept(own, self.size, camera, self.steps, views, self._sweep)
                self._done.add(frame)
            return self._found[frame]

    def inside(self, frame: int) -> np.ndarray:
        """(h, w) bool, where the disparity is known and not the first or last step, at which the search ended."""
        disparity = self[frame]
        if not len(self.steps):
            return np.zeros(disparity.shape, bool)
        return (disparity > self.steps[1]) & (disparity < self.steps[-2])


def frame_disparities(
    picture: Callable[[int], np.ndarray],
    size: tuple[int, int],
    cameras: Mapping[int, Camera],
    count: int,
    depths: np.ndarray,
    step: Callable[[], None],
    settings: StereoSettings,
    sweep: SweepSettings,
) -> tuple[TemporaryValues, float]:
    """Disparities as `FrameSweeps` has them, of all frames, 0 too where other frames say otherwise; and a step of them.

    `step` is called once for each frame.
    """
    sweeps = FrameSweeps(picture, size, cameras, count, depths, settings, sweep)
    agreed, numbers = TemporaryValues(count, size), list(cameras)
    for i in numbers:
        sweeps[i]
        step()
    if not len(sweeps.steps):
        return agreed, 0.0
    width = float(sweeps.steps[1] - sweeps.steps[0])
    centres = np.array([camera.centre for camera in cameras.values()])
    for i in numbers:
        away = np.linalg.norm(centres - cameras[i].centre, axis=1)
        witnesses = [numbers[n] for n in np.argsort(away)[1 : settings.witnesses + 1]]
        disparity, kept = sweeps[i], sweeps.inside(i)
        world = places_shown(cameras[i], disparity, kept)
        agree = sum(
            pixels_that_show(world, cameras[j], sweeps[j], settings.same * width) >= 0 for j in witnesses
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


def frame_depths(
    picture: Callable[[int], np.ndarray],
    size: tuple[int, int],
    cameras: Mapping[int, Camera],
    count: int,
    model: CameraModel,
    step: Callable[[], None],
    settings: Settings,
) -> Callable[[int], KnownDepth]:
    """What `frame_disparities` finds in the range of the model's sparse points, by frame."""
    disparities, fineness = frame_disparities(
        picture, size, cameras, count, tracked_depths(model), step, settings.stereo, settings.sweep
    )
    return lambda frame: KnownDepth(disparities[frame], fineness)


def tracked_depths(model: CameraModel) -> np.ndarray:
    """(M,) depth of the sparse points in the images that saw them."""
    points = model.points
    depths = [
        camera.project(points.xyz[points.track_point[points.track_image == number]])[1]
        for number, camera in enumerate(model.cameras.values())
    ]
    found = np.concatenate([np.zeros(0), *depths])
    return found[found > 0]


def depths_in_view(points: np.ndarray, cameras: Iterable[Camera]) -> np.ndarray:
    """(M,) depth of points (N, 3) in the cameras whose pictures they fall into."""
    found = [np.zeros(0)]
    for camera in cameras:
        pixels, depth = camera.project(points)
        with np.errstate(invalid="ignore"):
            inside = ((pixels >= 0) & (pixels < (camera.lens.width, camera.lens.height))).all(axis=1)
        found.append(depth[inside & (depth > 0)])
    return np.concatenate(found)


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
