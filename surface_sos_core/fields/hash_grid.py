"""Multiresolution hash grid (Müller et al., "Instant Neural Graphics Primitives", 2022): one interface, three backends.

Level l is a grid of R_l cells a side over [0, 1]^3, with R_l + 1 vertices a side and `features` numbers on each vertex.
A point's encoding is the trilinear interpolation on every level, coarse to fine. Levels whose vertices fit the table
are stored densely, the others share 2^log2_table entries by a hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import torch

PRIMES = (1, 2_654_435_761, 805_459_861)  # the hash of the paper's Eq. 4
_ALIGNMENT = 8  # entries: a level starts on a cache line


@dataclass(frozen=True)
class GridSpec:
    """Shape of a hash grid.

    levels: number of resolutions. features: numbers per vertex. log2_table: a level has at most 2^log2_table entries.
    base_resolution, max_resolution: cells a side of the coarsest and the finest level, geometric in between.
    """

    levels: int
    features: int = 2
    log2_table: int = 15
    base_resolution: int = 16
    max_resolution: int = 257

    def __post_init__(self) -> None:
        if self.levels < 1 or self.features < 1 or not 1 <= self.log2_table <= 28:
            raise ValueError("a hash grid needs levels >= 1, features >= 1 and 1 <= log2_table <= 28")
        if not 1 <= self.base_resolution <= self.max_resolution < 2**20:
            raise ValueError("a hash grid needs 1 <= base_resolution <= max_resolution < 2^20")

    @property
    def width(self) -> int:
        """Numbers in an encoding."""
        return self.levels * self.features

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        """Cells a side of every level: floor(base * growth^l)."""
        if self.levels == 1:
            return (self.base_resolution,)
        ratio = self.max_resolution / self.base_resolution
        # The small addend keeps rounding from pushing the last level one cell below max_resolution.
        return tuple(
            int(self.base_resolution * ratio ** (level / (self.levels - 1)) + 1e-6)
            for level in range(self.levels)
        )

    @cached_property
    def dense(self) -> tuple[bool, ...]:
        """Whether a level stores each of its vertices, instead of hashing them."""
        return tuple((resolution + 1) ** 3 <= 2**self.log2_table for resolution in self.resolutions)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Table entries that each level uses."""
        return tuple(
            (resolution + 1) ** 3 if dense else 2**self.log2_table
            for resolution, dense in zip(self.resolutions, self.dense, strict=True)
        )

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First table entry of each level, then the number of entries in all (levels + 1 numbers)."""
        offsets = [0]
        for size in self.sizes:
            offsets.append(offsets[-1] + -(-size // _ALIGNMENT) * _ALIGNMENT)
        return tuple(offsets)

    @property
    def entries(self) -> int:
        return self.offsets[-1]


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
        from surface_sos_core.fields import hash_grid_torch

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
        from surface_sos_core.fields import hash_grid_torch

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
