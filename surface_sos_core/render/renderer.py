"""From rays to colour, matte and depth: both fields sampled where they matter and composited in order of depth."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from surface_sos_core.fields.contraction import contract, expand
from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.proposal import OpacityGrid, bin_weights, cell_opacity, draw_depths
from surface_sos_core.render.volume import interleave, section_alpha, section_mean, visible_weights

_FOREGROUND_BINS = 96
_BACKGROUND_BINS = 96
_NEAREST = 0.3  # BaCo starts at this share of the distance to the box's centre
_FARTHEST = 100.0  # and ends at this multiple of it
_CHUNK = 8192  # rays at once where nothing is learnt


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


@dataclass(frozen=True)
class Proposals:
    """The two opacity grids that say where to sample."""

    foreground: OpacityGrid
    background: OpacityGrid


@dataclass(frozen=True)
class FieldSections:
    """A field along rays, as sections between samples.

    depth, alpha: (rays, sections); colour: (rays, sections, 3) or None where only geometry was asked for.
    normal: (M, 3), the distance's gradients at some of the samples, for the Eikonal loss.
    """

    depth: torch.Tensor
    alpha: torch.Tensor
    colour: torch.Tensor | None
    normal: torch.Tensor | None


@dataclass(frozen=True)
class Rendered:
    """What rays see. colour (rays, 3): everything composited (Eq. 7); matte (rays,): share of the object; depth (rays,):
    mean depth of what is seen; normals:
    gradients (M, 3) of each field's distance at some of its samples, for the Eikonal loss."""

    colour: torch.Tensor
    matte: torch.Tensor
    depth: torch.Tensor
    normals: tuple[torch.Tensor, ...]


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


def sample_foreground(
    scene: Scene, rays: Rays, depth: torch.Tensor, with_colour: bool, eikonal_share: float = 0.0
) -> FieldSections:
    """FoCoR at depths (rays, samples)."""
    x = rays.at(depth)
    flat = x.reshape(-1, 3)
    sample = scene.foreground.surface.sample(flat)
    sdf = sample.sdf.view(depth.shape)
    alpha = section_alpha(sdf, scene.foreground.sharpness) * section_mean(scene.hold(x))
    colour, normal = None, None
    if with_colour:
        normal = scene.foreground.surface.normal(sample)
        colour = _colours(
            scene.foreground.colour, rays, flat, normal, sample.sdf, sample.feature, depth.shape
        )
        normal = normal[:: max(1, round(1.0 / eikonal_share))] if eikonal_share else None
    return FieldSections(section_mean(depth), alpha, colour, normal)


def sample_background(
    scene: Scene, rays: Rays, depth: torch.Tensor, with_colour: bool, eikonal_share: float = 0.0
) -> FieldSections:
    """BaCo at depths (rays, samples); its last section is opaque, since something ends every ray."""
    flat = rays.at(depth).reshape(-1, 3)
    sample, sdf = scene.background_sample(flat)
    alpha = section_alpha(sdf.view(depth.shape), scene.background.sharpness)
    alpha = torch.cat((alpha[:, :-1], torch.ones_like(alpha[:, -1:])), dim=1)
    colour, normal = None, None
    if with_colour:
        flat_normal = torch.zeros_like(flat)
        colour = _colours(
            scene.background.colour, rays, sample.position, flat_normal, sdf, sample.feature, depth.shape
        )
    if eikonal_share:
        subset = torch.arange(0, flat.shape[0], max(1, round(1.0 / eikonal_share)), device=flat.device)
        normal = scene.background.surface.normal(sample, subset)
    return FieldSections(section_mean(depth), alpha, colour, normal)


def _colours(  # one colour network along rays, as means over sections
    network: torch.nn.Module,
    rays: Rays,
    x: torch.Tensor,
    normal: torch.Tensor,
    sdf: torch.Tensor,
    feature: torch.Tensor,
    shape: torch.Size,
) -> torch.Tensor:
    view = torch.nn.functional.normalize(rays.direction, dim=1)
    ray = torch.arange(shape[0], device=x.device).repeat_interleave(shape[1])
    return section_mean(network(x, normal, view, sdf, feature, ray).view(*shape, 3))


def render(
    scene: Scene,
    proposals: Proposals,
    rays: Rays,
    foreground_samples: int,
    background_samples: int,
    generator: torch.Generator | None,
    eikonal_share: float = 0.0,
) -> Rendered:
    """Colour and matte of rays, with gradients where they are enabled."""
    with torch.no_grad():
        hit, depth_f = foreground_depths(scene, proposals.foreground, rays, foreground_samples, generator)
        depth_b = background_depths(proposals.background, rays, background_samples, generator)
    back = sample_background(scene, rays, depth_b, True, eikonal_share)
    front = sample_foreground(scene, rays[hit], depth_f, True, eikonal_share)
    assert back.colour is not None and front.colour is not None
    missed = torch.ones(len(rays), dtype=torch.bool, device=depth_b.device)
    missed[hit] = False
    missed_index = torch.nonzero(missed)[:, 0]
    weight_f, weight_b = interleave(front.depth, front.alpha, back.depth[hit], back.alpha[hit])
    seen_hit = (weight_f[..., None] * front.colour).sum(1) + (weight_b[..., None] * back.colour[hit]).sum(1)
    weight_missed = visible_weights(back.alpha[missed_index])
    seen_missed = (weight_missed[..., None] * back.colour[missed_index]).sum(1)
    depth = torch.empty_like(rays.origin[:, 0])
    depth = depth.index_copy(0, hit, (weight_f * front.depth).sum(1) + (weight_b * back.depth[hit]).sum(1))
    depth = depth.index_copy(0, missed_index, (weight_missed * back.depth[missed_index]).sum(1))
    colour = torch.empty_like(rays.origin).index_copy(0, hit, seen_hit)
    colour = colour.index_copy(0, missed_index, seen_missed)
    matte = torch.zeros_like(rays.origin[:, 0]).index_copy(0, hit, weight_f.sum(1))
    normals = tuple(n for n in (front.normal, back.normal) if n is not None)
    return Rendered(colour, matte, depth, normals)


