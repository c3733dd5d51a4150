"""The hash grid in plain PyTorch: any device, any number of features, autograd to any order.

It is the reference for the faster backends. All functions take x within [0, 1].
"""

from __future__ import annotations

import torch

from surface_sos_core.fields.grid_spec import PRIMES, GridSpec


def encode(table: torch.Tensor, x: torch.Tensor, spec: GridSpec, active_levels: int) -> torch.Tensor:
    """Encoding (N, levels * features) of x (N, 3); differentiable in `table` and `x`, also twice."""
    levels = []
    for level in range(active_levels):
        values, fraction = _corners(table, x, spec, level)
        weights = _axis_weights(fraction).prod(dim=-1)
        levels.append((weights[..., None] * values).sum(dim=1))
    levels.append(x.new_zeros(len(x), (spec.levels - active_levels) * spec.features))
    return torch.cat(levels, dim=1)


def vjp(
    table: torch.Tensor, x: torch.Tensor, u: torch.Tensor, spec: GridSpec, active_levels: int
) -> torch.Tensor:
    """J(x)^T u (N, 3) with J = d encode / d x, for u (N, levels * features); differentiable in `table` and `u`."""
    # Slope of each corner's weight along each axis, in cells: minus on the lower side, plus on the upper.
    sign = 2.0 * _upper(x.device).to(x.dtype) - 1.0
    total = torch.zeros_like(x)
    for level in range(active_levels):
        values, fraction = _corners(table, x, spec, level)
        wx, wy, wz = _axis_weights(fraction).unbind(-1)
        slopes = sign * torch.stack((wy * wz, wx * wz, wx * wy), dim=-1)
        share = (values * u[:, None, level * spec.features : (level + 1) * spec.features]).sum(dim=-1)
        total = total + spec.resolutions[level] * (share[..., None] * slopes).sum(dim=1)
    return total


def _upper(device: torch.device) -> torch.Tensor:
    """(8, 3): whether a cell's corner lies on the upper side along x, y, z."""
    corner = torch.arange(8, device=device)
    return torch.stack((corner & 1, corner >> 1 & 1, corner >> 2 & 1), dim=-1)


def _corners(
    table: torch.Tensor, x: torch.Tensor, spec: GridSpec, level: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (N, 8, features) at the corners of each point's cell, and its position (N, 3) in the cell, 0..1."""
    resolution = spec.resolutions[level]
    position = x * resolution
    cell = position.detach().long().clamp(0, resolution - 1)
    vertex = cell[:, None] + _upper(x.device)
    if spec.dense[level]:
        side = resolution + 1
        index = vertex[..., 0] + side * (vertex[..., 1] + side * vertex[..., 2])
    else:
        hashed = vertex[..., 0] * PRIMES[0] ^ vertex[..., 1] * PRIMES[1] ^ vertex[..., 2] * PRIMES[2]
        index = hashed & (spec.sizes[level] - 1)
    return table[spec.offsets[level] + index], position - cell


def _axis_weights(fraction: torch.Tensor) -> torch.Tensor:
    """(N, 8, 3): each corner's linear weight along each axis."""
    upper = _upper(fraction.device).bool()
    return torch.where(upper, fraction[:, None], 1.0 - fraction[:, None])
