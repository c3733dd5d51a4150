"""Both fields along rays: looked at without gradients first, the samples worth more picked out, opacities composited."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import normalize, pad

from surface_sos_core.fields.colour_network import ColourNetwork
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.scene import Scene
from surface_sos_core.fields.sdf_network import SdfSample
from surface_sos_core.render.rays import Rays
from surface_sos_core.render.volume import interleave, section_alpha, section_mean, visible_weights
from surface_sos_core.render.volume_numba import CompositeWeights


@dataclass(frozen=True)
class March:
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
def march_foreground(scene: Scene, rays: Rays, depth: torch.Tensor) -> March:
    """FoCoR at depths (rays, samples)."""
    point = rays.at(depth)
    sdf = scene.foreground.surface.distance(point.view(-1, 3)).view(depth.shape)
    return March(rays, depth, point, sdf, section_mean(scene.hold(point)))


@torch.no_grad()
def march_background(scene: Scene, rays: Rays, depth: torch.Tensor) -> March:
    """BaCo at depths (rays, samples)."""
    point = rays.at(depth)
    return March(rays, depth, point, scene.background_distance(point.view(-1, 3)).view(depth.shape), None)


@dataclass(frozen=True)
class Choice:
    """Samples worth more than a look, as indices (M,) into the flat rays * samples.

    eikonal, seen: those for the Eikonal loss, and those whose colours count; they overlap.
    """

    index: torch.Tensor
    eikonal: slice
    seen: slice


@torch.no_grad()
def choose(weight: torch.Tensor, unseen: float, eikonal_share: float = 0.0) -> Choice:
    """The samples that are seen, and every so many of all samples for the Eikonal loss.

    weight: of the sections (rays, samples - 1); unseen: share of its ray up to which a sample is left out. That cannot be
    seen, and has next to no gradient: where an opacity is so small it hardly changes with the distance, and where the
    light is spent nothing matters.
    """
    seen = _sample_weight(weight).view(-1) > unseen
    each = torch.zeros_like(seen)
    if eikonal_share:
        each[:: max(1, round(1.0 / eikonal_share))] = True
    groups = [torch.nonzero(group)[:, 0] for group in (each & ~seen, each & seen, seen & ~each)]
    hidden, both = len(groups[0]), len(groups[1])
    index = torch.cat(groups)
    return Choice(index, slice(0, hidden + both), slice(hidden, len(index)))


def choose_all(depth: torch.Tensor, eikonal_share: float) -> Choice:
    """All samples (rays, samples), every so many of them for the Eikonal loss as well."""
    index = torch.arange(depth.numel(), device=depth.device)
    stride = max(1, round(1.0 / eikonal_share)) if eikonal_share else 1
    marked = len(index[::stride]) if eikonal_share else 0
    order = torch.cat([index[first::stride] for first in range(stride)])
    return Choice(order, slice(0, marked), slice(0, len(index)))


def composite(
    scene: Scene, hit: torch.Tensor, front: March, sdf_f: torch.Tensor, back: March, sdf_b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of FoCoR's sections on the rays `hit`, and of BaCo's on all rays, were these the distances."""
    sharp_f, sharp_b = scene.foreground.sharpness, scene.background.sharpness
    if scene.engine is Engine.NUMBA:
        return CompositeWeights.apply(
            sdf_f, sharp_f, front.hold, front.middle, hit, sdf_b, sharp_b, back.middle
        )
    return _composite_torch(hit, front, front.alpha(sdf_f, sharp_f), back, back.alpha(sdf_b, sharp_b))


def _composite_torch(
    hit: torch.Tensor, front: March, front_alpha: torch.Tensor, back: March, back_alpha: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    weight, behind = interleave(front.middle, front_alpha, back.middle[hit], back_alpha[hit])
    return weight, visible_weights(back_alpha).index_copy(0, hit, behind)


def _sample_weight(weight: torch.Tensor) -> torch.Tensor:
    """Weights of samples (rays, samples) from those of sections: a section has the mean of its ends' colours."""
    return 0.5 * (pad(weight, (0, 1)) + pad(weight, (1, 0)))


def sample_colours(
    network: ColourNetwork,
    march: March,
    choice: Choice,
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


def sum_by_ray(
    march: March, choice: Choice, weight: torch.Tensor, colour: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums over each ray's seen samples: weights times colours (rays, 3), and the weights alone (rays, 1)."""
    index = choice.index[choice.seen]
    w = _sample_weight(weight).view(-1)[index][:, None]
    ray = index // march.depth.shape[1]
    nothing = torch.zeros(len(march.depth), 4, device=w.device)
    total = nothing.index_add(0, ray, torch.cat((w * colour, w), dim=1))
    return total[:, :3], total[:, 3:]
