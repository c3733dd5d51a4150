"""What computes the fields and what is rendered of them: chosen once for a scene, and handed down by it."""

from __future__ import annotations

from enum import StrEnum

import torch


class Engine(StrEnum):
    """How a scene is computed. Each says the same but for rounding."""

    TORCH = "torch"
    """Plain PyTorch on any device: what the other two are held against."""
    NUMBA = "numba"
    """Compiled loops on the CPU: hash grids, SDF steps, lookups, depths and compositing."""
    CUDA = "cuda"
    """Kernels for hash grids on an NVIDIA GPU; plain PyTorch for all else."""

    @staticmethod
    def fastest(device: torch.device | str) -> Engine:
        """The compiled loops on the CPU; on a GPU its kernels where their self-check passes, else plain PyTorch."""
        if torch.device(device).type == "cpu":
            return Engine.NUMBA
        return Engine.TORCH if cuda_obstacle() else Engine.CUDA


def cuda_obstacle() -> str | None:
    """Why `Engine.CUDA` cannot be used here, or None where it can; found out once."""
    from surface_sos_core.fields import hash_grid_cuda

    return hash_grid_cuda.obstacle()
