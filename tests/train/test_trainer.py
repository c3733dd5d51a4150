"""What the settings let a trainer learn."""

from dataclasses import replace

import numpy as np
import torch

from surface_sos_core.train.checkpoint import load_trainer, save_trainer
from surface_sos_core.train.trainer import Trainer


def test_a_surface_that_is_not_to_be_learnt_stays_what_the_masks_agree_on(tmp_path, ball, tiny, make_batches):
    settings = replace(tiny, train=replace(tiny.train, learn_surface=False, iterations=8))
    trainer = Trainer.start(settings, ball.probability(24), ball.box.extent, torch.device("cpu"))
    trainer.fit_to_consensus(ball.probability(24), ball.box.extent)
    before = {name: value.clone() for name, value in trainer.scene.state_dict().items()}
    generator = np.random.default_rng(0)
    plates = generator.integers(0, 256, (12, 36, 48, 3), np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    trainer.run(make_batches(plates, masks), lambda step: None)
    after = trainer.scene.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any(name.startswith("foreground.surface") for name in moved)
    assert any(name.startswith("background.surface") for name in moved)
    assert any(name.startswith("foreground.colour") for name in moved)

    save_trainer(tmp_path / "fields.npz", trainer)
    again = Trainer.start(settings, ball.probability(24), ball.box.extent, torch.device("cpu"))
    load_trainer(tmp_path / "fields.npz", again)
    assert again.step == 8 and all(
        torch.equal(value, after[name]) for name, value in again.scene.state_dict().items()
    )


def test_where_colours_tell_nothing_the_object_shrinks_by_the_weight_of_its_area(ball, tiny, make_batches):
    plates = np.full((12, 36, 48, 3), 90, np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    rim = torch.nn.functional.normalize(torch.randn((500, 3), generator=torch.Generator().manual_seed(0)))
    rim *= ball.box.scale * ball.radius

    def away(weight: float) -> float:
        settings = replace(tiny, train=replace(tiny.train, iterations=20, area_weight=weight))
        trainer = Trainer.start(settings, ball.probability(24), ball.box.extent, torch.device("cpu"))
        trainer.fit_to_consensus(ball.probability(24), ball.box.extent)
        trainer.run(make_batches(plates, masks), lambda step: None)
        return trainer.scene.foreground.surface.distance(rim).mean().item()

    assert away(1.0) > away(0.0) + 0.01


def test_a_step_whose_gradients_overflow_is_left_out_and_counted(tmp_path, ball, tiny, make_batches):
    settings = replace(tiny, train=replace(tiny.train, iterations=3))
    trainer = Trainer.start(settings, ball.probability(24), ball.box.extent, torch.device("cpu"))
    plates = np.full((12, 36, 48, 3), 90, np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    weight = trainer.scene.background.colour.output.weight
    spoilt = weight.register_hook(lambda gradient: gradient * float("inf"))
    states = []

    def after_step(step: int) -> None:
        states.append({name: value.clone() for name, value in trainer.scene.state_dict().items()})
        if step == 2:
            spoilt.remove()

    trainer.run(make_batches(plates, masks), after_step)
    first, second, third = states
    floors = {name for name in first if name.endswith("floor")}
    assert all(torch.equal(first[name], second[name]) for name in set(first) - floors)
    assert not torch.equal(
        second["background.colour.output.weight"], third["background.colour.output.weight"]
    )
    assert all(torch.isfinite(value).all() for value in third.values())
    assert int(trainer.skipped) == 2
    save_trainer(tmp_path / "fields.npz", trainer)
    again = Trainer.start(settings, ball.probability(24), ball.box.extent, torch.device("cpu"))
    load_trainer(tmp_path / "fields.npz", again)
    assert int(again.skipped) == 2
