"""Writes a COLMAP text model (colmap.github.io/format.html). No bpy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .colmap import Image, Lens, Vector, in_a_line
from .writing import write_if_changed


@dataclass(frozen=True)
class Track:
    """A sparse point and where it was seen: pixels from the top left corner, by image name."""

    place: Vector
    colour: tuple[int, int, int]
    error: float
    seen: dict[str, tuple[float, float]]


def write(folder: Path, images: Sequence[Image], tracks: Sequence[Track]) -> None:
    """Write cameras.txt, images.txt and points3D.txt; files that would not change are left alone."""
    lenses: dict[Lens, int] = {}
    ids = {image.name: number for number, image in enumerate(images, start=1)}
    observed: dict[str, list[tuple[float, float, int]]] = {image.name: [] for image in images}
    points = []
    for number, track in enumerate(tracks, start=1):
        sightings: list[int] = []
        for name, (x, y) in track.seen.items():
            if name in ids:
                sightings += [ids[name], len(observed[name])]
                observed[name].append((x, y, number))
        points.append(_line(number, *track.place, *track.colour, track.error, *sightings))
    views = []
    for image in images:
        lens = lenses.setdefault(image.lens, len(lenses) + 1)
        views.append(_line(ids[image.name], *image.rotation, *image.translation, lens, in_a_line(image.name)))
        views.append(" ".join(_line(*sighting) for sighting in observed[image.name]))
    cameras = [
        _line(number, lens.model, lens.width, lens.height, *lens.params) for lens, number in lenses.items()
    ]
    for name, lines in (("cameras", cameras), ("images", views), ("points3D", points)):
        write_if_changed(folder / f"{name}.txt", _text(lines))


def _line(*values: object) -> str:
    return " ".join(repr(float(value)) if isinstance(value, float) else str(value) for value in values)


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", errors="surrogateescape")
