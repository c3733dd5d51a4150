"""From rays to colour, matte and depth: both fields sampled where they matter and composited in order of depth.

On the CPU all samples are looked at without gradients first; only those that a ray shows are asked for colours, and only
those are learnt from. A GPU takes all of them: it is done before it could have told which ones are seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import normalize, pad

from surface_sos_core.fields import hash_grid
from surface_sos_core.fields.colour_network import ColourNetwork
from surface_sos_core.fields.contraction import contract, expand
from surface_sos_core.fields.scene import Scene
from surface_sos_core.fields.sdf_network import SdfSample
from surface_sos_core.render.depths import (
    Rays,
    background_depths,
    every_foreground_depth,
    foreground_depths,
)
from surface_sos_core.render.proposal import OpacityGrid, cell_opacity
from surface_sos_core.render.volume import interleave, section_alpha, section_mean, visible_weights
from surface_sos_core.render.volume_numba import CompositeWeights

_TRACE_STEPS = 3  # of the secant method
_CHUNK = 8192  # points at once where nothing is learnt
_UNSEEN = 1e-5  # a sample that is a smaller share than this of what its ray shows is left out


@dataclass(frozen=True)
class Proposals:
    """The two opacity grids that say where to sample."""

    foreground: OpacityGrid
    background: OpacityGrid
    rays_at_once: int = 8192
    """How many rays are rendered at once where nothing is learnt: what memory that takes."""
    shared: OpacityGrid | None = None
    """Contracted space, 0 where BaCo hides no object in `render_surface`; None: it does everywhere."""


@dataclass(frozen=True)
class Rendered:
    """What rays see, and what was asked of both fields beside it.

    colour (rays, 3): everything composited (Eq. 7); matte (rays,): share of the object; cover (rays,): what that
    would be if nothing stood before it; depth (rays,): mean depth of what is seen; front_normals, back_normals: gradients
    (M, 3) of each field's distance at some of its samples, for the Eikonal loss; front_counted (M,): 0 for gradients of
    FoCoR that lie on no ray that sees it, None where none does; front_sdf, back_sdf: each field's distances at the points
    that were asked for.
    """

    colour: torch.Tensor
    matte: torch.Tensor
    cover: torch.Tensor
    depth: torch.Tensor
    front_normals: torch.Tensor
    back_normals: torch.Tensor
    front_counted: torch.Tensor | None
    front_sdf: torch.Tensor
    back_sdf: torch.Tensor


@dataclass(frozen=True)
class _March:
    """One field looked at along rays, without gradients.

    depth, sdf: (rays, samples); point: (rays, samples, 3); hold: how far sections (rays, samples - 1) may be opaque,
    None for BaCo.
    """

    rays: Rays
    depth: torch.Tensor
    point: torch.Tensor
    sdf: torch.Tensor
    hold: torch.Tensor | None

    @cached_property
    def middle(self) -> torch.Tensor:
        """Depths (rays, samples - 1) of the sections."""
        return section_mean(self.depth)

    def alpha(self, sdf: torch.Tensor, sharpness: torch.Tensor) -> torch.Tensor:
        """Opacity (rays, samples - 1) of the sections, were `sdf` (rays, samples) the distances.

        BaCo's last section is opaque, since something ends every ray.
        """
        alpha = section_alpha(sdf, sharpness)
        if self.hold is not None:
            return alpha * self.hold
        return torch.cat((alpha[:, :-1], torch.ones_like(alpha[:, -1:])), dim=1)


@torch.no_grad()
def march_foreground(scene: Scene, rays: Rays, depth: torch.Tensor) -> _March:
    """FoCoR at depths (rays, samples)."""
    point = rays.at(depth)
    sdf = scene.foreground.surface.distance(point.view(-1, 3)).view(depth.shape)
    return _March(rays, depth, point, sdf, section_mean(scene.hold(point)))


@torch.no_grad()
def march_background(scene: Scene, rays: Rays, depth: torch.Tensor) -> _March:
    """BaCo at depths (rays, samples)."""
    point = rays.at(depth)
    return _March(rays, depth, point, scene.background_distance(point.view(-1, 3)).view(depth.shape), None)


@torch.no_grad()
def _march_in_front(
    scene: Scene, rays: Rays, depth: torch.Tensor, end: torch.Tensor, shared: OpacityGrid | None
) -> _March:
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
        counts = shared.lookup(contract(point)) > 0
        counts[:, -1] = True
        own = torch.arange(depth.shape[1], device=depth.device)
        latest = torch.where(counts, own, 0).cummax(dim=1).values
        sdf = sdf.gather(1, torch.maximum(latest, counts.int().argmax(dim=1, keepdim=True)))
    return _March(rays, depth, point, sdf, None)


@dataclass(frozen=True)
class _Choice:
    """Samples worth more than a look, as indices (M,) into the flat rays * samples.

    eikonal, seen: those for the Eikonal loss, and those whose colours count; they overlap.
    """

    index: torch.Tensor
    eikonal: slice
    seen: slice


@torch.no_grad()
def _choose(weight: torch.Tensor, eikonal_share: float = 0.0) -> _Choice:
    """The samples that are seen, and every so many of all samples for the Eikonal loss.

    weight: of the sections (rays, samples - 1). What is left out cannot be seen, and has next to no gradient: where an
    opacity is that small it hardly changes with the distance, and where the light is spent nothing matters.
    """
    seen = _sample_weight(weight).view(-1) > _UNSEEN
    each = torch.zeros_like(seen)
    if eikonal_share:
        each[:: max(1, round(1.0 / eikonal_share))] = True
    groups = [torch.nonzero(group)[:, 0] for group in (each & ~seen, each & seen, seen & ~each)]
    hidden, both = len(groups[0]), len(groups[1])
    index = torch.cat(groups)
    return _Choice(index, slice(0, hidden + both), slice(hidden, len(index)))


@dataclass(frozen=True)
class _Plan:
    """What a batch of rays is learnt from: the rays `hit` (indices) that can see FoCoR, both fields along the rays, and
    the samples chosen of each; counted: as in `Rendered`."""

    hit: torch.Tensor
    front: _March
    back: _March
    chosen_front: _Choice
    chosen_back: _Choice
    counted: torch.Tensor | None


@torch.no_grad()
def _plan_seen(
    scene: Scene, proposals: Proposals, rays: Rays, samples: tuple[int, int],
    generator: torch.Generator | None, eikonal_share: float,
) -> _Plan:  # fmt: skip
    """The samples that are seen; samples: of FoCoR and BaCo on a ray."""
    hit, depth_f = foreground_depths(scene, proposals.foreground, rays, samples[0], generator)
    depth_b = background_depths(proposals.background, rays, samples[1], generator)
    front, back = march_foreground(scene, rays[hit], depth_f), march_background(scene, rays, depth_b)
    weights = _composite(scene, hit, front, front.sdf, back, back.sdf)
    chosen_f, chosen_b = (_choose(weight, eikonal_share) for weight in weights)
    return _Plan(hit, front, back, chosen_f, chosen_b, None)


@torch.no_grad()
def _plan_all(
    scene: Scene, proposals: Proposals, rays: Rays, samples: tuple[int, int],
    generator: torch.Generator | None, eikonal_share: float,
) -> _Plan:  # fmt: skip
    """All samples of all rays, so that no tensor's shape depends on what is found; the marches' distances are not known."""
    possible, depth_f = every_foreground_depth(scene, proposals.foreground, rays, samples[0], generator)
    depth_b = background_depths(proposals.background, rays, samples[1], generator)
    point = rays.at(depth_f)
    hold = section_mean(scene.hold(point)) * possible[:, None]
    front = _March(rays, depth_f, point, torch.zeros_like(depth_f), hold)
    back = _March(rays, depth_b, rays.at(depth_b), torch.zeros_like(depth_b), None)
    chosen_f, chosen_b = (_choose_all(depth, eikonal_share) for depth in (depth_f, depth_b))
    counted = possible[chosen_f.index[chosen_f.eikonal] // samples[0]]
    hit = torch.arange(len(rays), device=depth_f.device)
    return _Plan(hit, front, back, chosen_f, chosen_b, counted)


def _choose_all(depth: torch.Tensor, eikonal_share: float) -> _Choice:
    """All samples (rays, samples), every so many of them for the Eikonal loss as well."""
    index = torch.arange(depth.numel(), device=depth.device)
    stride = max(1, round(1.0 / eikonal_share)) if eikonal_share else 1
    marked = len(index[::stride]) if eikonal_share else 0
    order = torch.cat([index[first::stride] for first in range(stride)])
    return _Choice(order, slice(0, marked), slice(0, len(index)))


def _sample_weight(weight: torch.Tensor) -> torch.Tensor:
    """Weights of samples (rays, samples) from those of sections: a section has the mean of its ends' colours."""
    return 0.5 * (pad(weight, (0, 1)) + pad(weight, (1, 0)))


