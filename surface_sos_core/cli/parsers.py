"""What may be typed: the commands, their options, and what each option takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from surface_sos_core.cli import commands
from surface_sos_core.datasets import KINDS
from surface_sos_core.ending import PROGRAM
from surface_sos_core.errors import InputError
from surface_sos_core.events import Listener
from surface_sos_core.farm.graph import AFTER, CHUNK_S
from surface_sos_core.settings import DEVICES, PRESETS

LARGEST_SEED = 2**31 - 1  # what every library's random generator takes
_SOURCES = (
    "a folder of masks of all or some frames (white is the object), a movie, auto, box:FILE (a box or outline that was "
    "drawn on a frame, as JSON or a folder of masks), maskrcnn, sam2, rvm or rembg, each alone or as NAME:FILE"
)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        dash = " A path that begins with a dash is written ./-path." if "expected one arg" in message else ""
        raise InputError(
            f"{message.removeprefix('argument ')}; `{self.prog} --help` tells what may be given.{dash}"
        )


def parser() -> argparse.ArgumentParser:
    """Of the whole command line; `command` of what it parses is the function that runs it."""
    whole = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Mattes, clean plates, the surface and the cameras of an object, from footage of it.",
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    names = whole.add_subparsers(metavar="COMMAND", dest="name", required=True)

    def add(
        name: str, command: Callable[[argparse.Namespace, Listener], None], text: str
    ) -> argparse.ArgumentParser:
        added = names.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.set_defaults(command=command)
        added.add_argument("--events", choices=["jsonl"], help="tell progress as JSON lines on stdout")
        added.add_argument("--debug", action="store_true", help="show where an error comes from")
        return added

    segment = add("segment", commands.segment, "everything: cameras, mattes, clean plates, mesh and report")
    _add_footage(segment)
    segment.add_argument("--out", type=_path, required=True, help="folder of the shot")
    segment.add_argument("--masks", metavar="SOURCE", help=f"where coarse masks come from: {_SOURCES}")
    _add_source_options(segment)
    segment.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    segment.add_argument(
        "--subject",
        choices=["auto", "still", "moving"],
        default="auto",
        help="whether the subject moves (auto)",
    )
    segment.add_argument(
        "--camera-move", choices=["auto", "free", "turning", "locked"], default="auto",
        help="what the camera does: travels freely, turns or zooms on the spot, or stands (auto)",
    )  # fmt: skip
    segment.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the box around the object")
    _add_frames(segment)
    _add_fill(segment)
    _add_settings(segment)
    again = segment.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the shot that is in OUT")
    again.add_argument("--overwrite", action="store_true", help="begin the shot that is in OUT anew")

    inspect = add("inspect", commands.inspect, "what would be read of a shot's files; computes nothing")
    _add_footage(inspect)
    inspect.add_argument("--masks", metavar="SOURCE", help=f"where coarse masks come from: {_SOURCES}")
    _add_source_options(inspect)
    inspect.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    inspect.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the box around the object")
    _add_frames(inspect)
    inspect.add_argument("--json", action="store_true", help="print one JSON object, with the frames' means")
    inspect.add_argument("--picture", type=_path, metavar="PNG", help="write a frame with its mask over it")

    solve = add("solve", commands.solve, "the cameras only")
    _add_footage(solve)
    solve.add_argument("--out", type=_path, required=True, metavar="MODEL", help="folder of the COLMAP model")
    _add_values(solve)
    solve.add_argument("--overwrite", action="store_true", help="replace the model that is in MODEL")

    masks = add("masks", commands.masks, "the coarse masks only, to look at and to repaint")
    _add_footage(masks)
    masks.add_argument("--from", dest="source", required=True, metavar="SOURCE", help=_SOURCES)
    _add_source_options(masks)
    masks.add_argument("--out", type=_path, required=True, metavar="DIR", help="folder for the masks")
    masks.add_argument("--cameras", type=_path, metavar="MODEL", help="COLMAP model, text or binary")
    masks.add_argument("--box", type=_path, metavar="FILE", help="JSON file of the scene box, for auto")
    _add_values(masks)
    masks.add_argument("--overwrite", action="store_true", help="replace the masks that are in DIR")

    imported = add(
        "import", commands.import_dataset, "a data set of others as frames, cameras, and masks or truth"
    )
    imported.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    imported.add_argument("path", type=_path, metavar="PATH", help="folder of the scene or sequence")
    imported.add_argument("--out", type=_path, required=True, metavar="SHOT", help="new folder for it")

    for name, command, text in (
        ("train", commands.train, "train a shot's fields"),
        ("layers", commands.layers, "write a shot's layers from its trained fields"),
        ("mesh", commands.mesh, "write a shot's mesh from its trained fields"),
    ):
        stage = add(name, command, text)
        stage.add_argument("out", type=_path, metavar="OUT", help="folder of the shot")
        if command is commands.layers:
            _add_frames(stage)
            _add_fill(stage)
        _add_settings(stage, "the shot's own")

    correct = add("correct", commands.correct, "correct frames of a finished shot, and make again what depends on it")
    correct.add_argument("out", type=_path, metavar="OUT", help="folder of the shot")
    correct.add_argument(
        "--by",
        type=_path,
        dest="given",
        metavar="PATH",
        help="masks painted again for some frames (a folder), or strokes (JSON: a list of "
        '{"frame": 1009, "object": [[x, y], ...]} and {"frame": 1009, "background": [[x, y], ...]}, "radius" in pixels)',
    )
    correct.add_argument("--forget", metavar="FRAMES", help="take back the corrections of these frames, as 1001-1004")
    _add_settings(correct, "the shot's own")

    render = add("render", commands.render, "a shot's layers as other cameras of the same world see them")
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

    evaluate = add("eval", commands.evaluate, "measure a shot against truth")
    evaluate.add_argument("out", type=_path, metavar="OUT", help="folder of the shot")
    evaluate.add_argument(
        "--truth", type=_path, required=True, metavar="DIR", help="folder with matte/, clean/ or mesh.ply"
    )
    evaluate.add_argument(
        "--region", type=_path, metavar="DIR", help="masks of where clean plates are compared"
    )
    evaluate.add_argument(
        "--masks",
        type=_path,
        metavar="DIR",
        help="the masks that were given, to tell which mattes are worse (those that the shot names)",
    )
    evaluate.add_argument(
        "--radius", type=_natural, default=10, metavar="PIXELS", help="of the band around the outline (10)"
    )

    farm = add("farm", commands.farm, "many shots, on more than one machine")
    farm.add_argument(
        "jobs", type=_path, metavar="JOBS.json", help="a list of shots, each an object of segment's options"
    )
    engine = farm.add_mutually_exclusive_group(required=True)
    engine.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run them on the Ray cluster at HOST:PORT, or on one of this machine: local",
    )
    engine.add_argument(
        "--openjd",
        type=_path,
        metavar="DIR",
        help="write an Open Job Description template for each shot to DIR",
    )
    engine.add_argument(
        "--task", choices=list(AFTER), help="do one task of one shot here, as any queue may ask for it"
    )
    farm.add_argument(
        "--workers", type=_positive, metavar="N", help="tasks at once on Ray (one for each machine)"
    )
    farm.add_argument(
        "--chunk-seconds",
        type=_positive,
        default=CHUNK_S,
        metavar="S",
        help=f"how long a chunk of frames should take ({CHUNK_S})",
    )
    farm.add_argument(
        "--shot", type=_positive, metavar="N", help="which shot of JOBS.json --task is for, from 1"
    )
    farm.add_argument(
        "--frames", metavar="LIST", help="frames of the task layers, as 1001-1040x2,1055 (the shot's)"
    )

    doctor = add("doctor", commands.doctor, "what is installed, which device will be used, and why")
    doctor.add_argument("--device", choices=["auto", "cpu", "cuda"], help="the device to ask for (auto)")
    doctor.add_argument("--json", action="store_true", help="print one JSON object instead of a table")

    listed = add(
        "settings", commands.list_settings, "every setting: its value by preset, range, unit and meaning"
    )
    listed.add_argument("--json", action="store_true", help="print a JSON list instead of a table")
    return whole


def _add_footage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "footage", metavar="FOOTAGE", help="a folder, a pattern such as plate.####.exr, or a movie"
    )
    parser.add_argument("--skip-bad-frames", action="store_true", help="leave out frames that cannot be read")
    parser.add_argument(
        "--layer", metavar="NAME", help="which layer of EXR files is the picture (the beauty)"
    )
    parser.add_argument(
        "--colour-space", metavar="NAME", help="what the plates are in, as the OCIO configuration calls it"
    )
    parser.add_argument(
        "--ocio",
        metavar="CONFIG",
        help="OCIO configuration, a file or ocio://NAME ($OCIO, else one for ACES and cameras)",
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


def _add_fill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fill",
        metavar="HOW",
        help="background that no frame saw: texture (the default), smooth, or an inpainting network, MODEL.onnx",
    )


def _add_settings(parser: argparse.ArgumentParser, otherwise: str = "") -> None:
    parser.add_argument(
        "--preset", choices=list(PRESETS), help=f"how much work is done ({otherwise or 'default'})"
    )
    parser.add_argument("--device", choices=DEVICES, help=f"where it is computed ({otherwise or 'auto'})")
    _add_values(parser, otherwise or "0")


def _add_values(parser: argparse.ArgumentParser, seed: str = "0") -> None:
    parser.add_argument(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="a single setting, as train.iterations=300; may be given again (`surface-sos settings` lists them)",
    )
    parser.add_argument(
        "--config", type=_path, metavar="FILE", help="TOML file of settings, a table for each stage"
    )
    parser.add_argument("--seed", type=_natural, metavar="N", help=f"of everything random ({seed})")


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


def _positive(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("0 is too few")
    return int(text)


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)
