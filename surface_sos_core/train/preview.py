"""A look at one frame while it trains: the object over a checker, and the clean plate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.evaluate.report import over_checker
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.render.look import render_backdrop, render_surface
from surface_sos_core.train.batches import Batches
from surface_sos_core.train.trainer import Trainer


def write_preview(path: Path, trainer: Trainer, batches: Batches, frame: int) -> None:
    """Render `frame` from the fields as they are now and write both pictures, one above the other, as a PNG."""
    train = trainer.settings.train
    height, width = batches.plates.shape[1:3]
    factor = min(1.0, train.preview_edge / max(height, width))
    width, height = max(1, round(width * factor)), max(1, round(height * factor))
    lens = batches.caster.lenses[frame]
    assert lens is not None
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pixels = np.stack([columns.ravel() * lens.width / width, rows.ravel() * lens.height / height], axis=1)
    rays = batches.caster.cast(np.full(len(pixels), frame), pixels)
    surface = render_surface(
        trainer.scene, trainer.proposals, rays, train.foreground_samples, train.background_samples
    )
    backdrop = render_backdrop(trainer.scene, trainer.proposals, rays, train.background_samples)
    plate = cv2.resize(batches.plates[frame], (width, height), interpolation=cv2.INTER_AREA)
    alpha = surface.matte.cpu().numpy().reshape(height, width, 1).clip(0.0, 1.0)
    foreground = np.concatenate([srgb_decode(plate / 255.0) * alpha, alpha], axis=2)
    clean = (backdrop.cpu().numpy().reshape(height, width, 3).clip(0.0, 1.0) * 255).round().astype(np.uint8)
    picture = np.concatenate([over_checker(foreground, 8), clean], axis=0)  # a side bar is narrow
    with write_atomically(path) as partial:
        partial.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
