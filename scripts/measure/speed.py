"""How fast this machine is: backends side by side in one process, iterations, mattes, the start of a program.

A timing is a median over runs with the quickest one beside it, and the processor's time on all threads. On a machine that
does something else as well, believe the ratios and the latter. On a GPU an iteration is the mean of many that nobody waits for.
"""

from __future__ import annotations

import cProfile
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from environment import ROOT

from measure.timing import Timing, moment, timed, wait_for

POINTS = 65_536
WARM_UP = 12  # steps before a training iteration is timed: compiling, and the learning rate's ramp
PROFILE_STEPS = 20
BLOCK = 50  # iterations of a GPU that are timed as one
PAPER_RAYS = 2344  # a step of them has 300,000 samples at 64 of each field, as many as the paper's
CARD_PRESETS = (("preview", None), ("default", None), ("quality", None), ("quality", PAPER_RAYS))
BENCHMARK = ROOT / "scripts" / "benchmark.py"


def grid_entries(runs: int, device: str, points: int = POINTS) -> Iterator[dict[str, Any]]:
    """Hash grids forward and backward, plain PyTorch and the device's own kernels."""
    import torch

    from surface_sos_core.fields.engine import Engine
    from surface_sos_core.fields.grid_spec import GridSpec
    from surface_sos_core.fields.hash_grid import HashGrid

    x = torch.rand(points, 3, generator=torch.Generator().manual_seed(0)).to(device)
    for spec in (GridSpec(16, 2, 19, 16, 2048), GridSpec(10, 2, 15, 16, 257)):
        timings = []
        for engine in (Engine.TORCH, Engine.fastest(device)):
            grid = HashGrid(spec, engine).to(device)

            def both_ways(grid: HashGrid = grid) -> None:
                grid.table.grad = None
                grid.encode(x).sum().backward()
                wait_for(device)

            label = f"grid {spec.levels} x 2, 2^{spec.log2_table}, {points:,} points, {engine}"
            timings.append(timed(label, max(1, runs // 4) if engine is Engine.TORCH else runs, both_ways))
        yield from (timings[0].entry(), timings[1].entry(timings[0]))


def sample_shot(name: str, scratch: Path, on: str = "cpu", rays: int | None = None) -> tuple[Any, Any, Any]:
    """The sample's trainer before its first step, its batches, and its box, by the preset of that name; rays: in a step,
    where not the preset's."""
    import torch

    from surface_sos_core.cameras import match_cameras, read_model
    from surface_sos_core.footage import open_footage
    from surface_sos_core.footage.exposure import exposure_gains
    from surface_sos_core.footage.frame_stack import FrameStack
    from surface_sos_core.masks.coarse import load_masks
    from surface_sos_core.masks.consensus import build_consensus
    from surface_sos_core.settings import preset
    from surface_sos_core.train.batches import Batches, sights_of
    from surface_sos_core.train.trainer import Trainer

    def quiet(message: str) -> None:
        """The sample's one broken mask is known."""

    device = torch.device(on)
    settings = preset(name, device=on)
    settings = replace(settings, train=replace(settings.train, rays=rays or settings.train.rays))
    footage = open_footage(ROOT / "samples" / "plates", False, quiet)
    masks = load_masks(ROOT / "samples" / "masks", footage, settings.coarse, quiet)
    model = read_model(ROOT / "samples" / "truth" / "cameras")
    cameras = match_cameras(model, footage, quiet)
    consensus = build_consensus(masks, cameras, preset("preview").consensus, settings.thin_parts)
    trainer = Trainer.start(settings, consensus.grid, consensus.box.extent, device)
    trainer.fit_to_consensus(consensus.grid, consensus.box.extent)
    plates = FrameStack((len(footage.frames), footage.height, footage.width, 3), scratch)
    for i in range(len(plates)):
        plates[i] = footage.read_display(i)  # the sample is no larger than it is trained at
    sights = sights_of(model.points, list(model.cameras), cameras, settings.points.least_track)
    gains = exposure_gains(plates, cameras, sights.xyz, settings.exposure)
    batches = Batches(
        plates,
        masks.probability,
        consensus,
        cameras,
        sights,
        gains,
        settings.train,
        settings.render,
        device,
        0,
    )
    return trainer, batches, consensus.box


def training_entries(runs: int, presets: Sequence[str] = ("preview", "default")) -> Iterator[dict[str, Any]]:
    """One iteration, and one frame's matte, of the sample with the fields of these presets."""
    import torch

    from surface_sos_core.layers.matte import render_matte

    torch.set_flush_denormal(True)  # as in training
    with tempfile.TemporaryDirectory() as scratch:
        for name in presets:
            trainer, batches, box = sample_shot(name, Path(scratch))
            steps: list[tuple[float, float]] = []

            def after_step(step: int, steps: list[tuple[float, float]] = steps) -> None:
                steps.append(moment())

            run_steps(trainer, batches, WARM_UP + runs, after_step)
            yield Timing.between(iteration_name(name, trainer.settings), steps[WARM_UP - 1 :]).entry()

            def matte(trainer: Any = trainer, batches: Any = batches, box: Any = box) -> Any:
                layers, rays = trainer.settings.layers, trainer.settings.matte
                return render_matte(
                    trainer.scene, trainer.proposals, batches.caster, box.rotation, 0, layers, rays
                )

            yield timed(f"matte, {name}: 320 x 180, fields hardly trained", max(3, runs // 10), matte).entry()
    torch.set_flush_denormal(False)


def card_entries(
    blocks: int,
    device: str = "cuda",
    presets: Sequence[tuple[str, int | None]] = CARD_PRESETS,
    block: int = BLOCK,
) -> Iterator[dict[str, Any]]:
    """One iteration of the sample by each preset (name, rays), and by the paper's batch, as the mean of blocks of many."""
    import torch

    with tempfile.TemporaryDirectory() as scratch:
        for name, rays in presets:
            trainer, batches, _ = sample_shot(name, Path(scratch), device, rays)
            moments: list[tuple[float, float]] = []

            def after_step(step: int, moments: list[tuple[float, float]] = moments) -> None:
                if step % block == 0:
                    wait_for(device)
                    moments.append(moment())

            run_steps(trainer, batches, block * (blocks + 1), after_step)
            per_step = [(wall / block, processor / block) for wall, processor in moments]
            memory = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None
            timing = Timing.between(iteration_name(name, trainer.settings), per_step)
            yield {**timing.entry(), "card_memory_mb": memory}


def iteration_name(preset: str, settings: Any) -> str:
    """An iteration's size, as it is called in the tables."""
    fields, train = settings.fields, settings.train
    samples = f"{train.rays:,} x ({train.foreground_samples} + {train.background_samples})"
    return f"iteration, {preset}: {fields.levels} x 2, 2^{fields.log2_table}, {samples}"


def run_steps(
    trainer: Any, batches: Any, steps: int, after: Callable[[int], object] = lambda step: None
) -> None:
    """So many steps of training, `after` being called with its number after each."""
    last = trainer.step + steps

    def after_step(step: int) -> None:
        after(step)
        if step >= last:
            raise StopIteration

    with suppress(StopIteration):
        trainer.run(batches, after_step)


def profile_lines(preset: str) -> list[str]:
    """Where an iteration's milliseconds of processor time go, function by function without those it calls.

    Of one thread, the one that starts the others: run with one thread of each kind, it is all of them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trainer, batches, _ = sample_shot(preset, Path(scratch))
        run_steps(trainer, batches, WARM_UP)
        profiler = cProfile.Profile(time.thread_time)
        profiler.runcall(run_steps, trainer, batches, PROFILE_STEPS)
    found = pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
    slowest = sorted(found, key=lambda item: -item[1][2])[:24]
    return [
        f"    {1e3 * own / PROFILE_STEPS:7.2f} ms  {calls:>7} calls  {name} ({Path(file).name}:{line})"
        for (file, line, name), (_, calls, own, _, _) in slowest
    ]


def speed_entries(runs: int, device: str) -> Iterator[dict[str, Any]]:
    """Everything of this module, on the CPU or on a card."""
    if device == "cpu":
        yield from start_entries(runs)
    yield from grid_entries(max(4, runs // 4), device)
    yield from training_entries(runs) if device == "cpu" else card_entries(max(2, runs // 10))


def start_entries(runs: int) -> Iterator[dict[str, Any]]:
    """`surface-sos --help`, which loads no torch, and from the start of a process to the end of its first training iteration,
    compiled code being there already."""
    for name, command, times in (
        ("surface-sos --help", ["-m", "surface_sos_core", "--help"], max(3, runs // 10)),
        ("first iteration after the start, preview", [str(BENCHMARK), "first"], max(1, runs // 30)),
    ):

        def start(command: list[str] = command) -> None:
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)

        yield timed(name, times, start).entry()


def first_iteration() -> None:
    """The sample from its files to one step of training, as a person waits for it."""
    with tempfile.TemporaryDirectory() as scratch:
        trainer, batches, _ = sample_shot("preview", Path(scratch))
        run_steps(trainer, batches, 1)
