"""Segment shots, comp them and save them as .blend files, without a window: the same path as the button.

    blender -b [--python-exit-code N] -P scripts/batch.py -- --footage F --out O [options]
    blender -b -P scripts/batch.py -- --jobs JOBS.json [options for every shot]
    blender -b -P scripts/batch.py -- --jobs JOBS.json --ray local|HOST:PORT [--workers N]

JOBS.json is a list of shots, each an object with the options' names, its paths relative to the file's folder:

    [{"footage": "a", "out": "shots/a", "save": "a.blend"}, {"footage": "b", "out": "shots/b"}]

With --ray the shots are made on a Ray cluster, as `surface-sos farm` does it, and then comped here, each that is done.
A shot that fails does not stop the others. The Python that holds the core is the one of the add-on's
preferences, of SURFACE_SOS_PYTHON, or of the checkout's .venv. Exit codes are the core's: 0 done, 1 our
fault, 2 bad input, 3 environment, 4 cameras could not be solved, 130 cancelled; with several shots, that of
the first that failed. An error is one sentence on stderr.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import bpy

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from blender_addon.comp import composite_render, compositor
from blender_addon.core import jobs_file, wording
from blender_addon.errors import AddonError
from blender_addon.job import command, core_python, messages, process
from blender_addon.scene import load_result

FAULT, INPUT, ENVIRONMENT, CANCELLED = 1, 2, 3, 130
PROGRESS_S = 2.0  # between lines of progress
_WRITTEN = ("out", *jobs_file.BLENDER)
_OURS = ("jobs", "ray", "workers", *jobs_file.BLENDER)  # options that are none of segment's


class BatchError(Exception):
    """One sentence that ends a shot, or all of them, with an exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def main(words: Sequence[str]) -> int:
    """Run all shots; returns the exit code."""
    try:
        shots = _shots(words)
        python = _core_python()
    except BatchError as error:
        return _tell(str(error), error.code)
    except AddonError as error:
        return _tell(str(error), ENVIRONMENT)
    codes = (_on_farm if shots[0].ray is not None else _one_by_one)(shots, python)
    failed = [code for code in codes if code != 0]
    if len(shots) > 1:
        print(f"{len(codes) - len(failed)} of {wording.counted(len(shots), 'shot')} done", flush=True)
    return failed[0] if failed else 0


def _one_by_one(shots: Sequence[argparse.Namespace], python: Path) -> list[int]:
    """Every shot from footage to composite; their exit codes."""

    def make(shot: argparse.Namespace) -> None:
        _segment(shot, python)
        _comp(shot)

    codes: list[int] = []
    for number, shot in enumerate(shots, start=1):
        if len(shots) > 1:
            print(f"Shot {number} of {len(shots)}: {shot.footage}", flush=True)
        codes.append(_ended(shot.out, partial(make, shot)))
        if codes[-1] == CANCELLED:
            break
    return codes


def _on_farm(shots: Sequence[argparse.Namespace], python: Path) -> list[int]:
    """All shots on a Ray cluster, of which those that are done are comped here; their exit codes."""

    def comp(shot: argparse.Namespace, made: messages.Shot) -> None:
        if made.message is not None:
            raise BatchError(f"{shot.out}: {made.message}", made.exit_code)
        _comp(shot)

    listener = _Listener()
    code = _ended("The list of shots", partial(_segment_on_farm, shots, python, listener))
    if code != 0:
        return [code]
    codes: list[int] = []
    for shot, made in zip(shots, listener.shots, strict=True):
        codes.append(_ended(shot.out, partial(comp, shot, made)))
        if codes[-1] == CANCELLED:
            break
    return codes


def _ended(what: str, work: Callable[[], None]) -> int:
    """Do the work on a shot; returns its exit code."""
    try:
        work()
        return 0
    except BatchError as error:
        return _tell(str(error), error.code)
    except AddonError as error:
        return _tell(str(error), FAULT)
    except (OSError, RuntimeError) as error:  # Blender's operators raise RuntimeError, also for a full disk
        return _tell(f"{what} could not be comped or saved: {_one_line(error)}", ENVIRONMENT)
    except KeyboardInterrupt:
        return _tell("Cancelled; the same command with --resume goes on from there.", CANCELLED)
    except Exception as error:  # noqa: BLE001 (Blender would end with code 0)
        return _tell(f"Internal error: {type(error).__name__}: {_one_line(error)}; please report it.", FAULT)


def _segment(shot: argparse.Namespace, python: Path) -> None:
    request = command.Request(
        footage=shot.footage,
        out=shot.out,
        masks=shot.masks,
        cameras=shot.cameras,
        box=shot.box,
        mode="resume" if shot.resume else "overwrite" if shot.overwrite else "new",
    )
    obstacle = command.obstacle(request)
    if obstacle is not None:
        raise BatchError(obstacle, INPUT)
    listener = _Listener()
    words = jobs_file.segment_words(_options(shot))
    code = _run_core(python, words, listener, command.log_file(shot.out))
    listener.check(code)


