"""Everything that a borrowed card is good for, in one call of at most twelve minutes.

python scripts/gpu.py [--shot DIR] [--minutes 12] [--parts tests,rates,...] [--results DIR]
python scripts/gpu.py --small --device cpu     the same at a size that a CPU can try

tests: all tests marked gpu. rates: an iteration by each preset and by the paper's batch, the hash grid. paper: 40,000
iterations by the quality preset, from frames to report. demo, shot: the sample, and the set of footage in DIR (images,
coarse_masks, truth, sparse/0), by the default preset to their ends, against the CPU's mIoU in docs/results. profile: where an
iteration goes. tinycudann: its hash grid beside ours, where it can be imported (it is built with nvcc, from its sources).

Each part is a process of its own with its own share of the time; one that fails or takes too long leaves the others alone,
and what it had measured by then is kept. Figures go into docs/results as they come, with the card's name.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment import ROOT, ready_python
from measure.results import FOLDER, opened

# In this order, each with its seconds of the twelve minutes.
BUDGETS = {"tests": 60, "rates": 45, "paper": 400, "demo": 70, "shot": 105, "profile": 20, "tinycudann": 20}


@dataclass(frozen=True)
class Outcome:
    """How a part ended: done, failed or out of time; why; after how long; with what figures."""

    ended: str
    sentence: str | None
    seconds: float
    figures: dict[str, Any]


def main() -> int:
    options = parsed()
    if importlib.util.find_spec("surface_sos_core") is None:  # started by another Python
        return subprocess.run([ready_python(), __file__, *sys.argv[1:]], check=False).returncode
    if options.part is not None:
        return work(options)
    from measure.stamp import stamp

    from surface_sos_core.device import choose_device
    from surface_sos_core.errors import SetupError

    try:
        choose_device(options.device)  # a sentence at once where there is no card
    except SetupError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    now = stamp(options.device == "cuda")
    trial = " trial" if options.small else ""
    label = (now["machine"]["card"] or "cpu") + trial
    deadline, failed = time.monotonic() + 60 * options.minutes, False
    for part in options.parts.split(","):
        if part == "shot" and options.shot is None:
            continue
        figures = options.out / f"{part}.figures.json"
        seconds = min(BUDGETS[part] * options.minutes / 12, deadline - time.monotonic())
        outcome = supervised([sys.executable, *sys.argv, "--part", part], seconds, figures)
        reached = last_event(options.out / f"{part}.log") if outcome.ended != "done" else None
        sentence = "; ".join(text for text in (outcome.sentence, reached) if text) or None
        failed |= outcome.ended != "done"
        results = opened("gpu", "card", label, options.results)
        results.put({**outcome.__dict__, "name": part, "budget": seconds, "sentence": sentence, "stamp": now})
        results.write(options.results)
        told = "; ".join(f"{key} {value}" for key, value in outcome.figures.items())
        print(f"{part}: {outcome.ended} after {outcome.seconds:.0f} s. {sentence or ''} {told}", flush=True)
    if options.results == FOLDER:
        from measure.documents import write

        write()
    return 1 if failed else 0


def supervised(command: list[str], seconds: float, figures: Path) -> Outcome:
    """Run a part, no longer than that; it writes its figures into the file as it gets them.

    What it started ends with it. A part that has no time left is not begun.
    """
    if seconds <= 0:
        return Outcome("out of time", "not begun", 0.0, {})
    figures.parent.mkdir(parents=True, exist_ok=True)
    figures.unlink(missing_ok=True)
    started = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    ended, sentence = "done", None
    try:
        errors = process.communicate(timeout=seconds)[1]
        if process.returncode:
            ended, sentence = "failed", (errors.strip().splitlines() or [f"code {process.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        ended, sentence = "out of time", f"stopped after {seconds:.0f} s"
        end(process)
    measured = json.loads(figures.read_text(encoding="utf-8")) if figures.exists() else {}
    return Outcome(ended, sentence, time.monotonic() - started, measured)


def end(process: subprocess.Popen[str]) -> None:
    """The process and, where the system has groups of them, all that it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def last_event(log: Path) -> str | None:
    """How far a run came, by the last progress that it told."""
    if not log.exists():
        return None
    lines = log.read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines if line.startswith('{"event"') and line.endswith("}")]
    progress = [event for event in told if event["event"] == "progress"]
    if not progress:
        return None
    last = progress[-1]
    rate = f", {last['rate']:.1f} a second" if last["rate"] else ""
    return f"{last['stage']}: {last['done']} of {last['total']} {last['unit']}{rate}"


def work(options: argparse.Namespace) -> int:
    """One part, in this process; its last line of standard error says why it failed."""
    from measure import card

    scale = card.SMALL if options.small else card.Scale()
    asked = card.Card(options.device, scale, options.out, options.shot)
    jobs = {
        "tests": card.tests,
        "rates": card.rates,
        "paper": card.paper,
        "demo": card.demo,
        "shot": card.shot,
        "profile": card.profile,
        "tinycudann": card.tinycudann,
    }
    figures: dict[str, Any] = {}
    try:
        for more in jobs[options.part](asked):
            figures |= more
            partial = options.out / f".{options.part}.partial"  # it may be ended at any time
            partial.write_text(json.dumps(figures), encoding="utf-8")
            partial.replace(options.out / f"{options.part}.figures.json")
    except RuntimeError as error:  # torch's are RuntimeErrors too
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--shot", type=lambda text: Path(text).absolute(), metavar="DIR", help="a set of footage"
    )
    parser.add_argument("--minutes", type=float, default=12.0, help="for all parts together (12)")
    parser.add_argument("--parts", default=",".join(BUDGETS), help=f"of {','.join(BUDGETS)}")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--small", action="store_true", help="hardly any iterations, to try the script")
    parser.add_argument(
        "--out",
        type=lambda text: Path(text).absolute(),
        default=ROOT / "out" / "gpu",
        help="folder of the runs",
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="folder of the JSON file: docs/results, or the runs' with --small or on a CPU",
    )
    parser.add_argument("--part", choices=list(BUDGETS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.parts.split(",")) - set(BUDGETS):
        parser.error(f"there is no part called {min(unknown)}; choose of {', '.join(BUDGETS)}")
    if options.results is None:
        options.results = options.out if options.small or options.device == "cpu" else FOLDER
    return options


if __name__ == "__main__":
    raise SystemExit(main())
