"""The scene box around the object, and the similarity that it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Box:
    """An oriented box in the world; the method's own space is the cube [-1, 1]^3 that its similarity maps it
    into.

    centre (3,) and half (3,) in world units; rotation (3, 3), columns are the box's axes in the world. The
    similarity scales by 1 / max(half), so that the box itself ends at `extent` <= 1 on each axis.
    """

    centre: np.ndarray
    half: np.ndarray
    rotation: np.ndarray

    @property
    def scale(self) -> float:
        """World to box."""
        return 1.0 / float(np.max(self.half))

    @property
    def extent(self) -> np.ndarray:
        """(3,) half sizes in box coordinates, the largest 1."""
        return self.half * self.scale

    @cached_property
    def similarity(self) -> np.ndarray:
        """(4, 4) matrix from world to box coordinates."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation.T * self.scale
        matrix[:3, 3] = -matrix[:3, :3] @ self.centre
        return matrix

    def to_box(self, world: np.ndarray) -> np.ndarray:
        """Box coordinates (N, 3) of world points (N, 3)."""
        return (np.asarray(world, dtype=np.float64) - self.centre) @ self.rotation * self.scale

    def between(self, low: np.ndarray, high: np.ndarray) -> Box:
        """The box from one corner (3,) to the other, both from this one's centre, along its axes, in world units."""
        return Box(self.centre + self.rotation @ ((low + high) / 2), (high - low) / 2, self.rotation)

    def cells_to_world(self, cells: np.ndarray, size: int) -> np.ndarray:
        """World places (N, 3) of the middles of cells (N, 3), by number, of a grid of `size` a side over the whole box."""
        return self.to_world(((cells + 0.5) / size * 2 - 1) * self.extent)

    def to_world(self, box: np.ndarray) -> np.ndarray:
        """World points (N, 3) of box coordinates (N, 3)."""
        return np.asarray(box, dtype=np.float64) @ self.rotation.T / self.scale + self.centre

    def contains(self, world: np.ndarray) -> np.ndarray:
        """(N,) bool: the world points (N, 3) inside."""
        return np.all(np.abs(self.to_box(world)) <= self.extent, axis=1)
