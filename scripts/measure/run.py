"""One shot segmented and measured through the command line, each command a process of its own, so that its memory is its own."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environment import ROOT

from measure.cases import Case, layer_frames, mattes_of_truth, pictures
from measure.stamp import code_fingerprint, stamp

CORE = [sys.executable, "-m", "surface_sos_core"]
BAD_INPUT, NOT_SOLVED = (
    2,
    4,
)  # exit codes; bad input that is told after the footage was read is a refusal of the shot


@dataclass(frozen=True)
class Settings:
    """How shots are run. changes: settings by full name, as after --set. every: see `layer_frames`."""

    preset: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    every: int = 1
    device: str = "auto"

    def words(self) -> list[str]:
        """As options of `surface-sos segment`."""
        changes = [
            word for name, value in self.changes.items() for word in ("--set", f"{name}={_toml(value)}")
        ]
        return ["--preset", self.preset, "--device", self.device, *changes]

    def with_changes(self, changes: Mapping[str, Any]) -> Settings:
        return dataclasses.replace(self, changes={**self.changes, **changes})


@dataclass(frozen=True)
class Plan:
    """A shot to run, as one row of a part: variant is what the row is called, "" where there is but one."""

    case: Case
    settings: Settings
    variant: str = ""


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its code, the error's sentence, the stages it began, and what it took."""

    code: int
    error: str | None
    stages: list[str]
    seconds: float
    processor_seconds: float | None
    """None, like memory_mb, where the system does not tell it of a single process (Windows)."""
    memory_mb: float | None


def run(plan: Plan, out: Path, keep: bool = False) -> dict[str, Any]:
    """The plan's entry in the results, whole runs being kept beside `out`: OUT.json.

    A run that is there counts where case, settings and code are the same; with `keep` the code may be another, and the
    entry says which. One that was cut off goes on. An entry has name (the shot's), variant, stamp, settings, and

        ended        done; refused, where the shot is told to be none that can be done; failed otherwise
        sentence     why, null where done
        footage      frames, layers (how many), width, height
        seconds, processor_seconds, memory_mb, timings (by stage)
        matte, clean, shadowed, mesh   of `eval`, without the single frames; null where not measured
        held         the same of clean plates seen by other cameras, null without
    """
    spec = _spec(plan)
    kept, begun = out.with_name(f"{out.name}.json"), out.with_name(f"{out.name}.begun.json")
    now = stamp(plan.settings.device == "cuda")
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if found["spec"] == spec and (keep or found["entry"]["stamp"]["code"] == now["code"]):
            return dict(found["entry"])
    out.parent.mkdir(parents=True, exist_ok=True)
    beginning = {"spec": spec, "code": now["code"]}
    goes_on = begun.exists() and json.loads(begun.read_text(encoding="utf-8")) == beginning
    begun.write_text(json.dumps(beginning), encoding="utf-8")
    entry = {"name": plan.case.name, "variant": plan.variant, "stamp": now, **_measured(plan, out, goes_on)}
    if code_fingerprint() != now["code"]:
        entry |= {"ended": "failed", "sentence": "the code was changed while it ran"}
    if entry["ended"] != "failed":  # what failed is tried again the next time
        kept.write_text(json.dumps({"spec": spec, "entry": entry}, indent=1), encoding="utf-8")
    begun.unlink()
    return entry


def with_solved_cameras(case: Case, out: Path) -> Case:
    """The case with cameras, solved once into `out` where it has none of its own; as it is where they cannot be solved."""
    if case.cameras is not None:
        return case
    if not out.exists() and command([*CORE, "solve", str(case.plates), "--out", str(out)]).code:
        return case
    return dataclasses.replace(case, cameras=out)


def command(words: Sequence[str], log: Path | None = None) -> Ended:
    """Run a command of surface-sos, listening to its events; these and its standard error go to `log`, the latter otherwise
    where ours goes."""
    started, stages, error = time.monotonic(), [], None
    if log is not None:
        log.unlink(missing_ok=True)
    with (log or Path(os.devnull)).open("a", encoding="utf-8") as kept:  # two write to it
        process = subprocess.Popen(
            [*words, "--events", "jsonl"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=kept if log else None,
            text=True,
            encoding="utf-8",
        )
        assert process.stdout is not None
        for line in process.stdout:
            kept.write(line)
            kept.flush()
            event = json.loads(line)
            if event["event"] == "stage":
                stages.append(event["stage"])
            elif event["event"] == "error":
                error = event["message"]
        code, processor, memory = _wait(process)
    return Ended(code, error, stages, time.monotonic() - started, processor, memory)


def environment() -> dict[str, str]:
    """This environment with the checkout importable."""
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *([inherited] if inherited else [])])}


def _spec(plan: Plan) -> dict[str, Any]:
    """Everything that a run depends on but the code."""
    case = {k: str(v) if v is not None else None for k, v in dataclasses.asdict(plan.case).items()}
    return {"case": case, "settings": plan.settings.words(), "every": plan.settings.every}


