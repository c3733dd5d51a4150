"""How the solver's own process ends, and what each end means to the user."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import solver_process
from surface_sos_core.cameras.solver_process import Job, run_worker
from surface_sos_core.cli import explain
from surface_sos_core.errors import Cancelled, SolveError
from surface_sos_core.settings import SolveSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def job(tmp_path) -> Job:
    """Pictures of noise: enough work to be interrupted in."""
    (tmp_path / "images").mkdir()
    names = [f"{i:06d}.png" for i in range(8)]
    for i, name in enumerate(names):
        noise = np.random.default_rng(i).integers(0, 256, (300, 400, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "images" / name), noise)
    return Job(str(tmp_path / "images"), names, str(tmp_path), str(tmp_path / "model"), 0, 1, SolveSettings())


def test_the_worker_is_asked_with_the_settings(job):
    asked = dataclasses.replace(job, settings=SolveSettings(overlap=3, still_move=0.02))
    assert Job.from_line(asked.to_line()) == asked


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to answer")
def test_a_worker_that_is_told_to_end_prints_no_stack(job):
    command = [sys.executable, "-m", "surface_sos_core.cameras.solve_worker"]
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    worker.stdin.write(job.to_line())
    worker.stdin.flush()
    assert json.loads(worker.stdout.readline())["done"] > 0  # COLMAP is loaded and at work
    worker.terminate()
    _, err = worker.communicate(timeout=30)
    assert worker.returncode == -signal.SIGTERM
    assert "***" not in err and "    @ " not in err and "Aborted" not in err


@pytest.fixture
def ending(monkeypatch, tmp_path):
    """Workers that only say something and end: `ending(code)` replaces the real one."""

    def replace(code: str) -> None:
        script = tmp_path / "worker.py"
        script.write_text(f"import os, signal, sys\nsys.stdin.readline()\n{code}\n")
        start = subprocess.Popen

        def fake(command: list[str], **options: object) -> subprocess.Popen:
            return start([sys.executable, str(script)], **options)

        monkeypatch.setattr(solver_process.subprocess, "Popen", fake)

    return replace


@pytest.mark.skipif(os.name == "nt", reason="ends by signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_worker_that_was_told_to_end_cancels(job, ending, name):
    ending(f"signal.signal(signal.{name}, signal.SIG_DFL); os.kill(os.getpid(), signal.{name})")
    with pytest.raises(Cancelled, match="told to end"):
        run_worker(job, None, "give cameras")


@pytest.mark.parametrize(
    "words", ["SQLite error: database or disk is full", "write: No space left on device"]
)
def test_a_full_disk_is_not_taken_for_bad_cameras(job, ending, words):
    ending(f"print({words!r}, file=sys.stderr); os._exit(134)")
    with pytest.raises(OSError, match="space") as raised:
        run_worker(job, None, "give cameras")
    assert raised.value.errno == errno.ENOSPC
    assert explain(raised.value)[1] == 3 and "full" in explain(raised.value)[0]


TRIES = "open({log!r}, 'a').write('x'); "


@pytest.mark.parametrize(
    "end", ["print('std::bad_alloc', file=sys.stderr); os._exit(134)", "os.kill(os.getpid(), 9)"]
)
def test_a_worker_without_memory_is_tried_once_more_with_one_thread(job, ending, tmp_path, end):
    if os.name == "nt" and "kill" in end:
        pytest.skip("ends by a signal")
    log = tmp_path / "tries"
    ending(TRIES.format(log=str(log)) + end)
    with pytest.raises(MemoryError) as raised:
        run_worker(dataclasses.replace(job, threads=4), None, "give cameras")
    assert log.read_text() == "xx"
    assert explain(raised.value)[1] == 3 and "memory" in explain(raised.value)[0]
    log.unlink()
    with pytest.raises(MemoryError):
        run_worker(job, None, "give cameras")
    assert log.read_text() == "x"  # it had one thread


def test_any_other_end_names_the_way_out(job, ending):
    ending("print('E: something broke', file=sys.stderr); os._exit(3)")
    with pytest.raises(SolveError, match="code 3.*something broke.*give cameras"):
        run_worker(job, None, "give cameras")
