"""Child processes: heard, cancelled, never left behind. Real ones, with scripts in the place of the core."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from blender_addon.job import messages, process

PYTHON = Path(sys.executable)
ROOT = Path(__file__).parents[2]
LIMIT_S = 30.0

# Says that it works, then works until it is asked to end, as the core does: by SIGTERM, with a checkpoint kept.
WORKS = """
import os, signal, sys, time
from pathlib import Path
def end(*_):
    Path(sys.argv[1]).write_text("kept")
    print("Cancelled", file=sys.stderr, flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, end)
print('{"event": "stage", "version": 1, "stage": "train", "index": 4, "count": 7}', flush=True)
Path(sys.argv[1] + ".pid").write_text(str(os.getpid()))
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        file = tmp_path / f"script{len(list(tmp_path.glob('script*')))}.py"
        file.write_text(textwrap.dedent(text))
        return str(file)

    return write


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {LIMIT_S} s"
        time.sleep(0.02)


def finish(running: process.Job) -> tuple[int, list[messages.Message]]:
    wait_for(lambda: running.poll() is not None, "the end of the job")
    code = running.poll()
    assert code is not None
    return code, running.messages()


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_all_that_is_said_comes_as_messages_and_lies_in_the_log(script, tmp_path: Path):
    text = """
        import sys
        print('{"event": "warning", "version": 1, "message": "caf\\\\u00e9"}', flush=True)
        print("plain", flush=True)
        print("to stderr", file=sys.stderr)
        sys.exit(2)
    """
    log = tmp_path / "shot.job" / "log.txt"
    code, said = finish(process.Job.start(PYTHON, [script(text)], log))
    assert code == 2
    assert [m for m in said if m != messages.Log("to stderr")] == [
        messages.Warning("café"),
        messages.Log("plain"),
    ]
    assert messages.Log("to stderr") in said
    assert {"plain", "to stderr"} < set(log.read_text().splitlines())


def test_a_module_runs_as_well_and_the_child_is_not_led_astray(script, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "blender_addon"))  # holds a module that is called messages
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    code, said = finish(process.Job.start(PYTHON, ["-m", "surface_sos_core", "--version"]))
    assert code == 0 and any("surface-sos" in message.line for message in said)
    text = "import os, sys; print(sorted({'PYTHONPATH', 'PYTHONHOME'} & set(os.environ)), sys.argv[1:])"
    code, said = finish(process.Job.start(PYTHON, [script(text), "-a", "b c"]))
    assert said == [messages.Log("[] ['-a', 'b c']")]
    code, said = finish(process.Job.start(PYTHON, [script("import messages")]))
    assert code == 1 and "ModuleNotFoundError" in said[-1].line


def test_messages_and_poll_never_wait(script, tmp_path: Path):
    running = process.Job.start(PYTHON, [script(WORKS), str(tmp_path / "checkpoint")])
    wait_for(running.messages, "the first message")
    start = time.monotonic()
    for _ in range(100):
        assert running.messages() == [] and running.poll() is None
    assert time.monotonic() - start < 1.0
    running.cancel()
    finish(running)


def test_cancel_lets_the_child_keep_a_checkpoint(script, tmp_path: Path):
    kept = tmp_path / "checkpoint"
    running = process.Job.start(PYTHON, [script(WORKS), str(kept)])
    wait_for(running.messages, "the first message")
    running.cancel()
    running.cancel()
    code, said = finish(running)
    assert code == process.CANCELLED and kept.read_text() == "kept"
    assert said == [messages.Log("Cancelled")]


def test_a_job_that_nobody_asks_for_any_more_leaves_no_zombie(script, tmp_path: Path):
    running = process.Job.start(PYTHON, [script(WORKS), str(tmp_path / "checkpoint")])
    started = tmp_path / "checkpoint.pid"
    wait_for(lambda: started.exists() and started.read_text(), "the start of the child")
    running.cancel()
    wait_for(lambda: not Path(f"/proc/{started.read_text()}").exists(), "the end of the child")


