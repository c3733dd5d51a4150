"""Volume rendering of signed distances (Section III-C of the paper): pure functions on rays.

Shapes: [rays, samples]. Distances are positive outside an object, so the paper's Phi_b grows with the distance:
Phi_b(x) = 1 / (1 + e^{-bx}) (with the sign as printed, e^{bx}, Eq. 6 would make surfaces visible from inside only).
"""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid


def section_alpha(sdf: torch.Tensor, sharpness: torch.Tensor) -> torch.Tensor:
    """Opacity of the section between each sample and the next: [rays, samples - 1].

    Eq. 6 of the paper: alpha_i = max(1 - Phi_b(f_{i+1}) / Phi_b(f_i), 0). sdf: [rays, samples], in the order of depth;
    sharpness: b, a scalar.
    """
    log_phi = logsigmoid(sdf * sharpness)
    return 1.0 - torch.exp(torch.clamp(log_phi[:, 1:] - log_phi[:, :-1], max=0.0))


def visible_weights(alpha: torch.Tensor) -> torch.Tensor:
    """w_i = alpha_i prod_{j<i} (1 - alpha_j), for alpha in the order of depth: [rays, sections]."""
    # The product as a sum of logarithms: a GPU would have to be waited for on the way back through cumprod.
    passed = torch.exp(torch.cumsum(torch.log((1.0 - alpha).clamp(min=0.0) + 1e-7), dim=1))
    before = torch.cat((torch.ones_like(passed[:, :1]), passed[:, :-1]), dim=1)
    return alpha * before


def interleave(
    depth_a: torch.Tensor, alpha_a: torch.Tensor, depth_b: torch.Tensor, alpha_b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of the sections of two fields that share their rays, whatever lies in front of what (Eq. 7).

    depth and alpha: [rays, sections_a] and [rays, sections_b], each in order. Returns both fields' weights, in the
    sections' own order.
    """
    order = torch.argsort(torch.cat((depth_a, depth_b), dim=1), dim=1)
    weights = visible_weights(torch.cat((alpha_a, alpha_b), dim=1).gather(1, order))
    weights = torch.zeros_like(weights).scatter(1, order, weights)
    return weights[:, : depth_a.shape[1]], weights[:, depth_a.shape[1] :]


def section_mean(values: torch.Tensor) -> torch.Tensor:
    """Values of samples [rays, samples, ...] as means of neighbours: [rays, samples - 1, ...]."""
    return 0.5 * (values[:, 1:] + values[:, :-1])