def _composite(
    scene: Scene, hit: torch.Tensor, front: _March, sdf_f: torch.Tensor, back: _March, sdf_b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of FoCoR's sections on the rays `hit`, and of BaCo's on all rays, were these the distances."""
    sharp_f, sharp_b = scene.foreground.sharpness, scene.background.sharpness
    if hash_grid.default_backend(sdf_b.device) == "numba":
        return CompositeWeights.apply(
            sdf_f, sharp_f, front.hold, front.middle, hit, sdf_b, sharp_b, back.middle
        )
    return _composite_torch(hit, front, front.alpha(sdf_f, sharp_f), back, back.alpha(sdf_b, sharp_b))


def _composite_torch(
    hit: torch.Tensor, front: _March, front_alpha: torch.Tensor, back: _March, back_alpha: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    weight, behind = interleave(front.middle, front_alpha, back.middle[hit], back_alpha[hit])
    return weight, visible_weights(back_alpha).index_copy(0, hit, behind)


def _colours(
    network: ColourNetwork,
    march: _March,
    choice: _Choice,
    sample: SdfSample,
    sdf: torch.Tensor,
    normal: torch.Tensor | None,
) -> torch.Tensor:
    """Colours (M, 3) of the chosen samples that are seen; sample and sdf have the chosen ones first."""
    rows = choice.seen
    x = sample.position[rows]
    view = normalize(march.rays.direction, dim=1)
    ray = choice.index[rows] // march.depth.shape[1]
    if normal is None:
        normal = torch.zeros_like(x)
    return network(x, normal, view, sdf[rows], sample.feature[rows], ray)


def _sum_by_ray(
    march: _March, choice: _Choice, weight: torch.Tensor, colour: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over each ray's seen samples: weights times colours (rays, 3), and the weights alone (rays, 1)."""
    index = choice.index[choice.seen]
    w = _sample_weight(weight).view(-1)[index][:, None]
    ray = index // march.depth.shape[1]
    nothing = torch.zeros(len(march.depth), 4, device=w.device)
    total = nothing.index_add(0, ray, torch.cat((w * colour, w), dim=1))
    return total[:, :3], total[:, 3:]


def render(
    scene: Scene,
    proposals: Proposals,
    rays: Rays,
    foreground_samples: int,
    background_samples: int,
    generator: torch.Generator | None,
    eikonal_share: float,
    front_points: torch.Tensor,
    back_points: torch.Tensor,
) -> Rendered:
    """Colour and matte of rays, and the fields' distances at further points (N, 3) in box coordinates, to learn from."""
    plan_of = _plan_seen if hash_grid.default_backend(rays.origin.device) == "numba" else _plan_all
    samples = foreground_samples, background_samples
    plan = plan_of(scene, proposals, rays, samples, generator, eikonal_share)
    hit, front, back = plan.hit, plan.front, plan.back
    choice_f, choice_b = plan.chosen_front, plan.chosen_back
    count_f, count_b = len(choice_f.index), len(choice_b.index)

    x = torch.cat((front.point.view(-1, 3)[choice_f.index], front_points))
    sample_f = scene.foreground.surface.sample(x, count_f)
    normal = sample_f.normal
    colour_f = _colours(
        scene.foreground.colour, front, choice_f, sample_f, sample_f.sdf, normal[choice_f.seen]
    )
    x = torch.cat((back.point.view(-1, 3)[choice_b.index], back_points))
    sample_b, sdf_b = scene.background_sample(x, choice_b.eikonal.stop)
    colour_b = _colours(scene.background.colour, back, choice_b, sample_b, sdf_b, None)

    renewed_f = front.sdf.view(-1).index_copy(0, choice_f.index, sample_f.sdf[:count_f]).view_as(front.depth)
    renewed_b = back.sdf.view(-1).index_copy(0, choice_b.index, sdf_b[:count_b]).view_as(back.depth)
    weight_f, weight_b = _composite(scene, hit, front, renewed_f, back, renewed_b)
    sum_f, share_f = _sum_by_ray(front, choice_f, weight_f, colour_f)
    sum_b, share_b = _sum_by_ray(back, choice_b, weight_b, colour_b)
    # What was left out counts as the mean of the rest.
    share = share_b.index_add(0, hit, share_f).clamp(min=1e-6)
    depth = (weight_b * back.middle).sum(1).index_add(0, hit, (weight_f * front.middle).sum(1))
    alone = visible_weights(front.alpha(renewed_f, scene.foreground.sharpness)).sum(1)
    return Rendered(
        sum_b.index_add(0, hit, sum_f) / share,
        torch.zeros_like(depth).index_copy(0, hit, weight_f.sum(1)),
        torch.zeros_like(depth).index_copy(0, hit, alone),
        depth,
        normal[choice_f.eikonal],
        sample_b.normal,
        plan.counted,
        sample_f.sdf[count_f:],
        sample_b.sdf[count_b:],
    )


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
        hit, depth_f = foreground_depths(scene, proposals.foreground, part, foreground_samples, None)
        if len(hit) == 0:
            continue
        front = march_foreground(scene, part[hit], depth_f)
        depth_b = background_depths(proposals.background, part[hit], background_samples, None)
        back = _march_in_front(scene, part[hit], depth_b, depth_f[:, -1:], proposals.shared)
        every = torch.arange(len(hit), device=hit.device)
        weight, _ = _composite(scene, every, front, front.sdf, back, back.sdf)
        share = weight.sum(1)
        matte[start + hit] = share
        depth[start + hit] = (weight * front.middle).sum(1) / share.clamp(min=1e-6)
    return Surface(matte, depth)


@torch.no_grad()
def render_backdrop(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """BaCo's colour (rays, 3) alone, as if the object were not there."""
    colours = []
    for start in range(0, len(rays), proposals.rays_at_once):
        part = rays[start : start + proposals.rays_at_once]
        back, weights = _backdrop(scene, proposals, part, samples)
        choice = _choose(weights)
        sample, sdf = scene.background_sample(back.point.view(-1, 3)[choice.index])
        colour = _colours(scene.background.colour, back, choice, sample, sdf, None)
        total, share = _sum_by_ray(back, choice, weights, colour)
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


def _backdrop(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> tuple[_March, torch.Tensor]:
    """BaCo along rays, and the weights of its sections were there nothing else."""
    back = march_background(scene, rays, background_depths(proposals.background, rays, samples, None))
    return back, visible_weights(back.alpha(back.sdf, scene.background.sharpness))


@torch.no_grad()
def render_object_colour(scene: Scene, proposals: Proposals, rays: Rays, samples: int) -> torch.Tensor:
    """FoCoR's own colour (rays, 3), not multiplied by its matte; black where a ray misses it."""
    out = torch.zeros_like(rays.origin)
    for start in range(0, len(rays), proposals.rays_at_once):
        part = rays[start : start + proposals.rays_at_once]
        hit, depth = foreground_depths(scene, proposals.foreground, part, samples, None)
        front = march_foreground(scene, part[hit], depth)
        weights = visible_weights(front.alpha(front.sdf, scene.foreground.sharpness))
        choice = _choose(weights)
        x = front.point.view(-1, 3)[choice.index]
        sample = scene.foreground.surface.sample(x, len(x))
        colour = _colours(scene.foreground.colour, front, choice, sample, sample.sdf, sample.normal)
        total, share = _sum_by_ray(front, choice, weights, colour)
        out[start + hit] = total / share.clamp(min=1e-6)
    return out


@torch.no_grad()
def surface_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Unit gradients (N, 3) of FoCoR's distance at points (N, 3), all in box coordinates."""
    parts = [scene.foreground.surface.sdf_and_normal(x)[2] for x in points.split(_CHUNK)]
    return torch.nn.functional.normalize(torch.cat(parts) if parts else points, dim=1)


@torch.no_grad()
def trace_surface(scene: Scene, rays: Rays, guess: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Depths (rays,) of FoCoR's surface near guesses (rays,), by the secant method, and how far off it (rays,) they are.

    The distance says how far to go at first; off is in box units.
    """
    speed = torch.linalg.vector_norm(rays.direction, dim=1)
    before, sdf_before = guess, _distance_at(scene, rays, guess)
    depth = guess + sdf_before / speed
    sdf = _distance_at(scene, rays, depth)
    for _ in range(_TRACE_STEPS):
        change = sdf - sdf_before
        step = torch.where(change.abs() > 1e-9, -sdf * (depth - before) / change, torch.zeros_like(sdf))
        before, sdf_before = depth, sdf
        depth = depth + step.clamp(-sdf.abs() * 4 / speed, sdf.abs() * 4 / speed)
        sdf = _distance_at(scene, rays, depth)
    return depth, sdf.abs()


def _distance_at(scene: Scene, rays: Rays, depth: torch.Tensor) -> torch.Tensor:
    return scene.foreground.surface.distance(rays.at(depth[:, None])[:, 0])


def learn_proposals(
    scene: Scene, proposals: Proposals, count: int, generator: torch.Generator | None
) -> None:
    """Look at `count` random places of each field and note how opaque they are."""
    with torch.no_grad():
        grid = proposals.foreground
        x = grid.draw_cells(count, generator)
        x = x[scene.hold_lookup(x) > 0]
        sdf = scene.foreground.surface.distance(x)
        grid.learn(x, cell_opacity(sdf, 0.5 * grid.cell, scene.foreground.sharpness))
        grid = proposals.background
        y = grid.draw_cells(count, generator)
        y = y[torch.linalg.vector_norm(y, dim=1) < 1.0]
        sdf = scene.background_distance(expand(y))
        grid.learn(y, cell_opacity(sdf, 0.5 * grid.cell, scene.background.sharpness))
