"""Another version of the code, other settings of one stage, and a run that another thread ends."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import cv2
import pytest
from small_shot import but_for_the_shadow
from test_resume import times

from surface_sos_core import Cancelled, CancelToken, Shot, open_shot, segment
from surface_sos_core.manifest import read_manifest
from surface_sos_core.settings import preset, read_config

LAYERS = "from surface_sos_core.stages import layers; layers.layers_code = lambda: '9.9+new'"
TRAINING = "from surface_sos_core.stages import training; training.code_version = lambda *_: '9.9+new'"


@pytest.fixture
def out(finished, tmp_path) -> Path:
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


def test_an_upgrade_makes_again_what_it_changes_and_says_so(small_shot, nursery, out):
    before, was = times(out), read_manifest(out)
    ended = nursery.run(*small_shot.words, "--out", out, "--resume", extra=LAYERS)
    assert ended.code == 0, ended.err
    then = was.made["layers"].code
    assert but_for_the_shadow(ended.warnings) == [
        f"The stage layers is done again: the program ({then}, now 9.9+new) changed since."
    ]
    changed = {name for name, time in times(out).items() if time != before.get(name)}
    assert changed - {"checkpoint/shadow.npz", "report.html"}
    assert all(name.startswith("layers/") for name in changed - {"checkpoint/shadow.npz", "report.html"})
    made = read_manifest(out).made
    assert made["layers"].code == "9.9+new"
    assert {stage: made[stage] for stage in ("cameras", "masks", "train", "mesh")} == {
        stage: was.made[stage] for stage in ("cameras", "masks", "train", "mesh")
    }


def test_fields_of_another_version_are_trained_anew_and_so_is_all_that_is_made_of_them(
    small_shot, nursery, out
):
    ended = nursery.run(*small_shot.words, "--out", out, "--resume", extra=TRAINING)
    assert ended.code == 0, ended.err
    said = " ".join(ended.warnings)
    assert "The stage train is done again: the program" in said
    assert "The stage layers is done again: fields changed" in said
    assert "The stage mesh is done again: fields changed" in said
    assert "The stage masks" not in said and "The stage cameras" not in said
    assert read_manifest(out).made["train"].code == "9.9+new"


def test_a_shot_that_does_not_tell_its_version_is_made_again(small_shot, nursery, out):
    data = json.loads((out / "checkpoint" / "state.json").read_text())
    del data["mesh"]["code"]
    (out / "checkpoint" / "state.json").write_text(json.dumps(data))
    ended = nursery.run(*small_shot.words, "--out", out, "--resume")
    assert len(ended.warnings) == 1 and "The stage mesh is done again: the program (" in ended.warnings[0]


def test_layers_of_other_settings_use_the_fields_that_are_there(small_shot, nursery, out):
    fields = times(out)["checkpoint/fields.npz"]
    ended = nursery.run("layers", out, "--set", "layers.samples=12")
    assert ended.code == 0 and but_for_the_shadow(ended.warnings) == [], ended.err
    settings = read_manifest(out).settings
    assert settings["layers"]["samples"] == 12 and settings["train"]["iterations"] == 60
    before = times(out)
    assert before["checkpoint/fields.npz"] == fields
    ended = nursery.run(*small_shot.words, "--out", out, "--resume", "--set", "layers.samples=12")
    assert ended.code == 0 and ended.warnings == []
    assert {name for name, time in times(out).items() if time != before[name]} == {"report.html"}


def test_layers_of_some_frames_by_other_settings_are_told(nursery, out):
    ended = nursery.run("layers", out, "--frames", "1002", "--set", "layers.samples=12")
    assert ended.code == 0, ended.err
    said = but_for_the_shadow(ended.warnings)
    assert len(said) == 1 and "The layers of 3 frames, plate.1001 the first" in said[0]
    assert read_manifest(out).settings["layers"]["samples"] == 16


def test_another_thread_ends_a_run_that_goes_on_later(small_shot, tmp_path):
    """From masks as arrays, which are the same at the second time."""
    folder, token, training = small_shot.folder, CancelToken(), threading.Event()
    small = preset("preview", "cpu").with_values(read_config(folder / "small.toml"))
    masks = {path.stem: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (folder / "masks").iterdir()}
    shot = Shot(folder / "plates", tmp_path / "out", masks, folder / "model", frames="1001")
    ends: list[BaseException] = []
    steps: list[int] = []

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "progress" and event["stage"] == "train":
            steps.append(event["done"])
            training.set()
            if len(steps) == 1:
                assert asked.wait(60)  # until the other thread has asked

    def run() -> None:
        try:
            segment(shot, small, listen, cancel=token)
        except Cancelled as error:
            ends.append(error)

    asked = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    assert training.wait(300)
    token.cancel()
    asked.set()
    thread.join(120)
    assert len(ends) == 1 and "cancelled" in str(ends[0])
    assert steps == [10] and open_shot(tmp_path / "out").frames == ()
    result = segment(shot, small, listen, "resume")
    assert steps[1] == 30 and result.made["train"].ran["iterations"] == 60  # from step 20, where it was kept
    assert not [warning for warning in result.warnings if "again" in warning]
    assert [frame.number for frame in result.frames] == [1001] and len(result.without_layers) == 11
