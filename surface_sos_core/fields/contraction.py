"""All of space inside a cube, for a background without an end."""

from __future__ import annotations

import torch


def contract(x: torch.Tensor) -> torch.Tensor:
    """x (..., 3) -> (..., 3) with norm below 1: x / 2 inside the unit ball, (1 - 1 / (2 |x|)) x / |x| outside.

    Eq. 10 of mip-NeRF 360 (Barron et al., CVPR 2022), halved. The map and its first derivative are continuous along x.
    `Scene.contract` is the same by the scene's engine.
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-9)
    return torch.where(norm <= 1.0, 0.5 * x, (1.0 - 0.5 / norm) * x / norm)


def expand(y: torch.Tensor) -> torch.Tensor:
    """The inverse of `contract`, for y (..., 3) with norm below 1."""
    norm = torch.linalg.vector_norm(y, dim=-1, keepdim=True).clamp(min=1e-9)
    return torch.where(norm <= 0.5, 2.0 * y, 0.5 * y / (norm * (1.0 - norm).clamp(min=1e-6)))
