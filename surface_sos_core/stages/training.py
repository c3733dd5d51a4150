"""The fields, trained step by step, with checkpoints and previews on the way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from surface_sos_core.cameras import CameraModel
from surface_sos_core.errors import Cancelled, InputError
from surface_sos_core.footage.exposure import exposure_gains, read_gains, save_gains
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.footage.training_size import training_size
from surface_sos_core.interruption import held_back
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import unpack_masks
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.run import Run, prepare_device, training_inputs
from surface_sos_core.train.batches import Batches, sights_of
from surface_sos_core.train.checkpoint import has_checkpoint, load_newest, remove_checkpoints, save_trainer
from surface_sos_core.train.preview import write_preview
from surface_sos_core.train.trainer import Trainer

_FIRST_LOOK_S = 3.0  # after so long the first preview comes, however rare they are


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Moments of hash entries that are never hit decay into denormals, which are slow.

    Only while it trains: building a k-d tree of scipy's without denormals can end in a segmentation fault.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_without_denormals()
def training_stage(run: Run, consensus: Consensus, model: CameraModel, device: torch.device) -> Trainer:
    """FoCoR and BaCo, trained; goes on from a checkpoint of the same inputs."""
    run.stage("train")
    folder, events, settings = run.folder, run.events, run.settings
    code = code_version(__name__)
    inputs = training_inputs(run, code)

    def start() -> Trainer:
        return Trainer.start(settings, consensus.grid, consensus.box.extent, device)

    kept = run.keeps("train", inputs)
    trainer = _resumed(run, start) if kept else None
    if trainer is None:
        remove_checkpoints(folder.fields)
        run.note("train", inputs)
        trainer = start()
        trainer.fit_to_consensus(consensus.grid, consensus.box.extent)
    total = settings.train.iterations
    if trainer.step < total:
        run.adds_to("train", code)
        run.save()
        run.once_smaller("train", lambda part: _optimise(run, trainer, consensus, model, part))
        run.manifest.made["train"].ran = {"iterations": trainer.step, "device": device.type}
        if trainer.skipped:
            events.warning(
                f"{trainer.skipped} training steps were skipped because their gradients were not finite; look at the mattes."
            )
    _keep_gains(run, model)
    run.save("train")
    return trainer


def _resumed(run: Run, start: Callable[[], Trainer]) -> Trainer | None:
    """The trainer as its checkpoints have it; None where there is none that can be read."""
    fields = run.folder.fields
    if not has_checkpoint(fields):
        return None
    try:
        return load_newest(fields, start, run.events.warning)
    except InputError as error:
        run.events.warning(f"Training begins anew, since no checkpoint can be read: {error}")
        return None


def _optimise(run: Run, trainer: Trainer, consensus: Consensus, model: CameraModel, part: int) -> None:
    """Train to the last step, with one part of so many of each step's rays."""
    folder, train = run.folder, run.settings.train
    train = dataclasses.replace(train, rays=max(1, train.rays // part))
    plates = trained_plates(run)
    with unpack_masks(folder.consensus, folder.checkpoint, len(run.footage.frames)) as masks:
        sights = sights_of(model.points, list(model.cameras), run.cameras, run.settings.points.least_track)
        gains = exposure_gains(plates, run.cameras, sights.xyz, run.settings.exposure)
        save_gains(folder.exposure, gains)
        device, seed = trainer.scene.extent.device, run.settings.seed
        batches = Batches(
            plates, masks, consensus, run.cameras, sights, gains, train, run.settings.render, device, seed
        )
        step_by_step(run, trainer, batches, folder.fields)


def trained_plates(run: Run) -> FrameStack:
    """The frames at the size they are trained at."""
    edge, gigabytes = run.settings.train.image_edge, run.settings.footage.cache_gigabytes
    return run.footage.level(training_size(run.footage, edge, gigabytes, run.events.warning))


def _keep_gains(run: Run, model: CameraModel) -> None:
    """Measure the exposures again where training, which does so, was over before and their file is lost or damaged."""
    try:
        read_gains(run.folder.exposure, len(run.cameras))
        return
    except InputError as error:
        run.events.warning(f"The exposures are measured again: {error}")
    run.worked = True
    sights = sights_of(model.points, list(model.cameras), run.cameras, run.settings.points.least_track)
    gains = exposure_gains(trained_plates(run), run.cameras, sights.xyz, run.settings.exposure)
    save_gains(run.folder.exposure, gains)


def step_by_step(run: Run, trainer: Trainer, batches: Batches, fields: Path) -> None:
    """All steps that are left, with progress and previews on the way; checkpoints, in `fields`, lie between two steps."""
    folder, events, train = run.folder, run.events, trainer.settings.train
    total = train.iterations
    shown = next(i for i in [*run.selected, *range(len(run.cameras))] if run.cameras[i] is not None)
    saved = time.monotonic()
    looked = saved - max(0.0, train.preview_seconds - _FIRST_LOOK_S)  # a short run is looked at as well

    with held_back() as let_signals_in:

        def after_step(step: int) -> None:
            nonlocal saved, looked
            try:
                let_signals_in()
                now = time.monotonic()
                if step % 10 == 0 or step == total:
                    events.progress(step, total, "iterations")
                if now - looked > train.preview_seconds or step == total:
                    looked = now
                    write_preview(folder.preview, trainer, batches, shown)
                    events.preview(folder.preview, run.footage.frames[shown].number, step)
            except (KeyboardInterrupt, Cancelled):
                save_trainer(fields, trainer)
                raise
            if now - saved > train.checkpoint_seconds or step == total:
                saved = now
                save_trainer(fields, trainer)

        trainer.run(batches, after_step)


def trained_fields(run: Run, consensus: Consensus) -> Trainer:
    """The trainer as its checkpoint has it."""
    if not has_checkpoint(run.folder.fields):
        raise InputError(
            f"{run.folder.out} has no trained fields; run `surface-sos train {run.folder.out}` first."
        )
    device = prepare_device(run.settings)
    return load_newest(
        run.folder.fields,
        lambda: Trainer.start(run.settings, consensus.grid, consensus.box.extent, device),
        run.events.warning,
    )
