"""How good the results are and how long they take, as data, and the documents' tables made of it.

python scripts/benchmark.py all --footage DIR [--truth 640x360 ...] [--parts quality,speed,...]   everything, part by part
python scripts/benchmark.py quality|starts|ablation [--footage DIR] [--truth SIZE ...] [--only NAME ...]
python scripts/benchmark.py speed [--runs N] [--device cuda] [--profile]
python scripts/benchmark.py memory [--frames 60,240,960] [--size 640x480]
python scripts/benchmark.py scaling [--shots 200] [--workers 1,2,4,...]   a farm, simulated with the seconds in docs/results
python scripts/benchmark.py farm [--shots 8] [--workers 1,2]   the same, measured: cuts of the sample on this machine's cores
python scripts/benchmark.py tables [--check]     the documents' tables from docs/results; --check only compares
python scripts/benchmark.py first                one training iteration and no more: what is timed from outside as the start

quality: every shot of the footage folder, of make_truth.py at the sizes asked for, and the sample, the same settings for all.
starts: what is made of one box on one frame, of nothing, and of GrabCut in each frame. ablation: parts of the method left out, and
masks of several qualities refined, on the shots that --ablate names. What is measured goes into docs/results as it comes, with
commit, machine, settings and time; a run that is whole is kept in --out and made again when the code changes (--keep: not even
then), one that was cut off goes on.

A quick look at all shots: all --parts quality --preset preview --layers-every 10. Trials by --set NAME=VALUE want a --label.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from environment import ROOT, ready_python
from measure.results import FOLDER, PARTS, opened

RUN_PARTS = PARTS[:5]  # the card has a script of its own, gpu.py


def main() -> int:
    options = parsed()
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode
    if options.what == "first":
        from measure.speed import first_iteration

        first_iteration()
        return 0
    if options.what == "tables":
        return tables(options.check)
    if options.what == "scaling":
        scale(options)
        return tables(check=False)
    if options.what == "farm":
        measure_farm(options)
        return tables(check=False) if options.results == FOLDER else 0
    parts = options.parts.split(",") if options.what == "all" else [options.what]
    failed = [name for part in parts for name in measure(part, options)]
    if options.results == FOLDER:
        tables(check=False)
    for name in failed:
        print(f"{name} failed, see its log in {options.out}", file=sys.stderr)
    return 1 if failed else 0


def measure(part: str, options: argparse.Namespace) -> list[str]:
    """One part's results, written as they come; returns the names of the runs that failed."""
    from measure.memory import memory_entries
    from measure.speed import profile_lines, speed_entries
    from measure.stamp import stamp

    if part not in ("speed", "memory"):
        return measure_shots(part, options)
    now, device = stamp(options.device == "cuda"), "cuda" if options.device == "cuda" else "cpu"
    if part == "memory":
        width, height = (int(number) for number in options.size.split("x"))
        entries = memory_entries([int(n) for n in options.frames.split(",")], (width, height))
    else:
        entries = speed_entries(options.runs, device)
    label = device if options.what == "all" or options.label is None else options.label
    put(
        part,
        "sample" if part == "speed" else "ball",
        label,
        options.results,
        ({**e, "stamp": now} for e in entries),
    )
    if part == "speed" and options.profile:
        for name in ("preview", "default"):
            print(f"  {name}, function by function:", *profile_lines(name), sep="\n")
    return []


