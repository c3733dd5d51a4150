"""The depths on rays at which the fields are worth asking."""

from __future__ import annotations

import numpy as np
import torch

from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.scene import Scene
from surface_sos_core.render import proposal_numba
from surface_sos_core.render.proposal import Proposals, bin_weights, draw_depths, jitter
from surface_sos_core.render.rays import Rays, box_span
from surface_sos_core.render.volume import section_mean
from surface_sos_core.settings import RenderSettings


def foreground_depths(
    scene: Scene, proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which rays can see the object at all (indices), and `count` depths in order for each of those.

    Jittered with a generator, the middles of equal shares of the chance to be seen without one.
    """
    if scene.engine is Engine.NUMBA:
        return _foreground_numba(scene, proposals, rays, count, generator)
    return _foreground_torch(scene, proposals, rays, count, generator)


def background_depths(
    scene: Scene, proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    """`count` depths (rays, count) in order for BaCo, none before the rays' `near`; its bins are even in depth up to twice
    the box's distance, then in disparity."""
    if scene.engine is Engine.NUMBA:
        return _background_numba(proposals, rays, count, generator)
    return _background_torch(proposals, rays, count, generator)


def every_foreground_depth(
    scene: Scene, proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `foreground_depths`, but whether (rays,) each ray can see the object, and depths (rays, count) on all of them:
    a GPU is waited for wherever rays are picked out."""
    edges, opacity, cells = _foreground_bins(scene, proposals, rays)
    weights = bin_weights(opacity, cells, proposals.settings.floor)
    return opacity.any(dim=1), draw_depths(edges, weights, jitter(len(edges), count, generator, edges.device))


def _foreground_torch(
    scene: Scene, proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    edges, opacity, cells = _foreground_bins(scene, proposals, rays)
    index = torch.nonzero(opacity.any(dim=1))[:, 0]
    weights = bin_weights(opacity[index], cells[index], proposals.settings.floor)
    return index, draw_depths(edges[index], weights, jitter(len(index), count, generator, edges.device))


def _foreground_bins(
    scene: Scene, proposals: Proposals, rays: Rays
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Edges (rays, bins + 1), opacities (rays, bins), 0 where FoCoR cannot be, and lengths in cells (rays, 1) of the bins.

    A ray that misses the box has bins of any place.
    """
    grid, bins = proposals.foreground, proposals.settings.foreground_bins
    enter, leave = box_span(rays, scene.extent)
    crosses = leave > enter
    enter, leave = torch.where(crosses, enter, 0.0), torch.where(crosses, leave, 1.0)
    steps = torch.linspace(0.0, 1.0, bins + 1, device=enter.device)
    edges = enter[:, None] + (leave - enter)[:, None] * steps
    middle = rays.at(section_mean(edges))
    held = (scene.hold_lookup(middle) > 0) & crosses[:, None]
    length = (edges[:, 1] - edges[:, 0]) * torch.linalg.vector_norm(rays.direction, dim=1) / grid.cell
    return edges, grid.lookup(middle).clamp(min=1e-6) * held, length[:, None]


def _background_torch(
    proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    grid, settings = proposals.background, proposals.settings
    away, length = (torch.linalg.vector_norm(v, dim=1) for v in (rays.origin, rays.direction))
    reach = (2.0 * away / length).clamp(min=1e-6)
    edges = reach[:, None] * _background_spacing(settings, reach.device)
    corners = contract(rays.at(edges))
    cells = torch.linalg.vector_norm(corners[:, 1:] - corners[:, :-1], dim=-1) / grid.cell
    opacity = grid.lookup(section_mean(corners)).clamp(min=1e-6) * (edges[:, :-1] >= rays.near[:, None])
    weights = bin_weights(opacity, cells, settings.floor)
    return draw_depths(edges, weights, jitter(len(edges), count, generator, edges.device))


def _background_spacing(settings: RenderSettings, device: torch.device) -> torch.Tensor:
    """Edges (bins + 1,) of a ray's bins, in units of twice the distance to the box's centre."""
    first, last = 0.25 * settings.nearest, 1.0 - 1.0 / settings.farthest
    s = torch.linspace(first, last, settings.background_bins + 1, device=device)
    return torch.where(s < 0.5, 2.0 * s, 0.5 / (1.0 - s))


def _foreground_numba(
    scene: Scene, proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    settings = proposals.settings
    edges, opacity, cells = _room(len(rays), settings.foreground_bins)
    proposal_numba.foreground_bins(
        rays.origin.numpy(), rays.direction.numpy(), scene.extent.numpy(), scene.hold_grid.numpy(),
        proposals.foreground.values.numpy(), edges, opacity, cells,
    )  # fmt: skip
    index = np.flatnonzero(opacity.any(axis=1))
    return torch.from_numpy(index), _drawn(edges, opacity, cells, settings.floor, index, count, generator)


def _background_numba(
    proposals: Proposals, rays: Rays, count: int, generator: torch.Generator | None
) -> torch.Tensor:
    settings = proposals.settings
    edges, opacity, cells = _room(len(rays), settings.background_bins)
    spacing = _background_spacing(settings, rays.origin.device).numpy()
    proposal_numba.background_bins(
        rays.origin.numpy(), rays.direction.numpy(), rays.near.numpy(), spacing,
        proposals.background.values.numpy(), edges, opacity, cells,
    )  # fmt: skip
    return _drawn(edges, opacity, cells, settings.floor, np.arange(len(rays)), count, generator)


def _room(rays: int, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Room for edges (rays, bins + 1), and opacities and lengths in cells (rays, bins)."""
    shapes = ((rays, bins + 1), (rays, bins), (rays, bins))
    edges, opacity, cells = (np.empty(shape, np.float32) for shape in shapes)
    return edges, opacity, cells


def _drawn(
    edges: np.ndarray,
    opacity: np.ndarray,
    cells: np.ndarray,
    floor: float,
    index: np.ndarray,
    count: int,
    generator: torch.Generator | None,
) -> torch.Tensor:
    out = torch.empty(len(index), count)
    places = jitter(len(index), count, generator, out.device).numpy()
    proposal_numba.draw(edges, opacity, cells, np.float32(floor), index, places, out.numpy())
    return out
