"""What clean plates show where no frame saw the background, by the setting plate.fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from surface_sos_core.errors import InputError
from surface_sos_core.layers.inpainting import Inpainting
from surface_sos_core.layers.texture_fill import fill_texture
from surface_sos_core.settings import Settings

Fill = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray]]
"""A picture (H, W, 3) float32 display values, its hole (H, W) bool, what of the rest is background (H, W) bool, and how deep places
are, as `fill_texture` takes it, to the same picture filled, and what of the hole is not (H, W)."""


@dataclass(frozen=True)
class Fills:
    """How pictures square onto planes and key frames are filled, and what is left in other frames; None for smooth, that is, not at
    all."""

    square: Fill | None
    key: Fill | None
    frame: Fill | None


def network_of(method: str) -> Path | None:
    """The file of plate.fill; None for texture and smooth. Raises InputError for another word, or a file that is not there."""
    if method in ("texture", "smooth"):
        return None
    path = Path(method)
    if path.suffix.lower() != ".onnx":
        raise InputError(
            f"--fill {method} is none; give texture, smooth or an inpainting network, MODEL.onnx."
        )
    if not path.is_file():
        raise InputError(f"{path} is no file; check --fill.")
    return path


def open_fills(settings: Settings) -> Fills:
    """The fills that plate.fill asks for; raises InputError for a network that cannot be used."""
    if settings.plate.fill == "smooth":
        return Fills(None, None, None)
    path = network_of(settings.plate.fill)
    texture = partial(_texture, settings)
    if path is None:
        return Fills(partial(_texture, settings.with_values({"fill.near": settings.fill.near_square})), texture, texture)
    network = partial(_network, Inpainting(path))
    return Fills(network, network, texture)


def _texture(
    settings: Settings, picture: np.ndarray, hole: np.ndarray, known: np.ndarray, deep: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    return fill_texture(picture, hole, known, settings.fill, settings.seed, deep)


def _network(
    network: Inpainting, picture: np.ndarray, hole: np.ndarray, known: np.ndarray, deep: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    return network.fill(picture, ~known), np.zeros_like(hole)
