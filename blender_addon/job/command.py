"""What the button asks of the core: a request, the arguments it becomes, and what stands in its way."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core import manifest

FOUND = ("auto", "box", "maskrcnn", "sam2", "rvm", "rembg")  # sources that find masks; others are paths
NETWORKS = FOUND[2:]
Mode = Literal["new", "resume", "overwrite"]


@dataclass(frozen=True)
class Request:
    """One run of the core on a shot, as its command line takes it; empty choices are None.

    footage: a folder, a pattern or a movie. out: the shot's folder. masks: where coarse masks come from, as --masks takes
    it, with the weights and the pick of some sources. cameras: a COLMAP model. box: a JSON file. frames: which frames get layers
    ("1001-1040x2,1055"). subject, camera_move: whether the subject moves, and what the camera does, as --subject and
    --camera-move take it. colour_space: what the footage is in, by a name of the OCIO configuration `ocio`.
    """

    footage: str
    out: str
    masks: str | None = None
    cameras: str | None = None
    box: str | None = None
    preset: str = "default"
    device: str = "auto"
    frames: str | None = None
    subject: str | None = None
    camera_move: str | None = None
    seed: int | None = None
    mode: Mode = "new"
    weights: str | None = None
    pick: str | None = None
    colour_space: str | None = None
    ocio: str | None = None


def arguments(request: Request) -> list[str]:
    """What follows the Python executable."""
    words = ["-m", "surface_sos_core", "segment", request.footage, f"--out={request.out}"]
    options = {
        "--masks": request.masks,
        "--frames": request.frames,
        "--subject": request.subject,
        "--camera-move": request.camera_move,
        "--preset": request.preset,
        "--device": request.device,
        "--seed": None if request.seed is None else str(request.seed),
    }
    words += _given(_inputs(request) | options)
    if request.mode != "new":
        words.append(f"--{request.mode}")
    return [*words, "--events", "jsonl"]


def masks_arguments(request: Request, folder: Path) -> list[str]:
    """What follows the Python executable to have the coarse masks alone, in `folder`."""
    words = ["-m", "surface_sos_core", "masks", request.footage, f"--from={request.masks or 'auto'}"]
    return [*words, f"--out={folder}", *_given(_inputs(request)), "--overwrite", "--events", "jsonl"]


def inspect_arguments(request: Request, picture: Path) -> list[str]:
    """What follows the Python executable to be told what would be read, with a picture of a frame and its mask."""
    options = {
        "--masks": request.masks,
        "--frames": request.frames,
        "--picture": str(picture),
    }
    words = ["-m", "surface_sos_core", "inspect", request.footage, *_given(_inputs(request) | options)]
    return [*words, "--events", "jsonl"]


def _inputs(request: Request) -> dict[str, str | None]:
    """What every command reads a shot by, beside its footage and masks."""
    return {
        "--weights": request.weights,
        "--pick": request.pick,
        "--cameras": request.cameras,
        "--box": request.box,
        "--colour-space": request.colour_space,
        "--ocio": request.ocio,
    }


def _given(options: dict[str, str | None]) -> list[str]:
    """Each as one word, so that a value may begin with a dash."""
    return [f"{name}={value}" for name, value in options.items() if value is not None]


def obstacle(request: Request) -> str | None:
    """One sentence on why the request cannot start, or None. Looks at paths only; the core checks what is in them."""
    return inputs_obstacle(request) or out_obstacle(request.out, request.mode)


def inputs_obstacle(request: Request) -> str | None:
    """Why what the request reads cannot be read."""
    return (
        footage_obstacle(request.footage)
        or masks_obstacle(request.masks)
        or _folder_obstacle("The camera model", request.cameras)
        or _file_obstacle("The box", request.box)
    )


def masks_obstacle(source: str | None) -> str | None:
    """Why masks cannot come from there; sources that find them are the core's to check."""
    name, _, drawn = (source or "").partition(":")
    if name in FOUND:
        return (
            f"What is drawn, {drawn}, does not exist: check the path."
            if drawn and not Path(drawn).exists()
            else None
        )
    if source is not None and Path(source).is_file():
        return None  # a movie
    return _folder_obstacle("The masks", source)


def with_paths(source: str, absolute: Callable[[str], str]) -> str:
    """The source with the path in it, if any, made absolute."""
    name, colon, drawn = source.partition(":")
    if name not in FOUND:
        return absolute(source)
    return f"{name}{colon}{absolute(drawn)}" if drawn else source


def footage_obstacle(footage: str) -> str | None:
    if not footage.strip():
        return "Choose the footage: a folder of frames, a pattern such as plate.####.exr, or a movie."
    path = Path(footage)
    if path.exists():
        return None
    if any(mark in path.name for mark in ("#", "%")):
        return None if path.parent.is_dir() else f"The folder of the footage, {path.parent}, does not exist."
    return f"The footage {footage} does not exist: check the path."


def no_out(out: str) -> str | None:
    return None if out.strip() else "Choose an output folder."


def out_obstacle(out: str, mode: Mode) -> str | None:
    """Why `out` cannot be written to in this mode; hidden files, such as a killed run's lock, are the core's to judge."""
    if not out.strip():
        return no_out(out)
    try:
        return _folder_in_use(out, mode)
    except OSError as error:
        return f"The output {out} cannot be looked into ({error.strerror}): choose another folder."


def _folder_in_use(out: str, mode: Mode) -> str | None:
    path = Path(out)
    if path.exists() and not path.is_dir():
        return f"The output {out} is a file: choose a folder."
    if holds_shot(path):
        return (
            f"{out} holds a shot: Resume it, or choose Overwrite or another folder."
            if mode == "new"
            else None
        )
    if mode == "resume":
        return f"{out} holds no shot to resume: segment the footage first."
    if path.is_dir() and any(not entry.name.startswith(".") for entry in path.iterdir()):
        return f"{out} holds other files: choose an empty or new folder."
    return None


def holds_shot(out: Path) -> bool:
    """False too where the folder may not be looked into."""
    return os.path.isfile(out / manifest.FILE_NAME)


def job_folder(out: str | Path) -> Path:
    """Where the add-on keeps what belongs to a run beside the shot's own folder: its log and exported inputs."""
    path = Path(out)
    return path.with_name(f"{path.name}.job")


def log_file(out: str | Path) -> Path:
    return job_folder(out) / "log.txt"


def _folder_obstacle(what: str, path: str | None) -> str | None:
    if path is None or Path(path).is_dir():
        return None
    return f"{what} {path} is no folder: check the path." if path else f"{what}: choose a folder."


def _file_obstacle(what: str, path: str | None) -> str | None:
    if path is None or Path(path).is_file():
        return None
    return f"{what} {path} does not exist: check the path."
