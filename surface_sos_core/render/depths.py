"""Rays through a scene, and the depths on them at which the fields are worth asking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from surface_sos_core.fields import hash_grid
from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.scene import Scene
from surface_sos_core.render import proposal_numba
from surface_sos_core.render.proposal import OpacityGrid, bin_weights, draw_depths, jitter
from surface_sos_core.render.volume import section_mean

_FOREGROUND_BINS = 96
_BACKGROUND_BINS = 96
_FLOOR = 0.25  # share of the samples that goes to where nothing is expected
_NEAREST = 0.3  # BaCo starts at this share of the distance to the box's centre
_FARTHEST = 100.0  # and ends at this multiple of it


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


def foreground_depths(
    scene: Scene, grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which rays can see the object at all (indices), and `count` depths in order for each of those.

    Jittered with a generator, the middles of equal shares of the chance to be seen without one.
    """
    if hash_grid.default_backend(rays.origin.device) == "numba":
        return _foreground_numba(scene, grid, rays, count, generator)
    return _foreground_torch(scene, grid, rays, count, generator)


def background_depths(
    grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    """`count` depths (rays, count) in order for BaCo, none before the rays' `near`; its bins are even in depth up to twice
    the box's distance, then in disparity."""
    if hash_grid.default_backend(rays.origin.device) == "numba":
        return _background_numba(grid, rays, count, generator)
    return _background_torch(grid, rays, count, generator)


def every_foreground_depth(
    scene: Scene, grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `foreground_depths`, but whether (rays,) each ray can see the object, and depths (rays, count) on all of them:
    a GPU is waited for wherever rays are picked out."""
    edges, opacity, cells = _foreground_bins(scene, grid, rays)
    weights = bin_weights(opacity, cells, _FLOOR)
    return opacity.any(dim=1), draw_depths(edges, weights, jitter(len(edges), count, generator, edges.device))


def _foreground_torch(
    scene: Scene, grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    edges, opacity, cells = _foreground_bins(scene, grid, rays)
    index = torch.nonzero(opacity.any(dim=1))[:, 0]
    weights = bin_weights(opacity[index], cells[index], _FLOOR)
    return index, draw_depths(edges[index], weights, jitter(len(index), count, generator, edges.device))


def _foreground_bins(
    scene: Scene, grid: OpacityGrid, rays: Rays
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Edges (rays, bins + 1), opacities (rays, bins), 0 where FoCoR cannot be, and lengths in cells (rays, 1) of the bins.

    A ray that misses the box has bins of any place.
    """
    enter, leave = box_span(rays, scene.extent)
    crosses = leave > enter
    enter, leave = torch.where(crosses, enter, 0.0), torch.where(crosses, leave, 1.0)
    steps = torch.linspace(0.0, 1.0, _FOREGROUND_BINS + 1, device=enter.device)
    edges = enter[:, None] + (leave - enter)[:, None] * steps
    middle = rays.at(section_mean(edges))
    held = (scene.hold_lookup(middle) > 0) & crosses[:, None]
    length = (edges[:, 1] - edges[:, 0]) * torch.linalg.vector_norm(rays.direction, dim=1) / grid.cell
    return edges, grid.lookup(middle).clamp(min=1e-6) * held, length[:, None]


def _background_torch(
    grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    away, length = (torch.linalg.vector_norm(v, dim=1) for v in (rays.origin, rays.direction))
    reach = (2.0 * away / length).clamp(min=1e-6)
    edges = reach[:, None] * _background_spacing(reach.device)
    corners = contract(rays.at(edges))
    cells = torch.linalg.vector_norm(corners[:, 1:] - corners[:, :-1], dim=-1) / grid.cell
    opacity = grid.lookup(section_mean(corners)).clamp(min=1e-6) * (edges[:, :-1] >= rays.near[:, None])
    weights = bin_weights(opacity, cells, _FLOOR)
    return draw_depths(edges, weights, jitter(len(edges), count, generator, edges.device))


def _background_spacing(device: torch.device) -> torch.Tensor:
    """Edges (bins + 1,) of a ray's bins, in units of twice the distance to the box's centre."""
    s = torch.linspace(0.25 * _NEAREST, 1.0 - 1.0 / _FARTHEST, _BACKGROUND_BINS + 1, device=device)
    return torch.where(s < 0.5, 2.0 * s, 0.5 / (1.0 - s))


def _foreground_numba(
    scene: Scene, grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    edges, opacity, cells = _room(len(rays), _FOREGROUND_BINS)
    proposal_numba.foreground_bins(
        rays.origin.numpy(), rays.direction.numpy(), scene.extent.numpy(), scene.hold_grid.numpy(),
        grid.values.numpy(), edges, opacity, cells,
    )  # fmt: skip
    index = np.flatnonzero(opacity.any(axis=1))
    return torch.from_numpy(index), _drawn(edges, opacity, cells, index, count, generator)


def _background_numba(
    grid: OpacityGrid, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    edges, opacity, cells = _room(len(rays), _BACKGROUND_BINS)
    proposal_numba.background_bins(
        rays.origin.numpy(), rays.direction.numpy(), rays.near.numpy(), _background_spacing(rays.origin.device).numpy(),
        grid.values.numpy(), edges, opacity, cells,
    )  # fmt: skip
    return _drawn(edges, opacity, cells, np.arange(len(rays)), count, generator)


def _room(rays: int, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for edges (rays, bins + 1), and opacities and lengths in cells (rays, bins)."""
    shapes = ((rays, bins + 1), (rays, bins), (rays, bins))
    edges, opacity, cells = (np.empty(shape, np.float32) for shape in shapes)
    return edges, opacity, cells


def _drawn(
    edges: np.ndarray,
    opacity: np.ndarray,
    cells: np.ndarray,
    index: np.ndarray,
    count: int,
    generator: torch.Generator | None,
) -> torch.Tensor:
    out = torch.empty(len(index), count)
    places = jitter(len(index), count, generator, out.device).numpy()
    proposal_numba.draw(edges, opacity, cells, np.float32(_FLOOR), index, places, out.numpy())
    return out
