"""A shot as an Open Job Description (https://github.com/OpenJobDescription/openjd-specifications), for farms that speak it.

Of the revision 2023-09, with its extension TASK_CHUNKING: the farm makes chunks of frames as its workers get on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from surface_sos_core.farm.graph import AFTER, Name
from surface_sos_core.farm.tasks import Job, as_text
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.sequence import plain_name

SHOTS_FILE = "shots.json"
"""The list of shots beside the templates, with absolute paths: the description takes no default path that leads elsewhere."""

_NOTICE_S = 90  # in which training keeps a checkpoint
_LONGEST_NAME = 128


def write_json(path: Path, values: Any) -> None:
    """Write them as a file that people may read, whole or not at all."""
    with write_atomically(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def template_name(job: Job, number: int) -> str:
    """The file name of a shot's template."""
    return f"{number:03d}.{plain_name(job.out.name)}.json"


def template(job: Job, number: int, frames: list[int], chunk_seconds: float) -> dict[str, Any]:
    """The template as JSON-ready values: the tasks as steps, those that wait for others after these."""
    printable = "".join(letter for letter in job.out.name if letter.isprintable())
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": printable[:_LONGEST_NAME] or f"shot {number}",
        "parameterDefinitions": [
            {
                "name": "Jobs", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": SHOTS_FILE,
                "description": "The list of shots.",
            },
            {"name": "Shot", "type": "INT", "minValue": 1, "default": number, "description": "Which of them, from 1."},
            {
                "name": "Frames", "type": "STRING", "default": as_text(frames),
                "description": "Frames that get layers, as 1001-1040:2,1055.",
            },
            {
                "name": "FramesAtOnce", "type": "INT", "minValue": 1, "default": 8,
                "description": "Frames of a chunk, as long as the farm has not measured them.",
            },
            {
                "name": "Program", "type": "STRING", "default": "surface-sos",
                "description": "The command line's program, as workers find it.",
            },
        ],
        "steps": [_step(job, name, chunk_seconds) for name in AFTER],
    }  # fmt: skip


def _step(job: Job, name: Name, chunk_seconds: float) -> dict[str, Any]:
    words = ["farm", "{{Param.Jobs}}", "--shot", "{{Param.Shot}}", "--task", name]
    step: dict[str, Any] = {"name": name}
    if AFTER[name]:
        step["dependencies"] = [{"dependsOn": before} for before in AFTER[name]]
    if job.settings.device == "cuda" and job.may_use_gpu(name):
        step["hostRequirements"] = {"amounts": [{"name": "amount.worker.gpu", "min": 1}]}
    if name == "layers":
        words += ["--frames", "{{Task.Param.Frames}}"]
        chunks = {
            "defaultTaskCount": "{{Param.FramesAtOnce}}",
            "targetRuntimeSeconds": int(chunk_seconds),
            "rangeConstraint": "NONCONTIGUOUS",
        }
        chunked = {"name": "Frames", "type": "CHUNK[INT]", "range": "{{Param.Frames}}", "chunks": chunks}
        step["parameterSpace"] = {"taskParameterDefinitions": [chunked]}
    cancelation = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE_S}
    run = {"command": "{{Param.Program}}", "args": words, "cancelation": cancelation}
    return step | {"script": {"actions": {"onRun": run}}}
