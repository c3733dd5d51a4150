"""Results as Markdown: pure functions from entries of docs/results to tables and the sentences around them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from measure.results import Results

Entry = dict[str, Any]
MOST_NAMES = 8  # of frames in a sentence; the JSON has them all


@dataclass(frozen=True)
class Column:
    """A head, what an entry has there, and how it is written; mean: whether the mean over all shots says something."""

    head: str
    value: Callable[[Entry], float | None]
    digits: int = 3
    mean: bool = True


def value_at(*path: str) -> Callable[[Entry], Any]:
    """What an entry holds below these keys; None where one of them is missing or null."""

    def take(entry: Entry) -> Any:
        found: Any = entry
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return take


def of_plate(*path: str) -> Callable[[Entry], Any]:
    """What was measured of clean plates: against truth with the object's shadow where there is one, as plates keep it."""
    return lambda entry: value_at("shadowed" if entry.get("shadowed") else "clean", *path)(entry)


def without_shadow(entry: Entry) -> float | None:
    """PSNR where seen against truth without the object's shadow, where there is a truth with it as well."""
    found: float | None = value_at("clean", "mean", "psnr_seen")(entry)
    return found if entry.get("shadowed") else None


def worse(entry: Entry) -> list[str] | None:
    """Frames that are worse than the masks given for them; None where none were given."""
    found: list[str] | None = value_at("matte", "worse")(entry)
    return found


def soft_over_cut(entry: Entry) -> float | None:
    """SAD of the soft matte over that of the same cut at 0.5; below 1 softness helps."""
    soft, cut = (value_at("matte", "mean", key)(entry) for key in ("sad", "sad_thresholded"))
    return soft / cut if soft is not None and cut else None


MATTES = (
    Column("frames", value_at("matte", "frames"), 0, mean=False),
    Column("masks in", value_at("matte", "mean", "given_iou")),
    Column("mIoU", value_at("matte", "mean", "miou")),
    Column("boundary IoU", value_at("matte", "mean", "boundary_iou")),
    Column("worst frame", value_at("matte", "worst", "iou")),
    Column("worse than mask", lambda e: None if worse(e) is None else len(worse(e) or ()), 0, mean=False),
    Column("accuracy", value_at("matte", "mean", "accuracy")),
    Column("SAD", value_at("matte", "mean", "sad"), mean=False),
    Column("soft : cut", soft_over_cut, 2),
    Column("SAD in band", value_at("matte", "mean", "sad_band"), mean=False),
    Column("MSE in band", value_at("matte", "mean", "mse_band"), 4),
    Column("gradient", value_at("matte", "mean", "gradient"), 2, mean=False),
    Column("connectivity", value_at("matte", "mean", "connectivity"), mean=False),
    Column("dtSSD", value_at("matte", "mean", "dtssd")),
)
PLATES = (
    Column("frames", of_plate("frames"), 0, mean=False),
    Column("seen, dB", of_plate("mean", "psnr_seen"), 1),
    Column("SSIM", of_plate("mean", "ssim_seen"), 2),
    Column("unseen, dB", of_plate("mean", "psnr_unseen"), 1),
    Column("SSIM", of_plate("mean", "ssim_unseen"), 2),
    Column("against no shadow, dB", without_shadow, 1),
    Column("sharpness", of_plate("mean", "sharpness"), 2),
    Column("patches", of_plate("mean", "patch_distance"), 2),
    Column("flicker", of_plate("mean", "flicker"), 1),
)
HELD = (
    Column("frames", value_at("held", "frames"), 0, mean=False),
    Column("gain", value_at("held", "gain"), 3, mean=False),
    Column("whole region, dB", value_at("held", "mean", "psnr_gain"), 1),
    Column("seen, dB", value_at("held", "mean", "psnr_seen_gain"), 1),
    Column("unseen, dB", value_at("held", "mean", "psnr_unseen_gain"), 1),
    Column("sharpness", value_at("held", "mean", "sharpness"), 2),
    Column("patches", value_at("held", "mean", "patch_distance"), 2),
)
MESHES = (
    Column("F-score", value_at("mesh", "f_score")),
    Column("precision", value_at("mesh", "precision")),
    Column("recall", value_at("mesh", "recall")),
    Column("chamfer", value_at("mesh", "chamfer_relative"), 4),
)
COSTS = (
    Column("frames", value_at("footage", "frames"), 0, mean=False),
    Column("layers of", value_at("footage", "layers"), 0, mean=False),
    Column("width", value_at("footage", "width"), 0, mean=False),
    Column("height", value_at("footage", "height"), 0, mean=False),
    Column("seconds", value_at("seconds"), 0, mean=False),
    Column("of the processor", value_at("processor_seconds"), 0, mean=False),
    *(
        Column(stage, value_at("timings", stage), 0, mean=False)
        for stage in ("cameras", "masks", "train", "layers", "mesh")
    ),
    Column("MB", value_at("memory_mb"), 0, mean=False),
)


