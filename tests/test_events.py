"""Events: every kind goes through a pipe and comes back; times, rates and warnings are kept."""

import ast
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surface_sos_core import events as module
from surface_sos_core.events import VERSION, Events, json_line, parse_line

KINDS = {
    "stage": {"stage", "index", "count"},
    "progress": {"stage", "done", "total", "unit", "elapsed_s", "rate", "eta_s"},
    "preview": {"path", "frame", "iteration"},
    "inputs": {"footage", "frames", "objects", "cameras", "lines"},
    "warning": {"message"},
    "error": {"message", "exit_code"},
    "done": {"manifest", "report", "seconds"},
    "task": {
        "out",
        "task",
        "frames",
        "machine",
        "seconds",
        "message",
        "again",
        "shots_done",
        "shots",
        "machines",
    },
    "shot": {"out", "message", "exit_code"},
}


def every_event() -> list[dict]:
    told: list[dict] = []
    events = Events(told.append)
    events.stage("train", 3, 7)
    events.progress(0, 400, "steps")
    events.progress(100, 400, "steps")
    events.preview(Path("out/preview.png"), 1001, 100)
    events.inputs({"footage": {"first": 1}, "frames": [], "objects": {}, "cameras": None}, ["footage  a"])
    events.warning("The mask of café.1002 is empty.")
    events.error("plate.1003.exr is cut off", 2)
    events.done(Path("out/shot.json"), None, 12.5)
    events.task(Path("out"), "layers", "1001-1008", "render-07", 12.5, None, False, (1, 3), 2)
    events.shot("out", "plate.1003.exr is cut off", 2)
    return told


def test_every_kind_has_its_documented_fields_and_no_other():
    told = every_event()
    assert {event["event"] for event in told} == set(KINDS)
    for event in told:
        assert set(event) == {"event", "version"} | KINDS[event["event"]]
        assert event["version"] == VERSION


def test_the_module_documents_every_kind_and_field():
    documented = dict(re.findall(r"^    (\w+)  +(.*(?:\n {8,}.*)*)", module.__doc__, re.MULTILINE))
    assert set(documented) == set(KINDS)
    for kind, fields in KINDS.items():
        assert all(re.search(rf"\b{name}\b", documented[kind]) for name in fields), kind


def test_round_trip():
    for event in every_event():
        line = json_line(event)
        assert line.isascii() and line.count("\n") == 1 and line.endswith("\n")
        assert parse_line(line) == event


@given(st.text())
def test_any_text_stays_one_line_of_ascii(text):
    line = json_line({"event": "warning", "message": text})
    assert line.isascii() and len(line.splitlines()) == 1
    assert parse_line(line)["message"] == text


@pytest.mark.parametrize("line", ["", "\n", "Epoch 3", "{", "[1]", "7", "null", '{"a": 1}', '{"event": 3}'])
def test_other_output_is_not_an_event(line):
    assert parse_line(line) is None


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        json_line({"event": "progress", "rate": float("nan")})


def test_rate_and_time_left(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    told: list[dict] = []
    events = Events(told.append)
    events.stage("train", 1, 1)
    events.progress(0, 400, "steps")
    assert (told[-1]["rate"], told[-1]["eta_s"]) == (None, None)
    now[0] = 110.0
    events.progress(100, 400, "steps")
    assert told[-1]["elapsed_s"] == 10.0
    assert told[-1]["rate"] == pytest.approx(10.0)
    assert told[-1]["eta_s"] == pytest.approx(30.0)
    events.progress(100, 400, "steps", rate=20.0)
    assert told[-1]["eta_s"] == pytest.approx(15.0)
    now[0] = 117.5
    events.stage("layers", 2, 2)
    now[0] = 118.0
    events.stage("train", 1, 1)
    now[0] = 120.0
    events.end_stage()
    assert events.timings == {"train": pytest.approx(19.5), "layers": pytest.approx(0.5)}


def test_a_warning_is_told_once_and_kept():
    told: list[dict] = []
    events = Events(told.append)
    for message in ("a", "b", "a"):
        events.warning(message)
    assert [event["message"] for event in told] == ["a", "b"]
    assert events.warnings == ["a", "b"]


def test_nobody_has_to_listen():
    events = Events()
    events.stage("solve", 1, 1)
    events.progress(1, 2, "frames")
    events.warning("a")
    assert events.warnings == ["a"]


def test_standard_library_only():
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
