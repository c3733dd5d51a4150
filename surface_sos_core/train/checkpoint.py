"""Keeping a trainer's whole state in one file of plain arrays, without pickles."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surface_sos_core.arrays import read_arrays
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.train.trainer import Trainer

_META_BYTES = 1 << 26
_DAMAGE = (OSError, ValueError, KeyError, TypeError, OverflowError, RuntimeError)


def previous_of(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def has_checkpoint(path: Path) -> bool:
    """Whether there is one at `path`, or the one before it."""
    return path.exists() or previous_of(path).exists()


def save_trainer(path: Path, trainer: Trainer) -> None:
    """Write fields, proposals, optimiser, random state and history to `path` (.npz); the file before it is kept."""
    arrays = {f"{part}/{name}": value for part, name, value in _tensors(trainer)}
    for index, state in trainer.optimiser.state_dict()["state"].items():
        for name, value in state.items():
            arrays[f"optimiser/{index}/{name}"] = torch.as_tensor(value)
    arrays["generator"] = trainer.generator.get_state()
    numpy_arrays = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
    meta = {
        "step": trainer.step,
        "skipped": int(trainer.skipped),
        "history": trainer.history,
        "recent": [[float(colour), float(mask)] for colour, mask in trainer.recent],
    }
    with write_atomically(path, previous_of(path)) as partial, partial.open("wb") as file:
        np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **numpy_arrays)  # type: ignore[arg-type]


def load_trainer(path: Path, trainer: Trainer) -> None:
    """Put the state kept in `path` into a fresh trainer of the same settings; InputError for any other file."""
    try:
        stored = read_arrays(path, _largest(trainer))
        meta = _meta(stored)
        with torch.no_grad():
            for part, name, tensor in _tensors(trainer):
                value = torch.from_numpy(stored[f"{part}/{name}"])
                if value.shape != tensor.shape or value.dtype != tensor.dtype:
                    raise ValueError(f"{part}/{name} is {value.dtype} {tuple(value.shape)}")
                tensor.copy_(value)
        trainer.generator.set_state(torch.from_numpy(stored["generator"]))
        _load_optimiser(trainer.optimiser, stored)
        trainer.step = int(meta["step"])
        trainer.skipped.fill_(int(meta["skipped"]))
        trainer.history = _history(meta)
        recent = [(float(colour), float(mask)) for colour, mask in meta["recent"]]
        losses = torch.tensor(recent, device=trainer.skipped.device).view(-1, 2)
        trainer.recent = [(colour, mask) for colour, mask in losses]
    except _DAMAGE as error:
        raise InputError(
            f"{path} is not a checkpoint of this shot and these settings ({error}); segment it again with --overwrite."
        ) from error


def load_newest(path: Path, start: Callable[[], Trainer], warn: Callable[[str], None]) -> Trainer:
    """The trainer as `path` has it or, where that is damaged or missing, the file before it; `start` makes fresh ones.

    Raises the InputError of `path` where neither can be read.
    """
    failure = InputError(f"{path} does not exist; train the shot first.")
    for file in (path, previous_of(path)):
        if not file.exists():
            continue
        trainer = start()
        try:
            load_trainer(file, trainer)
        except InputError as error:
            failure = error if file == path else failure
            continue
        if file != path:
            os.replace(file, path)
            warn(
                f"{path} was damaged or missing; the checkpoint before it, of step {trainer.step}, took its place."
            )
        return trainer
    raise failure


def remove_checkpoints(path: Path) -> None:
    """Remove the newest checkpoint and the one before."""
    for file in (path, previous_of(path)):
        file.unlink(missing_ok=True)


def read_history(path: Path) -> list[tuple[int, float, float]]:
    """(step, colour loss, mask loss) as a checkpoint has them; empty where there is no checkpoint."""
    if not path.exists():
        return []
    try:
        return _history(_meta(read_arrays(path, _META_BYTES, {"meta"})))
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read ({error}); segment it again with --overwrite.") from error


def _meta(stored: dict[str, np.ndarray]) -> dict[str, Any]:
    meta = json.loads(stored["meta"].tobytes())
    if not isinstance(meta, dict):
        raise TypeError("it has no record of its training")
    return meta


def _history(meta: dict[str, Any]) -> list[tuple[int, float, float]]:
    return [(int(step), float(colour), float(mask)) for step, colour, mask in meta["history"]]


def _largest(trainer: Trainer) -> int:
    """Bytes that a checkpoint of this trainer can have: each tensor with Adam's two moments, and the history."""
    return _META_BYTES + 3 * sum(value.numel() * value.element_size() for _, _, value in _tensors(trainer))


def _tensors(trainer: Trainer) -> list[tuple[str, str, torch.Tensor]]:
    parts = {
        "scene": trainer.scene,
        "foreground": trainer.proposals.foreground,
        "background": trainer.proposals.background,
    }
    return [
        (part, name, value) for part, module in parts.items() for name, value in module.state_dict().items()
    ]


def _load_optimiser(optimiser: torch.optim.Optimizer, stored: dict[str, np.ndarray]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in stored.items():
        if key.startswith("optimiser/"):
            _, index, name = key.split("/")
            state.setdefault(int(index), {})[name] = torch.from_numpy(value)
    shapes = [parameter.shape for group in optimiser.param_groups for parameter in group["params"]]
    for which, moments in state.items():
        if not 0 <= which < len(shapes) or {name: moment.shape for name, moment in moments.items()} != {
            "step": torch.Size(()), "exp_avg": shapes[which], "exp_avg_sq": shapes[which],
        }:  # fmt: skip
            raise ValueError("its optimiser is another one")
    whole = optimiser.state_dict()
    whole["state"] = state
    optimiser.load_state_dict(whole)
