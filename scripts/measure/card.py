"""What a borrowed GPU is asked, part by part; each returns its figures by name, and is given no more than its time by gpu.py."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environment import ROOT

from measure.cases import Case, footage_cases, sample_case
from measure.results import read_all
from measure.run import Plan, Settings, run
from measure.speed import (
    BLOCK,
    CARD_PRESETS,
    PROFILE_STEPS,
    WARM_UP,
    card_entries,
    grid_entries,
    run_steps,
    sample_shot,
)

Figures = dict[str, Any]
HELD_BY = 0.01  # of mIoU: a card's result that is this near the CPU's holds its quality
SHOWN = 10  # of a profile's rows


@dataclass(frozen=True)
class Scale:
    """How much is done: all of it, or so little that a CPU can try it."""

    shot: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the default preset's settings, for the demo and the shot."""
    paper: Mapping[str, Any] = field(default_factory=dict)
    """The same of the quality preset, for the paper's scale."""
    every: int = 1
    presets: tuple[tuple[str, int | None], ...] = CARD_PRESETS
    blocks: int = 10
    block: int = BLOCK
    points: tuple[int, ...] = (65_536, 262_144)


SMALL = Scale(
    shot={"train.iterations": 20, "mesh.resolution": 32, "layers.refine": False},
    paper={
        "train.iterations": 20,
        "train.rays": 64,
        "fields.log2_table": 12,
        "mesh.resolution": 32,
        "layers.refine": False,
    },
    every=12,
    presets=(("preview", 64),),
    blocks=1,
    block=2,
    points=(1024,),
)


@dataclass(frozen=True)
class Card:
    """Where and how much; out: folder of the runs; shot: folder of a set of footage, or None."""

    device: str
    scale: Scale
    out: Path
    shot: Path | None = None


def tests(card: Card) -> Iterator[Figures]:
    """All tests marked gpu; RuntimeError names those that fail."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    yield {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|error)", lines[-1])}
    if failed := [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]:
        raise RuntimeError("; ".join(failed))


def rates(card: Card) -> Iterator[Figures]:
    """Milliseconds of an iteration by each preset and by the paper's batch; the hash grid beside plain PyTorch."""
    scale = card.scale
    for entry in card_entries(scale.blocks, card.device, scale.presets, scale.block):
        memory = {f"{entry['name']}, MB": entry["card_memory_mb"]} if entry["card_memory_mb"] else {}
        yield {f"{entry['name']}, ms": entry["median_ms"], **memory}
    for points in scale.points:
        for entry in grid_entries(8, card.device, points):
            yield {f"{entry['name']}, ms": entry["median_ms"]}


def profile(card: Card) -> Iterator[Figures]:
    """Where the milliseconds of an iteration go, by the last of the scale's presets: the operations that take most."""
    import torch

    on_card = card.device == "cuda"
    activity = torch.profiler.ProfilerActivity
    with tempfile.TemporaryDirectory() as scratch:
        name, rays = card.scale.presets[-1]
        trainer, batches, _ = sample_shot(name, Path(scratch), card.device, rays)
        run_steps(trainer, batches, WARM_UP)
        with torch.profiler.profile(activities=[activity.CUDA if on_card else activity.CPU]) as profiler:
            run_steps(trainer, batches, PROFILE_STEPS)
    time = "self_device_time_total" if on_card else "self_cpu_time_total"
    rows = sorted(profiler.key_averages(), key=lambda row: -getattr(row, time))
    yield {f"{row.key[:60]}, ms": getattr(row, time) / 1e3 / PROFILE_STEPS for row in rows[:SHOWN]}


def tinycudann(card: Card) -> Iterator[Figures]:
    """The hash grid of tiny-cuda-nn beside ours, in single precision, where it can be imported."""
    import torch

    from measure.timing import timed, wait_for

    try:
        import tinycudann as theirs
    except (ImportError, OSError) as error:  # OSError is what it raises without a card
        yield {"tinycudann": f"cannot be imported here ({' '.join(str(error).split())})"}
        return
    grown = (2048 / 16) ** (1 / 15)
    form = {"otype": "HashGrid", "n_levels": 16, "n_features_per_level": 2, "log2_hashmap_size": 19}
    grid = theirs.Encoding(3, {**form, "base_resolution": 16, "per_level_scale": grown}, dtype=torch.float32)
    for points in card.scale.points:
        x = torch.rand(points, 3, device=card.device)

        def both_ways(x: torch.Tensor = x) -> None:
            grid.zero_grad()
            grid(x).sum().backward()
            wait_for(card.device)

        yield {f"tinycudann, {points:,} points, ms": timed("", 20, both_ways).median}
        ours = list(grid_entries(20, card.device, points))[1]
        yield {f"{ours['name']}, ms": ours["median_ms"]}


def demo(card: Card) -> Iterator[Figures]:
    """The sample to its end by the default preset."""
    return _whole(card, sample_case(), Settings("default", card.scale.shot, card.scale.every, card.device))


def shot(card: Card) -> Iterator[Figures]:
    """The set of footage to its end by the default preset."""
    return _whole(card, _given(card), Settings("default", card.scale.shot, card.scale.every, card.device))


def paper(card: Card) -> Iterator[Figures]:
    """40,000 iterations by the quality preset to the end, of the set of footage or, without one, of the sample."""
    case = _given(card) if card.shot is not None else sample_case()
    return _whole(card, case, Settings("quality", card.scale.paper, max(card.scale.every, 8), card.device))


def stored_miou(name: str, preset: str) -> float | None:
    """The mIoU that docs/results has of a shot by a whole run on a CPU."""
    for own in read_all():
        for entry in own.entries if (own.part, own.label) == ("quality", preset) else ():
            on_cpu = entry["stamp"]["machine"]["card"] is None
            if entry["name"] == name and entry["matte"] is not None and on_cpu:
                return float(entry["matte"]["mean"]["miou"])
    return None


def _whole(card: Card, case: Case, settings: Settings) -> Iterator[Figures]:
    """A shot from its frames to report and eval; RuntimeError where it does not come to its end."""
    part = {"quality": "paper"}.get(settings.preset, "demo" if case.group == "sample" else "shot")
    entry = run(Plan(case, settings), card.out / part)
    yield {"seconds": entry["seconds"], **{f"{stage}, s": spent for stage, spent in entry["timings"].items()}}
    if entry["ended"] != "done":
        raise RuntimeError(f"{case.name}: {entry['sentence']}")
    yield {
        "MB": entry["memory_mb"],
        "frames": entry["footage"]["frames"],
        "layers": entry["footage"]["layers"],
    }
    if entry["matte"] is not None:
        found, stored = entry["matte"]["mean"]["miou"], stored_miou(case.name, "default")
        yield {"mIoU": found, "boundary IoU": entry["matte"]["mean"]["boundary_iou"]}
        if stored is not None:
            yield {"CPU's mIoU, default preset": stored, "held": bool(found >= stored - HELD_BY)}
    if entry["mesh"] is not None:
        yield {"F-score": entry["mesh"]["f_score"]}


def _given(card: Card) -> Case:
    if card.shot is None:
        raise RuntimeError("no shot was given: --shot names the folder of a set of footage")
    found = [case for case in footage_cases(card.shot.parent) if case.name == card.shot.name]
    if not found:
        raise RuntimeError(f"{card.shot.name} holds no images/: give the folder of a set of footage")
    return found[0]
