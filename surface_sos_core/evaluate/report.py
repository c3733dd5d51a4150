"""OUT/report.html: one file that shows a run, with every picture inside it and nothing from the network."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surface_sos_core.cameras.planes import across
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.wording import counted

MOST_FRAMES = 24
THUMBNAIL_EDGE = 480
WORST_EDGE = 1600
MOST_POINTS = 1500
_ORDER = "From left to right: the plate, the object over a checker, the clean plate."


@dataclass(frozen=True)
class ContactFrame:
    """A row of the contact sheet: (H, W, 3) uint8 display pictures of one size, any of them None."""

    name: str
    plate: np.ndarray | None
    matte: np.ndarray | None
    """The foreground over a checker; see `over_checker`."""
    clean: np.ndarray | None
    notes: Sequence[str] = ()
    """Sentences below the pictures."""


@dataclass(frozen=True)
class CameraPlot:
    """What the plot of the cameras shows, in world coordinates, seen against `up`."""

    centres: np.ndarray
    """(N, 3) in the order of the frames."""
    axes: np.ndarray
    """(N, 3) unit viewing directions."""
    up: np.ndarray
    """(3,)"""
    box_corners: np.ndarray | None = None
    """(8, 3)"""
    points: np.ndarray | None = None
    """(M, 3)"""


@dataclass
class ReportData:
    """Everything the report shows; what is left empty is left out."""

    title: str
    summary: str = ""
    """One line: frames, size, preset, time."""
    frames: list[ContactFrame] = field(default_factory=list)
    """At most 24 are shown, evenly spread."""
    doubted: Sequence[ContactFrame] = ()
    """The frames that somebody should look at, worst first."""
    turntable: Sequence[np.ndarray] = ()
    """(H, W, 3) uint8 stills."""
    cameras: CameraPlot | None = None
    losses: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """(iteration, value) pairs by the loss's name."""
    metrics: Mapping[str, Any] | None = None
    """What `evaluate_shot` returned."""
    worst: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(H, W, 3) uint8 rows of `write_worst_pictures` by their files' names."""
    warnings: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage."""
    software: Mapping[str, str] = field(default_factory=dict)


def write_report(path: Path, data: ReportData) -> Path:
    """Write the report to `path`, whole or not at all, and return `path`."""
    sections = [
        _warnings(data.warnings),
        _doubted_frames(data.doubted),
        _contact_sheet(data.frames),
        _figures(
            "Surface", [_picture(still, f"mesh, view {n + 1}") for n, still in enumerate(data.turntable)]
        ),
        _columns(_camera_plot(data.cameras), _loss_curves(data.losses)),
        _metrics(data.metrics),
        _worst_frames(data.worst),
        _columns(_timings(data.timings), _table("Software", data.software)),
        _settings(data.settings),
    ]
    title = escape(data.title)
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title} – Surface-SOS</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header><p class="kind">Surface-SOS report</p><h1>{title}</h1>'
        f"<p>{escape(data.summary)}</p></header>\n"
        f"<main>\n{''.join(sections)}</main>\n</body>\n</html>\n"
    )
    with write_atomically(path) as partial:
        partial.write_text(page, encoding="utf-8", errors="backslashreplace")  # names need not be text
    return path


def over_checker(foreground: np.ndarray, cell: int = 12) -> np.ndarray:
    """(H, W, 3) uint8 display picture of scene-linear premultiplied RGBA (H, W, 4) over a grey checker."""
    rows, columns = np.indices(foreground.shape[:2]) // cell
    checker = np.where((rows + columns) % 2, 0.32, 0.14)[..., None]
    alpha = np.clip(foreground[..., 3:], 0, 1)
    return to_display(foreground[..., :3] + (1 - alpha) * checker)


def to_display(linear: np.ndarray) -> np.ndarray:
    """uint8 sRGB of scene-linear values, clipped at 1."""
    return np.round(srgb_encode(np.clip(linear, 0, 1)) * 255).astype(np.uint8)


def thumbnail(picture: np.ndarray, edge: int = THUMBNAIL_EDGE) -> np.ndarray:
    """The picture (H, W, 3) uint8 with a longer edge of at most `edge` pixels, area filtered."""
    scale = edge / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _picture(pixels: np.ndarray, text: str) -> str:
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if not done:
        raise ValueError(f"{text} cannot be encoded as JPEG")
    source = base64.b64encode(data.tobytes()).decode("ascii")
    height, width = pixels.shape[:2]
    return (
        f'<img src="data:image/jpeg;base64,{source}" width="{width}" height="{height}" '
        f'alt="{escape(text)}" title="{escape(text)}">'
    )


def _section(title: str, body: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<section{attribute}>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n" if body else ""


def _columns(*parts: str) -> str:
    there = [part for part in parts if part]
    return f'<div class="columns">\n{"".join(there)}</div>\n' if there else ""


def _figures(title: str, pictures: list[str]) -> str:
    return _section(title, f'<div class="stills">{"".join(pictures)}</div>' if pictures else "")


def _warnings(warnings: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return _section(f"Warnings ({len(warnings)})", f"<ul>{items}</ul>" if items else "", "warnings")


def _doubted_frames(frames: Sequence[ContactFrame]) -> str:
    """Those that the matte's own check named, worst first."""
    if not frames:
        return ""
    text = f"<p>Their mattes differ much from what the masks say, the worst first. {_ORDER}</p>"
    return _section("Frames to look at", text + _sheet(frames))


