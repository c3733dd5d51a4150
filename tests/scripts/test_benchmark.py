"""The benchmark runs what it says it times, and what it measures is written as it comes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

import benchmark
from measure import memory, speed
from measure.timing import Timing, timed


def test_the_first_run_is_not_counted():
    calls = []
    timing = timed("job", 5, lambda: calls.append(None))
    assert len(calls) == 6 and len(timing.milliseconds) == 5


def test_an_entry_has_median_quickest_and_ratio():
    plain = Timing("plain", [100.0, 300.0, 200.0], [90.0, 60.0, 60.0])
    entry = Timing("fast", [10.0, 8.0, 90.0], [12.0, 12.0, 30.0]).entry(plain)
    assert entry == {
        "name": "fast", "median_ms": 10.0, "quickest_ms": 8.0, "processor_ms": 12.0,
        "times_plain": 20.0, "times_plain_by_processor": 5.0,
    }  # fmt: skip
    assert "times_plain" not in plain.entry()


def test_grids_are_timed_side_by_side():
    entries = list(speed.grid_entries(2, "cpu", points=64))
    assert [entry["name"].split(", ")[-1] for entry in entries] == ["torch", "numba"] * 2
    assert ["times_plain" in entry for entry in entries] == [False, True] * 2


def test_memory_is_measured_shot_by_shot(monkeypatch):
    asked = []

    def run_child(command):
        asked.append([int(number) for number in command[2:]])
        told = {"frames": asked[-1][0], "peak": 1000.0 + asked[-1][0], "before": {"train": 400.0}}
        return f"something else\n{json.dumps(told)}\n"

    monkeypatch.setattr(memory, "run_child", run_child)
    first, second = memory.memory_entries([60, 560], (64, 48))
    assert asked == [[60, 64, 48], [560, 64, 48]]
    assert first == {"name": "60 frames of 64x48", "peak_mb": 1060.0, "before_mb": {"train": 400.0}}
    assert second["peak_mb"] == 1560.0


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample, ready to train; the tests go on with it one after the other."""
    return speed.sample_shot("preview", tmp_path_factory.mktemp("sample"))


def test_the_first_iteration_ends_after_one_step(sample, monkeypatch):
    from surface_sos_core.train.trainer import Trainer

    steps = []
    monkeypatch.setattr(speed, "sample_shot", lambda *given: sample)
    advance = Trainer._advance
    monkeypatch.setattr(Trainer, "_advance", lambda *given: steps.append(None) or advance(*given))
    speed.first_iteration()
    assert len(steps) == 1


def test_an_iteration_of_the_sample_is_timed_and_taken_apart(sample, monkeypatch):
    monkeypatch.setattr(speed, "sample_shot", lambda *given: sample)
    entries = list(speed.training_entries(2, ["preview"]))
    assert [entry["name"].split(":")[0] for entry in entries] == ["iteration, preview", "matte, preview"]
    monkeypatch.setattr(speed, "PROFILE_STEPS", 2)
    lines = speed.profile_lines("preview")
    assert any("run_backward" in line for line in lines) and any("(sdf_kernels.py" in line for line in lines)


def options(monkeypatch, *words: str):
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *words])
    return benchmark.parsed()


def test_results_are_called_by_their_preset_and_trials_say_so(monkeypatch):
    assert options(monkeypatch, "all", "--preset", "preview").label == "preview"
    assert options(monkeypatch, "quality", "--layers-every", "9").label == "default trial"
    assert options(monkeypatch, "quality", "--set", "a.b=1").label == "default trial"
    assert options(monkeypatch, "quality", "--set", "a.b=1", "--label", "less").label == "less"
    with pytest.raises(SystemExit):
        options(monkeypatch, "all", "--parts", "quality,speeed")


def test_a_setting_that_is_none_is_told_before_anything_runs(monkeypatch, tmp_path):
    asked = options(monkeypatch, "quality", "--set", "train.iteration=3", "--results", str(tmp_path))
    with pytest.raises(SystemExit, match=r"train\.iterations"):
        benchmark.measure_shots("quality", asked)


def test_what_is_measured_is_written_as_it_comes(monkeypatch, tmp_path, capsys):
    from measure import run

    seen = []

    def fake(plan, out, keep):
        seen.append(len(list(tmp_path.glob("*.json"))))
        ended = {"quality": "done", "starts": "failed"}[out.parent.name]
        return {
            "name": plan.case.name, "variant": plan.variant, "ended": ended, "sentence": "Broken.",
            "matte": {"mean": {"miou": 0.5}}, "seconds": 7.0,
        }  # fmt: skip

    monkeypatch.setattr(run, "run", fake)
    words = ["all", "--parts", "quality,starts", "--from", "auto", "--results", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *words, "--out", str(tmp_path / "runs")])
    assert benchmark.main() == 1
    assert seen == [0, 1]  # the first part's file was there when the second began
    told = capsys.readouterr()
    assert "quality   sample  sample  mIoU 0.500, 7 s" in told.out and "failed: Broken." in told.out
    assert "sample sample auto failed" in told.err
    assert json.loads((tmp_path / "quality.sample.default.json").read_text())["entries"][0]["seconds"] == 7


def test_help_needs_nothing_but_python():
    done = subprocess.run(
        [sys.executable, "-S", str(SCRIPTS / "benchmark.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "--layers-every" in done.stdout
