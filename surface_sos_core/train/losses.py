"""The terms of the loss (Section III-D of the paper): pure functions of what was rendered."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy

_CERTAIN = 1e-3  # of a matte: nearer to 0 and 1 the cross entropy would grow without bounds


def colour_loss(rendered: torch.Tensor, plate: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of colours (rays, 3)."""
    return torch.mean((rendered - plate) ** 2)


def eikonal_loss(normals: torch.Tensor, counted: torch.Tensor | None = None) -> torch.Tensor:
    """mean (|n| - 1)^2 over gradients (N, 3) of a distance, or over those that are counted (N,) as 1 and not as 0.

    Gropp et al., ICML 2020.
    """
    error = (torch.linalg.vector_norm(normals, dim=1) - 1.0) ** 2
    return error.mean() if counted is None else (error * counted).sum() / counted.sum().clamp(min=1.0)


def sparsity_loss(sdf: torch.Tensor, tau: float) -> torch.Tensor:
    """mean exp(-tau |sdf|) over distances (N,): no surface where nothing asks for one."""
    return torch.mean(torch.exp(-tau * sdf.abs()))


def core_loss(sdf: torch.Tensor, sure: torch.Tensor) -> torch.Tensor:
    """Mean of max(sdf, 0) over distances (N,), weighted by how surely (N,) the place is the object's: no hollow there.

    BaCo is empty where m^P is sure of the object (Section III-B of the paper), so FoCoR has to be solid: colours alone let
    parts that few frames see become half transparent.
    """
    return (sure * torch.relu(sdf)).sum() / sure.sum().clamp(min=1.0)


def mask_loss(matte: torch.Tensor, mask: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of a matte (rays,) against a mask (rays,), weighted by the trust (rays,) in each pixel."""
    entropy = binary_cross_entropy(matte.clamp(_CERTAIN, 1.0 - _CERTAIN), mask, reduction="none")
    return (entropy * trust).sum() / trust.sum().clamp(min=1.0)


def area_loss(cover: torch.Tensor) -> torch.Tensor:
    """Mean of how opaque the object is by itself (rays,): of two surfaces that explain the colours as well, the smaller one.

    A surface that starts too large can paint its rim in the background's colours, and then nothing else moves it. Not of
    the matte, which the background could make smaller by standing in front.
    """
    return cover.mean()


def point_loss(sdf: torch.Tensor) -> torch.Tensor:
    """mean |sdf| (N,) at sparse points that cameras triangulated: they lie on a surface (Fu et al., Geo-Neus, 2022)."""
    return sdf.abs().mean() if len(sdf) else sdf.sum()


def depth_loss(rendered: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Relative error of depth (rays,) where it is known (known > 0), no ray counting for more than 1.

    Sparse points as depth supervision follow Deng et al. (DS-NeRF, CVPR 2022).
    """
    has = known > 0
    # Chosen by weight: to pick rays out, a GPU would have to be waited for.
    error = torch.where(has, rendered / torch.where(has, known, 1.0) - 1.0, 0.0).abs()
    return torch.tanh(error).sum() / has.sum().clamp(min=1)