def measure_shots(part: str, options: argparse.Namespace) -> list[str]:
    """The runs of quality, starts or ablation."""
    from measure.ablation import ablation_plans
    from measure.cases import footage_cases, rendered_at, sample_case
    from measure.run import Plan, Settings, run
    from measure.starts import STARTS, start_plans

    from surface_sos_core.errors import InputError
    from surface_sos_core.settings import assignments, preset

    changes = assignments(options.set)
    try:
        preset(options.preset).with_values(changes)  # before anything is run
    except InputError as error:
        raise SystemExit(str(error)) from error
    settings = Settings(options.preset, changes, options.layers_every, options.device)
    cases = [*(footage_cases(options.footage) if options.footage else []), sample_case()]
    others = [name for name in options.only or [] if name not in {case.name for case in cases}]
    cases = [case for case in cases if not options.only or case.name in options.only]
    if others or not options.only:
        for size in options.truth:
            cases += rendered_at(size, ROOT / "out" / f"truth-{size}", others)
    if not cases:
        raise SystemExit("No shot to measure: --footage, --truth and --only leave none.")
    out = options.out.absolute() / options.label / part
    plans: Iterable[Plan]
    if part == "quality":
        plans = (Plan(case, settings) for case in cases)
    elif part == "starts":
        plans = start_plans(cases, settings, out, options.starts or list(STARTS))
    else:
        named = options.ablate or options.only or []
        plans = ablation_plans([case for case in cases if case.name in named], settings, out)
    failed = []
    for plan in plans:
        name = f"{plan.case.group} {plan.case.name} {plan.variant}".strip()
        entry = run(plan, out / name, options.keep)
        put(part, plan.case.group, options.label, options.results, [entry])
        if entry["ended"] == "failed":
            failed.append(name)
    return failed