@dataclass(frozen=True)
class Aim:
    """A row of the summary: what is to be reached, and which end of the shots is the worst one."""

    name: str
    asked: str
    value: Callable[[Entry], float | None]
    digits: int
    worst: Callable[[Iterable[float]], float]
    rendered: bool = False  # of rendered shots alone, whose truth is soft


AIMS = (
    Aim("matte, mIoU", "at least 0.98, each shot 0.965", value_at("matte", "mean", "miou"), 3, min),
    Aim("matte, boundary IoU", "at least 0.85", value_at("matte", "mean", "boundary_iou"), 3, min),
    Aim("worst frame's IoU", "at least 0.93", value_at("matte", "worst", "iou"), 3, min),
    Aim(
        "frames worse than their mask",
        "0",
        lambda e: None if worse(e) is None else float(len(worse(e) or ())),
        1,
        max,
    ),
    Aim("SAD soft : cut, rendered shots", "at most 0.67", soft_over_cut, 2, max, rendered=True),
    Aim("plate where seen, dB", "at least 28", of_plate("mean", "psnr_seen"), 1, min),
    Aim("plate's sharpness", "0.8 to 1.2", of_plate("mean", "sharpness"), 2, min),
    Aim("plate's patches, 8-bit steps", "half of before", of_plate("mean", "patch_distance"), 2, max),
    Aim("plate's flicker, 8-bit steps", "at most 8", of_plate("mean", "flicker"), 1, max),
    Aim("mesh, F-score at 1 %", "at least 0.9", value_at("mesh", "f_score"), 3, min),
)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def shots_table(named: Sequence[tuple[str, Entry]], columns: Sequence[Column]) -> str:
    """A row for each entry that has anything to show, by its name, and the mean where there are several; "" for none."""
    shown = [(name, entry) for name, entry in named if any(c.value(entry) is not None for c in columns)]
    if not shown:
        return ""
    rows = [[name, *(number(c.value(entry), c.digits) for c in columns)] for name, entry in shown]
    if len(shown) > 1 and any(c.mean for c in columns):
        means = [_mean([c.value(e) for _, e in shown]) if c.mean else None for c in columns]
        cells = (number(m, c.digits) if c.mean else "" for m, c in zip(means, columns, strict=True))
        rows.append(["**mean**", *cells])
    return table(["shot", *(c.head for c in columns)], rows)


def summary_table(named: Sequence[tuple[str, Entry]], rendered: set[str]) -> str:
    """What is asked for, the mean over the shots that have it, and the worst of them. rendered: names whose truth is soft."""
    rows = []
    for aim in AIMS:
        values = {
            name: value
            for name, entry in named
            if (not aim.rendered or name in rendered) and (value := aim.value(entry)) is not None
        }
        if not values:
            continue
        end = aim.worst(values.values())
        culprit = next(name for name, value in values.items() if value == end)
        worst = f"{number(end, aim.digits)} ({culprit})"
        rows.append(
            [aim.name, aim.asked, number(_mean(list(values.values())), aim.digits), worst, str(len(values))]
        )
    return table(["measure", "to reach", "mean of shots", "worst shot", "shots"], rows)


def labelled(files: Iterable[Results], part: str) -> dict[str, list[tuple[str, Entry]]]:
    """The entries of a part by label, presets first, each by its name; where groups share one, with the group's."""
    chosen = [own for own in files if own.part == part]
    presets = ("default", "quality", "preview")
    found: dict[str, list[tuple[str, Entry]]] = {}
    labels = sorted({own.label for own in chosen}, key=lambda la: (la not in presets, la))
    for label in sorted(labels, key=lambda la: presets.index(la) if la in presets else len(presets)):
        entries = [(own.group, entry) for own in chosen if own.label == label for entry in own.entries]
        owners = {
            entry["name"]: {g for g, e in entries if e["name"] == entry["name"]} for _, entry in entries
        }
        found[label] = [
            (e["name"] if len(owners[e["name"]]) == 1 else f"{e['name']}, {group}", e) for group, e in entries
        ]
    return found


