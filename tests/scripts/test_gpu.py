"""The card's script on a CPU: every part within its time, and one that fails leaves the others' figures."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

import gpu
from measure import card, documents
from measure.results import Results


def part(figures: Path, code: str) -> list[str]:
    """A part that writes a figure first."""
    return [
        sys.executable,
        "-c",
        f"import sys, time; open({str(figures)!r}, 'w').write('{{\"a\": 1}}'); {code}",
    ]


def test_a_part_that_is_done_has_its_figures(tmp_path):
    figures = tmp_path / "new" / "f.json"
    done = gpu.supervised(part(figures, ""), 60, figures)
    assert (done.ended, done.sentence, done.figures) == ("done", None, {"a": 1}) and done.seconds > 0


def test_a_part_that_fails_says_why_and_keeps_what_it_had(tmp_path):
    figures = tmp_path / "f.json"
    failed = gpu.supervised(part(figures, "sys.exit('no memory left')"), 60, figures)
    assert (failed.ended, failed.sentence, failed.figures) == ("failed", "no memory left", {"a": 1})
    again = gpu.supervised([sys.executable, "-c", "raise SystemExit(3)"], 60, figures)
    assert (again.sentence, again.figures) == ("code 3", {})  # not those of the time before


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
def test_a_part_that_takes_too_long_ends_with_all_that_it_started(tmp_path):
    figures, alive = tmp_path / "f.json", tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(4); pathlib.Path({str(alive)!r}).touch()"
    code = f"import subprocess; subprocess.run([sys.executable, '-c', {child!r}])"
    late = gpu.supervised(part(figures, code), 2, figures)
    assert (late.ended, late.sentence, late.figures) == ("out of time", "stopped after 2 s", {"a": 1})
    time.sleep(4)
    assert not alive.exists()
    assert gpu.supervised(part(figures, ""), 0, figures).sentence == "not begun"


def test_how_far_a_run_came(tmp_path):
    log = tmp_path / "paper.log"
    assert gpu.last_event(log) is None
    progress = {
        "event": "progress",
        "stage": "train",
        "done": 900,
        "total": 40000,
        "unit": "steps",
        "rate": 92.34,
    }
    log.write_text(f'{json.dumps({"event": "stage"})}\n{json.dumps(progress)}\na warning\n{{"event": "prog')
    assert gpu.last_event(log) == "train: 900 of 40000 steps, 92.3 a second"


def test_the_budgets_are_twelve_minutes_and_every_part_is_known():
    assert sum(gpu.BUDGETS.values()) == 720
    assert all(callable(getattr(card, name)) for name in gpu.BUDGETS)


def test_without_a_card_it_says_so_at_once(tmp_path):
    from surface_sos_core.device import cuda_obstacle

    if cuda_obstacle() is None:
        pytest.skip("there is a card")
    command = [sys.executable, str(SCRIPTS / "gpu.py"), "--results", str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "--device cpu" in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_parts_are_tried_on_a_cpu(tmp_path):
    parts = "tinycudann,profile"
    command = [sys.executable, str(SCRIPTS / "gpu.py"), "--small", "--device", "cpu", "--minutes", "600"]
    done = subprocess.run(
        [*command, "--parts", parts, "--out", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("gpu.card.*.json")
    entries = {entry["name"]: entry for entry in json.loads(file.read_text())["entries"]}
    assert file.name == "gpu.card.cpu-trial.json" and list(entries) == parts.split(",")
    assert len(entries["profile"]["figures"]) == card.SHOWN
    assert "tinycudann" in next(iter(entries["tinycudann"]["figures"]))
    results = [Results(**json.loads(file.read_text()))]
    assert "| profile | done |" in documents.SECTIONS["gpu"](results)


def test_quality_is_held_against_the_cpus_figure(monkeypatch, tmp_path):
    entry = {
        "name": "sample", "ended": "done", "sentence": None, "seconds": 9.0, "timings": {"train": 4.0}, "memory_mb": 1.0,
        "footage": {"frames": 24, "layers": 24}, "matte": {"mean": {"miou": 0.94, "boundary_iou": 0.8}}, "mesh": None,
        "stamp": {"machine": {"card": None}},
    }  # fmt: skip
    stored = {**entry, "matte": {"mean": {"miou": 0.955}}}
    monkeypatch.setattr(card, "read_all", lambda: [Results("quality", "sample", "default", [stored])])
    monkeypatch.setattr(card, "run", lambda plan, out: entry)
    asked = card.Card("cpu", card.SMALL, tmp_path)
    figures = {key: value for more in card.demo(asked) for key, value in more.items()}
    assert (figures["train, s"], figures["mIoU"], figures["CPU's mIoU, default preset"]) == (4.0, 0.94, 0.955)
    assert figures["held"] is False
    stored["stamp"] = {"machine": {"card": "Some Card"}}
    assert card.stored_miou("sample", "default") is None
    monkeypatch.setattr(card, "run", lambda plan, out: {**entry, "ended": "refused", "sentence": "It moves."})
    with pytest.raises(RuntimeError, match=r"sample: It moves\."):
        list(card.demo(asked))
    with pytest.raises(RuntimeError, match="--shot names the folder"):
        list(card.shot(asked))
