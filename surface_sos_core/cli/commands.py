"""What each command does: it calls the Python API with what was typed, and prints where the results are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from surface_sos_core.errors import SetupError
from surface_sos_core.events import Events, Listener, json_line
from surface_sos_core.manifest import read_manifest
from surface_sos_core.settings import Settings, assignments, preset, read_config, settings_from_dict
from surface_sos_core.terminal import say
from surface_sos_core.wording import counted

if TYPE_CHECKING:
    from surface_sos_core.pipeline import Shot

# The API is imported by the command that needs it: with it come torch and numba, which take seconds to load.


def segment(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import Mode, segment

    mode: Mode = "resume" if args.resume else "overwrite" if args.overwrite else "new"
    segment(asked_shot(args), asked_settings(args), on_event, mode)
    _print_made(args, args.out)


def asked_shot(args: argparse.Namespace) -> Shot:
    """The shot that `segment` was asked for."""
    from surface_sos_core.pipeline import Shot

    return Shot(
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
        subject=args.subject,
        camera_move=args.camera_move,
        colour_space=args.colour_space,
        ocio=args.ocio,
    )


def inspect(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.inspect_shot import in_words, inspect_shot

    told = inspect_shot(
        args.footage,
        args.masks,
        pick=args.pick,
        weights=args.weights,
        cameras=args.cameras,
        box=args.box,
        frames=args.frames,
        skip_bad_frames=args.skip_bad_frames,
        layer=args.layer,
        colour_space=args.colour_space,
        ocio=args.ocio,
        means=args.json,
        picture=args.picture,
    )
    if args.events:
        events = Events(on_event)
        for message in told.pop("warnings"):
            events.warning(message)
        events.inputs(told, in_words(told))
    elif args.json:
        say(json_line(told).strip(), sys.stdout)
    else:
        warned = [f"Warning: {message}" for message in told["warnings"]]
        shown = [f"picture  {args.picture}"] if args.picture is not None else []
        say("\n".join([*in_words(told), *shown, *warned]), sys.stdout)


def solve(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import solve

    solve(
        args.footage,
        args.out,
        asked_settings(args),
        on_event,
        skip_bad_frames=args.skip_bad_frames,
        overwrite=args.overwrite,
        layer=args.layer,
        colour_space=args.colour_space,
        ocio=args.ocio,
    )
    _print(args, f"cameras  {args.out}")


def masks(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import find_masks

    found = find_masks(
        args.footage,
        args.out,
        args.source,
        asked_settings(args),
        on_event,
        cameras=args.cameras,
        box=args.box,
        weights=args.weights,
        pick=args.pick,
        skip_bad_frames=args.skip_bad_frames,
        overwrite=args.overwrite,
        layer=args.layer,
        colour_space=args.colour_space,
        ocio=args.ocio,
    )
    _print(args, f"masks  {found.out}  ({counted(len(found.frames), 'frame')})")


def import_dataset(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import import_dataset

    for path in import_dataset(args.kind, args.path, args.out, on_event):
        _print(args, f"{path.relative_to(args.out).as_posix():13} {path}")


def train(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import train_fields

    train_fields(args.out, _stage_settings(args), on_event)
    _print(args, f"checkpoint  {args.out / 'checkpoint'}")


def layers(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import make_layers

    make_layers(args.out, _stage_settings(args), on_event, args.frames)
    _print_made(args, args.out)


def correct(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import correct as correct_shot

    correct_shot(args.out, args.given, _stage_settings(args), on_event, forget=args.forget)
    _print_made(args, args.out)


def mesh(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import make_mesh

    make_mesh(args.out, _stage_settings(args), on_event)
    _print_made(args, args.out)


def render(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.pipeline import render_views

    render_views(args.shot, args.cameras, args.out, on_event, args.overwrite)
    _print_made(args, args.out)


def evaluate(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.evaluate.table import table
    from surface_sos_core.pipeline import measure

    _print(args, table(measure(args.out, args.truth, on_event, args.region, args.radius, masks=args.masks)))
    _print(args, f"worst frames as pictures, and metrics.json: {args.out / 'evaluation'}")


def doctor(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.doctor import examine

    diagnosis = examine(args.device or "auto")
    if args.events:
        Events(on_event).emit(**diagnosis.as_event())
    else:
        say(json_line(diagnosis.as_event()).strip() if args.json else diagnosis.table(), sys.stdout)
    if diagnosis.missing:
        names = ", ".join(check.name for check in diagnosis.missing)
        way = diagnosis.pip_line or "; ".join(check.advice for check in diagnosis.missing)
        raise SetupError(f"What cannot be done without is missing or too old ({names}): {way}")


def farm(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.cli.farm import make_shots, make_task, write_job_templates

    if args.task is not None:
        make_task(args, on_event)
    elif args.openjd is not None:
        write_job_templates(args, on_event)
    else:
        make_shots(args, on_event)


def list_settings(args: argparse.Namespace, on_event: Listener) -> None:
    from surface_sos_core.settings.listing import as_json, as_table

    say(json.dumps(as_json(), indent=1) if args.json else as_table(), sys.stdout)


def asked_settings(args: argparse.Namespace, own: Settings | None = None) -> Settings:
    """The settings that were asked for: --fill before --set before --config before --preset before the shot's `own`."""
    own = own or Settings()
    named = getattr(args, "preset", None)
    chosen = own if named is None else preset(named, own.device, own.seed)
    if args.config is not None:
        chosen = chosen.with_values(read_config(args.config))
    chosen = chosen.with_values(assignments(args.set or []))
    if getattr(args, "fill", None) is not None:
        chosen = chosen.with_values({"plate.fill": args.fill})
    device = getattr(args, "device", None) or own.device
    return replace(chosen, device=device, seed=own.seed if args.seed is None else args.seed)


def _stage_settings(args: argparse.Namespace) -> Settings | None:
    """The shot's own settings with what was typed instead; None where nothing was."""
    typed = (args.preset, args.device, args.seed, args.config, args.set, getattr(args, "fill", None))
    if typed == (None,) * len(typed):
        return None
    return asked_settings(args, settings_from_dict(read_manifest(args.out).settings))


def _print_made(args: argparse.Namespace, out: Path) -> None:
    """The paths of what a shot folder holds now."""
    manifest = read_manifest(out)
    count = sum(frame.layers is not None for frame in manifest.frames)
    made: Mapping[str, Path | None] = {
        "layers": out / "layers" if count else None,
        "mesh": out / manifest.mesh.ply if manifest.mesh and manifest.mesh.ply else None,
        "cameras": out / manifest.cameras if manifest.cameras else None,
        "report": out / "report.html" if (out / "report.html").is_file() else None,
        "manifest": out / "shot.json",
    }
    for name, path in made.items():
        if path is not None:
            note = f"  ({count} of {counted(len(manifest.frames), 'frame')})" if name == "layers" else ""
            _print(args, f"{name:9} {path}{note}")


def _print(args: argparse.Namespace, text: str) -> None:
    """A result for a person; a program that reads events gets the same from the manifest."""
    if args.events is None:
        say(text, sys.stdout)