@dataclass(frozen=True)
class Surface:
    """The object along rays: matte (rays,) and the depth (rays,) of its visible surface (0 where the matte is 0)."""

    matte: torch.Tensor
    depth: torch.Tensor


@torch.no_grad()
def render_surface(
    scene: Scene, proposals: Proposals, rays: Rays, foreground_samples: int, background_samples: int
) -> Surface:
    """Matte and depth of the object without colour; what BaCo has in front of the object hides it."""
    matte = torch.zeros(len(rays), device=rays.origin.device)
    depth = torch.zeros_like(matte)
    for start in range(0, len(rays), _CHUNK):
        part = rays[start : start + _CHUNK]
        hit, depth_f = foreground_depths(scene, proposals.foreground, part, foreground_samples, None)
        if len(hit) == 0:
            continue
        part = part[hit]
        front = sample_foreground(scene, part, depth_f, False)
        depth_b = background_depths(proposals.background, part, background_samples, None)
        back = sample_background(scene, part, depth_b, False)
        weights, _ = interleave(front.depth, front.alpha, back.depth, back.alpha)
        share = weights.sum(1)
        matte[start + hit] = share
        depth[start + hit] = (weights * front.depth).sum(1) / share.clamp(min=1e-6)
    return Surface(matte, depth)


@dataclass(frozen=True)
class Backdrop:
    """What is behind the object: depth (rays,) and colour (rays, 3) of BaCo alone."""

    depth: torch.Tensor
    colour: torch.Tensor


@torch.no_grad()
def render_backdrop(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> Backdrop:
    """BaCo alone, as if the object were not there. Depth is where half of the ray is absorbed."""
    depths, colours = [], []
    for start in range(0, len(rays), _CHUNK):
        part = rays[start : start + _CHUNK]
        depth = background_depths(proposals.background, part, samples, None)
        back = sample_background(scene, part, depth, True)
        assert back.colour is not None
        weights = visible_weights(back.alpha)
        absorbed = torch.cumsum(weights, dim=1)
        half = (absorbed < 0.5).sum(dim=1, keepdim=True).clamp(max=weights.shape[1] - 1)
        here = weights.gather(1, half)
        within = ((0.5 - absorbed.gather(1, half) + here) / here.clamp(min=1e-6)).clamp(0.0, 1.0)
        front, rear = depth.gather(1, half), depth.gather(1, half + 1)
        depths.append((front + within * (rear - front))[:, 0])
        colours.append((weights[..., None] * back.colour).sum(1))
    return Backdrop(torch.cat(depths), torch.cat(colours))


@torch.no_grad()
def render_object_colour(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """FoCoR's own colour (rays, 3), not multiplied by its matte; black where a ray misses it."""
    out = torch.zeros_like(rays.origin)
    for start in range(0, len(rays), _CHUNK):
        part = rays[start : start + _CHUNK]
        hit, depth = foreground_depths(scene, proposals.foreground, part, samples, None)
        front = sample_foreground(scene, part[hit], depth, True)
        assert front.colour is not None
        weights = visible_weights(front.alpha)
        colour = (weights[..., None] * front.colour).sum(1) / weights.sum(1, keepdim=True).clamp(min=1e-6)
        out[start + hit] = colour
    return out


@torch.no_grad()
def surface_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Unit gradients (N, 3) of FoCoR's distance at points (N, 3), all in box coordinates."""
    parts = [scene.foreground.surface.sdf_and_normal(x)[2] for x in points.split(_CHUNK)]
    return torch.nn.functional.normalize(torch.cat(parts) if parts else points, dim=1)


def learn_proposals(
    scene: Scene, proposals: Proposals, count: int, generator: torch.Generator | None
) -> None:
    """Look at `count` random places of each field and note how opaque they are."""
    with torch.no_grad():
        grid = proposals.foreground
        x = grid.draw_cells(count, generator)
        x = x[scene.hold_lookup(x) > 0]
        sdf, _ = scene.foreground.surface(x)
        grid.learn(x, cell_opacity(sdf, 0.5 * grid.cell, scene.foreground.sharpness))
        grid = proposals.background
        y = grid.draw_cells(count, generator)
        y = y[torch.linalg.vector_norm(y, dim=1) < 1.0]
        _, sdf = scene.background_sample(expand(y))
        grid.learn(y, cell_opacity(sdf, 0.5 * grid.cell, scene.background.sharpness))
