"""Multiresolution hash grid (Müller et al., "Instant Neural Graphics Primitives", 2022): one interface, three engines.

Level l is a grid of R_l cells a side over [0, 1]^3, with R_l + 1 vertices a side and `features` numbers on each vertex.
A point's encoding is the trilinear interpolation on every level, coarse to fine. Levels whose vertices fit the table
are stored densely, the others share 2^log2_table entries by a hash.
"""

from __future__ import annotations

from types import ModuleType

import torch

from surface_sos_core.fields import hash_grid_torch
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec


class HashGrid(torch.nn.Module):
    """A trainable hash grid. `table` is (entries, features) float32, drawn uniformly from +-1e-4.

    engine: all but plain PyTorch want two features; numba's kernels must be launched from one thread at a time.
    active_levels: levels in use, coarse to fine; the others are skipped and give zeros. It may be changed at any time
    between evaluations, and stays within 0..levels.
    """

    def __init__(self, spec: GridSpec, engine: Engine, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if engine is not Engine.TORCH and spec.features != 2:
            raise ValueError(f"the {engine} hash grid has two features per level, not {spec.features}")
        self.spec = spec
        self.engine = engine
        self.active_levels = spec.levels
        self.table = torch.nn.Parameter(
            torch.empty(spec.entries, spec.features).uniform_(-1e-4, 1e-4, generator=generator)
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Encoding of points x (N, 3), clamped to [0, 1]: (N, levels * features), differentiable in `table`."""
        x = x.detach()
        if self.engine is not Engine.TORCH:
            from surface_sos_core.fields.hash_grid_steps import Encode

            return Encode.apply(self._loops(), self.table, x, self.spec, self.active_levels)
        return hash_grid_torch.encode(self.table, x.clamp(0.0, 1.0), self.spec, self.active_levels)

    def vjp(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """J(x)^T u with J = d encode / d x, for x (N, 3) and u (N, levels * features): (N, 3).

        Differentiable to first order in `table` and `u`. Coordinates outside [0, 1] have derivative zero, as the
        clamp has; on a cell's border it is the derivative of the cell above (of the last cell at 1).
        """
        x = x.detach()
        if self.engine is not Engine.TORCH:
            from surface_sos_core.fields.hash_grid_steps import Vjp

            return Vjp.apply(self._loops(), self.table, x, u, self.spec, self.active_levels)
        inside = (x >= 0.0) & (x <= 1.0)
        gradient = hash_grid_torch.vjp(self.table, x.clamp(0.0, 1.0), u, self.spec, self.active_levels)
        return gradient * inside

    def _loops(self) -> ModuleType:
        """The engine's `hash_grid_steps.Loops`, loaded when it is needed."""
        if self.engine is Engine.NUMBA:
            from surface_sos_core.fields import hash_grid_numba

            return hash_grid_numba
        from surface_sos_core.fields import hash_grid_cuda

        return hash_grid_cuda
