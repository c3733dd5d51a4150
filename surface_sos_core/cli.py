"""The command line: what may be typed, what each command calls, and how a run ends.

0 done   1 our fault   2 bad input   3 environment   4 cameras could not be solved   130 cancelled
"""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

from surface_sos_core.datasets import KINDS
from surface_sos_core.errors import Cancelled, InputError, SetupError, SurfaceSosError, is_out_of_memory
from surface_sos_core.events import Events, json_line
from surface_sos_core.manifest import ManifestError, read_manifest
from surface_sos_core.settings import (
    DEVICES,
    PRESETS,
    Settings,
    assignments,
    preset,
    read_config,
    settings_from_dict,
)
from surface_sos_core.terminal import Display, display, drop, say

PROGRAM = "surface-sos"
LARGEST_SEED = 2**31 - 1  # what every library's random generator takes
_SOURCES = (
    "a folder of masks of all or some frames (white is the object), a movie, auto, box:FILE (a box or outline that was "
    "drawn on a frame, as JSON or a folder of masks), maskrcnn, sam2, rvm or rembg, each alone or as NAME:FILE"
)
_TITLES = {SurfaceSosError.exit_code: "Internal error", Cancelled.exit_code: "Cancelled"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
    with warnings.catch_warnings(), _output(_asks_for_events(words)) as listener:
        if not debug:
            warnings.simplefilter("ignore")  # of libraries; ours are events
        events = Events(listener)
        args: argparse.Namespace | None = None
        try:
            with _signals_cancel():
                args = _parser().parse_args(words)
                args.command(args, events)
            return 0
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (told, with its exit code)
            if debug:
                traceback.print_exception(error)
            message, code = explain(error, getattr(args, "out", None))
            if code == Cancelled.exit_code and sys.unraisablehook is sys.__unraisablehook__:
                sys.unraisablehook = _leave_untold  # objects cut in their making trip over their own end
            with suppress(Cancelled):  # nobody reads the events: stderr is left
                events.error(message, code)
            listener.close()
            print(f"{_TITLES.get(code, 'Error')}: {message}", file=sys.stderr)
            return code


def explain(error: BaseException, out: Path | None = None) -> tuple[str, int]:
    """One line that says what went wrong and what to do, and the exit code. `out`: the folder written to."""
    if isinstance(error, SystemError) and isinstance(error.__cause__, KeyboardInterrupt | Cancelled):
        error = error.__cause__  # what a signal raises within a call of compiled code comes out like this
    if isinstance(error, KeyboardInterrupt | Cancelled):
        return _cancelled(error, out), Cancelled.exit_code
    if isinstance(error, SurfaceSosError):
        return _one_line(error), error.exit_code
    if isinstance(error, ManifestError):
        return _one_line(error), InputError.exit_code
    if is_out_of_memory(error):
        return (
            "There is not enough memory: close other programs, or use --preset preview or smaller plates.",
            SetupError.exit_code,
        )
    if isinstance(error, ImportError) and not (error.name or "").startswith("surface_sos_core"):
        return (
            f"{_one_line(error)}: `{PROGRAM} doctor` names what is missing and how to install it.",
            SetupError.exit_code,
        )
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL):
        return _explain_file(error, out)
    return (
        f"{type(error).__name__}: {_one_line(error)}; run again with --debug to see where, and report it.",
        SurfaceSosError.exit_code,
    )


_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_INPUT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)


def _explain_file(error: OSError, out: Path | None) -> tuple[str, int]:
    place = error.filename if error.filename is not None else out
    if error.errno in _FULL:
        return f"The disk of {place} is full: make room, or choose another --out.", SetupError.exit_code
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return (
            f"{place} may not be read or written: change its permissions, or choose another path.",
            SetupError.exit_code,
        )
    code = InputError.exit_code if isinstance(error, _INPUT) else SetupError.exit_code
    return f"{place}: {error.strerror or type(error).__name__}; check the path.", code


