"""Keeping a trainer's whole state in one file of plain arrays, without pickles."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.train.trainer import Trainer


def save_trainer(path: Path, trainer: Trainer) -> None:
    """Write fields, proposals, optimiser, random state and history to `path` (.npz)."""
    arrays = {f"{part}/{name}": value for part, name, value in _tensors(trainer)}
    for index, state in trainer.optimiser.state_dict()["state"].items():
        for name, value in state.items():
            arrays[f"optimiser/{index}/{name}"] = torch.as_tensor(value)
    arrays["generator"] = trainer.generator.get_state()
    numpy_arrays = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
    meta = json.dumps({"step": trainer.step, "history": trainer.history})
    with write_atomically(path) as partial, partial.open("wb") as file:
        np.savez(file, meta=np.frombuffer(meta.encode(), np.uint8), **numpy_arrays)  # type: ignore[arg-type]


def load_trainer(path: Path, trainer: Trainer) -> None:
    """Put the state kept in `path` into a fresh trainer of the same settings; InputError for any other file."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        meta: dict[str, Any] = json.loads(stored.pop("meta").tobytes())
        with torch.no_grad():
            for part, name, tensor in _tensors(trainer):
                tensor.copy_(torch.from_numpy(stored[f"{part}/{name}"]))
        trainer.generator.set_state(torch.from_numpy(stored["generator"]))
        _load_optimiser(trainer.optimiser, stored)
        trainer.step = int(meta["step"])
        trainer.history = [(int(step), float(colour), float(mask)) for step, colour, mask in meta["history"]]
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path} is not a checkpoint of this shot and these settings ({error}); segment it again with --overwrite."
        ) from error


def read_history(path: Path) -> list[tuple[int, float, float]]:
    """(step, colour loss, mask loss) as a checkpoint has them; empty where there is no checkpoint."""
    if not path.exists():
        return []
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(file["meta"].tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}); segment it again with --overwrite.") from error
    return [(int(step), float(colour), float(mask)) for step, colour, mask in meta["history"]]


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
    whole = optimiser.state_dict()
    whole["state"] = state
    optimiser.load_state_dict(whole)
