"""The benchmark runs what it says it times, and prints one row for each."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """scripts/benchmark.py, with the scripts beside it importable as they are when it is run."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("benchmark", SCRIPTS / "benchmark.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["benchmark"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(SCRIPTS))


def test_the_first_run_is_not_counted(benchmark):
    calls = []
    timing = benchmark.timed("job", 5, lambda: calls.append(None))
    assert len(calls) == 6 and len(timing.milliseconds) == 5


def test_a_row_has_median_quickest_and_ratio(benchmark):
    plain, fast = (
        benchmark.Timing("plain", [100.0, 300.0, 200.0], [90.0, 60.0, 60.0]),
        benchmark.Timing("fast", [10.0, 8.0, 90.0], [12.0, 12.0, 30.0]),
    )
    words = "fast 10.0 ms quickest 8.0 processor 12.0 20.0 x plain torch; 5.0 x by processor"
    assert fast.line(plain).split() == words.split()
    assert "torch" not in plain.line()


def test_grids_are_timed_side_by_side(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "POINTS", 64)
    rows = benchmark.grid_rows(2, "cpu")
    assert [row.split(",")[-1].split()[0] for row in rows] == ["torch", "numba"] * 2
    assert ["x plain torch" in row for row in rows] == [False, True] * 2


def test_memory_is_measured_shot_by_shot_and_compared_with_the_first(benchmark, monkeypatch):
    asked = []

    def run_child(command):
        asked.append([int(number) for number in command[2:]])
        told = {"frames": asked[-1][0], "peak": 1000.0 + asked[-1][0], "before": {"train": 400.0}}
        return f"something else\n{json.dumps(told)}\n"

    monkeypatch.setattr(benchmark, "run_child", run_child)
    rows = benchmark.memory([60, 560], (64, 48))
    assert asked == [[60, 64, 48], [560, 64, 48]]
    assert "60 frames 64x48" in rows[0] and "1060 MB" in rows[0] and "1.00 x" in rows[0]
    assert "1560 MB" in rows[1] and "1.47 x" in rows[1] and "400 before train" in rows[1]


def test_the_first_iteration_ends_after_one_step(benchmark, monkeypatch):
    from surface_sos_core.train.trainer import Trainer

    steps = []
    advance = Trainer._advance
    monkeypatch.setattr(Trainer, "_advance", lambda *given: steps.append(None) or advance(*given))
    benchmark.first_iteration()
    assert len(steps) == 1


def test_an_iteration_of_the_sample_is_timed_and_taken_apart(benchmark):
    rows = benchmark.training_rows(2, True, ["preview"])
    tables = [row for row in rows if "quickest" in row]
    assert [row.split(":")[0].strip() for row in tables] == ["iteration, preview", "matte, preview"]
    assert any("run_backward" in row for row in rows) and any("(sdf_kernels.py" in row for row in rows)
