"""Rays through a scene, and the caster that turns pixels of the frames into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from surface_sos_core.cameras import Box, Camera
from surface_sos_core.device import on_device
from surface_sos_core.settings import RenderSettings


@dataclass(frozen=True)
class Rays:
    """x(t) = origin + t direction in box coordinates; t is the depth to the image plane in world units.

    origin and direction: (rays, 3); near: (rays,), the depth before which there is no background.
    """

    origin: torch.Tensor
    direction: torch.Tensor
    near: torch.Tensor

    def __len__(self) -> int:
        return self.origin.shape[0]

    def __getitem__(self, index: torch.Tensor | slice) -> Rays:
        return Rays(self.origin[index], self.direction[index], self.near[index])

    def at(self, depth: torch.Tensor) -> torch.Tensor:
        """Points (rays, n, 3) at depths (rays, n)."""
        return self.origin[:, None] + depth[..., None] * self.direction[:, None]


def box_span(rays: Rays, extent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Depths (rays,) at which rays enter and leave the box (+-extent); a ray that misses has leave <= enter."""
    safe = torch.where(rays.direction.abs() < 1e-9, torch.full_like(rays.direction, 1e-9), rays.direction)
    a = (-extent - rays.origin) / safe
    b = (extent - rays.origin) / safe
    enter = torch.minimum(a, b).amax(dim=1).clamp(min=0.0)
    leave = torch.maximum(a, b).amin(dim=1)
    return enter, leave


class RayCaster:
    """Turns pixels of any frame into rays in box coordinates; points (N, 3) in the world tell where the background begins."""

    def __init__(
        self,
        cameras: Sequence[Camera | None],
        box: Box,
        points: np.ndarray,
        settings: RenderSettings,
        device: torch.device,
    ) -> None:
        self.device = device
        self.lenses = [camera.lens if camera is not None else None for camera in cameras]
        self.sizes = np.array([(lens.width, lens.height) if lens else (0, 0) for lens in self.lenses])
        self.turns = np.zeros((len(cameras), 3, 3))
        self.origins = np.zeros((len(cameras), 3))
        self.near = np.zeros(len(cameras))
        for i, camera in enumerate(cameras):
            if camera is not None:
                self.turns[i] = box.scale * box.rotation.T @ camera.rotation.T
                self.origins[i] = box.to_box(camera.centre[None])[0]
                self.near[i] = near_depth(camera, points, settings)

    def cast(self, frames: np.ndarray, pixels: np.ndarray) -> Rays:
        """Rays of pixels (N, 2), in the cameras' own pixels, of frames (N,)."""
        local = np.empty((len(frames), 3))
        present = np.unique(frames)
        lenses = {self.lenses[i] for i in present}
        if len(lenses) == 1:
            local[:] = self._unproject(frames[0], pixels)
        else:
            for i in present:
                chosen = frames == i
                local[chosen] = self._unproject(i, pixels[chosen])
        turned = np.einsum("nij,nj->ni", self.turns[frames], local)
        return Rays(*(self._tensor(v) for v in (self.origins[frames], turned, self.near[frames])))

    def _unproject(self, frame: int, pixels: np.ndarray) -> np.ndarray:
        lens = self.lenses[frame]
        if lens is None:
            raise ValueError(f"frame at position {frame} has no camera")
        return lens.unproject(pixels)

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return on_device(values.astype(np.float32), self.device)


def near_depth(camera: Camera, points: np.ndarray, settings: RenderSettings) -> float:
    """How far from a camera the background begins, by the sparse points (N, 3) that its picture could show; 0 without any.

    What a single frame shows from nearby no other frame contradicts, so BaCo could paint a piece of the object there.
    """
    shown = points[camera.sees(points)]
    if len(shown) == 0:
        return 0.0
    return settings.clear_share * float(np.quantile(camera.project(shown)[1], settings.clear_quantile))
