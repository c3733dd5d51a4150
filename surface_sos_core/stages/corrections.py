"""Corrections of single frames: what follows from them, fields that go on training with them, and what they are good for.

What was trained stays as it is beside what was corrected, so that a correction can be taken back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch

from surface_sos_core.cameras import read_model
from surface_sos_core.corrections.carry import carried
from surface_sos_core.corrections.correction import (
    Correction,
    correction_files,
    read_correction,
    write_correction,
)
from surface_sos_core.corrections.given import Given
from surface_sos_core.corrections.solve import painted, solved
from surface_sos_core.footage.exposure import read_gains
from surface_sos_core.masks.coarse import CoarseMasks, reduced_size
from surface_sos_core.masks.consensus import Consensus, build_consensus
from surface_sos_core.masks.consensus_file import read_consensus, save_consensus, unpack_masks
from surface_sos_core.masks.gaps import look_of
from surface_sos_core.masks.write import mask_file
from surface_sos_core.provenance import code_version
from surface_sos_core.settings import Settings
from surface_sos_core.stages.correction_files import correction_stamps, read_corrections
from surface_sos_core.stages.run import STAGES, Run, frames_kept, prepare_device, training_inputs
from surface_sos_core.stages.training import step_by_step, trained_plates
from surface_sos_core.train.batches import Batches, Sights, sights_of
from surface_sos_core.train.checkpoint import has_checkpoint, load_newest, remove_checkpoints, save_trainer
from surface_sos_core.train.trainer import Trainer

_NAME = "correct"


def correct_frames(run: Run, given: Mapping[int, Given], alpha: Callable[[int], np.ndarray]) -> list[int]:
    """Keep what was given for some frames, and what follows from it for those around; returns the frames that it concerns.

    alpha: the matte (H, W) that a frame has now.
    """
    own, footage = run.settings.correct, run.footage
    size = reduced_size(footage, own.edge)
    files = correction_files(run.folder.corrections, footage)
    made: dict[int, Correction] = {}

    def before(i: int) -> np.ndarray:
        return made[i].mask if i in made else alpha(i) > 0.5

    def picture(i: int) -> np.ndarray:
        return footage.read_small(i, size)

    def keep(i: int, correction: Correction) -> None:
        made[i] = correction
        write_correction(mask_file(run.folder.corrections, footage.frames[i].name), correction)

    changes: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    progress = run.progress("frames")
    for done, (i, said) in enumerate(sorted(given.items()), 1):
        inside = before(i)
        if said.whole:
            correction = painted(said, own)
        else:
            earlier = read_correction(files[i], footage) if i in files else None
            mask = _followed(run.settings, picture(i), inside, said)
            law = said.object | said.background
            if earlier is not None:
                law |= earlier.law & (earlier.mask == mask)
            correction = Correction.of(mask, law)
        keep(i, correction)
        changes[i] = _small(correction.mask & ~inside, size), _small(inside & ~correction.mask, size)
        progress(done, len(given))
    for i, (added, removed) in changes.items():
        for frames in _around(i, len(footage.frames), own.around):
            for n, said in carried(picture, [i, *frames], added, removed, own, run.settings.dense_flow):
                if n in given or (n in files and _has_law(run, files[n])):
                    break  # what was said of it already counts
                inside = before(n)
                mask = _followed(run.settings, picture(n), inside, said)
                changed = int(_small(mask ^ inside, size).sum())
                if 0 < changed <= own.most_grown * int(added.sum() + removed.sum()):
                    keep(n, Correction.of(mask, np.zeros(mask.shape, bool)))
    return sorted(made)


def _has_law(run: Run, path: Path) -> bool:
    return bool(read_correction(path, run.footage).law.any())


def _around(i: int, count: int, most: int) -> tuple[range, range]:
    """The frames after and before, the nearest first."""
    return range(i + 1, min(count, i + most + 1)), range(i - 1, max(-1, i - most - 1), -1)


def _small(where: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5


def _followed(settings: Settings, rgb: np.ndarray, inside: np.ndarray, said: Given) -> np.ndarray:
    """(H, W) bool: a matte with what follows from strokes, found in a small picture (h, w, 3); strokes of its size or of the
    matte's."""
    height, width = inside.shape
    size = rgb.shape[1], rgb.shape[0]
    small = _small(inside, size)
    on, off = (
        cv2.resize(side.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        for side in (said.object, said.background)
    )
    drawn = Given(on & ~off, off & ~on)
    now = solved(rgb, small, drawn, settings.correct, settings.colours, settings.edges)
    changed, wanted = (
        cv2.resize(side.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
        for side in (now ^ small, now)
    )
    mask = np.where(changed, wanted, inside)
    if said.object.shape == inside.shape:
        mask = (mask | said.object) & ~said.background
    return mask


def corrected_fields(
    run: Run, trained: Callable[[], Trainer], consensus: Consensus
) -> tuple[Trainer, Consensus]:
    """The fields and the consensus with the shot's corrections in them; as they were `trained` where it has none."""
    stamps, folder = correction_stamps(run), run.folder
    if not stamps:
        _forget(run)
        return trained(), consensus
    code = code_version(__name__)
    inputs = {
        **training_inputs(run, code),
        "fields": run.manifest.made["train"].code if "train" in run.manifest.made else None,
        "corrections": {run.footage.frames[i].name: stamp for i, stamp in stamps.items()},
        "settings": {**training_inputs(run, code)["settings"], **run.settings.of_stage(_NAME)},
    }
    settings, device = _longer(run.settings), prepare_device(run.settings)
    there = folder.corrected_consensus.exists() and has_checkpoint(folder.corrected_fields)
    if there and run.folder.changes(_NAME, inputs) == []:
        agreed = read_consensus(folder.corrected_consensus, len(run.footage.frames))
        again = load_newest(folder.corrected_fields, lambda: _start(settings, agreed, device), run.events.warning)
        return again, agreed
    _forget(run)
    run.events.stage("corrections", STAGES.index("train") + 1, len(STAGES))
    keep = nullcontext(run.footage) if run.footage.is_stored else frames_kept(run.footage, run.settings, folder.checkpoint)
    with keep as stored:
        made = _learn(dataclasses.replace(run, footage=stored), settings, device, consensus)
    run.note(_NAME, inputs)
    run.events.end_stage()
    return made


def _forget(run: Run) -> None:
    run.folder.forget(_NAME)
    run.manifest.made.pop(_NAME, None)
    run.folder.corrected_consensus.unlink(missing_ok=True)
    remove_checkpoints(run.folder.corrected_fields)


def _longer(settings: Settings) -> Settings:
    train = settings.train
    return dataclasses.replace(
        settings, train=dataclasses.replace(train, iterations=train.iterations + settings.correct.iterations)
    )


def _start(settings: Settings, consensus: Consensus, device: torch.device) -> Trainer:
    return Trainer.start(settings, consensus.grid, consensus.box.extent, device)


def _learn(
    run: Run, settings: Settings, device: torch.device, consensus: Consensus
) -> tuple[Trainer, Consensus]:
    """The consensus of the masks with the corrected ones among them, and fields that went on training with these."""
    folder, frames = run.folder, len(run.footage.frames)
    corrections = read_corrections(run)
    with unpack_masks(folder.consensus, folder.checkpoint, frames) as kept:
        size = kept.shape[2], kept.shape[1]
        masks = CoarseMasks.unknown(frames, size)
        for i in range(frames):
            if i in corrections:
                masks.put(i, corrections[i].probability(size) / 255.0)
            elif np.isfinite(consensus.agreement[i]):
                masks.put(i, kept[i] / 255.0)
    agreed = build_consensus(
        masks,
        run.cameras,
        settings.consensus,
        settings.thin_parts,
        consensus.box,
        look=look_of(run.footage, settings),
    )
    save_consensus(folder.corrected_consensus, masks.probability, agreed)

    trainer = _start(settings, agreed, device)
    grids = trainer.scene.hold_grid.clone(), trainer.scene.crop_grid.clone()
    trainer = load_newest(folder.fields, lambda: trainer, run.events.warning)
    trainer.scene.hold_grid.copy_(grids[0])  # of what is agreed on now
    trainer.scene.crop_grid.copy_(grids[1])
    if settings.correct.iterations:
        model = read_model(folder.cameras)
        sights = sights_of(model.points, list(model.cameras), run.cameras, settings.points.least_track)
        gains = read_gains(folder.exposure, frames)
        plates = trained_plates(run)

        def batches(of: list[int], every_second: Batches | None = None) -> Batches:
            cameras = [camera if i in of else None for i, camera in enumerate(run.cameras)]
            return Batches(
                plates, masks.probability, agreed, cameras, _of_frames(sights, of), gains, settings.train,
                settings.render, device, settings.seed, every_second,
            )  # fmt: skip

        corrected = [i for i in corrections if run.cameras[i] is not None]
        drawn = batches(list(range(frames)), batches(corrected) if corrected else None)
        step_by_step(run, trainer, drawn, folder.corrected_fields)
    else:
        save_trainer(folder.corrected_fields, trainer)
    return trainer, agreed


def _of_frames(sights: Sights, frames: list[int]) -> Sights:
    kept = np.isin(sights.frame, frames)
    return Sights(sights.xyz, sights.frame[kept], sights.place[kept], sights.depth[kept])
