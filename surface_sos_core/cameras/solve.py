"""Cameras from footage: structure from motion by pycolmap, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from surface_sos_core.cameras.camera import CameraModel
from surface_sos_core.cameras.colmap import read_model
from surface_sos_core.cameras.match import NamedFrames, listed
from surface_sos_core.errors import InputError, SetupError, SolveError

LEAST_FRAMES = 3
LEAST_SHARE = 0.5
_HELP = (
    "more overlap between frames, slower moves, sharper frames and more texture around the object help, "
    "or give cameras solved elsewhere"
)
_PARALLAX = (
    "the method needs parallax: film while walking around the object, "
    "not from one place or by turning the camera"
)


@dataclass(frozen=True)
class Job:
    """What the worker is asked: the files `names` of the folder `images`, in the order of the footage.

    scratch, output: folders to write to; threads: how many to use.
    """

    images: str
    names: list[str]
    scratch: str
    output: str
    seed: int
    threads: int

    def to_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


class SolvableFootage(NamedFrames, Protocol):
    """Footage as solving needs it: see footage.Footage."""

    def image_folder(self, scratch: Path) -> tuple[Path, list[str]]:
        """A folder with every frame as an 8-bit image, and the file's name for each frame."""
        ...


def solve_cameras(
    footage: SolvableFootage,
    scratch: Path,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    warn: Callable[[str], None] | None = None,
) -> CameraModel:
    """Cameras and sparse points of the footage, images named as Frame.file, all with one SIMPLE_RADIAL lens.

    Works below `scratch` and leaves nothing there but exported images. `progress` gets (done, total) steps:
    one each for the features, matches and camera of a frame. `warn` is told which frames could not be
    registered. Repeatable for a seed as far as COLMAP's threads allow. Raises SolveError where too few frames
    register or the camera does not move.
    """
    count = len(footage.frames)
    if count < LEAST_FRAMES:
        raise InputError(f"the footage has {count} frame(s); solving cameras takes at least {LEAST_FRAMES}.")
    folder, names = footage.image_folder(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="solve_", dir=scratch))
    try:
        plain = _plainly_named(folder, names, work / "images")
        job = Job(str(work / "images"), plain, str(work), str(work / "model"), seed, threads=_usable_cores())
        outcome = _run(job, work / "log.txt", progress)
        registered = int(outcome["registered"])
        if outcome["static"] or outcome["panoramic"]:
            raise SolveError(
                f"{registered} of {count} frames registered since the camera hardly moves; {_PARALLAX}."
            )
        if registered < max(LEAST_FRAMES, LEAST_SHARE * count):
            raise SolveError(f"{registered} of {count} frames registered; {_HELP}.")
        files = {name: frame.file for name, frame in zip(plain, footage.frames, strict=True)}
        model = read_model(work / "model").renamed(files)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    missing = [frame.file for frame in footage.frames if frame.file not in model.cameras]
    if missing and warn is not None:
        warn(f"{registered} of {count} frames registered; without a camera: {listed(missing)}.")
    return model


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


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run(job: Job, log: Path, progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    """Run the worker to its end and return its last message; it never outlives this call."""
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
        raise _failure(process.returncode, log)
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
        if "registered" in message:
            outcome = message
        elif "done" in message and progress is not None:
            progress(message["done"], message["total"])
    return outcome


def _failure(code: int, log: Path) -> SetupError | SolveError:
    lines = [
        line.strip()
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    missing = [line for line in lines if line.startswith(("ModuleNotFoundError", "ImportError"))]
    if missing:
        return SetupError(
            f"the camera solver cannot start ({missing[-1]}); install the package with its dependencies."
        )
    last = next(
        (line for line in reversed(lines) if "rror" in line or line.startswith(("E", "F"))), "no message"
    )
    return SolveError(
        f"the camera solver stopped with code {code} ({last}); give cameras solved elsewhere instead."
    )