def test_the_child_ends_when_its_parent_is_killed(script, tmp_path: Path):
    kept = tmp_path / "checkpoint"
    parent = f"""
        import sys, time, types
        package = types.ModuleType("blender_addon")
        package.__path__ = [{str(ROOT / "blender_addon")!r}]
        sys.modules["blender_addon"] = package
        from pathlib import Path
        from blender_addon.job import process
        running = process.Job.start(Path(sys.executable), [{script(WORKS)!r}, {str(kept)!r}], Path({str(tmp_path)!r}, "log.txt"))
        time.sleep(600)
    """
    blender = subprocess.Popen([sys.executable, script(parent)])
    started = Path(f"{kept}.pid")
    wait_for(lambda: started.exists() and started.read_text(), "the start of the child")
    os.kill(blender.pid, signal.SIGKILL)
    blender.wait()
    child = int(started.read_text())
    wait_for(lambda: not is_running(child), "the end of the child")
    assert kept.read_text() == "kept"


def test_one_shot_has_one_job_and_is_free_again_when_it_ends(script, tmp_path: Path):
    log, kept = tmp_path / "log.txt", tmp_path / "checkpoint"
    words = [script(WORKS), str(kept)]
    running = process.Job.start(PYTHON, words, log)
    wait_for(running.messages, "the first message")
    with pytest.raises(process.JobError, match=f"already works on this shot .*{log.name}"):
        process.Job.start(PYTHON, words, log)
    assert log.read_text().startswith('{"event": "stage"')  # the refused job has not touched it
    running.cancel()
    finish(running)
    code, _ = finish(process.Job.start(PYTHON, [script("print('next')")], log))
    assert code == 0 and log.read_text() == "next\n"


def test_a_python_or_a_log_that_cannot_be_used_is_a_sentence(script, tmp_path: Path):
    with pytest.raises(process.JobError, match="nowhere.*does not start"):
        process.Job.start(tmp_path / "nowhere", [script("")])
    (tmp_path / "file").write_text("")
    with pytest.raises(process.JobError, match="cannot be written"):
        process.Job.start(PYTHON, [script("")], tmp_path / "file" / "log.txt")
    log = tmp_path / "log.txt"
    with pytest.raises(process.JobError):
        process.Job.start(tmp_path / "nowhere", [script("")], log)
    assert finish(process.Job.start(PYTHON, [script("")], log))[0] == 0  # the lock was given back


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full stands for a full disk")
def test_a_log_on_a_full_disk_is_a_warning_and_the_job_goes_on(script):
    code, said = finish(process.Job.start(PYTHON, [script("print('a'); print('b')")], Path("/dev/full")))
    assert code == 0
    assert [message.line for message in said if isinstance(message, messages.Log)] == ["a", "b"]
    warnings = [message for message in said if isinstance(message, messages.Warning)]
    assert len(warnings) == 1 and "/dev/full" in warnings[0].message


def test_run_blocking_passes_everything_on_and_returns_the_code(script):
    said: list[messages.Message] = []
    code = process.run_blocking(PYTHON, [script("import sys; print('a'); sys.exit(4)")], said.append)
    assert (code, said) == (4, [messages.Log("a")])


def test_each_ending_is_one_sentence(script, tmp_path: Path):
    assert process.ending(0, None, "noise") is None
    assert process.ending(2, messages.Error("No masks.", 2), "Error: No masks.") == "No masks."
    kept = messages.Error(
        "a checkpoint is kept in x; the same command with --resume goes on from there.", 130
    )
    assert process.ending(130, kept, "") == "Cancelled: a checkpoint is kept in x; Resume goes on from there."
    assert process.ending(130, None, "") == "Cancelled."
    assert "No module named core" in (process.ending(1, None, "No module named core") or "")
    running = process.Job.start(PYTHON, [script("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")])
    code, _ = finish(running)
    assert "signal 9" in (process.ending(code, None, "") or "") and "Resume" in (process.ending(code, None, "") or "")
