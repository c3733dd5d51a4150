"""Where on a ray samples are worth their time: coarse opacity grids, and drawing depths from what they say."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import max_pool1d

from surface_sos_core.fields.contraction import expand
from surface_sos_core.fields.scene import Scene
from surface_sos_core.settings import RenderSettings


class OpacityGrid(torch.nn.Module):
    """How opaque each cell of [-1, 1]^3 is to a ray that crosses it once: a slowly forgetting maximum.

    A cell starts as opaque as `start` says everywhere, so that nothing is missed before it has been looked at.
    """

    values: torch.Tensor

    def __init__(self, resolution: int, start: float) -> None:
        super().__init__()
        self.resolution = resolution
        self.register_buffer("values", torch.full((resolution,) * 3, start))

    @property
    def cell(self) -> float:
        """Edge of a cell."""
        return 2.0 / self.resolution

    def _index(self, x: torch.Tensor) -> torch.Tensor:
        size = self.resolution
        cell = ((x + 1.0) * (0.5 * size)).long().clamp_(0, size - 1)
        return (cell[..., 0] * size + cell[..., 1]) * size + cell[..., 2]

    def lookup(self, x: torch.Tensor) -> torch.Tensor:
        """Opacity (...) at x (..., 3)."""
        return self.values.view(-1)[self._index(x)]

    def draw_cells(self, count: int, generator: torch.Generator | None) -> torch.Tensor:
        """The centres (count, 3) of random cells, for the next `learn`."""
        size = self.resolution
        cells = torch.randint(0, size, (count, 3), generator=generator, device=self.values.device)
        return (cells + 0.5) * self.cell - 1.0

    def learn(self, x: torch.Tensor, opacity: torch.Tensor, memory: float) -> None:
        """Take in the opacity (N,) now found at x (N, 3); of what these cells had, `memory` is left."""
        index = self._index(x)
        flat = self.values.view(-1)
        fresh = torch.zeros_like(flat).scatter_reduce(0, index, opacity, "amax")
        touched = torch.zeros_like(flat, dtype=torch.bool).index_fill_(0, index, True)
        self.values.copy_(
            torch.where(touched, torch.maximum(flat * memory, fresh), flat).view_as(self.values)
        )


@dataclass(frozen=True)
class Proposals:
    """The two opacity grids that say where to sample, and how that is done."""

    foreground: OpacityGrid
    background: OpacityGrid
    settings: RenderSettings
    rays_at_once: int = 8192
    """How many rays are rendered at once where nothing is learnt: what memory that takes."""
    shared: OpacityGrid | None = None
    """Contracted space, 0 where BaCo hides no object in `render_surface`; None: it does everywhere."""

    @staticmethod
    def start(settings: RenderSettings, device: torch.device) -> Proposals:
        """Grids that expect something everywhere."""
        front, back = (
            OpacityGrid(cells, settings.first_opacity).to(device)
            for cells in (settings.foreground_cells, settings.background_cells)
        )
        return Proposals(front, back, settings)


def learn_proposals(
    scene: Scene, proposals: Proposals, count: int, generator: torch.Generator | None
) -> None:
    """Look at `count` random places of each field and note how opaque they are."""
    memory = proposals.settings.memory
    with torch.no_grad():
        grid = proposals.foreground
        x = grid.draw_cells(count, generator)
        x = x[scene.hold_lookup(x) > 0]
        sdf = scene.foreground.surface.distance(x)
        grid.learn(x, cell_opacity(sdf, 0.5 * grid.cell, scene.foreground.sharpness), memory)
        grid = proposals.background
        y = grid.draw_cells(count, generator)
        y = y[torch.linalg.vector_norm(y, dim=1) < 1.0]
        sdf = scene.background_distance(expand(y))
        grid.learn(y, cell_opacity(sdf, 0.5 * grid.cell, scene.background.sharpness), memory)


def cell_opacity(sdf: torch.Tensor, half_cell: float, sharpness: torch.Tensor) -> torch.Tensor:
    """Opacity of a cell whose centre has this distance, to a ray that goes straight at the surface (Eq. 6)."""
    log_far = torch.nn.functional.logsigmoid((sdf - half_cell) * sharpness)
    log_near = torch.nn.functional.logsigmoid((sdf + half_cell) * sharpness)
    return 1.0 - torch.exp(log_far - log_near)


def bin_weights(opacity: torch.Tensor, cells: torch.Tensor, floor: float) -> torch.Tensor:
    """Chance of each bin of a ray to be what is seen: [rays, bins].

    opacity: of a cell at the bin; cells: the bin's length in cells. Bins next to a likely one are likely too, and
    `floor` is shared among all bins whose opacity is not exactly zero.
    """
    alpha = 1.0 - (1.0 - opacity.clamp(0.0, 0.9999)) ** cells
    # What lies within a cell of an opaque one may still be the surface itself, so the light is dimmed a cell later.
    passed = torch.cat((torch.ones_like(alpha[:, :1]), torch.cumprod(1.0 - alpha, dim=1)), dim=1)
    lag = torch.ceil(1.0 / cells.clamp(min=1e-3)).clamp(max=alpha.shape[1]).long().expand_as(alpha)
    position = torch.arange(alpha.shape[1], device=alpha.device)
    weights = alpha * passed.gather(1, (position - lag).clamp(min=0))
    weights = max_pool1d(weights[:, None], 3, stride=1, padding=1)[:, 0]
    weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-9)
    open_ = (opacity > 0).float()
    return weights * open_ + floor * open_ / open_.sum(dim=1, keepdim=True).clamp(min=1.0)


def jitter(rays: int, count: int, generator: torch.Generator | None, device: torch.device) -> torch.Tensor:
    """Where in its part each sample lies, 0..1 (rays, count): anywhere, or in the middle without a generator."""
    if generator is None:
        return torch.full((rays, count), 0.5, device=device)
    return torch.rand((rays, count), generator=generator, device=device)


def draw_depths(edges: torch.Tensor, weights: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Depths [rays, count] in order, one from each of `count` equal parts of the weights.

    edges: [rays, bins + 1]; weights: [rays, bins]; places: [rays, count], where in its part a depth lies, 0..1. A ray
    whose weights are all zero gets depths spread evenly over its bins.
    """
    weights = weights + (weights.sum(dim=1, keepdim=True) <= 0).float()
    cdf = torch.cumsum(weights / weights.sum(dim=1, keepdim=True), dim=1)
    cdf = torch.cat((torch.zeros_like(cdf[:, :1]), cdf), dim=1)
    count = places.shape[1]
    u = (torch.arange(count, device=edges.device) + places) / count
    bin_ = (torch.searchsorted(cdf, u.contiguous(), right=True) - 1).clamp_(0, edges.shape[1] - 2)
    low, high = cdf.gather(1, bin_), cdf.gather(1, bin_ + 1)
    part = ((u - low) / (high - low).clamp(min=1e-9)).clamp(0.0, 1.0)
    start, end = edges.gather(1, bin_), edges.gather(1, bin_ + 1)
    return start + part * (end - start)