def _contact_sheet(frames: Sequence[ContactFrame]) -> str:
    if not frames:
        return ""
    count = min(len(frames), MOST_FRAMES)
    chosen = [frames[round(place)] for place in np.linspace(0, len(frames) - 1, count)]
    note = f"{count} of {counted(len(frames), 'frame')}. " if count < len(frames) else ""
    return _section("Frames", f"<p>{note}{_ORDER}</p>{_sheet(chosen)}")


def _sheet(frames: Sequence[ContactFrame]) -> str:
    cells = []
    for frame in frames:
        kinds = (("plate", frame.plate), ("matte", frame.matte), ("clean plate", frame.clean))
        pictures = "".join(
            '<span class="none">no layers</span>'
            if shown is None
            else _picture(thumbnail(shown), f"{frame.name}: {kind}")
            for kind, shown in kinds
        )
        caption = " ".join([frame.name, *frame.notes])
        cells.append(f"<figure><div>{pictures}</div><figcaption>{escape(caption)}</figcaption></figure>")
    return f'<div class="sheet">{"".join(cells)}</div>'


def _camera_plot(plot: CameraPlot | None) -> str:
    """Top view as SVG: cameras with their viewing directions, the scene box, the sparse points."""
    if plot is None or not len(plot.centres):
        return ""
    up = np.asarray(plot.up, float) / np.linalg.norm(plot.up)
    right = across(up)[0]
    flat = np.stack([right, np.cross(right, up)], axis=1)  # SVG's y grows downward
    centres, axes = plot.centres @ flat, plot.axes @ flat
    box = plot.box_corners @ flat if plot.box_corners is not None else np.zeros((0, 2))
    framed = np.concatenate([centres, box])
    low, high = framed.min(0), framed.max(0)
    size = float((high - low).max()) or 1.0
    low, high = low - 0.12 * size, high + 0.12 * size
    # Every coordinate is brought to a picture 400 units wide.
    unit = 400 / (high - low)[0] if (high - low)[0] >= (high - low)[1] else 400 / (high - low)[1]
    width, height = (high - low) * unit

    def place(points: np.ndarray) -> np.ndarray:
        return (points - low) * unit

    parts = []
    if plot.points is not None and len(plot.points):
        step = math.ceil(len(plot.points) / MOST_POINTS)
        spots = place(plot.points[::step] @ flat)
        inside = np.all((spots >= 0) & (spots <= (width, height)), axis=1)
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in spots[inside])
        parts.append(f'<path class="points" d="{dots}"/>')
    if len(box):
        hull = cv2.convexHull(place(box).astype(np.float32))[:, 0]
        parts.append(f'<polygon class="box" points="{_path(hull)}"/>')
    spots = place(centres)
    parts.append(f'<polyline class="track" points="{_path(spots)}"/>')
    views = "".join(
        f"M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}" for (x, y), (dx, dy) in zip(spots, axes * 22, strict=True)
    )
    parts.append(f'<path class="views" d="{views}"/>')
    parts += [f'<circle class="camera" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in spots]
    parts.append(f'<circle class="first" cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="4.5"/>')
    label = 'role="img" aria-label="cameras from above"'
    drawing = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" {label}>{"".join(parts)}</svg>'
    text = f"<p>{counted(len(centres), 'camera')} from above. The ringed one is the first, the outline the scene box.</p>"
    return _section("Cameras", drawing + text)


def _loss_curves(losses: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """SVG with a logarithmic vertical axis; each curve has the colour of its legend."""
    curves = {
        name: np.array([(x, y) for x, y in pairs if y > 0 and math.isfinite(y)], float).reshape(-1, 2)
        for name, pairs in losses.items()
    }
    curves = {name: curve for name, curve in curves.items() if len(curve)}
    if not curves:
        return ""
    joined = np.concatenate(list(curves.values()))
    last = max(float(joined[:, 0].max()), 1.0)
    bottom = math.floor(math.log10(joined[:, 1].min()))
    top = max(math.ceil(math.log10(joined[:, 1].max())), bottom + 1)
    left, right, high, low = 48.0, 410.0, 12.0, 240.0

    def place(curve: np.ndarray) -> np.ndarray:
        x = left + curve[:, 0] / last * (right - left)
        y = low - (np.log10(curve[:, 1]) - bottom) / (top - bottom) * (low - high)
        return np.stack([x, y], axis=1)

    parts = []
    for decade in range(bottom, top + 1):
        y = low - (decade - bottom) / (top - bottom) * (low - high)
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 3.5:.1f}" text-anchor="end">{10.0**decade:g}</text>')
    for part, anchor in ((0, "start"), (0.5, "middle"), (1, "end")):
        x = left + part * (right - left)
        parts.append(f'<text x="{x:.0f}" y="{low + 16:.0f}" text-anchor="{anchor}">{last * part:,.0f}</text>')
    legend = []
    for index, (name, curve) in enumerate(curves.items()):
        colour = _CURVE_COLOURS[index % len(_CURVE_COLOURS)]
        parts.append(f'<polyline class="curve" stroke="{colour}" points="{_path(place(curve))}"/>')
        legend.append(
            f'<span><i style="background:{colour}"></i>{escape(name)} {_value(curve[-1, 1])}</span>'
        )
    drawing = f'<svg viewBox="0 0 420 262" role="img" aria-label="losses">{"".join(parts)}</svg>'
    return _section("Training", f'{drawing}<p class="legend">{"".join(legend)}</p>')


def _metrics(metrics: Mapping[str, Any] | None) -> str:
    if metrics is None:
        return ""
    parts = []
    for name in ("matte", "clean", "shadowed", "mesh"):
        result = metrics.get(name)
        if not isinstance(result, Mapping):
            continue
        mean, worst = result.get("mean"), result.get("worst")
        extra = {"gain": result["gain"]} if "gain" in result else {}
        if isinstance(worst, Mapping):
            extra["worst frame"] = worst.get("name")
        if result.get("worse") is not None:
            extra["worse than the mask given"] = ", ".join(map(str, result["worse"])) or "no frame"
        head = f"{name}, mean of {counted(result['frames'], 'frame')}" if "frames" in result else name
        values = mean if isinstance(mean, Mapping) else result
        parts.append(f"<div><h3>{escape(head)}</h3>{_rows({**values, **extra})}</div>")
    notes, skipped = metrics.get("notes") or [], metrics.get("skipped") or []
    notes = [str(note) for note in notes] if isinstance(notes, list) else [str(notes)]
    if skipped:
        names = map(str, skipped) if isinstance(skipped, list) else [str(skipped)]
        notes.append("Truth of frames without layers: " + ", ".join(names))
    text = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return _section("Metrics", f'<div class="columns">{"".join(parts)}</div>{text}' if parts or text else "")


def _worst_frames(rows: Mapping[str, np.ndarray]) -> str:
    if not rows:
        return ""
    text = (
        "<p>Matte: the plate, the matte, its truth, and red where there is too much, blue where too little. "
        "Clean plate: the plate, what was made, its truth, and four times their difference where it counts.</p>"
    )
    figures = "".join(
        f"<figure>{_picture(thumbnail(row, WORST_EDGE), name)}<figcaption>{escape(name)}</figcaption></figure>"
        for name, row in rows.items()
    )
    return _section("Worst frames", f'{text}<div class="rows">{figures}</div>')


def _timings(timings: Mapping[str, float]) -> str:
    if not timings:
        return ""
    total = sum(timings.values())
    longest = max(*timings.values(), 1e-9)
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{_duration(seconds)}</td>"
        f'<td class="bar"><i style="width:{100 * seconds / longest:.0f}%"></i></td></tr>'
        for name, seconds in timings.items()
    )
    return _section(f"Time ({_duration(total)})", f"<table>{rows}</table>")