def _segment_on_farm(shots: Sequence[argparse.Namespace], python: Path, listener: _Listener) -> None:
    """Raises BatchError where it ended before it could tell how each shot did."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = Path(folder) / "jobs.json"
        jobs.write_text(json.dumps([_options(shot) for shot in shots]), encoding="utf-8")
        words = ["farm", str(jobs), f"--ray={shots[0].ray}"]
        if shots[0].workers is not None:
            words.append(f"--workers={shots[0].workers}")
        code = _run_core(python, words, listener, None)
    if len(listener.shots) < len(shots):
        listener.check(code)


def _run_core(python: Path, words: Sequence[str], listener: _Listener, log: Path | None) -> int:
    """The core's command line; returns its exit code."""
    arguments = ["-m", "surface_sos_core", *words, "--events", "jsonl"]
    try:
        return process.run_blocking(python, arguments, listener.hear, log)
    except process.JobError as error:
        raise BatchError(str(error), ENVIRONMENT) from error


class _Listener:
    """Prints what a job says, progress now and then, and keeps how it and its shots ended."""

    def __init__(self) -> None:
        self.error: messages.Error | None = None
        self.shots: list[messages.Shot] = []
        self.last_line = ""
        self._next = 0.0

    def hear(self, message: messages.Message) -> None:
        if isinstance(message, messages.Error):
            self.error = message  # told on stderr once the job has ended
        elif isinstance(message, messages.Shot):
            self.shots.append(message)
        elif isinstance(message, messages.Log):
            self.last_line = message.line
        elif not isinstance(message, messages.Progress) or self._is_time(message):
            line = messages.text(message)
            if line is not None:
                print(line, flush=True)

    def check(self, code: int) -> None:
        """Raises BatchError where the job that ended with this code was not done."""
        sentence = process.ending(code, self.error, self.last_line)
        if sentence is not None:
            raise BatchError(sentence, code if code > 0 else FAULT)

    def _is_time(self, progress: messages.Progress) -> bool:
        now = time.monotonic()
        if now < self._next and progress.done < progress.total:
            return False
        self._next = now + PROGRESS_S
        return True


def _comp(shot: argparse.Namespace) -> None:
    """A fresh scene with the shot's cameras, mesh and compositor, saved and rendered where that is asked for."""
    if not shot.save and not shot.composite:
        return
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene: Any = bpy.context.scene
    loaded = load_result.load(bpy.context, Path(shot.out))
    for notice in loaded.notices:
        print(f"    note: {notice}", flush=True)
    if shot.save:
        Path(shot.save).parent.mkdir(parents=True, exist_ok=True)
        bpy.ops.wm.save_as_mainfile(filepath=shot.save, check_existing=False)
        print(f"saved {shot.save}", flush=True)
    if not shot.composite:
        return
    if not loaded.layers:
        raise BatchError(f"{shot.out} has no layers to comp; run it again with --resume.", FAULT)
    compositor.mute_rendering(scene)  # there is no CG yet
    stems = {frame: path.stem for frame, path in loaded.layers.items()}
    rendered = composite_render.render_composites(scene, stems, Path(shot.composite), loaded.space)
    for done, frame in enumerate(rendered, start=1):
        print(f"    composite: {done}/{wording.counted(len(stems), 'frame')}, frame {frame}", flush=True)


def _core_python() -> Path:
    """The core's Python; core_python.CoreNotFound where there is none."""
    addons: Any = bpy.context.preferences.addons  # type: ignore[union-attr]
    for addon in addons:
        if addon.module.rpartition(".")[2] == "surface_sos":  # installed as an extension, or before 4.2
            setup = sys.modules[f"{addon.module}.job.core_setup"]
            chosen = bpy.path.abspath(addon.preferences.core_python)
            return core_python.find_core_python(chosen, os.environ, setup.environment_folder())
    return core_python.find_core_python(None, os.environ)


# --- what was asked for ---------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one sentence, with our exit code."""

    def error(self, message: str) -> NoReturn:
        raise BatchError(
            f"{message.removeprefix('argument ')}; batch.py -- --help tells what may be given.", INPUT
        )


