"""Rays to learn from: colour, matte and depth with their gradients, and what else the losses ask of both fields.

On the CPU only the samples that a ray shows are asked for colours, and only those are learnt from. A GPU takes all of
them: it is done before it could have told which ones are seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.depths import background_depths, every_foreground_depth, foreground_depths
from surface_sos_core.render.march import (
    Choice,
    March,
    choose,
    choose_all,
    composite,
    march_background,
    march_foreground,
    sample_colours,
    sum_by_ray,
)
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import Rays
from surface_sos_core.render.volume import section_mean, visible_weights


@dataclass(frozen=True)
class Rendered:
    """What rays see, and what was asked of both fields beside it. M and N differ from field to field."""

    colour: torch.Tensor
    """(rays, 3): everything composited (Eq. 7)."""
    matte: torch.Tensor
    """(rays,): share of the object."""
    cover: torch.Tensor
    """(rays,): what that would be if nothing stood before it."""
    depth: torch.Tensor
    """(rays,): mean depth of what is seen."""
    front_normals: torch.Tensor
    """(M, 3): gradients of FoCoR's distance at some of its samples, for the Eikonal loss."""
    front_counted: torch.Tensor | None
    """(M,): 0 for those that lie on no ray that sees FoCoR; None where all count."""
    back_normals: torch.Tensor
    """(M, 3): gradients of BaCo's distance at some of its samples."""
    front_sdf: torch.Tensor
    """(N,): FoCoR's distances at the points that were asked for."""
    back_sdf: torch.Tensor
    """(N,): BaCo's."""


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
    plan_of = _plan_seen if scene.engine is Engine.NUMBA else _plan_all
    samples = foreground_samples, background_samples
    plan = plan_of(scene, proposals, rays, samples, generator, eikonal_share)
    hit, front, back = plan.hit, plan.front, plan.back
    choice_f, choice_b = plan.chosen_front, plan.chosen_back
    count_f, count_b = len(choice_f.index), len(choice_b.index)

    x = torch.cat((front.point.view(-1, 3)[choice_f.index], front_points))
    sample_f = scene.foreground.surface.sample(x, count_f)
    normal = sample_f.normal
    colour_f = sample_colours(
        scene.foreground.colour, front, choice_f, sample_f, sample_f.sdf, normal[choice_f.seen]
    )
    x = torch.cat((back.point.view(-1, 3)[choice_b.index], back_points))
    sample_b, sdf_b = scene.background_sample(x, choice_b.eikonal.stop)
    colour_b = sample_colours(scene.background.colour, back, choice_b, sample_b, sdf_b, None)

    renewed_f = front.sdf.view(-1).index_copy(0, choice_f.index, sample_f.sdf[:count_f]).view_as(front.depth)
    renewed_b = back.sdf.view(-1).index_copy(0, choice_b.index, sdf_b[:count_b]).view_as(back.depth)
    weight_f, weight_b = composite(scene, hit, front, renewed_f, back, renewed_b)
    sum_f, share_f = sum_by_ray(front, choice_f, weight_f, colour_f)
    sum_b, share_b = sum_by_ray(back, choice_b, weight_b, colour_b)
    # What was left out counts as the mean of the rest.
    share = share_b.index_add(0, hit, share_f).clamp(min=1e-6)
    depth = (weight_b * back.middle).sum(1).index_add(0, hit, (weight_f * front.middle).sum(1))
    alone = visible_weights(front.alpha(renewed_f, scene.foreground.sharpness)).sum(1)
    return Rendered(
        colour=sum_b.index_add(0, hit, sum_f) / share,
        matte=torch.zeros_like(depth).index_copy(0, hit, weight_f.sum(1)),
        cover=torch.zeros_like(depth).index_copy(0, hit, alone),
        depth=depth,
        front_normals=normal[choice_f.eikonal],
        front_counted=plan.counted,
        back_normals=sample_b.normal,
        front_sdf=sample_f.sdf[count_f:],
        back_sdf=sample_b.sdf[count_b:],
    )


@dataclass(frozen=True)
class _Plan:
    """What a batch of rays is learnt from: the rays `hit` (indices) that can see FoCoR, both fields along the rays, and
    the samples chosen of each; counted: as in `Rendered`."""

    hit: torch.Tensor
    front: March
    back: March
    chosen_front: Choice
    chosen_back: Choice
    counted: torch.Tensor | None


@torch.no_grad()
def _plan_seen(
    scene: Scene, proposals: Proposals, rays: Rays, samples: tuple[int, int],
    generator: torch.Generator | None, eikonal_share: float,
) -> _Plan:  # fmt: skip
    """The samples that are seen; samples: of FoCoR and BaCo on a ray."""
    hit, depth_f = foreground_depths(scene, proposals, rays, samples[0], generator)
    depth_b = background_depths(scene, proposals, rays, samples[1], generator)
    front, back = march_foreground(scene, rays[hit], depth_f), march_background(scene, rays, depth_b)
    weights = composite(scene, hit, front, front.sdf, back, back.sdf)
    chosen_f, chosen_b = (choose(weight, proposals.settings.unseen, eikonal_share) for weight in weights)
    return _Plan(hit, front, back, chosen_f, chosen_b, None)


@torch.no_grad()
def _plan_all(
    scene: Scene, proposals: Proposals, rays: Rays, samples: tuple[int, int],
    generator: torch.Generator | None, eikonal_share: float,
) -> _Plan:  # fmt: skip
    """All samples of all rays, so that no tensor's shape depends on what is found; the marches' distances are not known."""
    possible, depth_f = every_foreground_depth(scene, proposals, rays, samples[0], generator)
    depth_b = background_depths(scene, proposals, rays, samples[1], generator)
    point = rays.at(depth_f)
    hold = section_mean(scene.hold(point)) * possible[:, None]
    front = March(rays, depth_f, point, torch.zeros_like(depth_f), hold)
    back = March(rays, depth_b, rays.at(depth_b), torch.zeros_like(depth_b), None)
    chosen_f, chosen_b = (choose_all(depth, eikonal_share) for depth in (depth_f, depth_b))
    counted = possible[chosen_f.index[chosen_f.eikonal] // samples[0]]
    hit = torch.arange(len(rays), device=depth_f.device)
    return _Plan(hit, front, back, chosen_f, chosen_b, counted)
