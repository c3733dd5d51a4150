"""What a resumed run keeps, what it makes again, and what it says about that."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from small_shot import but_for_the_shadow

from surface_sos_core.manifest import read_manifest


@pytest.fixture
def out(finished, tmp_path) -> Path:
    """The finished shot, measured."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    manifest = json.loads((out / "shot.json").read_text())
    manifest["metrics"] = {"matte": {"mean": {"miou": 0.9}}}
    manifest["warnings"] = ["earlier"]
    (out / "shot.json").write_text(json.dumps(manifest))
    return out


def times(out: Path) -> dict[str, int]:
    files = [
        *out.glob("layers/*"),
        *out.glob("mesh/*"),
        *out.glob("cameras/*"),
        *out.glob("checkpoint/*.npz"),
    ]
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in [*files, out / "report.html"]}


def test_a_finished_shot_is_left_as_it_is(small_shot, nursery, out):
    before, was = times(out), read_manifest(out)
    ended = nursery.run(*small_shot.words, "--out", out, "--resume")
    assert ended.code == 0 and ended.warnings == []
    assert times(out) == before
    now = read_manifest(out)
    assert (now.frames, now.metrics, now.stages, now.mesh) == (was.frames, was.metrics, was.stages, was.mesh)
    assert now.warnings == ["earlier"] and now.timings["train"] >= was.timings["train"]


def test_other_frames_join_those_that_are_there(small_shot, nursery, out):
    before = times(out)
    words = [*small_shot.words[:-1], "1006"]
    ended = nursery.run(*words, "--out", out, "--resume")
    assert ended.code == 0 and ended.warnings == []
    after = times(out)
    assert {name for name in after if after[name] != before.get(name)} == {
        "layers/plate.1006.exr",
        "report.html",
    }
    manifest = read_manifest(out)
    assert [e.frame for e in manifest.frames if e.layers] == [1001, 1002, 1003, 1004, 1006]
    assert manifest.metrics is not None


@pytest.mark.parametrize(
    ("stage", "setting"), [("mesh", "mesh.resolution=24"), ("layers", "layers.samples=12")]
)
def test_a_setting_is_answered_by_its_own_stage(stage, setting, small_shot, nursery, out):
    before = times(out)
    ended = nursery.run(*small_shot.words, "--out", out, "--resume", "--set", setting)
    assert ended.code == 0, ended.err
    said = but_for_the_shadow(ended.warnings)
    assert len(said) == 1 and f"The stage {stage} is done again: settings.{stage}." in said[0]
    changed = {name for name, time in times(out).items() if time != before.get(name)}
    changed -= {"report.html", "checkpoint/shadow.npz"} if stage == "layers" else {"report.html"}
    assert changed and all(name.startswith(f"{stage}/") for name in changed)
    assert read_manifest(out).metrics is None


def test_changed_masks_are_read_and_all_that_follows_is_made_again(own_shot, nursery, tmp_path):
    out = tmp_path / "out"
    assert nursery.run(*own_shot.words, "--out", out).code == 0
    cameras = times(out)["cameras/images.txt"]
    mask = own_shot.folder / "masks" / "plate.1005.png"
    mask.unlink()
    before = times(out)
    ended = nursery.run(*own_shot.words, "--out", out, "--resume")
    assert ended.code == 0, ended.err
    said = " ".join(ended.warnings)
    assert (
        "The stage masks is done again: masks changed" in said
        and "The stage train is done again: consensus" in said
    )
    assert times(out)["cameras/images.txt"] == cameras
    assert all(
        times(out)[name] != before[name]
        for name in before
        if not name.startswith("cameras/") and "previous" not in name
    )


def test_layers_of_frames_that_the_footage_has_no_more_go(own_shot, nursery, tmp_path):
    """A sequence with frames of two runs is worse than a short one; what others have put there stays."""
    out = tmp_path / "out"
    assert nursery.run(*own_shot.words, "--out", out).code == 0
    (out / "layers" / "notes.exr").write_text("mine")
    for folder in ("plates", "masks"):
        (own_shot.folder / folder / "plate.1004.png").unlink()
    ended = nursery.run(*own_shot.words[:-1], "1001-1003", "--out", out, "--resume")
    assert ended.code == 0, ended.err
    assert any("The stage layers is done again" in warning for warning in ended.warnings)
    made = ["notes.exr", *(f"plate.{frame}.exr" for frame in (1001, 1002, 1003))]
    assert sorted(path.name for path in (out / "layers").iterdir()) == made
    assert len(read_manifest(out).frames) == 11


def test_training_alone_leaves_no_caches(small_shot, nursery, out):
    for file in (out / "checkpoint").glob("fields*"):
        file.unlink()
    ended = nursery.run("train", out)
    assert ended.code == 0, ended.err
    kept = {
        "consensus.npz", "exposure.npz", "fields.npz", "fields.previous.npz", "preview.png", "shadow.npz", "state.json",
    }  # fmt: skip
    left = {file.name for file in (out / "checkpoint").iterdir()}
    assert "fields.npz" in left and left <= kept


@pytest.mark.parametrize("name", ["exposure.npz", "consensus.npz"])
def test_a_cache_that_is_damaged_is_made_again(name, small_shot, nursery, out):
    """Votes in their masks, which are only read to be trained on: too late to make them anew."""
    file = out / "checkpoint" / name
    good = file.read_bytes()
    at = len(good) // 2 if name == "exposure.npz" else good.index(b"probability.npy") + 80
    file.write_bytes(good[:at] + bytes(8) + good[at + 8 :])
    before = times(out)
    ended = nursery.run(*small_shot.words, "--out", out, "--resume")
    assert ended.code == 0, ended.err
    assert any(name in warning and "again" in warning for warning in ended.warnings)
    assert file.read_bytes() == good or name == "consensus.npz"
    changed = {n for n, time in times(out).items() if time != before.get(n)}
    assert not [n for n in changed if n.startswith(("layers/", "mesh/"))] or name == "consensus.npz"


def test_damaged_files_of_ours_are_made_again(small_shot, nursery, out):
    (out / "layers" / "plate.1002.exr").write_bytes((out / "layers" / "plate.1002.exr").read_bytes()[:900])
    (out / "checkpoint" / "fields.npz").write_bytes(b"PK damaged")
    before = times(out)
    ended = nursery.run(*small_shot.words, "--out", out, "--resume")
    assert ended.code == 0, ended.err
    assert any("fields.npz" in warning and "checkpoint before" in warning for warning in ended.warnings)
    after = times(out)
    assert {n for n in after if n.startswith(("layers", "mesh")) and after[n] != before.get(n)} == {
        "layers/plate.1002.exr"
    }
    assert os.path.getsize(out / "layers" / "plate.1002.exr") > 900
