"""One shot segmented and measured in a process of its own, so that its memory is its own: run.py SPEC.json.

SPEC names a case's folders, the settings and OUT; the result, JSON, is written to OUT.json beside it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure.cases import Case, mattes_of_truth, pictures


class Refused(RuntimeError):
    """What `segment` says where it finds no object to start from; kept like a result."""


def run(case: Case, settings: dict[str, Any], out: Path) -> dict[str, Any]:
    """The result of a case with settings as `Settings.as_dict` gives them; one that `out` has already is read.

    Returns "coarse" (mIoU of the masks that came in, or None), "measured" and "held" (of `evaluate`, or None), "timings"
    by stage, "seconds" in all and "memory_mb" at the worst. Refused where the start finds no object, RuntimeError where
    the child process fails.
    """
    wanted = {
        "case": {k: str(v) if v is not None else None for k, v in dataclasses.asdict(case).items()},
        "settings": settings,
        "out": str(out),
    }
    result = out.with_name(out.name + ".json")
    if result.exists():
        found = json.loads(result.read_text())
        if found["spec"] == wanted:
            return _accepted(found)
    out.parent.mkdir(parents=True, exist_ok=True)
    spec = out.with_name(out.name + ".spec.json")
    spec.write_text(json.dumps(wanted, indent=1))
    if subprocess.run(
        [sys.executable, "-m", "measure.run", str(spec)], check=False, env=_environment()
    ).returncode:
        raise RuntimeError(f"{case.name} could not be measured, see above")
    return _accepted(json.loads(result.read_text()))


def _accepted(result: dict[str, Any]) -> dict[str, Any]:
    if "refused" in result:
        raise Refused(result["refused"])
    return result


def with_solved_cameras(case: Case, out: Path) -> Case:
    """The case with cameras, solved once into `out` where it has none of its own."""
    if case.cameras is not None:
        return case
    if not out.exists():
        command = [sys.executable, "-m", "surface_sos_core", "solve", str(case.plates), "--out", str(out)]
        subprocess.run(command, env=_environment(), check=True)
    return dataclasses.replace(case, cameras=out)


def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """What `run` does, in this process."""
    from surface_sos_core import InputError, Shot, pipeline, segment
    from surface_sos_core.manifest import read_manifest
    from surface_sos_core.settings import settings_from_dict

    case = Case(**{k: Path(v) if v and k not in ("name", "masks") else v for k, v in spec["case"].items()})
    out, settings = Path(spec["out"]), settings_from_dict(spec["settings"])
    started = time.monotonic()
    frames = ",".join(str(number) for number in _numbers(case))
    shot = Shot(case.plates, out, case.masks, case.cameras, frames=frames)
    mode = "overwrite" if (out / "shot.json").exists() else "new"
    try:
        segment(shot, settings, mode=mode)
    except InputError as error:
        if not (out / "cameras").is_dir():  # what was given cannot be read at all
            raise
        return {"spec": spec, "refused": str(error)}
    seconds = time.monotonic() - started
    memory = peak_memory()
    return {
        "spec": spec,
        "coarse": coarse_miou(case, out),
        "measured": pipeline.measure(out, case.truth),
        "held": _held(case, out) if case.held else None,
        "timings": read_manifest(out).timings,
        "seconds": seconds,
        "memory_mb": memory,
    }


def coarse_miou(case: Case, out: Path) -> float | None:
    """mIoU of the masks as they came, or as their source finds them with the cameras of the shot in `out`, over the
    frames that have one and truth; None without any."""
    import cv2
    import numpy as np

    from surface_sos_core.cameras import match_cameras, read_model
    from surface_sos_core.evaluate.metrics import iou
    from surface_sos_core.footage import open_footage
    from surface_sos_core.masks.sources.request import MaskRequest, open_source
    from surface_sos_core.masks.sources.source import MaskShot
    from surface_sos_core.settings import Settings

    def quiet(*_: object) -> None:
        """The run has told it."""

    if case.masks is None:
        return None
    footage = open_footage(case.plates)
    request = MaskRequest.parse(str(case.masks))
    source = open_source(request, footage, Settings(), quiet)
    # with cameras, files are mended
    solved = request.name != "files" and (out / "cameras").is_dir()
    model = read_model(out / "cameras") if solved else None
    cameras = match_cameras(model, footage, quiet) if model is not None else [None] * len(footage.frames)
    masks = source.find(MaskShot(footage, model, cameras, None, Settings(), quiet, quiet))
    truth = mattes_of_truth(case)
    found = []
    for i, frame in enumerate(footage.frames):
        if frame.name in truth and masks.known[i]:
            expected = cv2.imread(str(truth[frame.name]), cv2.IMREAD_GRAYSCALE) / 255.0
            size = expected.shape[1], expected.shape[0]
            found.append(iou(cv2.resize(masks.probability[i], size) / 255.0, expected))
    return float(np.mean(found)) if found else None


def peak_memory() -> float | None:
    """Megabytes that this process, or the largest of those it waited for, ever held; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) / unit


def _held(case: Case, out: Path) -> dict[str, Any]:
    """Clean plates seen by cameras that are not in the footage, against photographs."""
    from surface_sos_core import pipeline
    from surface_sos_core.cameras import CameraModel, read_model, write_model

    assert case.held is not None and case.cameras is not None
    wanted = pictures(case.held / "clean_plates")
    model = read_model(case.cameras)
    cameras = {name: camera for name, camera in model.cameras.items() if Path(name).stem in wanted}
    there = out.with_name(f"{out.name} held")
    write_model(CameraModel(cameras, model.points), there.with_name(f"{there.name} cameras"))
    pipeline.render_views(out, there.with_name(f"{there.name} cameras"), there, overwrite=True)
    return pipeline.measure(there, case.held)


def _numbers(case: Case) -> list[int]:
    from surface_sos_core.footage import open_footage

    wanted = mattes_of_truth(case)
    return [frame.number for frame in open_footage(case.plates).frames if frame.name in wanted]


def _environment() -> dict[str, str]:
    """This environment with scripts/ and the checkout importable."""
    scripts = Path(__file__).resolve().parent.parent
    inherited = os.environ.get("PYTHONPATH")
    paths = [str(scripts), str(scripts.parent), *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


if __name__ == "__main__":
    file = Path(sys.argv[1])
    wanted = json.loads(file.read_text())
    result = measure(wanted)
    file.with_name(Path(wanted["out"]).name + ".json").write_text(json.dumps(result, indent=1))
    file.unlink()
