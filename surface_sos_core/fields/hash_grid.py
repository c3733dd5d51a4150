"""Multiresolution hash grid (Müller et al., "Instant Neural Graphics Primitives", 2022): one interface, three backends.

Level l is a grid of R_l cells a side over [0, 1]^3, with R_l + 1 vertices a side and `features` numbers on each vertex.
A point's encoding is the trilinear interpolation on every level, coarse to fine. Levels whose vertices fit the table
are stored densely, the others share 2^log2_table entries by a hash.
"""

from __future__ import annotations

from types import ModuleType

import torch

from surface_sos_core.fields import hash_grid_torch
from surface_sos_core.fields.grid_spec import GridSpec


def default_backend(device: torch.device | str) -> str:
    """The fastest backend for a device: "numba" on the CPU; on a GPU "cuda" where its self-check passes, else "torch".

    Not for grids alone: whatever has compiled loops beside its plain twin in PyTorch asks here which of them to take.
    """
    if torch.device(device).type == "cpu":
        return "numba"
    return "torch" if cuda_obstacle() else "cuda"


def cuda_obstacle() -> str | None:
    """Why the backend "cuda" cannot be used here, or None where it can; found out once."""
    from surface_sos_core.fields import hash_grid_cuda

    return hash_grid_cuda.obstacle()


class HashGrid(torch.nn.Module):
    """A trainable hash grid. `table` is (entries, features) float32, drawn uniformly from +-1e-4.

    backend: "torch" (any device), "numba" (CPU, two features; its kernels must be launched from one thread at a time) or
    "cuda" (NVIDIA GPU, two features). active_levels: levels in use, coarse to fine; the others are skipped and give zeros. It may be changed at
    any time between evaluations, and stays within 0..levels.
    """

    def __init__(self, spec: GridSpec, backend: str, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if backend not in ("torch", "numba", "cuda"):
            raise ValueError(f"unknown hash grid backend {backend!r}: use 'torch', 'numba' or 'cuda'")
        if backend != "torch" and spec.features != 2:
            raise ValueError(f"the {backend} hash grid has two features per level, not {spec.features}")
        self.spec = spec
        self.backend = backend
        self.active_levels = spec.levels
        self.table = torch.nn.Parameter(
            torch.empty(spec.entries, spec.features).uniform_(-1e-4, 1e-4, generator=generator)
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Encoding of points x (N, 3), clamped to [0, 1]: (N, levels * features), differentiable in `table`."""
        x = x.detach()
        if self.backend != "torch":
            from surface_sos_core.fields.hash_grid_steps import Encode

            return Encode.apply(self._loops(), self.table, x, self.spec, self.active_levels)
        return hash_grid_torch.encode(self.table, x.clamp(0.0, 1.0), self.spec, self.active_levels)

    def vjp(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """J(x)^T u with J = d encode / d x, for x (N, 3) and u (N, levels * features): (N, 3).

        Differentiable to first order in `table` and `u`. Coordinates outside [0, 1] have derivative zero, as the
        clamp has; on a cell's border it is the derivative of the cell above (of the last cell at 1).
        """
        x = x.detach()
        if self.backend != "torch":
            from surface_sos_core.fields.hash_grid_steps import Vjp

            return Vjp.apply(self._loops(), self.table, x, u, self.spec, self.active_levels)
        inside = (x >= 0.0) & (x <= 1.0)
        gradient = hash_grid_torch.vjp(self.table, x.clamp(0.0, 1.0), u, self.spec, self.active_levels)
        return gradient * inside

    def _loops(self) -> ModuleType:
        """The backend's `hash_grid_steps.Loops`, loaded when it is needed."""
        if self.backend == "numba":
            from surface_sos_core.fields import hash_grid_numba

            return hash_grid_numba
        from surface_sos_core.fields import hash_grid_cuda

        return hash_grid_cuda
