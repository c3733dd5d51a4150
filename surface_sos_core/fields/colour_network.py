"""Colour of a surface point as seen from a direction."""

from __future__ import annotations

import torch
from torch import relu_


class ColourNetwork(torch.nn.Module):
    """(x, normal, direction, sdf, feature) -> two hidden ReLU layers -> sigmoid -> RGB in 0..1.

    feature_dim: numbers from the SDF network. hidden: units a layer. bands: bands of the direction's spherical
    harmonics, 1 to 4.
    """

    def __init__(self, feature_dim: int = 13, hidden: int = 64, bands: int = 4) -> None:
        super().__init__()
        self.bands = bands
        self.first = torch.nn.Linear(3 + 3 + bands * bands + 1 + feature_dim, hidden)
        self.second = torch.nn.Linear(hidden, hidden)
        self.output = torch.nn.Linear(hidden, 3)

    def forward(
        self,
        x: torch.Tensor,
        normal: torch.Tensor,
        direction: torch.Tensor,
        sdf: torch.Tensor,
        feature: torch.Tensor,
        ray: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """RGB (N, 3) at x (N, 3) with normal (N, 3), sdf (N,) and feature (N, feature_dim).

        direction: unit viewing directions (N, 3); or (R, 3) with `ray` (N,), each point's index into them, so that
        points on one ray share the encoding.
        """
        view = sh_encode(direction, self.bands)
        if ray is not None:
            view = view.index_select(0, ray)
        first = self.first(torch.cat((x, normal, view, sdf[:, None], feature), dim=1))
        return torch.sigmoid(self.output(relu_(self.second(relu_(first)))))


def sh_encode(direction: torch.Tensor, bands: int) -> torch.Tensor:
    """Real orthonormal spherical harmonics of unit vectors (N, 3): (N, bands^2), band by band, m = -l..l.

    bands: 1 to 4 (degrees 0 to 3). Polynomials as in Sloan, "Stupid Spherical Harmonics Tricks" (2008), without the
    Condon-Shortley phase.
    """
    if not 1 <= bands <= 4:
        raise ValueError(f"spherical harmonics have 1 to 4 bands here, not {bands}")
    x, y, z = direction.unbind(-1)
    values = [torch.full_like(x, 0.28209479177387814)]
    if bands > 1:
        values += [0.4886025119029199 * y, 0.4886025119029199 * z, 0.4886025119029199 * x]
    if bands > 2:
        values += [
            1.0925484305920792 * x * y,
            1.0925484305920792 * y * z,
            0.31539156525252005 * (3.0 * z * z - 1.0),
            1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ]
    if bands > 3:
        values += [
            0.5900435899266435 * y * (3.0 * x * x - y * y),
            2.890611442640554 * x * y * z,
            0.4570457994644658 * y * (5.0 * z * z - 1.0),
            0.3731763325901154 * z * (5.0 * z * z - 3.0),
            0.4570457994644658 * x * (5.0 * z * z - 1.0),
            1.445305721320277 * z * (x * x - y * y),
            0.5900435899266435 * x * (x * x - 3.0 * y * y),
        ]
    return torch.stack(values, dim=-1)
