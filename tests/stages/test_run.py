"""What a run keeps of an earlier one, and what it does when memory runs out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from surface_sos_core.errors import InputError
from surface_sos_core.events import Events
from surface_sos_core.footage import open_footage
from surface_sos_core.manifest import FrameEntry, MadeEntry, MeshEntry, read_manifest
from surface_sos_core.provenance import software_versions
from surface_sos_core.settings import preset
from surface_sos_core.shot_folder import ShotFolder
from surface_sos_core.stages.run import Run, existing_shot, new_manifest, take_over

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on the sample that has done nothing yet."""
    footage, settings = open_footage(SAMPLES / "plates"), preset("preview", "cpu")
    cameras = [None] * len(footage.frames)
    return Run(
        ShotFolder(tmp_path), settings, Events(), footage, new_manifest(footage, settings), cameras, [0]
    )


def test_what_an_earlier_run_made_goes_on_and_layers_of_lost_frames_go(run):
    earlier = replace(new_manifest(run.footage, run.settings), mesh=MeshEntry("a.ply", "a.glb"))
    earlier.frames = [
        replace(earlier.frames[0], layers="layers/kept.exr"),
        FrameEntry("plate.0900", 900, "layers/lost.exr"),
        FrameEntry("plate.0901", 901),
    ]
    earlier.timings, earlier.stages, earlier.warnings = {"train": 3.0}, ["train"], ["said"]
    (run.folder.out / "layers").mkdir()
    for name in ("kept", "lost"):
        (run.folder.out / "layers" / f"{name}.exr").write_text(name)
    take_over(run, earlier)
    assert [file.name for file in (run.folder.out / "layers").iterdir()] == ["kept.exr"]
    assert [entry.layers for entry in run.manifest.frames[:2]] == ["layers/kept.exr", None]
    assert len(run.manifest.frames) == len(run.footage.frames) and run.manifest.mesh == earlier.mesh
    run.save("masks")
    kept = read_manifest(run.folder.out)
    assert kept.timings == {"train": 3.0} and kept.stages == ["masks", "train"] and kept.warnings == ["said"]


def test_each_stage_tells_its_own_version_and_settings(run):
    """Fields of yesterday stay yesterday's when layers are made of them today, and the settings too."""
    earlier = new_manifest(run.footage, run.settings.with_values({"train.rays": 77, "layers.samples": 77}))
    earlier.made["train"] = MadeEntry("0.0.9+aa", {"torch": "1.0"}, {"iterations": 5})
    take_over(run, earlier)
    run.note("layers", {"code": "0.1.0+bb"})
    run.save()
    kept, now = read_manifest(run.folder.out), software_versions()
    assert kept.made["train"] == earlier.made["train"]
    assert kept.made["layers"] == MadeEntry("0.1.0+bb", now)
    assert kept.software["torch"] == f"1.0, {now['torch']}" and kept.software["numpy"] == now["numpy"]
    assert kept.settings["train"]["rays"] == 77
    assert kept.settings["layers"]["samples"] == run.settings.layers.samples
    run.adds_to("train", "0.1.0+bb")
    assert run.manifest.made["train"].code == "0.0.9+aa, 0.1.0+bb"
    assert run.manifest.made["train"].software["torch"] == f"1.0, {now['torch']}"


def test_a_stage_that_another_version_made_is_named_with_both(run):
    run.note("cameras", {"seed": 0, "code": "0.1.0+aa"})
    assert run.keeps("cameras", {"seed": 0, "code": "0.1.0+aa"})
    assert not run.keeps("cameras", {"seed": 1, "code": "0.1.0+bb"})
    assert run.events.warnings == [
        "The stage cameras is done again: the program (0.1.0+aa, now 0.1.0+bb), seed changed since."
    ]
    assert "cameras" not in run.manifest.made
    run.folder.note("masks", {"seed": 0})  # as versions did that did not tell theirs
    assert not run.keeps("masks", {"seed": 0, "code": "0.1.0+bb"})
    assert "the program (an older one, now 0.1.0+bb) changed since" in run.events.warnings[-1]


def test_what_was_made_is_read_unless_its_inputs_changed_or_its_files_are_damaged(run):
    def damaged() -> str:
        raise InputError("points3D.txt ends early.")

    assert run.read_kept("cameras", {"seed": 0}, lambda: "model") is None  # nobody made it
    assert run.events.warnings == []
    run.folder.note("cameras", {"seed": 0})
    run.worked = False
    assert run.read_kept("cameras", {"seed": 0}, lambda: "model") == "model" and not run.worked
    assert run.read_kept("cameras", {"seed": 0}, damaged) is None and run.worked
    assert run.events.warnings == ["The stage cameras is done again: points3D.txt ends early."]
    run.folder.note("cameras", {"seed": 0})
    assert run.read_kept("cameras", {"seed": 1}, lambda: "model") is None
    assert run.events.warnings[-1] == "The stage cameras is done again: seed changed since."
    assert run.folder.changes("cameras", {"seed": 0}) is None  # its note is gone


def test_memory_that_runs_out_once_and_twice_and_errors_of_another_kind(run):
    parts = []

    def work(part: int, enough: int) -> str:
        parts.append(part)
        if part < enough:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return f"in {part}"

    assert run.once_smaller("mesh", lambda part: work(part, 1)) == "in 1" and run.events.warnings == []
    assert run.once_smaller("mesh", lambda part: work(part, 4)) == "in 4" and parts == [1, 1, 4]
    assert [warning for warning in run.events.warnings if "stage mesh" in warning and "smaller" in warning]
    with pytest.raises(torch.OutOfMemoryError):
        run.once_smaller("mesh", lambda part: work(part, 8))
    with pytest.raises(ValueError, match="ours"):
        run.once_smaller("mesh", lambda part: (_ for _ in ()).throw(ValueError("ours")))


def test_a_folder_without_a_shot_is_told(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        existing_shot(tmp_path)