def _cancelled(error: BaseException, out: Path | None) -> str:
    reason = f"{_one_line(error)}; " if isinstance(error, Cancelled) and str(error) else ""
    if out is not None and any(Path(out, "checkpoint").glob("*")):
        return f"{reason}a checkpoint is kept in {out}; the same command with --resume goes on from there."
    return f"{reason}nothing is left half written."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _segment(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import Shot, segment

    shot = Shot(
        args.footage,
        args.out,
        masks=args.masks,
        cameras=args.cameras,
        box=args.box,
        frames=args.frames,
        skip_bad_frames=args.skip_bad_frames,
        weights=args.weights,
        pick=args.pick,
        layer=args.layer,
    )
    segment(
        shot, _settings(args), events, "resume" if args.resume else "overwrite" if args.overwrite else "new"
    )
    _print_made(args, args.out)


def _inspect(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.inspect_shot import in_words, inspect_shot

    told = inspect_shot(
        args.footage, args.masks, pick=args.pick, weights=args.weights, cameras=args.cameras, box=args.box,
        frames=args.frames, skip_bad_frames=args.skip_bad_frames, layer=args.layer, means=args.json,
    )  # fmt: skip
    if args.events:
        for message in told.pop("warnings"):
            events.warning(message)
        events.inputs(told)
    elif args.json:
        say(json_line(told).strip(), sys.stdout)
    else:
        warned = [f"Warning: {message}" for message in told["warnings"]]
        say("\n".join([*in_words(told), *warned]), sys.stdout)


def _solve(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import solve

    made = solve(
        args.footage, args.out, events, args.seed or 0, args.skip_bad_frames, args.overwrite, args.layer
    )
    _print(args, f"cameras  {made}")


def _masks(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.masks.sources.request import MaskRequest
    from surface_sos_core.pipeline import find_masks

    request = MaskRequest.parse(args.source, args.weights, args.pick)
    made = find_masks(
        args.footage,
        args.out,
        request,
        args.cameras,
        args.box,
        events,
        args.seed or 0,
        args.skip_bad_frames,
        args.overwrite,
        args.layer,
    )
    _print(args, f"masks  {made}  ({len(list(made.glob('*.png')))} frames)")


def _import(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import import_dataset

    for path in import_dataset(args.kind, args.path, args.out, events):
        _print(args, f"{path.relative_to(args.out).as_posix():13} {path}")


def _train(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import train

    train(args.out, _stage_settings(args), events)
    _print(args, f"checkpoint  {args.out / 'checkpoint'}")


def _layers(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import layers

    layers(args.out, _stage_settings(args), events, args.frames)
    _print_made(args, args.out)


def _mesh(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import mesh

    mesh(args.out, _stage_settings(args), events)
    _print_made(args, args.out)


def _render(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.pipeline import render

    render(args.shot, args.cameras, args.out, events, args.overwrite)
    _print_made(args, args.out)


def _eval(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.evaluate.table import table
    from surface_sos_core.pipeline import evaluate

    _print(args, table(evaluate(args.out, args.truth, events, args.region, args.radius)))
    _print(args, f"worst frames as pictures, and metrics.json: {args.out / 'evaluation'}")


def _doctor(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.doctor import examine

    diagnosis = examine(args.device or "auto")
    if args.events:
        events.emit(**diagnosis.as_event())
    else:
        say(json_line(diagnosis.as_event()).strip() if args.json else diagnosis.table(), sys.stdout)
    if diagnosis.missing:
        names = ", ".join(check.name for check in diagnosis.missing)
        way = diagnosis.pip_line or "; ".join(check.advice for check in diagnosis.missing)
        raise SetupError(f"What cannot be done without is missing or too old ({names}): {way}")


def _settings(args: argparse.Namespace, own: Settings | None = None) -> Settings:
    """The settings that were asked for: --set before --config before --preset before the shot's `own`."""
    own = own or Settings()
    named = getattr(args, "preset", None)
    chosen = own if named is None else preset(named, own.device, own.seed)
    if args.config is not None:
        chosen = chosen.with_values(read_config(args.config))
    chosen = chosen.with_values(assignments(args.set or []))
    device = getattr(args, "device", None) or own.device
    return replace(chosen, device=device, seed=own.seed if args.seed is None else args.seed)


def _stage_settings(args: argparse.Namespace) -> Settings | None:
    """The shot's own settings with what was typed instead; None where nothing was."""
    if (args.preset, args.device, args.seed, args.config, args.set) == (None,) * 5:
        return None
    return _settings(args, settings_from_dict(read_manifest(args.out).settings))


def _list_settings(args: argparse.Namespace, events: Events) -> None:
    from surface_sos_core.settings.listing import as_json, as_table

    say(json.dumps(as_json(), indent=1) if args.json else as_table(), sys.stdout)


def _print_made(args: argparse.Namespace, out: Path) -> None:
    """The paths of what a shot folder holds now."""
    manifest = read_manifest(out)
    count = sum(frame.layers is not None for frame in manifest.frames)
    made = {
        "layers": out / "layers" if count else None,
        "mesh": out / manifest.mesh.ply if manifest.mesh and manifest.mesh.ply else None,
        "cameras": out / manifest.cameras if manifest.cameras else None,
        "report": out / "report.html" if (out / "report.html").is_file() else None,
        "manifest": out / "shot.json",
    }
    for name, path in made.items():
        if path is not None:
            note = f"  ({count} of {len(manifest.frames)} frames)" if name == "layers" else ""
            _print(args, f"{name:9} {path}{note}")


def _print(args: argparse.Namespace, text: str) -> None:
    """A result for a person; a program that reads events gets the same from the manifest."""
    if args.events is None:
        say(text, sys.stdout)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        dash = " A path that begins with a dash is written ./-path." if "expected one arg" in message else ""
        raise InputError(
            f"{message.removeprefix('argument ')}; `{self.prog} --help` tells what may be given.{dash}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Mattes, clean plates, the surface and the cameras of an object, from footage of it.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND", dest="name", required=True)

    def add(
        name: str, command: Callable[[argparse.Namespace, Events], None], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.set_defaults(command=command)
        added.add_argument("--events", choices=["jsonl"], help="tell progress as JSON lines on stdout")
        added.add_argument("--debug", action="store_true", help="show where an error comes from")
        return added

    segment = add("segment", _segment, "everything: cameras, mattes, clean plates, mesh and report")
    _add_footage(segment)
    segment.add_argument("--out", type=_path, required=True, help="folder of the shot")
    segment.add_argument("--masks", metavar="SOURCE", help=f"where coarse masks come from: {_SOURCES}")
    _add_source_options(segment)
    segment.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    segment.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the box around the object")
    _add_frames(segment)
    _add_settings(segment)
    again = segment.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the shot that is in OUT")
    again.add_argument("--overwrite", action="store_true", help="begin the shot that is in OUT anew")

    inspect = add("inspect", _inspect, "what would be read of a shot's files; computes and writes nothing")
    _add_footage(inspect)
    inspect.add_argument("--masks", metavar="SOURCE", help=f"where coarse masks come from: {_SOURCES}")
    _add_source_options(inspect)
    inspect.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    inspect.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the box around the object")
    _add_frames(inspect)
    inspect.add_argument("--json", action="store_true", help="print one JSON object, with the frames' means")

    solve = add("solve", _solve, "the cameras only")
    _add_footage(solve)
    solve.add_argument("--out", type=_path, required=True, metavar="MODEL", help="folder of the COLMAP model")
    _add_seed(solve)
    solve.add_argument("--overwrite", action="store_true", help="replace the model that is in MODEL")

    masks = add("masks", _masks, "the coarse masks only, to look at and to repaint")
    _add_footage(masks)
    masks.add_argument("--from", dest="source", required=True, metavar="SOURCE", help=_SOURCES)
    _add_source_options(masks)
    masks.add_argument("--out", type=_path, required=True, metavar="DIR", help="folder for the masks")
    masks.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    masks.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the scene box, for auto")
    _add_seed(masks)
    masks.add_argument("--overwrite", action="store_true", help="replace the masks that are in DIR")

    imported = add("import", _import, "a data set of others as frames, cameras, and masks or truth")
    imported.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    imported.add_argument("path", type=_path, metavar="PATH", help="folder of the scene or sequence")
    imported.add_argument("--out", type=_path, required=True, metavar="SHOT", help="new folder for it")

    for name, command, text in (
        ("train", _train, "train a shot's fields"),
        ("layers", _layers, "write a shot's layers from its trained fields"),
        ("mesh", _mesh, "write a shot's mesh from its trained fields"),
    ):
        stage = add(name, command, text)
        stage.add_argument("out", type=_path, metavar="OUT", help="folder of the shot")
        if command is _layers:
            _add_frames(stage)
        _add_settings(stage, "the shot's own")

    render = add("render", _render, "a shot's layers as other cameras of the same world see them")
    render.add_argument("shot", type=_path, metavar="OUT", help="folder of the shot")
    render.add_argument(
        "--cameras",
        type=_path,
        required=True,
        metavar="MODEL",
        help="COLMAP model with an image for each frame",
    )
    render.add_argument("--out", type=_path, required=True, metavar="DIR", help="folder for the layers")
    render.add_argument("--overwrite", action="store_true", help="replace the layers that are in DIR")

    evaluate = add("eval", _eval, "measure a shot against truth")
    evaluate.add_argument("out", type=_path, metavar="OUT", help="folder of the shot")
    evaluate.add_argument(
        "--truth", type=_path, required=True, metavar="DIR", help="folder with matte/, clean/ or mesh.ply"
    )
    evaluate.add_argument(
        "--region", type=_path, metavar="DIR", help="masks of where clean plates are compared"
    )
    evaluate.add_argument(
        "--radius", type=_natural, default=10, metavar="PIXELS", help="of the band around the outline (10)"
    )

    doctor = add("doctor", _doctor, "what is installed, which device will be used, and why")
    doctor.add_argument("--device", choices=["auto", "cpu", "cuda"], help="the device to ask for (auto)")
    doctor.add_argument("--json", action="store_true", help="print one JSON object instead of a table")

    listed = add("settings", _list_settings, "every setting: its value by preset, range, unit and meaning")
    listed.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    return parser


def _add_footage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "footage", metavar="FOOTAGE", help="a folder, a pattern such as plate.####.exr, or a movie"
    )
    parser.add_argument("--skip-bad-frames", action="store_true", help="leave out frames that cannot be read")
    parser.add_argument(
        "--layer", metavar="NAME", help="which layer of EXR files is the picture (the beauty)"
    )


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=_path, metavar="PATH", help="weights of a network that finds masks")
    parser.add_argument(
        "--pick",
        metavar="NAME",
        help="a class of maskrcnn, an object or layer of EXR mattes (as car*), or a label or colour",
    )


def _add_frames(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", metavar="LIST", help="frames that get layers, as 1001-1040x2,1055 (all)")


def _add_settings(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    parser.add_argument(
        "--preset", choices=list(PRESETS), help=f"how much work is done ({otherwise or 'default'})"
    )
    parser.add_argument("--device", choices=DEVICES, help=f"where it is computed ({otherwise or 'auto'})")
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a single setting, as train.iterations=300; may be given again (`surface-sos settings` lists them)",
    )
    parser.add_argument(
        "--config", type=_path, metavar="FILE", help="TOML file of settings, a table for each stage"
    )
    _add_seed(parser, otherwise or "0")


def _add_seed(parser: argparse.ArgumentParser, otherwise: str = "0") -> None:
    parser.add_argument("--seed", type=_natural, metavar="N", help=f"of everything random ({otherwise})")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from surface_sos_core import __version__

        print(f"{PROGRAM} {__version__}")
        parser.exit()


def _path(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty: give a path")
    return Path(text)


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _asks_for_events(words: Sequence[str]) -> bool:
    """Whether stdout belongs to events; asked before parsing, since a parser's error is an event as well."""
    return "--events=jsonl" in words or ("--events", "jsonl") in pairwise(words)


@contextmanager
def _output(as_events: bool) -> Iterator[Display]:
    """A listener that shows events to a person, or writes them to a stdout that holds nothing else."""
    if as_events:
        with _stdout_for_events() as stream:
            yield _JsonLines(stream)
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show stop nothing
    shown = display()
    try:
        yield shown
    finally:
        shown.close()
        _flush_stdout()


class _JsonLines:
    """Writes every event as it comes, and stops the run when nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: dict[str, Any]) -> None:
        try:
            self._stream.write(json_line(event))
            self._stream.flush()
        except OSError as error:
            raise Cancelled("The program that reads the events has gone") from error

    def close(self) -> None:
        pass


@contextmanager
def _stdout_for_events() -> Iterator[TextIO]:
    """Yields what was stdout; meanwhile all that libraries and child processes print there goes to stderr."""
    sys.stdout.flush()
    stream = open(os.dup(1), "w", encoding="ascii", newline="\n")  # noqa: SIM115 (closed below, quietly)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield stream
    finally:
        os.dup2(stream.fileno(), 1)
        with suppress(OSError):
            stream.close()


def _flush_stdout() -> None:
    """Write out what is left; where the reader has gone, leave nothing for the interpreter to trip over."""
    try:
        sys.stdout.flush()
    except OSError:
        drop(sys.stdout)


@contextmanager
def _signals_cancel() -> Iterator[None]:
    """Let the signals that ask a program to end raise Cancelled, as Ctrl-C raises KeyboardInterrupt."""
    names = ("SIGTERM", "SIGBREAK")  # the latter is how a parent process asks on Windows
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before: dict[int, Any] = {}
    try:
        for number in signals:
            with suppress(ValueError):  # only the main thread may ask for signals
                before[number] = signal.signal(number, _cancel)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cancel(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def _leave_untold(_: object) -> None:
    """In place of `sys.unraisablehook` once a run was cancelled: what fails while it is taken down is no news."""