def put(part: str, group: str, label: str, folder: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write entries as they come, each with a line for whoever waits."""
    for entry in entries:
        results = opened(part, group, label, folder)
        results.put(entry)
        results.write(folder)
        print(line(part, group, entry), flush=True)


def scale(options: argparse.Namespace) -> None:
    """A farm that makes shots like those measured, by numbers of workers."""
    from measure.results import read_all
    from measure.scaling import Farm, scaling_entries
    from measure.stamp import stamp

    of_label = [own for own in read_all() if (own.part, own.group, own.label) == ("quality", "footage", options.of)]
    if not of_label:
        raise SystemExit(f"docs/results has no quality of footage called {options.of}; measure it first.")
    farm = Farm(storage=options.storage)
    workers = [int(count) for count in options.workers.split(",")]
    made = scaling_entries(of_label[0].entries, options.shots, workers, farm)
    put("scaling", "farm", options.of, FOLDER, ({**entry, "stamp": stamp(False)} for entry in made))


def measure_farm(options: argparse.Namespace) -> None:
    """Small shots on a farm of this machine's cores."""
    from measure.farm import farm_entries
    from measure.stamp import stamp

    workers, now = [int(count) for count in options.workers.split(",")], stamp(False)
    if workers[0] != 1:
        raise SystemExit("--workers begins with 1, which the others are compared with.")
    made = farm_entries(options.shots, workers, options.layers, options.set, options.out.absolute() / "farm")
    put("farm", "sample", "preview", options.results, ({**entry, "stamp": now} for entry in made))


def line(part: str, group: str, entry: dict[str, Any]) -> str:
    """An entry in a few words."""
    words = [f"{part:8}", group, entry["name"], entry.get("variant", "")]
    if "median_ms" in entry:
        words.append(f"{entry['median_ms']:.1f} ms, of the processor {entry['processor_ms']:.1f}")
        words += [f"{entry['times_plain']:.1f} x plain PyTorch"] if "times_plain" in entry else []
    elif "efficiency" in entry:
        words.append(f"{entry['shots_an_hour']:.1f} shots an hour, efficiency {entry['efficiency']:.2f}")
    elif "peak_mb" in entry:
        words.append(f"{entry['peak_mb']:.0f} MB")
    elif entry["ended"] != "done":
        words.append(f"{entry['ended']}: {entry['sentence']}")
    else:
        matte = entry["matte"] or {"mean": {}}
        words.append(f"mIoU {matte['mean'].get('miou', float('nan')):.3f}, {entry['seconds']:.0f} s")
    return "  ".join(word for word in words if word)


def tables(check: bool) -> int:
    """Bring the documents' tables up to date, or say which are not."""
    from measure.documents import stale, write

    names = stale() if check else write()
    for name in names:
        print(
            f"{name} {'is not what docs/results says: run benchmark.py tables' if check else 'is up to date now'}"
        )
    return 1 if check and names else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, text in (
        ("all", "several parts"),
        ("quality", "every shot as it is"),
        ("starts", "one box, nothing, GrabCut"),
        ("ablation", "parts left out, masks spoilt"),
        ("speed", "iterations, grids, mattes"),
        ("memory", "the peak of several lengths"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--results", type=Path, default=FOLDER, help="folder of the JSON files (docs/results)"
        )
        command.add_argument(
            "--label", help="what these results are called; the preset, or the device, otherwise"
        )
        command.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
        if name in ("all", "speed"):
            command.add_argument(
                "--runs", type=int, default=60, help="iterations timed; others take fewer (60)"
            )
            command.add_argument(
                "--profile", action="store_true", help="where an iteration's milliseconds go"
            )
        if name in ("all", "memory"):
            command.add_argument("--frames", default="60,240,960", help="lengths of the shots (60,240,960)")
            command.add_argument("--size", default="640x480", help="and the size of their frames (640x480)")
        if name not in ("speed", "memory"):
            add_shots(command)
        if name == "all":
            command.add_argument("--parts", default=",".join(RUN_PARTS), help=f"of {','.join(RUN_PARTS)}")
    scaling = commands.add_parser("scaling", help="a farm, simulated")
    scaling.add_argument("--shots", type=int, default=200, help="drawn of those that were measured (200)")
    scaling.add_argument("--workers", default="1,2,4,10,30,100,300,1000", help="numbers of machines")
    scaling.add_argument("--storage", type=float, default=1000.0, help="MB/s of the disk that all share (1000)")
    scaling.add_argument("--of", default="preview", help="the label of the quality that has their seconds (preview)")
    farm = commands.add_parser("farm", help="a farm, measured")
    farm.add_argument("--shots", type=int, default=8, help="cuts of the sample, all alike (8)")
    farm.add_argument("--workers", default="1,2", help="numbers of workers, a core each (1,2)")
    farm.add_argument("--layers", default="1001-1024x4", metavar="LIST", help="frames of each (1001-1024x4)")
    farm.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of segment")
    farm.add_argument("--out", type=Path, default=ROOT / "out" / "benchmark", help="where runs are kept (out/benchmark)")
    farm.add_argument("--results", type=Path, default=FOLDER, help="folder of the JSON files (docs/results)")
    check = commands.add_parser("tables", help="the documents' tables")
    check.add_argument("--check", action="store_true", help="write nothing; code 1 where a table is another")
    commands.add_parser("first", help="one training iteration")
    options = parser.parse_args()
    if options.what in ("tables", "first", "scaling", "farm"):
        return options
    if unknown := set(getattr(options, "parts", "").split(",")) - {*RUN_PARTS, ""}:
        parser.error(f"there is no part called {min(unknown)}; choose of {', '.join(RUN_PARTS)}")
    trial = getattr(options, "set", []) or getattr(options, "layers_every", 1) > 1
    if options.what not in ("speed", "memory") and options.label is None:
        options.label = f"{options.preset} trial" if trial else options.preset
    return options


def add_shots(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--footage", type=Path, help="folder of sets: NAME/images, coarse_masks, truth, sparse/0"
    )
    command.add_argument(
        "--truth",
        nargs="+",
        default=[],
        metavar="SIZE",
        help="shots of make_truth.py at these sizes, as 640x360",
    )
    command.add_argument("--only", nargs="+", metavar="NAME", help="these shots alone; no others are rendered")
    command.add_argument(
        "--from",
        dest="starts",
        nargs="+",
        choices=["box", "auto", "grabcut"],
        help="of the starts these alone",
    )
    command.add_argument(
        "--ablate", nargs="+", metavar="NAME", help="shots for the ablation (those of --only)"
    )
    command.add_argument("--preset", default="default", choices=["preview", "default", "quality"])
    command.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of segment")
    command.add_argument(
        "--layers-every",
        type=int,
        default=1,
        metavar="N",
        help="layers of every N-th frame and the one after it",
    )
    command.add_argument(
        "--out", type=Path, default=ROOT / "out" / "benchmark", help="where runs are kept (out/benchmark)"
    )
    command.add_argument("--keep", action="store_true", help="keep whole runs although the code has changed")


if __name__ == "__main__":
    raise SystemExit(main())
