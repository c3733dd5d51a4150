"""A signed distance field over [-1, 1]^3: a hash grid and one hidden layer, with its normals in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.hash_grid import HashGrid
from surface_sos_core.fields.softplus import softplus_and_slope


@dataclass(frozen=True)
class SdfSample:
    """The field at N points.

    position (N, 3); sdf (N,), negative inside; feature (N, feature_dim), for the colour network; normal (M, 3), the
    distance's gradient at the first M of the points, not normalised.
    """

    position: torch.Tensor
    sdf: torch.Tensor
    feature: torch.Tensor
    normal: torch.Tensor


class SdfNetwork(torch.nn.Module):
    """f(x) = w . softplus(W_x x + W_h h((x + 1) / 2) + b) + c, with h a hash grid; x in [-1, 1]^3.

    hidden: units of the hidden layer. feature_dim: numbers that go to the colour network.
    radius: the field starts as a sphere around the origin, f(x) ~ |x| - radius; with outward=False the sphere is
    seen from inside, f(x) ~ radius - |x|, which suits a background.

    Initial weights: the rows of W_x are directions spread evenly over the sphere and all outputs weigh the same, since
    the mean of max(d . x, 0) over directions d is |x| / 4. W_h is normal with W_x's scale; the table starts at +-1e-4,
    so the grid adds nothing visible at first.
    """

    def __init__(
        self,
        spec: GridSpec,
        engine: Engine,
        hidden: int = 64,
        feature_dim: int = 13,
        radius: float = 0.5,
        outward: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.grid = HashGrid(spec, engine, generator)
        self.hidden = torch.nn.Linear(3 + spec.width, hidden)
        self.output = torch.nn.Linear(hidden, 1 + feature_dim)
        scale = math.sqrt(2.0 / hidden)
        length = math.sqrt(3.0) * scale  # of a row of W_x, were it normal with this scale
        sign = 1.0 if outward else -1.0
        with torch.no_grad():
            self.hidden.weight[:, :3] = length * _even_directions(hidden)
            self.hidden.weight[:, 3:].normal_(0.0, scale, generator=generator)
            self.hidden.bias.zero_()
            self.output.weight.normal_(0.0, scale, generator=generator)
            self.output.weight[0] = sign * 4.0 / (hidden * length)
            self.output.bias.zero_()
            self.output.bias[0] = -sign * radius

    def sample(self, x: torch.Tensor, normals: int = 0) -> SdfSample:
        """The field at x (N, 3), with normals at the first `normals` points; x gets no gradient.

        n = W_x^T s + J^T W_h^T s / 2 with s = w * softplus'(z) and J the grid's Jacobian; differentiable to first
        order in all parameters, without double backward.
        """
        x, grid = x.detach().contiguous(), self.grid
        if grid.engine is Engine.NUMBA:
            from surface_sos_core.fields.sdf_numba import SampleWithNormals

            sdf, feature, normal = SampleWithNormals.apply(
                *self._parameters_in_order(), x, normals, grid.spec, grid.active_levels
            )
            return SdfSample(x, sdf, feature, normal)
        place = 0.5 * (x + 1.0)
        value, slope = softplus_and_slope(self.hidden(torch.cat((x, grid.encode(place)), dim=1)))
        out = self.output(value)
        back = (slope[:normals] * self.output.weight[0]) @ self.hidden.weight
        # d(0.5 (x + 1)) / dx = 0.5
        normal = back[:, :3] + 0.5 * grid.vjp(place[:normals], back[:, 3:])
        return SdfSample(x, out[:, 0], out[:, 1:], normal)

    @torch.no_grad()
    def distance(self, x: torch.Tensor) -> torch.Tensor:
        """The distances (N,) at x (N, 3) alone, without gradients."""
        if self.grid.engine is Engine.NUMBA:
            from surface_sos_core.fields import sdf_numba

            return sdf_numba.distance(
                *self._parameters_in_order(), x, self.grid.spec, self.grid.active_levels
            )
        return self.sample(x).sdf

    def _parameters_in_order(
        self,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden, output = self.hidden, self.output
        return self.grid.table, hidden.weight, hidden.bias, output.weight, output.bias

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Signed distance (N,) and feature (N, feature_dim) at x (N, 3)."""
        sample = self.sample(x)
        return sample.sdf, sample.feature

    def sdf_and_normal(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Signed distance (N,), feature (N, feature_dim) and gradient of the distance (N, 3) at x (N, 3)."""
        sample = self.sample(x, len(x))
        return sample.sdf, sample.feature, sample.normal


def _even_directions(count: int) -> torch.Tensor:
    """(count, 3) unit vectors on a Fibonacci spiral over the sphere."""
    k = torch.arange(count, dtype=torch.float64) + 0.5
    z = 1.0 - 2.0 * k / count
    r = torch.sqrt(1.0 - z * z)
    turn = math.pi * (1.0 + math.sqrt(5.0)) * k
    return torch.stack((r * torch.cos(turn), r * torch.sin(turn), z), dim=-1).float()