def _measured(plan: Plan, out: Path, goes_on: bool) -> dict[str, Any]:
    from surface_sos_core.footage import open_footage

    case = plan.case
    footage = open_footage(case.plates)
    wanted = set(
        layer_frames([f.name for f in footage.frames], set(mattes_of_truth(case)), plan.settings.every)
    )
    numbers = [str(frame.number) for frame in footage.frames if frame.name in wanted]
    words = [*CORE, "segment", str(case.plates), "--out", str(out), "--frames", ",".join(numbers)]
    words += ["--masks", str(case.masks)] if case.masks is not None else []
    words += ["--cameras", str(case.cameras)] if case.cameras is not None else []
    there = (out / "shot.json").exists()
    words += ["--resume" if goes_on else "--overwrite"] if there else []
    ended = command([*words, *plan.settings.words()], out.with_name(f"{out.name}.log"))
    manifest = json.loads((out / "shot.json").read_text(encoding="utf-8")) if ended.code == 0 else {}
    refused = ended.code == NOT_SOLVED or (ended.code == BAD_INPUT and len(ended.stages) > 1)
    measured = _evaluated(case, out, "train" in manifest["timings"]) if ended.code == 0 else {}
    return {
        "settings": {
            "preset": plan.settings.preset,
            "changes": dict(plan.settings.changes),
            "layers_every": plan.settings.every,
            "device": plan.settings.device,
        },
        "ended": "done" if ended.code == 0 else "refused" if refused else "failed",
        "sentence": _without_paths(ended.error or f"ended with code {ended.code}", case, out)
        if ended.code
        else None,
        "footage": {
            "frames": len(footage.frames),
            "layers": len(numbers),
            "width": footage.width,
            "height": footage.height,
        },
        "seconds": ended.seconds if not goes_on else sum(manifest.get("timings", {}).values()),
        "processor_seconds": ended.processor_seconds if not goes_on else None,
        "memory_mb": ended.memory_mb,
        "timings": manifest.get("timings", {}),
        **{part: _without_frames(measured.get(part)) for part in ("matte", "clean", "shadowed", "mesh")},
        "held": _held(case, out) if case.held is not None and ended.code == 0 else None,
    }


def _evaluated(case: Case, out: Path, trained: bool) -> dict[str, Any]:
    """What `eval` measures, against the masks that were given or, from another source, that training started from; of a subject
    that moves nothing is trained, and those are not kept."""
    if case.truth is None:
        return {}
    masks = case.masks
    if isinstance(masks, str) and not trained:
        masks = None
    if isinstance(masks, str):
        folder = out.with_name(f"{out.name} masks")
        words = [*CORE, "masks", str(case.plates), "--from", masks, "--cameras", str(out / "cameras")]
        if command([*words, "--out", str(folder), "--overwrite"]).code:
            raise RuntimeError(f"{case.name}: the masks of {masks} could not be made, see above")
        masks = folder
    given = ["--masks", str(masks)] if masks is not None else []
    return _evaluate(out, case.truth, given)


def _evaluate(out: Path, truth: Path, more: Sequence[str] = ()) -> dict[str, Any]:
    if command([*CORE, "eval", str(out), "--truth", str(truth), *more]).code:
        raise RuntimeError(f"{out.name} could not be measured, see above")
    measured: dict[str, Any] = json.loads((out / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    return measured


def _held(case: Case, out: Path) -> dict[str, Any] | None:
    """Clean plates seen by cameras that are not in the footage, against photographs."""
    from surface_sos_core.cameras import CameraModel, read_model, write_model

    assert case.held is not None and case.cameras is not None
    wanted = pictures(case.held / "clean_plates")
    model = read_model(case.cameras)
    held = {name: camera for name, camera in model.cameras.items() if Path(name).stem in wanted}
    there = out.with_name(f"{out.name} held")
    cameras = there.with_name(f"{there.name} cameras")
    write_model(CameraModel(held, model.points), cameras)
    words = [*CORE, "render", str(out), "--cameras", str(cameras), "--out", str(there), "--overwrite"]
    if command(words).code:
        raise RuntimeError(f"{case.name}: the held cameras' plates could not be rendered, see above")
    return _without_frames(_evaluate(there, case.held)["clean"])


def _without_frames(part: dict[str, Any] | None) -> dict[str, Any] | None:
    """The figures of single frames stay in the run's own folder."""
    return {key: value for key, value in part.items() if key != "per_frame"} if part else None


def _without_paths(sentence: str, case: Case, out: Path) -> str:
    """Results are published: no folder of this machine in them."""
    for path, name in ((out, "OUT"), (case.plates.parent, case.name), (ROOT, ".")):
        sentence = sentence.replace(str(path), name)
    return sentence


def _wait(process: subprocess.Popen[str]) -> tuple[int, float | None, float | None]:
    """The exit code, seconds of processor time and the most megabytes of a process and of those it waited for."""
    if not hasattr(os, "wait4"):
        return process.wait(), None, None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
