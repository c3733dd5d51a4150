"""COLMAP in a process of its own: the images it gets, its job, and running it to its end.

pycolmap installs signal handlers and aborts on some errors, so it is imported by solve_worker.py alone.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from surface_sos_core.cameras.match import NamedFrames
from surface_sos_core.errors import Cancelled, SetupError, SolveError
from surface_sos_core.out_folder import WORKPLACE
from surface_sos_core.settings import SolveSettings

# What COLMAP, SQLite and the system say where the disk or the memory is full.
_FULL = ("disk is full", "disk I/O error", "No space left on device", "File too large")
_NO_MEMORY = ("bad_alloc", "MemoryError", "Cannot allocate memory", "out of memory")
_KILLED = 9  # SIGKILL, which Windows has no name for: the way a system takes memory back


@dataclass(frozen=True)
class Job:
    """What the worker is asked: the files `names` of the folder `images`, in the order of the footage.

    scratch, output: folders to write to; threads: how many to use; held_out: a folder of masks, black where no features are
    taken, named as COLMAP has it, if any; subject: one of such masks, white where the subject is, which may turn while the room
    stands. Cameras are solved unless `given` names a
    folder with a COLMAP model of these files: then its cameras stay as they are, `pairs` of files (by
    position) are matched, and points that at least `least_track` files see are triangulated.
    """

    images: str
    names: list[str]
    scratch: str
    output: str
    seed: int
    threads: int
    settings: SolveSettings
    given: str = ""
    pairs: list[tuple[int, int]] = field(default_factory=list)
    least_track: int = 2
    held_out: str = ""
    subject: str = ""

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @staticmethod
    def from_line(line: str) -> Job:
        asked = json.loads(line)
        return Job(**{**asked, "settings": SolveSettings(**asked["settings"])})


class SolvableFootage(NamedFrames, Protocol):
    """Footage as COLMAP needs it: see footage.Footage."""

    def image_folder(self, scratch: Path) -> tuple[Path, list[str]]:
        """A folder with every frame as an 8-bit image, and the file's name for each frame."""
        ...


@contextmanager
def workplace(footage: SolvableFootage, scratch: Path) -> Iterator[tuple[Path, list[str]]]:
    """A new folder below `scratch`, gone at the end, and the frames' names in its folder images/."""
    scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=WORKPLACE, dir=scratch))
    try:
        folder, names = footage.image_folder(work / "frames")
        yield work, _plainly_named(folder, names, work / "images")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _plainly_named(folder: Path, names: list[str], into: Path) -> list[str]:
    """The images under names that COLMAP's lists of pairs can hold: they are split at spaces."""
    into.mkdir()
    plain = [f"{i:06d}{Path(name).suffix}" for i, name in enumerate(names)]
    for name, short in zip(names, plain, strict=True):
        source = (folder / name).resolve()
        try:
            os.symlink(source, into / short)
        except OSError:  # not allowed for all users of Windows
            shutil.copyfile(source, into / short)
    return plain


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_worker(job: Job, progress: Callable[[int, int], None] | None, way_out: str) -> dict[str, Any]:
    """Run the worker to its end and return the outcome; it never outlives this call.

    Raises SetupError where it cannot start, SolveError, which recommends `way_out`, where it breaks, Cancelled where it
    was told to end, OSError where the disk is full, and MemoryError where there is too little even for one thread.
    """
    try:
        return _run(job, progress, way_out)
    except MemoryError:
        if job.threads == 1:
            raise
    shutil.rmtree(job.output, ignore_errors=True)
    for file in Path(job.scratch).glob("features.*"):
        file.unlink()
    for folder in Path(job.scratch).glob("maps*"):
        shutil.rmtree(folder, ignore_errors=True)
    return _run(replace(job, threads=1), progress, way_out)


def _run(job: Job, progress: Callable[[int, int], None] | None, way_out: str) -> dict[str, Any]:
    log = Path(job.scratch) / "log.txt"
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "surface_sos_core.cameras.solve_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends the child
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(job.to_line())
            process.stdin.flush()
            outcome = _listen(process.stdout, progress)
            process.wait()
        except BrokenPipeError:
            process.wait()
            outcome = None
        finally:
            if process.poll() is None:
                process.kill()  # not terminate: COLMAP answers that with a stack trace
                process.wait()
            process.stdout.close()
            _close(process.stdin)
    if outcome is None:
        raise _failure(process.returncode, log, way_out)
    return outcome


def _close(pipe: IO[str]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # the child was gone before it read its job; its exit is reported


def _listen(output: IO[str], progress: Callable[[int, int], None] | None) -> dict[str, Any] | None:
    """Pass progress on until the output ends; the outcome, or None where the worker never got there."""
    outcome = None
    for line in output:
        try:
            message = json.loads(line)
        except ValueError:
            continue  # a library's own print
        if not isinstance(message, dict):
            continue
        if "outcome" in message:
            outcome = message["outcome"]
        elif "done" in message and progress is not None:
            progress(message["done"], message["total"])
    return outcome


def _failure(code: int, log: Path, way_out: str) -> Exception:
    """What it means that the worker ended with `code` and left `log`."""
    if -code in (signal.SIGTERM, signal.SIGINT):
        return Cancelled("The camera solver was told to end")
    text = log.read_text(encoding="utf-8", errors="replace")
    if any(words in text for words in _FULL):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(log.parent))
    if any(words in text for words in _NO_MEMORY) or code == -_KILLED:
        return MemoryError("the camera solver ran out of memory")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    missing = [line for line in lines if line.startswith(("ModuleNotFoundError", "ImportError"))]
    if missing:
        return SetupError(
            f"the camera solver cannot start ({missing[-1]}); install the package with its dependencies."
        )
    last = next(
        (line for line in reversed(lines) if "rror" in line or line.startswith(("E", "F"))), "no message"
    )
    return SolveError(f"the camera solver stopped with code {code} ({last}); {way_out}.")
