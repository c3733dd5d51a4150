"""What benchmark.py measures, without the hours: which shots, which masks, which settings, which runs are kept."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

SCRIPTS = str(Path(__file__).parents[2] / "scripts")
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

from measure import ablation, cases, run, stamp, starts
from measure.cases import footage_cases, layer_frames, mattes_of_truth, rendered_at, rendered_cases
from measure.run import Ended, Plan, Settings

from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.settings import preset


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.uint8(255 * mask))


def disc() -> np.ndarray:
    y, x = np.mgrid[:144, :192]
    return (np.hypot(y - 72, x - 96) < 42).astype(np.float32)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """teddy with masks, vase with held photographs, and plain, which has masks of another name and no truth."""
    for n in range(12):
        write(tmp_path / f"teddy/images/{n:03}.png", disc())
        write(tmp_path / f"teddy/coarse_masks/{n:03}.png", disc() if n != 5 else 0 * disc())
    write(tmp_path / "teddy/truth/003.png", disc())
    write(tmp_path / "teddy/truth/005.png", disc())
    write(tmp_path / "vase/truth/matte/a.png", disc())
    write(tmp_path / "vase/images/a.png", disc())
    (tmp_path / "vase/sparse/0").mkdir(parents=True)
    (tmp_path / "vase/clean_plates").mkdir()
    (tmp_path / "plain/images").mkdir(parents=True)
    (tmp_path / "plain/masks_grown").mkdir()
    (tmp_path / "README.md").touch()
    return tmp_path


def test_cases_are_found_by_what_the_sets_hold(footage):
    plain, teddy, vase = footage_cases(footage)
    assert (plain.truth, plain.masks) == (None, footage / "plain/masks_grown")
    assert (teddy.name, teddy.masks, teddy.cameras) == ("teddy", footage / "teddy/coarse_masks", None)
    assert (vase.masks, vase.cameras, vase.held) == (None, footage / "vase/sparse/0", footage / "vase")
    assert list(mattes_of_truth(teddy)) == ["003", "005"] and list(mattes_of_truth(vase)) == ["a"]
    assert mattes_of_truth(plain) == {}
    rendered = rendered_cases(footage, "rendered 64x36")[1]
    assert (rendered.plates, rendered.group) == (footage / "vase/plates", "rendered 64x36")


def test_layers_are_made_of_every_nth_frame_with_truth_and_the_one_after_it():
    names = [f"{n:02}" for n in range(12)]
    assert layer_frames(names, set(names), 1) == names
    assert layer_frames(names, set(names), 5) == ["00", "01", "05", "06", "10", "11"]
    assert layer_frames(names, {"03", "04", "09"}, 2) == ["03", "04", "09"]
    assert layer_frames(names, {"03", "05", "09"}, 2) == ["03", "09"]  # 04 and 10 have no truth
    assert layer_frames(names, set(), 1) == ["00", "02", "04", "06", "08"]


def test_shots_are_rendered_where_there_is_a_blender_to_do_it(footage, tmp_path, monkeypatch):
    monkeypatch.setattr(cases, "venv_python", lambda folder: tmp_path / "none")
    with pytest.raises(SystemExit, match="scripts/test.py --all-blenders makes it"):
        rendered_at("64x36", tmp_path)
    asked = []

    def render(command, check):
        asked.append([str(word) for word in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cases, "venv_python", lambda folder: Path(sys.executable))
    monkeypatch.setattr(cases.subprocess, "run", render)
    shots = rendered_at("64x36", footage)
    assert asked[0][-5:] == ["--cache", str(footage), "--size", "64", "36"]
    assert {shot.group for shot in shots} == {"rendered 64x36"}
    some = rendered_at("64x36", footage, [shots[0].name])
    assert asked[1][2] == shots[0].name and asked[1][3:] == asked[0][2:]
    assert [shot.name for shot in some] == [shots[0].name]


@pytest.mark.parametrize("size", ["640", "640xtall", "x360"])
def test_a_size_that_is_none_is_told(size, tmp_path):
    with pytest.raises(SystemExit, match="is no size"):
        rendered_at(size, tmp_path)


def test_masks_are_spoilt_by_name_and_the_same_way_twice(footage, tmp_path):
    teddy = footage_cases(footage)[1]
    found = {}
    for name, spoil in ablation.QUALITIES.items():
        ablation.write_masks(teddy, spoil, tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        found[name] = {f.stem: cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) / 255 for f in files}
        ablation.write_masks(teddy, spoil, tmp_path / "again")
        for file in files:
            assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
    assert list(found["every tenth"]) == ["000", "010"]
    score = {name: [iou(m, disc()) for k, m in masks.items() if k != "005"] for name, masks in found.items()}
    assert all(0.75 < value < 1 for name in ("wobbly", "grown", "shrunk") for value in score[name])
    assert sum(value < 0.8 for value in score["a third broken"]) == 4
    assert not found["wobbly"]["005"].any()
    assert found["grown"]["000"].sum() > disc().sum() > found["shrunk"]["000"].sum()


def test_rows_of_the_ablation_change_real_settings(footage, tmp_path):
    teddy = replace(footage_cases(footage)[1], cameras=footage)
    plans = {p.variant: p for p in ablation.ablation_plans([teddy], Settings(), tmp_path)}
    plain = preset("default")
    changed = {name: plain.with_values(p.settings.changes) != plain for name, p in plans.items()}
    assert [name for name, differs in changed.items() if differs] == list(ablation.PARTS)[1:]
    assert plans["without masks"].case.masks is None
    assert len(list(plans["masks every tenth"].case.masks.iterdir())) == 2
    assert not list(ablation.ablation_plans([replace(teddy, masks=None)], Settings(), tmp_path))


def test_settings_become_the_options_of_segment():
    words = Settings("preview", {"train.learn_surface": False, "train.iterations": "9"}, 3, "cpu").words()
    assert words[:4] == ["--preset", "preview", "--device", "cpu"]
    assert words[4:] == ["--set", "train.learn_surface=false", "--set", "train.iterations=9"]


METRICS = {
    "matte": {"frames": 2, "mean": {"miou": 0.9}, "worst": {}, "worse": [], "per_frame": [{"name": "005"}]},
    "clean": None,
    "shadowed": None,
    "mesh": None,
}


@pytest.fixture
def child(monkeypatch):
    """Commands that are not run: each gets the ending of its name, `segment` writes a shot, `eval` its figures."""

    class Child:
        def __init__(self) -> None:
            self.asked: list[list[str]] = []
            self.endings: dict[str, Ended] = {}
            self.timings = {"train": 5.0}

        def __call__(self, words, log=None):
            name, rest = words[3], words[4:]
            self.asked.append([name, *rest])
            ended = self.endings.get(name, Ended(0, None, ["footage", "report"], 2.0, 3.0, 400.0))
            if ended.code == 0 and name == "segment":
                out = Path(rest[rest.index("--out") + 1])
                out.mkdir(parents=True, exist_ok=True)
                (out / "shot.json").write_text(json.dumps({"timings": self.timings}))
            if name == "eval":
                (Path(rest[0]) / "evaluation").mkdir(exist_ok=True)
                (Path(rest[0]) / "evaluation" / "metrics.json").write_text(json.dumps(METRICS))
            return ended

        def names(self) -> list[str]:
            return [words[0] for words in self.asked]

    told = Child()
    monkeypatch.setattr(run, "command", told)
    return told


def test_an_entry_has_what_was_measured_and_with_what(footage, tmp_path, child):
    teddy = footage_cases(footage)[1]
    entry = run.run(
        Plan(teddy, Settings("preview", {"train.iterations": 9}), "box"), tmp_path / "runs" / "teddy"
    )
    segment, evaluated = child.asked
    assert segment[segment.index("--frames") + 1] == "3,5" and "--overwrite" not in segment
    assert evaluated[-2:] == ["--masks", str(teddy.masks)]
    assert (entry["name"], entry["variant"], entry["ended"], entry["sentence"]) == (
        "teddy",
        "box",
        "done",
        None,
    )
    assert entry["settings"] == {
        "preset": "preview", "changes": {"train.iterations": 9}, "layers_every": 1, "device": "auto"
    }  # fmt: skip
    assert entry["footage"] == {"frames": 12, "layers": 2, "width": 192, "height": 144}
    assert (entry["seconds"], entry["memory_mb"], entry["timings"]) == (2.0, 400.0, {"train": 5.0})
    assert entry["matte"]["mean"] == {"miou": 0.9} and "per_frame" not in entry["matte"]
    assert entry["stamp"]["code"] and entry["stamp"]["machine"]["cores"] and entry["stamp"]["time"]
    assert entry["clean"] is entry["held"] is None


def test_a_run_is_kept_until_its_case_its_settings_or_the_code_change(footage, tmp_path, child, monkeypatch):
    teddy, out = footage_cases(footage)[1], tmp_path / "runs" / "teddy"
    plan = Plan(teddy, Settings())
    first = run.run(plan, out)
    assert run.run(plan, out) == first and child.names() == ["segment", "eval"]
    run.run(replace(plan, settings=Settings(changes={"run.x": 1})), out)
    assert child.names() == ["segment", "eval"] * 2 and "--overwrite" in child.asked[2]
    run.run(replace(plan, case=replace(teddy, masks=None)), out)
    assert child.names() == ["segment", "eval"] * 3 and "--masks" not in child.asked[5]
    now = run.stamp()
    monkeypatch.setattr(run, "stamp", lambda gpu: {**now, "code": "another"})
    monkeypatch.setattr(run, "code_fingerprint", lambda: "another")
    kept = run.run(replace(plan, case=replace(teddy, masks=None)), out, keep=True)
    assert len(child.asked) == 6 and kept["stamp"]["code"] == now["code"]
    run.run(replace(plan, case=replace(teddy, masks=None)), out)
    assert len(child.asked) == 8


def test_a_run_whose_code_was_changed_under_it_is_no_result(footage, tmp_path, child, monkeypatch):
    monkeypatch.setattr(run, "code_fingerprint", lambda: "another")
    entry = run.run(Plan(footage_cases(footage)[1], Settings()), tmp_path / "runs" / "teddy")
    assert (entry["ended"], entry["sentence"]) == ("failed", "the code was changed while it ran")
    assert not (tmp_path / "runs" / "teddy.json").exists()


def test_a_run_that_was_cut_off_goes_on(footage, tmp_path, child):
    teddy, out = footage_cases(footage)[1], tmp_path / "runs" / "teddy"
    child.endings["eval"] = Ended(1, "killed", [], 0.0, None, None)
    with pytest.raises(RuntimeError, match="could not be measured"):
        run.run(Plan(teddy, Settings()), out)
    child.endings.clear()
    entry = run.run(Plan(teddy, Settings()), out)
    assert "--resume" in child.asked[2] and "--overwrite" not in child.asked[2]
    assert (entry["seconds"], entry["processor_seconds"]) == (5.0, None)  # of all sittings, by stage
    assert not list(out.parent.glob("*.begun.json"))


@pytest.mark.parametrize(
    ("code", "stages", "ended"),
    [
        (2, ["footage", "cameras"], "refused"),
        (4, ["footage"], "refused"),
        (2, ["footage"], "failed"),
        (1, [], "failed"),
    ],
)
def test_a_refusal_is_a_result_and_a_failure_is_tried_again(footage, tmp_path, child, code, stages, ended):
    teddy, out = footage_cases(footage)[1], tmp_path / "runs" / "teddy"
    child.endings["segment"] = Ended(code, f"{teddy.plates} shows nothing in {out}.", stages, 1.0, 1.0, 9.0)
    entry = run.run(Plan(teddy, Settings()), out)
    assert (entry["ended"], entry["matte"]) == (ended, None)
    assert entry["sentence"] == "teddy/images shows nothing in OUT."  # no folder of this machine
    run.run(Plan(teddy, Settings()), out)
    assert child.names() == ["segment"] * (1 if ended == "refused" else 2)


def test_masks_of_a_source_are_made_again_to_be_measured(footage, tmp_path, child):
    teddy = replace(footage_cases(footage)[1], masks="box:drawn.json")
    run.run(Plan(teddy, Settings()), tmp_path / "runs" / "teddy")
    assert child.names() == ["segment", "masks", "eval"]
    assert child.asked[1][2:4] == ["--from", "box:drawn.json"]
    assert child.asked[2][-1] == child.asked[1][child.asked[1].index("--out") + 1]


def test_a_subject_that_moves_has_no_masks_to_be_measured_by(footage, tmp_path, child):
    child.timings = {"layers": 5.0}
    run.run(Plan(replace(footage_cases(footage)[1], masks="auto"), Settings()), tmp_path / "runs" / "teddy")
    assert child.names() == ["segment", "eval"] and "--masks" not in child.asked[1]


def test_a_command_is_listened_to(tmp_path):
    ended = run.command([*run.CORE, "segment", str(tmp_path / "absent"), "--out", str(tmp_path / "out")])
    assert ended.code == 2 and "absent" in ended.error and ended.seconds > 0
    assert ended.stages in ([], ["footage"])
    if hasattr(run.os, "wait4"):
        assert ended.memory_mb > 5 and ended.processor_seconds > 0


def test_the_code_has_a_fingerprint(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.py").write_text("1")
    before = stamp.code_fingerprint(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert stamp.code_fingerprint(tmp_path) == before
    (tmp_path / "inner" / "a.py").write_text("2")
    assert stamp.code_fingerprint(tmp_path) != before


def test_the_starts_are_what_they_are_called(footage, tmp_path):
    case = replace(footage_cases(footage)[1], cameras=footage)
    for n in range(12):  # a bright disc that GrabCut can find
        write(footage / f"teddy/images/{n:03}.png", 0.2 + 0.6 * disc())
    box, auto = (starts.STARTS[name](case, tmp_path / name) for name in ("box", "auto"))
    drawn = json.loads((tmp_path / "box.json").read_text())
    assert (box, auto) == (f"box:{tmp_path / 'box.json'}", "auto")
    assert drawn["frame"] == "005" == starts.middle_frame(case)
    np.testing.assert_allclose(drawn["box"], [55 - 3.84, 31 - 3.84, 138 + 3.84, 114 + 3.84])
    grown = starts.STARTS["grabcut"](case, tmp_path / "cut")
    assert sorted(file.stem for file in grown.iterdir()) == [f"{n:03}" for n in range(12) if n != 5]
    assert all(iou(cv2.imread(str(file), 0) / 255, disc()) > 0.97 for file in grown.iterdir())


def test_starts_are_planned_for_shots_with_truth(footage, tmp_path):
    shots = [replace(case, cameras=footage) for case in footage_cases(footage)]
    plans = list(starts.start_plans(shots, Settings(), tmp_path, ["auto", "grabcut"]))
    found = [(plan.case.name, plan.variant) for plan in plans]
    assert found == [
        ("teddy", "auto"),
        ("teddy", "grabcut"),
        ("vase", "auto"),
    ]  # the vase has no masks to cut around
    assert all(plan.case.held is None for plan in plans)


def test_a_box_stays_within_the_frame():
    assert starts.box_around(np.ones((10, 20))) == [0, 0, 20, 10]
