"""Pictures of all frames, as the places that real background pixels come from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from surface_sos_core.cameras import Camera
from surface_sos_core.cameras.picture import picture_pixels
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.settings import PlateSettings
from surface_sos_core.stereo.pinhole import PinholeView

_MOST = 48  # pictures kept: two frames in a row ask nearly the same ones, and longer shots need no more
_SMALL_BUDGET = 0.25  # share of the budget for the sweep's small pictures


class Sources:
    """Pictures of all frames, and which of their pixels show background.

    read(i): scene-linear (H, W, 3) of frame i. holdouts: (frames, h, w) uint8 at any size, above 0 where the object
    covers the frame and its pixels must not be used. The latest pictures are kept as half floats, 48 of them and at most
    `budget` bytes. Safe to use from several threads.
    """

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        cameras: Sequence[Camera | None],
        holdouts: np.ndarray,
        settings: PlateSettings,
        budget: int = 400_000_000,
    ) -> None:
        self._read, self.cameras, self.holdouts, self.settings = read, cameras, holdouts, settings
        self._budget = budget
        self._pictures: dict[int, np.ndarray] = {}
        self._views: dict[tuple[int, int], PinholeView] = {}
        self._lock = threading.RLock()  # of both; a view is made of a picture
        self.usable = [i for i, camera in enumerate(cameras) if camera is not None]

    def camera(self, index: int) -> Camera:
        """The camera of a usable frame."""
        camera = self.cameras[index]
        if camera is None:
            raise ValueError(f"frame at position {index} has no camera")
        return camera

    def picture(self, index: int) -> np.ndarray:
        """Display-encoded (H, W, 3) float16 of frame `index`, values above 1 kept."""
        with self._lock:
            picture = self._pictures.pop(index, None)
            if picture is None:
                picture = srgb_encode(self._read(index)).astype(np.float16)
            self._pictures[index] = picture
            most = max(1, min(_MOST, self._budget // picture.nbytes))
            while len(self._pictures) > most:
                self._pictures.pop(next(iter(self._pictures)))
            return picture

    def look(self, index: int, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (N, 2) of world points (N, 3) in frame `index`, and which of them (N,) show background there."""
        camera = self.camera(index)
        pixels, depth = camera.project(world)
        holdout = self.holdouts[index]
        height, width = holdout.shape
        inside, (rows, columns) = picture_pixels(camera, pixels, holdout.shape)
        at, free = np.flatnonzero(inside), np.zeros(len(world), bool)
        # What lies in the outermost cells is left out: it is looked up between pixels, and from around it.
        kept = (rows > 0) & (rows < height - 1) & (columns > 0) & (columns < width - 1) & (depth[at] > 0)
        free[at[kept]] = holdout[rows[kept], columns[kept]] == 0
        return pixels, free

    def view(self, index: int, stride: int) -> PinholeView:
        """Frame `index` for a plane sweep: `stride` times smaller, and as a pinhole camera would have seen it."""
        with self._lock:
            view = self._views.pop((index, stride), None)
            if view is None:
                view = self._pinhole(index, stride)
            self._views[index, stride] = view
            most = max(16, min(_MOST, int(_SMALL_BUDGET * self._budget / max(1, view.picture.nbytes))))
            while len(self._views) > most:
                self._views.pop(next(iter(self._views)))
            return view

    def _pinhole(self, index: int, stride: int) -> PinholeView:
        camera = self.camera(index)
        size = max(2, camera.lens.width // stride), max(2, camera.lens.height // stride)
        small = cv2.resize(self.picture(index).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return PinholeView.of(small, (self.holdouts[index] == 0).astype(np.uint8), camera)

    def choose(self, camera: Camera, world: np.ndarray, most: int, own: int | None) -> list[int]:
        """Up to `most` frames that between them see as many of the points (N, 3) as can be, from as close to the camera
        as can be; never frame `own`."""
        probes = world[:: max(1, len(world) // self.settings.probes)]
        candidates = [i for i in self.usable if i != own]
        worth = np.zeros((len(candidates), len(probes)))
        for n, index in enumerate(candidates):
            _, free = self.look(index, probes)
            worth[n, free] = nearness(camera, self.camera(index), probes[free], self.settings.angle)
        chosen: list[int] = []
        have = np.zeros(len(probes))
        while len(chosen) < min(most, len(candidates)):
            # A second view of a place is worth less than the first one of another.
            gain = (worth / (self.settings.second_view + have) ** 2).sum(axis=1)
            gain[chosen] = -1.0
            best = int(np.argmax(gain))
            if gain[best] <= 0:
                break
            chosen.append(best)
            have += worth[best]
        return [candidates[n] for n in chosen]


def nearness(camera: Camera, other: Camera, world: np.ndarray, angle: float) -> np.ndarray:
    """How alike (N,) two cameras see points (N, 3): 1 for the same place, a third where they are `angle` radians apart."""
    a, b = world - camera.centre, world - other.centre
    cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)).clip(1e-12)
    return np.exp(-np.arccos(cosine.clip(-1.0, 1.0)) / angle)


def lookup(picture: np.ndarray, pixels: np.ndarray, between: int = cv2.INTER_CUBIC) -> np.ndarray:
    """Samples (N, channels) of a picture (H, W, channels) at pixels (N, 2)."""
    at = pixels.astype(np.float32) - 0.5
    low = (np.floor(at.min(axis=0)).astype(int) - 2).clip(0)
    high = np.ceil(at.max(axis=0)).astype(int) + 3
    part = picture[low[1] : high[1] + 1, low[0] : high[0] + 1].astype(np.float32)
    width = 8192  # remap's own limit on a row is 32767
    padded = np.zeros((-(-len(at) // width) * width, 2), np.float32)
    padded[: len(at)] = at - low.astype(np.float32)
    x, y = padded.reshape(-1, width, 2).transpose(2, 0, 1)
    found = cv2.remap(part, x, y, between, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(len(padded), -1)[: len(at)]
