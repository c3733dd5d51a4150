"""Rays through a scene, and the depths on them at which the fields are worth asking."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.proposal import OpacityGrid, bin_weights, draw_depths
from surface_sos_core.render.volume import section_mean

_FOREGROUND_BINS = 96
_BACKGROUND_BINS = 96
_NEAREST = 0.3  # BaCo starts at this share of the distance to the box's centre
_FARTHEST = 100.0  # and ends at this multiple of it


@dataclass(frozen=True)
class Rays:
    """x(t) = origin + t direction in box coordinates; t is the depth to the image plane in world units.

    origin and direction: (rays, 3).
    """

    origin: torch.Tensor
    direction: torch.Tensor

    def __len__(self) -> int:
        return self.origin.shape[0]

    def __getitem__(self, index: torch.Tensor | slice) -> Rays:
        return Rays(self.origin[index], self.direction[index])

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


def foreground_depths(
    scene: Scene, grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which rays can see the object at all (indices), and `count` depths for each of those."""
    enter, leave = box_span(rays, scene.extent)
    index = torch.nonzero(leave > enter)[:, 0]
    rays, enter, leave = rays[index], enter[index], leave[index]
    steps = torch.linspace(0.0, 1.0, _FOREGROUND_BINS + 1, device=enter.device)
    edges = enter[:, None] + (leave - enter)[:, None] * steps
    middle = rays.at(section_mean(edges))
    held = scene.hold_lookup(middle) > 0
    some = held.any(dim=1)
    index, rays, edges, middle, held = index[some], rays[some], edges[some], middle[some], held[some]
    length = (edges[:, 1] - edges[:, 0]) * torch.linalg.vector_norm(rays.direction, dim=1) / grid.cell
    opacity = grid.lookup(middle).clamp(min=1e-6) * held
    weights = bin_weights(opacity, length[:, None], floor=0.25)
    return index, draw_depths(edges, weights, count, generator)


def background_depths(
    grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    """`count` depths (rays, count) for BaCo: even in depth up to twice the box's distance, then in disparity."""
    reach = (
        2.0 * torch.linalg.vector_norm(rays.origin, dim=1) / torch.linalg.vector_norm(rays.direction, dim=1)
    )
    reach = reach.clamp(min=1e-6)
    low = 0.5 * 0.5 * _NEAREST
    high = 1.0 - 1.0 / _FARTHEST
    s = torch.linspace(low, high, _BACKGROUND_BINS + 1, device=reach.device)
    edges = reach[:, None] * torch.where(s < 0.5, 2.0 * s, 0.5 / (1.0 - s))
    corners = contract(rays.at(edges))
    cells = torch.linalg.vector_norm(corners[:, 1:] - corners[:, :-1], dim=-1) / grid.cell
    opacity = grid.lookup(section_mean(corners)).clamp(min=1e-6)
    weights = bin_weights(opacity, cells, floor=0.25)
    return draw_depths(edges, weights, count, generator)