def provenance(named: Sequence[tuple[str, Entry]]) -> str:
    """On what these entries were measured, a sentence for all or one for each sort of them."""
    sorts: dict[str, list[str]] = {}
    for name, entry in named:
        text = "; ".join(
            part for part in (settings_line(entry.get("settings")), stamp_line(entry["stamp"])) if part
        )
        sorts.setdefault(text, []).append(name)
    if len(sorts) == 1:
        return f"Measured: {next(iter(sorts))}."
    lines = (f"- {', '.join(dict.fromkeys(names))}: {text}." for text, names in sorts.items())
    return "Measured:\n\n" + "\n".join(lines)


def stamp_line(stamp: Entry) -> str:
    """Commit, day, machine."""
    own = stamp["machine"]
    commit = f"commit {stamp['commit']}" if stamp["commit"] else "outside of a git checkout"
    if stamp["dirty"]:
        commit += " with changes that were not committed"
    names = [
        own["card"],
        own["processor"],
        f"{own['cores']} cores, torch on {own['threads']}",
        own["system"],
    ]
    versions = f"Python {own['python']}, torch {own['torch']}, numba {own['numba']}, numpy {own['numpy']}"
    return f"{commit}, {stamp['time'][:10]}; {', '.join(name for name in names if name)}; {versions}"


def settings_line(settings: Entry | None) -> str:
    """Preset and what was changed of it, in words."""
    if settings is None:
        return ""
    changes = [f"{name} = {value}" for name, value in settings.get("changes", {}).items()]
    words = [f"preset {settings['preset']}", *changes]
    if settings.get("layers_every", 1) > 1:
        words.append(f"layers of every {settings['layers_every']}th frame with truth and the one after it")
    return ", ".join(words)


def endings(named: Sequence[tuple[str, Entry]]) -> str:
    """The shots that did not come to their end, and why; "" where all did."""
    lines = [
        f"- {_titled(name, entry)}: {entry['ended']}. {entry['sentence']}"
        for name, entry in named
        if entry.get("ended", "done") != "done"
    ]
    return "Not done:\n\n" + "\n".join(lines) if lines else ""


def worse_frames(named: Sequence[tuple[str, Entry]]) -> str:
    """Which frames are worse than their masks; "" where none are."""
    lines = []
    for name, entry in named:
        if frames := worse(entry):
            more = f" and {len(frames) - MOST_NAMES} more" if len(frames) > MOST_NAMES else ""
            lines.append(f"- {name}: {', '.join(frames[:MOST_NAMES])}{more}")
    return (
        "Frames worse than the mask given for them, by more than 0.01:\n\n" + "\n".join(lines)
        if lines
        else ""
    )


def worst_frames(named: Sequence[tuple[str, Entry]]) -> str:
    """The worst frame of each shot by its name."""
    found = [(name, value_at("matte", "worst", "name")(entry)) for name, entry in named]
    return "Worst frames: " + ", ".join(f"{name} {frame}" for name, frame in found if frame) + "."


def variants_table(
    named: Sequence[tuple[str, Entry]], variants: Sequence[str], cells: Sequence[Column]
) -> str:
    """A row for each variant that was run, columns for each shot; what was not done says so."""
    shots = list(dict.fromkeys(name for name, _ in named))
    found = {(name, entry["variant"]): entry for name, entry in named}
    rows = []
    for variant in variants:
        if not any((shot, variant) in found for shot in shots):
            continue
        row = [variant]
        for shot in shots:
            entry = found.get((shot, variant), {})
            ended = entry.get("ended", "done")
            row += [number(c.value(entry), c.digits) for c in cells[:-1]]
            row.append(number(cells[-1].value(entry), cells[-1].digits) if ended == "done" else ended)
        rows.append(row)
    return table(["", *(f"{shot} {c.head}" for shot in shots for c in cells)], rows) if rows else ""


def gain(entry: Entry) -> float | None:
    """What refinement added to the mIoU of the masks that came in."""
    before, after = MATTES[1].value(entry), MATTES[2].value(entry)
    return None if before is None or after is None else after - before


IN_AND_OUT = (
    Column("in", MATTES[1].value),
    Column("out", MATTES[2].value),
    Column("gain", gain),
)


STARTS = (*IN_AND_OUT, MATTES[3], MATTES[4])


def _titled(name: str, entry: Entry) -> str:
    return f"{name}, {entry['variant']}" if entry.get("variant") else name


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None