def _shots(words: Sequence[str]) -> list[argparse.Namespace]:
    """What each shot asks for, checked before the first begins; paths are absolute."""
    parser = _parser()
    given = parser.parse_args(words)
    if given.workers is not None and given.ray is None:
        parser.error("--workers are of a cluster: give --ray too")
    for name, value in vars(given).items():
        setattr(given, name, jobs_file.absolute(name, value, Path.cwd(), command.FOUND))
    if given.jobs is None:
        shots = [_checked(parser, given)]
    else:
        for name in ("footage", *_WRITTEN):
            if getattr(given, name) is not None:
                parser.error(f"--{name} belongs to one shot: write it into {given.jobs}")
        try:
            entries = jobs_file.read_entries(Path(given.jobs), command.FOUND)
            shots = [_entry(parser, given, entry) for entry in entries]
        except jobs_file.JobsError as error:
            raise BatchError(str(error), INPUT) from error
    for name in _WRITTEN:
        paths = [getattr(shot, name) for shot in shots if getattr(shot, name) is not None]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            parser.error(f"--{name}: two shots would write {twice}")
    return shots


def _entry(parser: _Parser, given: argparse.Namespace, entry: object) -> argparse.Namespace:
    """One object of the jobs file, read as options over those of the command line."""
    try:
        words = jobs_file.option_words(entry)
        if isinstance(entry, dict) and entry.keys() & {"jobs", "ray", "workers"}:
            parser.error("a shot cannot have jobs or a cluster of its own")
        defaults = copy.copy(given)
        if any(word in ("--resume", "--overwrite") for word in words):
            defaults.resume = defaults.overwrite = False
        return _checked(parser, parser.parse_args(words, defaults))
    except (BatchError, jobs_file.JobsError) as error:
        raise BatchError(f"{given.jobs}: {error}", INPUT) from error


def _checked(parser: _Parser, shot: argparse.Namespace) -> argparse.Namespace:
    for name in ("footage", "out"):
        if getattr(shot, name) is None:
            parser.error(f"--{name} is missing")
    if shot.save is not None and not shot.save.endswith(".blend"):
        parser.error(f"--save: {shot.save} does not end in .blend")
    return shot


def _options(shot: argparse.Namespace) -> dict[str, Any]:
    """What the core is to know of a shot, as JOBS.json has it."""
    given = {name.replace("_", "-"): value for name, value in vars(shot).items() if name not in _OURS}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def _parser() -> _Parser:
    parser = _Parser(
        prog="batch.py",
        allow_abbrev=False,
        description="Segment shots, comp them and save them as .blend files, without a window.",
    )
    add = parser.add_argument
    add("--footage", help="a folder of frames, a pattern such as plate.####.exr, or a movie")
    add("--out", help="folder of the shot")
    add(
        "--masks",
        metavar="SOURCE",
        help="coarse masks: a folder, a movie, or a source as box:FILE, auto, maskrcnn",
    )
    add("--weights", metavar="PATH", help="weights of a network that finds masks")
    add("--pick", metavar="NAME", help="a class of maskrcnn, or an object or layer of EXR mattes")
    add("--colour-space", metavar="NAME", help="what the plates are in, as the OCIO configuration calls it")
    add("--ocio", metavar="CONFIG", help="OCIO configuration, a file or ocio://NAME")
    add("--layer", metavar="NAME", help="of EXR plates with several")
    add("--skip-bad-frames", action="store_true", help="leave frames out that cannot be read")
    add("--cameras", metavar="MODEL", help="COLMAP model, text or binary")
    add("--subject", choices=["auto", "still", "moving"], help="whether the subject moves (auto)")
    add("--camera-move", choices=["auto", "free", "turning", "locked"], help="what the camera does (auto)")
    add("--box", metavar="FILE", help="JSON file of the box around the object")
    add(
        "--preset", choices=["preview", "default", "quality"], default="default", help="how much work is done"
    )
    add("--device", choices=["auto", "cpu", "cuda"], default="auto", help="where it is computed")
    add("--frames", metavar="LIST", help="frames that get layers, as 1001-1040x2,1055 (all)")
    add("--seed", type=int, metavar="N", help="of everything random (0)")
    add("--fill", metavar="FILL", help="how what no frame sees is filled, as of segment")
    add("--config", metavar="FILE.toml", help="settings")
    add("--set", action="append", metavar="NAME=VALUE", help="one setting; may be given several times")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the shot that is in OUT")
    again.add_argument("--overwrite", action="store_true", help="begin the shot that is in OUT anew")
    add("--composite", metavar="DIR", help="render foreground over clean plate to DIR, as EXR and PNG")
    add("--save", metavar="FILE.blend", help="save cameras, mesh and compositor as a .blend file")
    add("--jobs", metavar="JOBS.json", help="several shots, see the head of this file")
    add("--ray", metavar="ADDRESS", help="make the shots on the Ray cluster at HOST:PORT, or on one of this machine: local")
    add("--workers", metavar="N", help="tasks at once there (one for each machine)")
    return parser


def _tell(sentence: str, code: int) -> int:
    print(f"Error: {sentence}", file=sys.stderr, flush=True)
    return code


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]))
