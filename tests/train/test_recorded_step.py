"""What a recording on a GPU rests on; that it plays what the step does is tested on a card (tests/fields/test_hash_grid_cuda.py)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from surface_sos_core.fields.engine import Engine
from surface_sos_core.train.batches import Sights
from surface_sos_core.train.recorded_step import RecordedStep, tensors_of
from surface_sos_core.train.trainer import Trainer


@pytest.fixture
def batches(ball, make_batches):
    """Noise, seen by frames that know the depth of some points on the ball and off it."""
    plates = np.random.default_rng(0).integers(0, 256, (12, 36, 48, 3), np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    points = ball.box.to_world(np.random.default_rng(1).normal(size=(40, 3)))
    sights = Sights(points, np.arange(12), np.full((12, 2), 0.5), np.full(12, 6.0))
    return make_batches(plates, masks, sights=sights)


def test_all_batches_have_tensors_of_the_same_shapes(batches):
    first, second = (tensors_of(batches.draw(step)) for step in (0, 7))
    assert len(first) == 9
    for a, b in zip(first, second, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert any(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_step_looks_at_no_value_and_has_tensors_of_the_same_shapes(ball, tiny, batches):
    """Run on tensors without values, where looking at one raises, and so does a shape that depends on one."""
    settings = replace(tiny, train=replace(tiny.train, iterations=4))
    device, engine = torch.device("cpu"), Engine.TORCH  # the way of a GPU
    trainer = Trainer.start(settings, ball.probability(32), ball.box.extent, device, engine)
    trainer._set_schedule(batches.pixel)
    trainer._advance(batches.draw(0))  # the optimiser makes its state
    batch = batches.draw(1)
    with FakeTensorMode(allow_non_fake_inputs=True):
        colour, mask = trainer._advance(batch)
        with pytest.raises(DataDependentOutputException):
            float(colour)
    assert colour.shape == mask.shape == ()


def test_the_first_steps_are_taken_as_they_are(monkeypatch):
    taken = []
    recorded = RecordedStep(lambda batch: taken.append(batch) or ("colour", "mask"), torch.Generator())
    monkeypatch.setattr(recorded, "_beside", recorded._step)
    assert [recorded(batch) for batch in "abc"] == [("colour", "mask")] * 3
    assert taken == ["a", "b", "c"]
