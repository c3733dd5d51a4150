"""What benchmark.py measures, without the hours: which shots, which masks, which settings, which cells."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

from measure import ablation, run, starts
from measure.cases import Case, footage_cases, mattes_of_truth, rendered_cases, without_masks
from measure.quality import quality_cases
from measure.tables import QUALITY_COLUMNS, quality_row, replace_section, table

from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.settings import Settings, settings_from_dict


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.uint8(255 * mask))


def disc() -> np.ndarray:
    y, x = np.mgrid[:144, :192]
    return (np.hypot(y - 72, x - 96) < 42).astype(np.float32)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """teddy with masks, vase with held photographs, and plain, which has no truth."""
    for n in range(12):
        write(tmp_path / f"teddy/images/{n:03}.png", disc())
        write(tmp_path / f"teddy/coarse_masks/{n:03}.png", disc() if n != 5 else 0 * disc())
    write(tmp_path / "teddy/truth/003.png", disc())
    write(tmp_path / "teddy/truth/005.png", disc())
    write(tmp_path / "vase/truth/matte/a.png", disc())
    (tmp_path / "vase/sparse/0").mkdir(parents=True)
    (tmp_path / "vase/clean_plates").mkdir()
    (tmp_path / "plain/images").mkdir(parents=True)
    return tmp_path


def test_cases_are_the_sets_with_truth(footage):
    teddy, vase = footage_cases(footage)
    assert (teddy.name, teddy.masks, teddy.cameras) == ("teddy", footage / "teddy/coarse_masks", None)
    assert (vase.masks, vase.cameras, vase.held) == (None, footage / "vase/sparse/0", footage / "vase")
    assert list(mattes_of_truth(teddy)) == ["003", "005"] and list(mattes_of_truth(vase)) == ["a"]
    assert rendered_cases(footage)[1].plates == footage / "vase/plates"
    names = [case.name for case in quality_cases(footage, footage, footage / "none")]
    assert names == ["teddy", "teddy, no masks", "vase", "sample"]
    assert without_masks(teddy).masks is None


def test_the_masks_that_came_in_are_measured_as_they_are(footage):
    teddy = footage_cases(footage)[0]
    assert run.coarse_miou(teddy, footage) == pytest.approx(0.5)  # one perfect, one black
    assert run.coarse_miou(without_masks(teddy), footage) is None


def test_masks_are_spoilt_by_name_and_the_same_way_twice(footage, tmp_path):
    teddy = footage_cases(footage)[0]
    found = {}
    for name, spoil in ablation.QUALITIES.items():
        ablation.write_masks(teddy, spoil, tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        found[name] = {f.stem: cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) / 255 for f in files}
        ablation.write_masks(teddy, spoil, tmp_path / "again")
        for file in files:
            assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
    assert list(found["every tenth"]) == ["000", "010"] and len(found["as given"]) == 12
    score = {name: [iou(m, disc()) for k, m in masks.items() if k != "005"] for name, masks in found.items()}
    assert min(score["as given"]) == 1
    assert all(0.75 < value < 1 for name in ("wobbly", "grown", "shrunk") for value in score[name])
    assert sum(value < 0.8 for value in score["a third broken"]) == 4
    assert not found["wobbly"]["005"].any()
    assert found["grown"]["000"].sum() > disc().sum() > found["shrunk"]["000"].sum()


def test_rows_of_the_ablation_change_real_settings():
    plain = Settings().as_dict()
    for name, changes in ablation.PARTS.items():
        changed = plain | {stage: plain[stage] | values for stage, values in changes.items()}
        assert settings_from_dict(json.loads(json.dumps(changed))).as_dict() == changed
        assert (changed != plain) == (name != "full")


def test_a_run_is_kept_until_its_case_or_settings_change(tmp_path, monkeypatch):
    started = []

    def child(command, check, env):
        spec = json.loads(Path(command[-1]).read_text())
        started.append(spec)
        Path(spec["out"] + ".json").write_text(json.dumps({"spec": spec}))
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(run.subprocess, "run", child)
    case = Case("cup", tmp_path / "plates", tmp_path / "truth")
    for settings in ({"seed": 0}, {"seed": 0}, {"seed": 1}):
        assert run.run(case, settings, tmp_path / "runs" / "cup")["spec"]["settings"] == settings
    assert [spec["settings"]["seed"] for spec in started] == [0, 1]
    run.run(replace(case, masks=tmp_path), {"seed": 1}, tmp_path / "runs" / "cup")
    assert len(started) == 3


def test_a_run_that_fails_is_not_a_result(tmp_path):
    case = Case("cup", tmp_path / "absent", tmp_path)
    with pytest.raises(RuntimeError, match="cup could not be measured"):
        run.run(case, Settings().as_dict(), tmp_path / "out")
    assert not (tmp_path / "out.json").exists()


def test_a_row_has_a_cell_for_each_column():
    result = {
        "coarse": None,
        "seconds": 12.4,
        "memory_mb": 800.2,
        "measured": {
            "matte": {
                "mean": {"miou": 0.97, "accuracy": 0.99, "sad": 0.5, "sad_thresholded": 1.0},
                "worst": {"name": "cup.7", "iou": 0.9},
            },
            "clean": {"mean": {"psnr_seen": 31.26, "ssim_seen": 0.91, "psnr_unseen": None}},
            "shadowed": None,
            "mesh": None,
        },
    }
    cells = dict(zip(QUALITY_COLUMNS, quality_row("cup", result), strict=True))
    assert cells["coarse in"] == cells["plate unseen"] == cells["F-score"] == "-"
    assert cells["SAD soft / cut"] == "0.500 / 1.000" and cells["plate seen"] == "31.3 dB, 0.91"
    assert cells["worst frame"] == "0.900 (cup.7)" and cells["MB"] == "800"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_only_the_section_asked_for_is_replaced():
    text = "# Measured\n\nHello.\n\n## Quality\n\nold\n\n### more\n\nold\n\n## Speed\n\nkept\n"
    once = replace_section(text, "## Quality", "new")
    assert once == "# Measured\n\nHello.\n\n## Quality\n\nnew\n\n## Speed\n\nkept\n"
    assert replace_section(once, "## Quality", "new") == once
    assert replace_section("Hello.\n", "## Quality", "new") == "Hello.\n\n## Quality\n\nnew\n"
    assert replace_section("", "## Quality", "new") == "## Quality\n\nnew\n"


def test_the_starts_are_what_they_are_called(footage, tmp_path):
    case = replace(footage_cases(footage)[0], cameras=footage)
    for n in range(12):  # a bright disc that GrabCut can find
        write(footage / f"teddy/images/{n:03}.png", 0.2 + 0.6 * disc())
    assert starts.STARTS["coarse"](case, tmp_path / "none") == case.masks
    box, auto = (starts.STARTS[name](case, tmp_path / name) for name in ("box", "auto"))
    drawn = json.loads((tmp_path / "box.json").read_text())
    assert (box, auto) == (f"box:{tmp_path / 'box.json'}", "auto")
    assert drawn["frame"] == "005" == starts.middle_frame(case)
    np.testing.assert_allclose(drawn["box"], [55 - 3.84, 31 - 3.84, 138 + 3.84, 114 + 3.84])
    grown = starts.STARTS["grabcut"](case, tmp_path / "cut")
    assert sorted(file.stem for file in grown.iterdir()) == [f"{n:03}" for n in range(12) if n != 5]
    assert all(iou(cv2.imread(str(file), 0) / 255, disc()) > 0.97 for file in grown.iterdir())


def test_a_box_stays_within_the_frame():
    assert starts.box_around(np.ones((10, 20))) == [0, 0, 20, 10]


def test_the_table_of_starts_tells_who_refused(footage, tmp_path, monkeypatch):
    case = replace(footage_cases(footage)[0], cameras=footage)

    def finished(case, settings, out):
        if case.masks == "auto":
            raise run.Refused("Nothing can be told.")
        return {"coarse": 0.5, "measured": {"matte": {"mean": {"miou": 0.75}}}}

    monkeypatch.setattr(starts, "run", finished)
    lines = starts.starts([case], {}, tmp_path, ["box", "auto"]).splitlines()
    assert lines[2:4] == ["| box | 0.500 | 0.750 | 0.250 |", "| auto | - | - | refused |"]
    assert lines[-1] == "teddy, auto: Nothing can be told."


def test_a_refusal_is_kept_as_a_result_is(tmp_path, monkeypatch):
    started = []

    def child(command, check, env):
        spec = json.loads(Path(command[-1]).read_text())
        started.append(spec)
        Path(spec["out"] + ".json").write_text(json.dumps({"spec": spec, "refused": "Nothing can be told."}))
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(run.subprocess, "run", child)
    for _ in range(2):
        with pytest.raises(run.Refused, match="Nothing"):
            run.run(Case("cup", tmp_path, tmp_path), {}, tmp_path / "runs" / "cup")
    assert len(started) == 1
