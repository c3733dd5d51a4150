"""The device that tensors live on, and why that one."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from surface_sos_core.errors import InputError, SetupError


def choose_device(name: str) -> torch.device:
    """The device called auto (a CUDA GPU where there is one), cpu or cuda.

    Raises SetupError for cuda where there is none, and InputError for any other name.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"There is no device called {name!r}; choose auto, cpu or cuda.")
    if name == "cpu":
        return torch.device("cpu")
    obstacle = cuda_obstacle()
    if obstacle is None:
        return torch.device("cuda")
    if name == "cuda":
        raise SetupError(f"The device cuda cannot be used: {obstacle}; --device cpu works without a GPU.")
    return torch.device("cpu")


def on_device(values: np.ndarray, device: torch.device) -> torch.Tensor:
    """The same numbers there. A GPU fetches them when it gets to it, from page-locked memory: nobody waits for it."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def cuda_obstacle() -> str | None:
    """Why PyTorch cannot use a CUDA GPU here, or None where it can."""
    with warnings.catch_warnings(record=True) as told:  # an old driver is told as a Python warning
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return None
    if torch.version.cuda is None:
        return f"this PyTorch ({torch.__version__}) is built without CUDA"
    if told:
        return " ".join(str(told[-1].message).split())
    return f"PyTorch {torch.__version__} for CUDA {torch.version.cuda} finds no NVIDIA GPU"
