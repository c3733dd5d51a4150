"""Rays that nothing is learnt from: the object's matte and colour, and what is behind it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.depths import background_depths, foreground_depths
from surface_sos_core.render.march import (
    March,
    choose,
    composite,
    march_background,
    march_foreground,
    sample_colours,
    sum_by_ray,
)
from surface_sos_core.render.proposal import OpacityGrid, Proposals
from surface_sos_core.render.rays import Rays
from surface_sos_core.render.volume import visible_weights


@dataclass(frozen=True)
class Surface:
    """The object along rays: matte (rays,) and the depth (rays,) of its visible surface (0 where the matte is 0)."""

    matte: torch.Tensor
    depth: torch.Tensor


@torch.no_grad()
def render_surface(
    scene: Scene,
    proposals: Proposals,
    rays: Rays,
    foreground_samples: int,
    background_samples: int,
) -> Surface:
    """Matte and depth of the object without colour; what BaCo has in front of the object hides it."""
    matte = torch.zeros(len(rays), device=rays.origin.device)
    depth = torch.zeros_like(matte)
    for start in range(0, len(rays), proposals.rays_at_once):
        part = rays[start : start + proposals.rays_at_once]
        hit, depth_f = foreground_depths(scene, proposals, part, foreground_samples, None)
        if len(hit) == 0:
            continue
        front = march_foreground(scene, part[hit], depth_f)
        depth_b = background_depths(scene, proposals, part[hit], background_samples, None)
        back = _march_in_front(scene, part[hit], depth_b, depth_f[:, -1:], proposals.shared)
        every = torch.arange(len(hit), device=hit.device)
        weight, _ = composite(scene, every, front, front.sdf, back, back.sdf)
        share = weight.sum(1)
        matte[start + hit] = share
        depth[start + hit] = (weight * front.middle).sum(1) / share.clamp(min=1e-6)
    return Surface(matte, depth)


@torch.no_grad()
def _march_in_front(
    scene: Scene, rays: Rays, depth: torch.Tensor, end: torch.Tensor, shared: OpacityGrid | None
) -> March:
    """BaCo at depths (rays, samples) as far as `end` (rays, 1); empty behind, where it can hide nothing, and where it is
    not `shared`."""
    point = rays.at(depth)
    # A section counts if it begins in front, so its far end is needed as well.
    in_front = pad(depth[:, :-1], (1, 0)) < end
    near = torch.nonzero(in_front.view(-1))[:, 0]
    sdf = torch.ones_like(depth)
    sdf.view(-1)[near] = scene.background_distance(point.view(-1, 3)[near])
    if shared is not None:
        # What is empty has no opacity, that is, no decrease of the distance: it stays what it was at the last sample that
        # counts, or is what it will be at the first one.
        counts = shared.lookup(scene.contract(point)) > 0
        counts[:, -1] = True
        own = torch.arange(depth.shape[1], device=depth.device)
        latest = torch.where(counts, own, 0).cummax(dim=1).values
        sdf = sdf.gather(1, torch.maximum(latest, counts.int().argmax(dim=1, keepdim=True)))
    return March(rays, depth, point, sdf, None)


@torch.no_grad()
def render_backdrop(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """BaCo's colour (rays, 3) alone, as if the object were not there."""
    colours = []
    for start in range(0, len(rays), proposals.rays_at_once):
        part = rays[start : start + proposals.rays_at_once]
        back, weights = _backdrop(scene, proposals, part, samples)
        choice = choose(weights, proposals.settings.unseen)
        sample, sdf = scene.background_sample(back.point.view(-1, 3)[choice.index])
        colour = sample_colours(scene.background.colour, back, choice, sample, sdf, None)
        total, share = sum_by_ray(back, choice, weights, colour)
        colours.append(total / share)
    return torch.cat(colours)


@torch.no_grad()
def backdrop_depth(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """Depth (rays,) at which BaCo alone has absorbed half of the ray."""
    depths = []
    for start in range(0, len(rays), proposals.rays_at_once):
        back, weights = _backdrop(scene, proposals, rays[start : start + proposals.rays_at_once], samples)
        absorbed = torch.cumsum(weights, dim=1)
        half = (absorbed < 0.5).sum(dim=1, keepdim=True).clamp(max=weights.shape[1] - 1)
        here = weights.gather(1, half)
        within = ((0.5 - absorbed.gather(1, half) + here) / here.clamp(min=1e-6)).clamp(0.0, 1.0)
        near, far = back.depth.gather(1, half), back.depth.gather(1, half + 1)
        depths.append((near + within * (far - near))[:, 0])
    return torch.cat(depths)


def _backdrop(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> tuple[March, torch.Tensor]:
    """BaCo along rays, and the weights of its sections were there nothing else."""
    back = march_background(scene, rays, background_depths(scene, proposals, rays, samples, None))
    return back, visible_weights(back.alpha(back.sdf, scene.background.sharpness))


@torch.no_grad()
def render_object_colour(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """FoCoR's own colour (rays, 3), not multiplied by its matte; black where a ray misses it."""
    out = torch.zeros_like(rays.origin)
    for start in range(0, len(rays), proposals.rays_at_once):
        part = rays[start : start + proposals.rays_at_once]
        hit, depth = foreground_depths(scene, proposals, part, samples, None)
        front = march_foreground(scene, part[hit], depth)
        weights = visible_weights(front.alpha(front.sdf, scene.foreground.sharpness))
        choice = choose(weights, proposals.settings.unseen)
        x = front.point.view(-1, 3)[choice.index]
        sample = scene.foreground.surface.sample(x, len(x))
        colour = sample_colours(scene.foreground.colour, front, choice, sample, sample.sdf, sample.normal)
        total, share = sum_by_ray(front, choice, weights, colour)
        out[start + hit] = total / share.clamp(min=1e-6)
    return out
