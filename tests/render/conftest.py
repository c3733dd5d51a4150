"""Rays at an exact ball in an exact room, and fields after a few steps."""

import numpy as np
import pytest
import torch

from surface_sos_core.render.rays import RayCaster
from surface_sos_core.settings import RenderSettings
from surface_sos_core.train.trainer import Trainer


@pytest.fixture
def rays(ball):
    """Rays of one camera in box coordinates, with its pixels."""
    camera = ball.cameras[0]
    pixels = ball.pixel_grid(camera, 48, 36)
    caster = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), RenderSettings(), torch.device("cpu"))
    return caster.cast(np.zeros(len(pixels), np.int64), pixels), camera, pixels


@pytest.fixture
def trained(ball, tiny, make_batches):
    """A trainer after its few steps, with surfaces sharp enough that most samples are hidden or empty."""
    torch.manual_seed(0)
    trainer = Trainer.start(tiny, ball.probability(32), ball.box.extent, torch.device("cpu"))
    trainer.fit_to_consensus(ball.probability(32), ball.box.extent)
    plates = np.random.default_rng(0).integers(0, 256, (12, 36, 48, 3), np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    trainer.run(make_batches(plates, masks, 1), lambda step: None)
    for field in (trainer.scene.foreground, trainer.scene.background):
        field.floor.fill_(0.0)
        with torch.no_grad():
            field.log_sharpness.fill_(np.log(60.0) / 10.0)
    return trainer
