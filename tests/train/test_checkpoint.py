"""A run that is interrupted and goes on is the run that was not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.errors import InputError
from surface_sos_core.train.checkpoint import (
    has_checkpoint,
    load_newest,
    load_trainer,
    previous_of,
    read_history,
    remove_checkpoints,
    save_trainer,
)
from surface_sos_core.train.trainer import Trainer

HALF = 10  # of the tiny settings' 20 steps; the proposal grids learn in both halves or in the second


class Stop(Exception):
    """Ends a run in its middle."""


def stop_at_half(step: int) -> None:
    if step == HALF:
        raise Stop


@pytest.fixture
def fresh(ball, tiny):
    """A trainer before its first step."""
    return lambda: Trainer.start(tiny, ball.probability(24), ball.box.extent, torch.device("cpu"))


@pytest.fixture
def draws(ball, make_batches):
    """Batches of noise, the same for the same seed."""
    generator = np.random.default_rng(0)
    plates = generator.integers(0, 256, (12, 36, 48, 3), np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    points = ball.box.centre + generator.normal(size=(200, 3)) * 3
    return lambda seed: make_batches(plates, masks, seed, points=points)


@pytest.fixture
def halfway(fresh, draws):
    trainer = fresh()
    with pytest.raises(Stop):
        trainer.run(draws(1), stop_at_half)
    return trainer


def state(trainer: Trainer) -> dict[str, torch.Tensor]:
    parts = {
        "scene": trainer.scene,
        "fore": trainer.proposals.foreground,
        "back": trainer.proposals.background,
    }
    return {
        f"{part}.{k}": v.clone() for part, module in parts.items() for k, v in module.state_dict().items()
    }


@pytest.mark.parametrize("stop", [1, HALF, 17])
def test_a_resumed_run_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path, fresh, draws, stop):
    whole, first, resumed = fresh(), fresh(), fresh()
    whole.run(draws(1), lambda step: None)

    def stop_there(step: int) -> None:
        if step == stop:
            raise Stop

    with pytest.raises(Stop):
        first.run(draws(1), stop_there)
    save_trainer(tmp_path / "fields.npz", first)
    load_trainer(tmp_path / "fields.npz", resumed)
    assert resumed.step == stop
    resumed.run(draws(1), lambda step: None)
    assert resumed.step == whole.step == whole.settings.train.iterations
    assert resumed.history == whole.history and len(whole.history) > 0
    expected, found = state(whole), state(resumed)
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_the_checkpoint_before_is_kept_and_taken_where_the_newest_is_damaged(tmp_path, fresh, draws, halfway):
    path, said = tmp_path / "fields.npz", []
    save_trainer(path, halfway)
    halfway.run(draws(1), lambda step: None)
    save_trainer(path, halfway)
    assert load_newest(path, fresh, said.append).step == halfway.step and said == []
    path.write_bytes(path.read_bytes()[:-3000])
    assert load_newest(path, fresh, said.append).step == HALF
    assert len(said) == 1 and "fields.npz" in said[0] and f"step {HALF}" in said[0]
    assert (
        load_newest(path, fresh, said.append).step == HALF and len(said) == 1
    )  # it took the damaged one's place
    path.rename(previous_of(path))
    assert has_checkpoint(path) and not path.exists()
    assert load_newest(path, fresh, said.append).step == HALF and len(said) == 2
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"fields\.npz"):
        load_newest(path, fresh, said.append)
    remove_checkpoints(path)
    assert list(tmp_path.iterdir()) == [] and not has_checkpoint(path)


def test_a_checkpoint_that_unpacks_to_more_than_the_trainer_is_refused(tmp_path, fresh, halfway):
    path = tmp_path / "fields.npz"
    save_trainer(path, halfway)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["scene/foreground.surface.grid.table"] = np.zeros(1 << 26, np.float32)
    np.savez_compressed(path, **arrays)
    assert path.stat().st_size < 1 << 21
    with pytest.raises(InputError, match="unpacks to more"):
        load_trainer(path, fresh())


def test_a_run_changes_every_part(fresh, halfway):
    before, after = state(fresh()), state(halfway)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    for part in ("scene.foreground.surface", "scene.background.surface", "scene.foreground.colour"):
        assert any(name.startswith(part) for name in moved), part


def test_history_is_read_without_a_trainer(tmp_path, draws, fresh):
    trainer = fresh()
    trainer.run(draws(1), lambda step: None)
    save_trainer(tmp_path / "fields.npz", trainer)
    assert read_history(tmp_path / "fields.npz") == trainer.history
    assert read_history(tmp_path / "none.npz") == []


def test_a_checkpoint_holds_no_pickle(tmp_path, halfway):
    save_trainer(tmp_path / "fields.npz", halfway)
    with np.load(tmp_path / "fields.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
    assert [path.name for path in tmp_path.iterdir()] == ["fields.npz"]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[: len(b) // 2], lambda b: b[:200], lambda b: b"not an archive", lambda b: b""],
    ids=["half", "head", "text", "empty"],
)
def test_a_damaged_checkpoint_is_bad_input(tmp_path, fresh, halfway, damage):
    path = tmp_path / "fields.npz"
    save_trainer(path, halfway)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"fields\.npz"):
        load_trainer(path, fresh())


def test_a_flipped_byte_is_bad_input(tmp_path, fresh, halfway):
    path = tmp_path / "fields.npz"
    save_trainer(path, halfway)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"fields\.npz"):
        load_trainer(path, fresh())


def test_a_checkpoint_of_other_settings_is_bad_input(tmp_path, ball, tiny, halfway):
    save_trainer(tmp_path / "fields.npz", halfway)
    wider = replace(tiny, fields=replace(tiny.fields, hidden=tiny.fields.hidden + 8))
    other = Trainer.start(wider, ball.probability(24), ball.box.extent, torch.device("cpu"))
    with pytest.raises(InputError, match=r"fields\.npz"):
        load_trainer(tmp_path / "fields.npz", other)
