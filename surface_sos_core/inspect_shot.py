"""What a shot's files would be read as, before anything is computed: `surface-sos inspect`, and what `segment` tells first.

from surface_sos_core.inspect_shot import inspect_shot
told = inspect_shot("plates", masks="roto")
told["footage"]["layer"], told["objects"]["object"]["frames_without"], told["warnings"]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surface_sos_core.cameras import (
    Box,
    Camera,
    CameraModel,
    check_parallax,
    framed_model,
    match_cameras,
    read_box,
    read_model,
)
from surface_sos_core.footage import ColourRequest, Footage, open_footage, parse_frames
from surface_sos_core.footage.colour import LINEAR_REC709
from surface_sos_core.inspect_picture import write_picture
from surface_sos_core.masks.coarse import CoarseMasks
from surface_sos_core.masks.sources.files import FilesSource
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.masks.sources.source import MaskSource
from surface_sos_core.settings import Settings

_NAMED = 3  # of many frames or files, in a line


@dataclass(frozen=True)
class Inputs:
    """A shot's inputs, read and found to be usable."""

    footage: Footage
    selected: list[int]
    """Positions of the frames that get layers."""
    box: Box | None
    cameras: CameraModel | None
    matched: Sequence[Camera | None]
    """The given model's camera of each frame; empty without a model."""
    source: MaskSource


def read_inputs(
    footage: str | Path,
    request: MaskRequest,
    settings: Settings,
    warn: Callable[[str], None],
    *,
    cameras: str | Path | None = None,
    box: str | Path | None = None,
    frames: str | None = None,
    skip_bad_frames: bool = False,
    layer: str | None = None,
    colour_space: str | None = None,
    ocio: str | Path | None = None,
    standing: bool = True,
) -> Inputs:
    """Open all that a shot is made from; raises the errors by which `segment` refuses it.

    standing: the subject may stand still, so cameras that are given need parallax.
    """
    colour = ColourRequest.asked(colour_space, ocio)
    opened = open_footage(footage, skip_bad_frames, warn, layer, colour)
    numbers = [frame.number for frame in opened.frames]
    selected = list(range(len(numbers))) if frames is None else parse_frames(frames, numbers)
    given_box = read_box(Path(box)) if box is not None else None
    model = read_model(Path(cameras)) if cameras is not None else None
    matched: Sequence[Camera | None] = []
    if model is not None:
        model = framed_model(model, opened)
        matched = match_cameras(model, opened, warn)
        if standing:
            check_parallax(model, settings.solve.least_spread)
    return Inputs(opened, selected, given_box, model, matched, open_source(request, opened, settings, warn))


def inspect_shot(
    footage: str | Path,
    masks: str | Path | None = None,
    *,
    pick: str | None = None,
    weights: Path | None = None,
    cameras: str | Path | None = None,
    box: str | Path | None = None,
    frames: str | None = None,
    skip_bad_frames: bool = False,
    layer: str | None = None,
    colour_space: str | None = None,
    ocio: str | Path | None = None,
    means: bool = True,
    picture: Path | None = None,
) -> dict[str, Any]:
    """What `inspect --json` prints, see `described`; with `warnings`, and the `means` of frames, in scene-linear Rec.709, where they are asked for.

    picture: a PNG to write of a frame with its mask over it, which `picture` {path, frame} then tells of.
    Raises the errors by which `segment` refuses the shot. Writes nothing else.
    """
    warnings: list[str] = []
    request = MaskRequest.parse("auto" if masks is None else str(masks), weights, pick)
    inputs = read_inputs(
        footage, request, Settings(), warnings.append, cameras=cameras, box=box, frames=frames, skip_bad_frames=skip_bad_frames,
        layer=layer, colour_space=colour_space, ocio=ocio,
    )  # fmt: skip
    told = described(inputs, str(cameras) if cameras is not None else None)
    if means:
        for index, frame in enumerate(told["frames"]):
            mean = inputs.footage.read_linear(index).mean(axis=(0, 1), dtype=np.float64)
            frame["mean"] = [round(float(value), 6) for value in mean]
    if picture is not None:
        shown = write_picture(picture, inputs.footage, _given_masks(inputs))
        told["picture"] = {"path": str(picture), "frame": inputs.footage.frames[shown].number}
    return {**told, "warnings": list(dict.fromkeys(warnings))}


def described(inputs: Inputs, model: str | None) -> dict[str, Any]:
    """The inputs as JSON-ready values: `footage`, `frames` (their means null), `objects` and `cameras`.

    model: what the cameras were read from.
    """
    masks = _given_masks(inputs)
    objects = {"object": _object(masks, inputs.footage)} if masks is not None else {}
    return {
        "footage": _footage(inputs.footage),
        "frames": [
            {"name": frame.name, "number": frame.number, "mean": None} for frame in inputs.footage.frames
        ],
        "objects": objects,
        "cameras": _cameras(inputs, model) if model is not None else None,
    }