def _settings(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    body = f"<details><summary>Every setting of this run</summary>{_rows(_flat(settings))}</details>"
    return _section("Settings", body)


def _table(title: str, values: Mapping[str, Any]) -> str:
    return _section(title, _rows(values) if values else "")


def _rows(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(_value(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{rows}</table>"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _path(points: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


_CURVE_COLOURS = ("#3f7cbf", "#c9772e", "#4a9a68", "#a3568f", "#8a8237", "#7d7f86")

_STYLE = """
:root { color-scheme: light dark; --ink: #24262a; --quiet: #6b6f76; --page: #f6f6f4; --card: #fff; --line: #dcdcd8;
  --accent: #3f7cbf; --warn: #a8661a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e5e7; --quiet: #9a9da4; --page: #1b1c1f; --card: #242629;
  --line: #37393e; --accent: #6fa5dd; --warn: #dba35a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1500px; padding: 2.5rem clamp(1rem, 4vw, 3.5rem) 4rem; background: var(--page);
  color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 2rem; font-weight: 650; line-height: 1.2; letter-spacing: -.015em; margin: .1rem 0 .4rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; font-weight: 650; margin: 0 0 .8rem; }
h3 { font-size: .9rem; font-weight: 600; margin: 0 0 .3rem; }
p { margin: 0 0 .8rem; color: var(--quiet); max-width: 75ch; }
.kind { margin: 0; font-size: .8rem; letter-spacing: .04em; }
section { margin-top: 1.4rem; padding: 1.3rem 1.4rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; min-width: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 0 1.4rem; }
.warnings { border-left: 4px solid var(--warn); }
.warnings h2 { color: var(--warn); }
ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 560px), 1fr)); gap: 1.1rem 1.4rem; }
figure { margin: 0; min-width: 0; }
figure div { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3px; border-radius: 5px; overflow: hidden; }
figcaption { color: var(--quiet); font-size: .82rem; margin-top: .3rem; overflow-wrap: anywhere; }
img { display: block; width: 100%; height: auto; }
.none { display: grid; place-items: center; min-height: 5rem; background: var(--page); color: var(--quiet);
  font-size: .82rem; }
.stills { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 6px; }
.stills img { max-width: 560px; border-radius: 5px; }
svg { display: block; width: 100%; max-height: 420px; margin-bottom: .7rem; }
svg text { fill: var(--quiet); font-size: 10.5px; }
.points { stroke: var(--quiet); stroke-width: 1.4; stroke-linecap: round; opacity: .45; }
.box { fill: var(--warn); fill-opacity: .12; stroke: var(--warn); stroke-width: 1.3; }
.track { fill: none; stroke: var(--accent); stroke-width: 1; opacity: .5; }
.views { stroke: var(--accent); stroke-width: 1.1; fill: none; opacity: .8; }
.camera { fill: var(--accent); }
.first { fill: none; stroke: var(--ink); stroke-width: 1.3; }
.grid { stroke: var(--line); }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; margin: 0; }
.legend i { display: inline-block; width: .75rem; height: .22rem; margin-right: .4rem; vertical-align: middle; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; margin-bottom: .8rem; }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  font-weight: 400; overflow-wrap: anywhere; }
th { color: var(--quiet); }
td { font-variant-numeric: tabular-nums; }
.bar { width: 45%; }
.bar i { display: block; height: .5rem; margin-top: .45rem; border-radius: 3px; background: var(--accent); }
summary { cursor: pointer; margin-bottom: .6rem; }
"""
