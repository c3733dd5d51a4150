"""The tables in the documents are those of docs/results, and say what was measured and what was not."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT / "scripts") not in sys.path:
    sys.path.insert(0, str(ROOT / "scripts"))

from measure import documents, paper, tables
from measure.results import FOLDER, Results, opened, read_all

MACHINE = {
    "processor": "Some Chip", "cores": 2, "threads": 1, "card": None, "system": "Linux",
    "python": "3.11.7", "torch": "2.13.0", "numba": "0.68", "numpy": "2.4",
}  # fmt: skip
STAMP = {
    "commit": "abc1234",
    "dirty": False,
    "code": "0",
    "time": "2026-11-29T10:00:00+00:00",
    "machine": MACHINE,
}


def entry(name: str, miou: float = 0.9, **more) -> dict:
    mean = {
        "miou": miou,
        "boundary_iou": 0.8,
        "given_iou": 0.7,
        "accuracy": 0.99,
        "sad": 1.0,
        "sad_thresholded": 2.0,
    }
    return {
        "name": name,
        "variant": "",
        "stamp": STAMP,
        "settings": {"preset": "default", "changes": {}, "layers_every": 1, "device": "auto"},
        "ended": "done",
        "sentence": None,
        "footage": {"frames": 9, "layers": 3, "width": 640, "height": 360},
        "seconds": 61.0,
        "processor_seconds": 100.0,
        "memory_mb": 812.4,
        "timings": {"train": 40.0},
        "matte": {"frames": 3, "mean": mean, "worst": {"name": f"{name}.7", "iou": miou - 0.1}, "worse": []},
        "clean": None,
        "shadowed": None,
        "mesh": None,
        "held": None,
        **more,
    }


def plate(psnr: float) -> dict:
    return {
        "frames": 3,
        "mean": {"psnr_seen": psnr, "sharpness": 0.5, "patch_distance": 2.0, "flicker": None},
    }


def test_the_documents_tables_are_those_of_the_results():
    assert documents.stale() == [], "run python scripts/benchmark.py tables"


def test_every_table_stands_in_a_document():
    texts = "".join((ROOT / name).read_text(encoding="utf-8") for name in documents.DOCUMENTS)
    assert {name for _, name, _ in documents.MARKED.findall(texts)} == set(documents.SECTIONS)
    assert texts.count("<!-- table: ") == texts.count("<!-- end of table -->") == len(documents.SECTIONS)


def test_results_name_no_folder_of_a_machine():
    for file in FOLDER.glob("*.json"):
        assert not re.search(r"/(home|work|tmp|root|Users)/|[A-Z]:\\\\", file.read_text(encoding="utf-8")), (
            file.name
        )


def test_another_figure_is_refused_and_put_right(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in documents.DOCUMENTS:
        (tmp_path / name).write_text("# T\n\n<!-- table: mattes -->\nold\n<!-- end of table -->\n\nkept\n")
    results = Results("quality", "footage", "default", [entry("cup", 0.91)])
    results.write(tmp_path / "results")
    where = tmp_path / "results", tmp_path
    assert documents.write(*where) == list(documents.DOCUMENTS) and documents.stale(*where) == []
    text = (tmp_path / "README.md").read_text()
    assert "| cup | 3 | 0.700 | 0.910 | 0.800 | 0.810 | 0 |" in text and text.endswith("\n\nkept\n")
    results.put(entry("cup", 0.92))
    results.write(tmp_path / "results")
    assert documents.stale(*where) == list(documents.DOCUMENTS)
    (tmp_path / "README.md").write_text(text.replace("table: mattes", "table: mats"))
    with pytest.raises(ValueError, match="'mats'"):
        documents.stale(*where)


def test_what_was_not_measured_says_so():
    text = documents.filled("<!-- table: speed -->\n<!-- end of table -->", [])
    assert text == "<!-- table: speed -->\n\nNot measured yet.\n\n<!-- end of table -->"


def test_results_are_rounded_replaced_by_name_and_read_again(tmp_path):
    results = opened("quality", "rendered 640x360", "less samples", tmp_path)
    results.put(
        {"name": "a", "variant": "x", "value": 0.123456789, "inner": [{"big": 123456.7, "nan": float("nan")}]}
    )
    results.put({"name": "a", "variant": "y", "value": 1})
    results.put({"name": "a", "variant": "x", "value": 2.0})
    path = results.write(tmp_path)
    assert path.name == "quality.rendered-640x360.less-samples.json" and len(list(tmp_path.iterdir())) == 1
    again = opened("quality", "rendered 640x360", "less samples", tmp_path)
    assert [e["value"] for e in again.entries] == [2.0, 1]
    again.put({"name": "b", "value": 0.123456789, "inner": [{"big": 123456.7, "nan": float("nan")}]})
    assert again.entries[-1] == {"name": "b", "value": 0.12346, "inner": [{"big": 123460.0, "nan": None}]}
    assert [own.label for own in read_all(tmp_path)] == ["less samples"]


def test_means_and_the_worst_shot():
    named = [
        ("cup", entry("cup", 0.9, clean=plate(20.0), shadowed=plate(26.0))),
        ("vase", entry("vase", 0.7, clean=plate(24.0))),
        ("far", entry("far", ended="refused", sentence="It moves.", matte=None)),
    ]
    lines = tables.summary_table(named, {"cup"}).splitlines()
    assert lines[2] == "| matte, mIoU | at least 0.98, each shot 0.965 | 0.800 | 0.700 (vase) | 2 |"
    assert "| SAD soft : cut, rendered shots | at most 0.67 | 0.50 | 0.50 (cup) | 1 |" in lines
    assert (
        "| plate where seen, dB | at least 28 | 25.0 | 24.0 (vase) | 2 |" in lines
    )  # the cup's with its shadow in
    assert not any("F-score" in line for line in lines)
    rows = tables.shots_table(named, tables.PLATES).splitlines()
    assert rows[2].startswith("| cup | 3 | 26.0 | - | - | - | 20.0 | 0.50 |")
    assert rows[3].startswith("| vase | 3 | 24.0 | - | - | - | - |") and rows[4].startswith(
        "| **mean** |  | 25.0 |"
    )
    assert len(rows) == 5  # what was refused has no row
    assert tables.endings(named) == "Not done:\n\n- far: refused. It moves."
    assert tables.endings(named[:2]) == ""


def test_frames_worse_than_their_masks_are_named_and_counted():
    matte = {**entry("cup")["matte"], "worse": [f"{n:02}" for n in range(10)]}
    named = [("cup", entry("cup", matte=matte)), ("vase", entry("vase"))]
    assert tables.worse_frames(named).endswith("- cup: 00, 01, 02, 03, 04, 05, 06, 07 and 2 more")
    assert "| frames worse than their mask | 0 | 5.0 | 10.0 (cup) | 2 |" in tables.summary_table(named, set())
    assert tables.worse_frames(named[1:]) == ""


def test_figures_of_several_sittings_say_which_is_which():
    later = {**STAMP, "commit": "def5678", "dirty": True}
    one = tables.provenance([("cup", entry("cup")), ("vase", entry("vase"))])
    assert one.startswith("Measured: preset default; commit abc1234, 2026-11-29; Some Chip, 2 cores")
    two = tables.provenance([("cup", entry("cup")), ("vase", entry("vase", stamp=later))])
    assert "- cup: preset default; commit abc1234, " in two
    assert "- vase: preset default; commit def5678 with changes that were not committed, " in two
    trial = {"preset": "preview", "changes": {"layers.samples": 32}, "layers_every": 9, "device": "cpu"}
    assert tables.settings_line(trial) == (
        "preset preview, layers.samples = 32, layers of every 9th frame with truth and the one after it"
    )


def test_shots_of_one_name_are_told_apart_and_presets_come_first():
    files = [
        Results("quality", "rendered 320x180", "a trial", [entry("cup")]),
        Results("quality", "rendered 320x180", "default", [entry("cup"), entry("can")]),
        Results("quality", "rendered 640x360", "default", [entry("cup")]),
    ]
    found = tables.labelled(files, "quality")
    assert list(found) == ["default", "a trial"]
    assert [name for name, _ in found["default"]] == ["cup, rendered 320x180", "can", "cup, rendered 640x360"]


def test_each_start_has_a_table_of_shots_and_who_refused_says_so():
    entries = [
        entry("cup", 0.95, variant="box"),
        entry("cup", 0.55, variant="auto"),
        entry("vase", variant="auto", ended="refused", sentence="Nothing can be told.", matte=None),
        entry("vase", 0.65, variant="box"),
    ]
    text = documents.SECTIONS["starts"]([Results("starts", "footage", "default", entries)])
    box, auto = text.split("`auto`:")
    assert box.startswith("`box`:") and "| shot | in | out | gain | boundary IoU | worst frame |" in box
    assert "| cup | 0.700 | 0.950 | 0.250 |" in box and "| vase | 0.700 | 0.650 | -0.050 |" in box
    assert "| cup | 0.700 | 0.550 | -0.150 |" in auto and "| vase |" not in auto
    assert "- vase, auto: refused. Nothing can be told." in auto


def test_the_ablation_has_its_two_tables():
    entries = [entry("cup", variant=name) for name in ("full", "without BaCo", "masks grown")]
    files = [Results("ablation", "footage", "default", entries)]
    parts, masks = documents.SECTIONS["parts"](files), documents.SECTIONS["masks"](files)
    assert "| full | 0.900 | 0.990 |" in parts and "| without BaCo |" in parts and "grown" not in parts
    assert "| masks grown | 0.700 | 0.900 | 0.200 |" in masks and "BaCo" not in masks


def test_speed_and_memory_have_tables():
    timing = {
        "name": "grid",
        "median_ms": 42.51,
        "quickest_ms": 40.0,
        "processor_ms": 80.0,
        "times_plain": 12.7,
    }
    text = documents.SECTIONS["speed"]([Results("speed", "sample", "cpu", [{**timing, "stamp": STAMP}])])
    assert "| grid | 42.5 | 40.0 | 80.0 | 12.7 | - |" in text and "commit abc1234" in text
    shot = {
        "name": "60 frames of 64x48",
        "peak_mb": 584.2,
        "before_mb": {"start": 1.0, "train": 481.0},
        "stamp": STAMP,
    }
    text = documents.SECTIONS["memory"]([Results("memory", "ball", "cpu", [shot])])
    assert "| shot | peak, MB | before train |" in text and "| 60 frames of 64x48 | 584 | 481 |" in text


def test_the_papers_tables_are_whole_and_quoted():
    quoted = json.loads((FOLDER / "paper.json").read_text(encoding="utf-8"))
    for own in quoted["tables"]:
        for row in own["rows"]:
            assert len(row["cells"]) == len(own["columns"])
            assert all(len(cell["values"]) == 4 for cell in row["cells"] if cell)
        assert paper.table_of(quoted, own["title"]).startswith(
            f"Quoted, {own['number']}: SAD MSE mIoU accuracy."
        )
    assert [len(own["rows"]) for own in quoted["tables"]] == [7, 6, 7]
    static = paper.table_of(quoted, "static scenes")
    assert "| Surface-SOS | 8.655 0.181 0.903 0.918 |" in static and "0.845 0.969 (start)" in static


def test_our_rows_stand_beside_the_papers_where_they_are_whole_runs():
    quoted = json.loads((FOLDER / "paper.json").read_text(encoding="utf-8"))
    whole = Results("quality", "footage", "default", [entry("teddy", 0.983), entry("cup")])
    trial = Results("quality", "footage", "preview", [entry("cat")])
    part = Results("ablation", "footage", "default", [entry("teddy", 0.97, variant="without BaCo")])
    text = paper.beside_ours(quoted, [whole, trial, part])
    assert "| Teddy, all | 0.950 | 0.961 | 0.983 | 0.990 | abc1234, 2026-11-29 |" in text
    assert "| Teddy, masks, FoCoR, no BaCo | 0.914 | 0.938 | 0.970 |" in text
    assert "Cat" not in text and len(text.splitlines()) == 4
    assert paper.beside_ours(quoted, [trial]) == ""