def _given_masks(inputs: Inputs) -> CoarseMasks | None:
    """None where masks are to be found, not given."""
    return inputs.source.masks if isinstance(inputs.source, FilesSource) else None


def _footage(footage: Footage) -> dict[str, Any]:
    tags = footage.tags(0)
    layer = footage.headers[0].layer if footage.headers else None
    return {
        "source": str(footage.source),
        "width": footage.width,
        "height": footage.height,
        "first": footage.frames[0].number,
        "last": footage.frames[-1].number,
        "fps": round(float(tags.fps), 6) if tags.fps is not None else None,
        "pixel_aspect": tags.pixel_aspect,
        "colour_space": footage.space.name,
        "layers_space": footage.space.scene.name,
        "layer": {"name": layer.name, "rivals": list(layer.rivals), "others": list(layer.others)}
        if layer
        else None,
        "orientation": footage.orientation or "as stored",
        "display_window": list(footage.display_window),
    }


def _object(masks: CoarseMasks, footage: Footage) -> dict[str, Any]:
    coverage = {
        frame.name: round(float((masks.probability[i] > 127).mean()), 6) if masks.known[i] else None
        for i, frame in enumerate(footage.frames)
    }
    return {
        "matched": int(masks.known.sum()),
        "frames_without": [name for name, share in coverage.items() if share is None],
        "files_without": list(masks.files_without),
        "coverage": coverage,
    }


def _cameras(inputs: Inputs, model: str) -> dict[str, Any]:
    held = [camera for camera in inputs.matched if camera is not None]
    lenses = {(camera.lens.model, camera.lens.width, camera.lens.height) for camera in held}
    focals = [camera.lens.focal for camera in held]
    kinds = ", ".join(f"{name} {width}x{height}" for name, width, height in sorted(lenses))
    low, high = min(focals), max(focals)
    focal = f"{low:.5g}" if high - low < 1e-3 * high else f"{low:.5g} to {high:.5g}"
    return {
        "model": model,
        "matched": len(held),
        "frames_without": [
            frame.name
            for frame, camera in zip(inputs.footage.frames, inputs.matched, strict=True)
            if camera is None
        ],
        "lens": f"{kinds}, focal length {focal} pixels",
    }


def _colours_of(read_as: str, layers: str) -> str:
    is_plain = layers in (read_as, LINEAR_REC709.name)
    return read_as if is_plain else f"{read_as} (layers in {layers})"


def in_words(told: dict[str, Any]) -> list[str]:
    """A few lines for a person, of what `described` or `inspect_shot` gives; each begins with what it is about."""
    footage, count = told["footage"], len(told["frames"])
    facts = [
        f"{count} frames, {footage['first']} to {footage['last']}, {footage['width']}x{footage['height']}"
    ]
    facts += [_colours_of(footage["colour_space"], footage["layers_space"])]
    facts += [f"{footage['fps']:g} frames a second"] if footage["fps"] else []
    facts += [f"pixel aspect {footage['pixel_aspect']:g}"] if footage["pixel_aspect"] != 1 else []
    lines = [f"footage  {footage['source']}: {', '.join(facts)}"]
    if layer := footage["layer"]:
        others = f"; there are also {', '.join(layer['others'])}" if layer["others"] else ""
        lines.append(f"layer    {layer['name']}{others}")
    if footage["orientation"] != "as stored":
        lines.append(f"turned   {footage['orientation']}")
    left, top, right, bottom = footage["display_window"]
    if (right - left + 1, bottom - top + 1) != (footage["width"], footage["height"]):
        lines.append(
            f"window   the picture proper is {right - left + 1}x{bottom - top + 1} from ({left}, {top})"
        )
    for name, one in told["objects"].items():
        shares = [share for share in one["coverage"].values() if share is not None]
        covers = (
            f", of which it covers {100 * min(shares):.2g} to {100 * max(shares):.2g} %" if shares else ""
        )
        lines.append(f"masks    {name}: in {one['matched']} of {count} frames{covers}{_without(one)}")
    if cameras := told["cameras"]:
        lines.append(
            f"cameras  {cameras['model']}: of {cameras['matched']} of {count} frames, {cameras['lens']}"
            f"{_without(cameras)}"
        )
    return lines


def _without(told: dict[str, Any]) -> str:
    """Which frames have none, and which files no frame; the first of many."""
    frames, files = told["frames_without"], told.get("files_without", [])
    return (f"; none for {_some(frames)}" if frames else "") + (
        f"; of no frame: {_some(files)}" if files else ""
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
