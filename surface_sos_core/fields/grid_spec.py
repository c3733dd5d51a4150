"""The shape of a multiresolution hash grid: which levels it has, and where their entries lie in the table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

PRIMES = (1, 2_654_435_761, 805_459_861)  # the hash of Müller et al. (2022), Eq. 4
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
