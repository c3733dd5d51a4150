"""How fast this machine is, how much memory shots take, and how good the results are.

python scripts/benchmark.py speed [--runs N] [--profile] [--device cuda]
python scripts/benchmark.py memory [--frames 60,240,960] [--size 640x480]
python scripts/benchmark.py first      one training iteration and no more: what is timed from outside as the start
python scripts/benchmark.py quality [--footage DIR] [--shots DIR] [--only NAME ...] [--write docs/results.md]
python scripts/benchmark.py ablation --footage DIR [--only NAME ...] [--write docs/results.md]
python scripts/benchmark.py starts [--footage DIR] [--only NAME ...] [--from START ...] [--write docs/results.md]

speed: backends side by side in one process. Each figure is a median over runs with the quickest one beside it, and the
processor's time on all threads. On a machine that does something else as well, believe the ratios and the latter. With
--device cuda: the same on a GPU, an iteration being the mean of many that nobody waits for.

quality: every shot with truth, the same settings for all: the sets in the footage folder (NAME/images, coarse_masks, truth,
sparse/0, clean_plates), the shots of make_truth.py, the sample. ablation: parts of the method left out, and masks of
several qualities refined, on teddy and cat. starts: what is made of all coarse masks, of one box on one frame, of nothing
and of GrabCut in each frame, on the footage and the sample. All keep every run in --out and go on where they were stopped.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib.util
import json
import os
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from environment import ROOT, ready_python
from measure.tables import replace_section

POINTS = 65_536
WARM_UP = 12  # steps before a training iteration is timed: compiling, and the learning rate's ramp
PROFILE_STEPS = 20
BLOCK = 50  # iterations of a GPU that are timed as one
PAPER_RAYS = 2344  # a step of them has 300,000 samples at 64 of each field, as many as the paper's
ABLATED = ("teddy", "cat")


@dataclass(frozen=True)
class Timing:
    """Milliseconds of several runs, and of the processor on all threads, which other work changes less."""

    name: str
    milliseconds: list[float]
    processor: list[float]

    @staticmethod
    def between(name: str, moments: Sequence[tuple[float, float]]) -> Timing:
        """From the `moment`s before the first run, between runs and after the last one."""
        wall, processor = ([1e3 * (b[n] - a[n]) for a, b in pairwise(moments)] for n in (0, 1))
        return Timing(name, wall, processor)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    def line(self, plain: Timing | None = None) -> str:
        """One row of the table; with a plain twin, how many times as fast as that it is."""
        busy = statistics.median(self.processor)
        line = f"  {self.name:<58} {self.median:9.1f} ms   quickest {min(self.milliseconds):9.1f}   processor {busy:9.1f}"
        if plain is None:
            return line
        work = statistics.median(plain.processor) / busy
        return f"{line}   {plain.median / self.median:.1f} x plain torch; {work:.1f} x by processor"


def timed(name: str, runs: int, job: Callable[[], object]) -> Timing:
    """Run `job` once unseen, for whatever is compiled or loaded first, and then `runs` times."""
    job()
    moments = [moment()]
    for _ in range(runs):
        job()
        moments.append(moment())
    return Timing.between(name, moments)


def moment() -> tuple[float, float]:
    """Seconds on the clock, and of the processor in this process and those that it has waited for."""
    children = os.times()
    return time.perf_counter(), time.process_time() + children.children_user + children.children_system


def machine(gpu: bool = False) -> list[str]:
    """The processor, or the GPU as well, and the versions that figures belong to."""
    import numba
    import numpy
    import torch

    cpuinfo = Path("/proc/cpuinfo")  # Linux; others tell their processor less exactly
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    threads = f"{torch.get_num_threads()} threads of torch, {numba.get_num_threads()} of numba"
    versions = f"torch {torch.__version__}, numba {numba.__version__}, numpy {numpy.__version__}"
    if gpu:
        name = f"{torch.cuda.get_device_name()}, {name}"
    return [f"{name}, {platform.system()}, {threads}", f"Python {platform.python_version()}, {versions}"]


def grid_rows(runs: int, device: str) -> list[str]:
    """Hash grids forward and backward, plain PyTorch and the device's own kernels."""
    import torch

    from surface_sos_core.fields.engine import Engine
    from surface_sos_core.fields.grid_spec import GridSpec
    from surface_sos_core.fields.hash_grid import HashGrid

    lines = []
    x = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(0)).to(device)
    for spec in (GridSpec(16, 2, 19, 16, 2048), GridSpec(10, 2, 15, 16, 257)):
        timings = []
        for engine in (Engine.TORCH, Engine.fastest(device)):
            grid = HashGrid(spec, engine).to(device)

            def both_ways(grid: HashGrid = grid) -> None:
                grid.table.grad = None
                grid.encode(x).sum().backward()
                wait_for(device)

            label = f"grid {spec.levels} x 2, 2^{spec.log2_table}, {POINTS:,} points, {engine}"
            timings.append(timed(label, max(1, runs // 4) if engine is Engine.TORCH else runs, both_ways))
        lines += [timings[0].line(), timings[1].line(timings[0])]
    return lines


def wait_for(device: str) -> None:
    """Until a GPU has done what it was asked to."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


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


def training_rows(runs: int, profile: bool, presets: Sequence[str] = ("preview", "default")) -> list[str]:
    """One iteration, and one frame's matte, of the sample with the fields of these presets."""
    import torch

    from surface_sos_core.layers.matte import render_matte

    lines = []
    torch.set_flush_denormal(True)  # as in training
    with tempfile.TemporaryDirectory() as scratch:
        for name in presets:
            trainer, batches, box = sample_shot(name, Path(scratch))
            fields, layers = trainer.settings.fields, trainer.settings.layers
            steps: list[tuple[float, float]] = []

            def after_step(step: int, steps: list[tuple[float, float]] = steps) -> None:
                steps.append(moment())
                if step >= WARM_UP + runs:
                    raise StopIteration

            with suppress(StopIteration):
                trainer.run(batches, after_step)
            label = f"iteration, {name}: {fields.levels} x 2, 2^{fields.log2_table}, 1,024 x (24 + 24)"
            lines.append(Timing.between(label, steps[WARM_UP - 1 :]).line())

            def matte(
                trainer: Any = trainer, batches: Any = batches, box: Any = box, layers: Any = layers
            ) -> Any:
                rays = trainer.settings.matte
                return render_matte(
                    trainer.scene, trainer.proposals, batches.caster, box.rotation, 0, layers, rays
                )

            pixels = matte().alpha.size
            timing = timed(f"matte, {name}: 320 x 180", max(3, runs // 10), matte)
            busy = statistics.median(timing.processor) / pixels * 1e3
            lines.append(f"{timing.line()}   {busy:.1f} s of processor a megapixel")
            if profile:
                lines += profile_lines(trainer, batches)
    torch.set_flush_denormal(False)
    return lines


def gpu_rows(blocks: int) -> list[str]:
    """One iteration of the sample on a GPU."""
    import torch

    lines = []
    torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as scratch:
        for name, rays in (("default", 1024), ("quality", 1024), ("quality", PAPER_RAYS)):
            trainer, batches, _ = sample_shot(name, Path(scratch), "cuda", rays)
            moments: list[tuple[float, float]] = []

            def after_step(step: int, moments: list[tuple[float, float]] = moments) -> None:
                if step % BLOCK == 0:
                    wait_for("cuda")
                    moments.append(moment())
                if step >= BLOCK * (blocks + 1):
                    raise StopIteration

            with suppress(StopIteration):
                trainer.run(batches, after_step)
            fields, train = trainer.settings.fields, trainer.settings.train
            samples = rays * (train.foreground_samples + train.background_samples)
            label = f"iteration, {name}: {fields.levels} x 2, 2^{fields.log2_table}, {samples:,} samples"
            lines.append(
                Timing.between(label, [(a / BLOCK, b / BLOCK) for a, b in moments]).line()
                + f"   {torch.cuda.max_memory_allocated() / 2**20:,.0f} MB of the GPU at most so far"
            )
    return lines


def profile_lines(trainer: Any, batches: Any) -> list[str]:
    """Where an iteration's milliseconds of processor time go, function by function without those it calls.

    Of one thread, the one that starts the others: run with one thread of each kind, it is all of them.
    """
    profiler, last = cProfile.Profile(time.thread_time), trainer.step + PROFILE_STEPS

    def after_step(step: int) -> None:
        if step >= last:
            raise StopIteration

    with suppress(StopIteration):
        profiler.runcall(trainer.run, batches, after_step)
    found = pstats.Stats(profiler).stats.items()  # type: ignore[attr-defined]
    slowest = sorted(found, key=lambda item: -item[1][2])[:24]
    return [
        f"    {1e3 * own / PROFILE_STEPS:7.2f} ms  {calls:>7} calls  {name} ({Path(file).name}:{line})"
        for (file, line, name), (_, calls, own, _, _) in slowest
    ]


def help_row(runs: int) -> str:
    """`surface-sos --help`, which loads no torch."""
    command = [sys.executable, "-m", "surface_sos_core", "--help"]
    return timed(
        "surface-sos --help", runs, lambda: subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    ).line()


def first_iteration() -> None:
    """The sample from its files to one step of training, as a person waits for it."""
    with tempfile.TemporaryDirectory() as scratch, suppress(StopIteration):
        trainer, batches, _ = sample_shot("preview", Path(scratch))

        def stop(step: int) -> None:
            raise StopIteration

        trainer.run(batches, stop)


def first_row(runs: int) -> str:
    """From the start of a process to the end of its first training iteration, compiled code being there already."""
    command = [sys.executable, __file__, "first"]
    return timed("first iteration after the start, preview", runs, lambda: run_child(command)).line()


def run_child(command: list[str]) -> str:
    """What a program of ours prints."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def memory(frames: Sequence[int], size: tuple[int, int]) -> list[str]:
    """The most memory that `segment` takes for shots of so many frames of a size, each in a process of its own."""
    lines, least = [], 0.0
    for count in frames:
        script = str(Path(__file__).with_name("memory_shot.py"))
        told = json.loads(run_child([sys.executable, script, str(count), *map(str, size)]).splitlines()[-1])
        least = least or told["peak"]
        lines.append(
            f"  {count:>5} frames {size[0]}x{size[1]}   {told['peak']:7.0f} MB   {told['peak'] / least:5.2f} x the first; "
            + ", ".join(f"{value:.0f} before {stage}" for stage, value in told["before"].items())
        )
    return lines


def speed(runs: int, profile: bool, gpu: bool) -> None:
    """Print the speed table."""
    for line in machine(gpu):
        print(line)
    if not gpu:
        print(help_row(max(3, runs // 10)), flush=True)
        print(first_row(max(1, runs // 30)), flush=True)
    for line in grid_rows(max(4, runs // 4), "cuda" if gpu else "cpu"):
        print(line, flush=True)
    for line in gpu_rows(max(2, runs // 10)) if gpu else training_rows(runs, profile):
        print(line, flush=True)


def measured_section(options: argparse.Namespace) -> tuple[str, str]:
    """The heading and the text of the table that was asked for."""
    from measure.ablation import ablation
    from measure.cases import footage_cases, sample_case
    from measure.quality import quality, quality_cases
    from measure.starts import STARTS, starts

    from surface_sos_core.settings import preset

    settings = preset(options.preset, options.device).as_dict()
    if options.iterations:
        settings["train"]["iterations"] = options.iterations
    if options.table == "quality":
        cases = quality_cases(ROOT, options.footage, options.shots)
    elif options.table == "starts":
        if unknown := set(options.starts or ()) - set(STARTS):
            raise SystemExit(f"--from {min(unknown)}: the starts are {', '.join(STARTS)}.")
        cases = [*(footage_cases(options.footage) if options.footage else []), sample_case(ROOT)]
    else:
        cases = [case for case in footage_cases(options.footage) if case.name in ABLATED or options.only]
    cases = [case for case in cases if not options.only or case.name in options.only]
    if not cases:
        raise SystemExit("No shot to measure: --footage, --shots and --only leave none.")
    out = options.out.absolute() / options.table
    if options.table == "starts":
        text = starts(cases, settings, out, options.starts or list(STARTS))
    else:
        text = (quality if options.table == "quality" else ablation)(cases, settings, out)
    command = f"`python scripts/benchmark.py {options.table}`, {settings['train']['iterations']:,} iterations"
    return f"## {options.table.capitalize()}", "\n\n".join(
        (f"{command}, {options.preset} preset.", *machine(), text)
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "table", choices=["speed", "memory", "first", "quality", "ablation", "starts"], help="what to measure"
    )
    parser.add_argument(
        "--frames", default="60,240,960", help="lengths of the shots whose memory is measured"
    )
    parser.add_argument("--size", default="640x480", help="and the size of their frames")
    parser.add_argument("--runs", type=int, default=60, help="training iterations timed; others take fewer")
    parser.add_argument("--profile", action="store_true", help="where an iteration's milliseconds go")
    parser.add_argument("--footage", type=Path, help="folder of sets of footage with truth")
    parser.add_argument(
        "--shots", type=Path, default=ROOT / "out" / "truth", help="cache of make_truth.py (out/truth)"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these shots alone")
    parser.add_argument(
        "--from",
        dest="starts",
        nargs="+",
        metavar="START",
        help="of the starts coarse, box, auto, grabcut these alone",
    )
    parser.add_argument("--preset", default="default", help="preview, default or quality")
    parser.add_argument("--iterations", type=int, help="of training, where not the preset's")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmark", help="where runs are kept")
    parser.add_argument("--write", type=Path, metavar="FILE", help="document whose section is replaced")
    options = parser.parse_args()
    if options.profile and options.device == "cuda":
        parser.error("--profile is of the processor's time: leave out --device cuda")
    if options.table == "ablation" and options.footage is None:
        parser.error("ablation needs --footage, the folder that holds teddy and cat")
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode
    if options.table == "first":
        first_iteration()
    elif options.table == "memory":
        width, height = (int(number) for number in options.size.split("x"))
        print("\n".join([*machine(), *memory([int(n) for n in options.frames.split(",")], (width, height))]))
    elif options.table == "speed":
        speed(options.runs, options.profile, options.device == "cuda")
    else:
        heading, text = measured_section(options)
        print(f"\n{heading}\n\n{text}")
        if options.write:
            written = options.write.read_text(encoding="utf-8") if options.write.exists() else ""
            options.write.write_text(replace_section(written, heading, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
