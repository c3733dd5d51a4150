"""Messages are what the core's own events say."""

from pathlib import Path
from typing import Any

from blender_addon.job import messages
from surface_sos_core.doctor import examine
from surface_sos_core.events import Events, json_line


def test_every_event_of_the_core_becomes_its_message():
    lines: list[dict[str, Any]] = []
    events = Events(lines.append)
    events.stage("train", 4, 7)
    events.progress(120, 400, "iterations", rate=3.5)
    events.progress(0, 400, "iterations")
    events.preview(Path("a/preview.png"), 1006, 120)
    events.inputs({"footage": {}, "frames": [], "objects": {}, "cameras": None}, ["footage  a"])
    events.warning("1 mask is black.")
    events.error("The disk is full.", 3)
    events.done(Path("a/shot.json"), None, 61.5)
    events.task(Path("a"), "layers", "1001-1008", "render-07", 12.5, "It was lost.", True, (1, 3), 2)
    events.shot("a", None, 0)
    stage, known, unknown, preview, inputs, warning, error, done, task, shot = (
        messages.from_line(json_line(line)) for line in lines
    )
    assert stage == messages.Stage("train", 4, 7)
    assert (known.done, known.total, known.rate, known.eta_s) == (120, 400, 3.5, 80.0)
    assert (unknown.rate, unknown.eta_s) == (None, None)
    assert preview == messages.Preview(str(Path("a/preview.png")), 1006, 120)
    assert inputs == messages.Inputs(["footage  a"]) and inputs.picture == {}
    assert warning == messages.Warning("1 mask is black.")
    assert error == messages.Error("The disk is full.", 3)
    assert done == messages.Done(str(Path("a/shot.json")), None, 61.5)
    assert shot == messages.Shot("a", None, 0) and messages.text(shot) is None
    assert messages.text(task) == (
        f"    [1/3 shots, 2 machines] {Path('a')}: layers 1001-1008, 12 s on render-07, failed and is tried again: It was lost."
    )
    assert messages.text(stage) == "[4/7] train"
    assert messages.text(known) == "    train: 120/400 iterations, 3.5 iterations/s, 1:20 left"
    assert messages.text(done) == f"Done in 1:02: {Path('a/shot.json')}"


def test_what_doctor_finds_is_told_in_lines():
    diagnosis = examine("cpu")
    message = messages.from_line(json_line(diagnosis.as_event()))
    assert isinstance(message, messages.Doctor) and message.can_run == (not diagnosis.missing)
    lines = messages.doctor_text(message).splitlines()
    assert lines[0].startswith("The core can") and "device: cpu" in lines[0]
    assert len(lines) == 1 + len(diagnosis.checks)


def test_other_lines_and_half_events_are_kept_as_they_are():
    for line in ("hello\n", "[1, 2]\n", '{"event": "stage", "stage": "train"}\n', '{"event": "new kind"}\n'):
        assert messages.from_line(line) == messages.Log(line.rstrip())
