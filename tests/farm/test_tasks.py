"""A shot task by task: each may run again, together they make what one run makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from walker import walker

from surface_sos_core import Settings, Shot, open_shot, preset, segment
from surface_sos_core.cli import main
from surface_sos_core.farm.graph import AFTER
from surface_sos_core.farm.tasks import Job, as_text, frame_numbers
from surface_sos_core.manifest import read_manifest


def task(jobs: Path, name: str, *words: str) -> int:
    return main(["farm", str(jobs), "--task", name, "--shot", "1", *words])


def test_frames_are_told_as_they_are_typed():
    assert as_text([1001, 1002, 1003, 1005, 1008, 1009]) == "1001-1003,1005,1008-1009"


def test_a_shot_task_by_task_is_that_of_one_run(write_jobs, environment, one_run, assert_same, capsys):
    """Each task twice: the second time nothing is made."""
    jobs = write_jobs(1)
    out = jobs.out(1)
    farm = [sys.executable, "-m", "surface_sos_core", "farm", str(jobs.file), "--shot", "1", "--task"]
    for name in ("inspect", "cameras", "masks", "train"):  # in processes as one_run's, which round alike
        subprocess.run([*farm, name], env=environment, check=True)
        assert task(jobs.file, name) == 0, capsys.readouterr().err
    # processes that want the same frames, and the mesh, at the same time
    wanted = (["layers", "--frames", "1001-1003:2"], ["layers", "--frames", "1002-1003"], ["mesh"])
    running = [subprocess.Popen([*farm, *words], env=environment, stderr=subprocess.PIPE) for words in wanted]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    files = [*out.glob("layers/*"), *out.glob("mesh/*")]
    assert sorted(path.name for path in files if path.suffix == ".exr") == [
        f"plate.{n}.exr" for n in (1001, 1002, 1003)
    ]
    assert all(entry.layers is None for entry in read_manifest(out).frames)
    before = [path.stat().st_mtime_ns for path in files]
    assert task(jobs.file, "layers", "--frames", "1001-1003") == 0 and task(jobs.file, "mesh") == 0
    assert [path.stat().st_mtime_ns for path in files] == before
    # the fourth frame was in no chunk: the report makes it, and nothing else
    subprocess.run([*farm, "report"], env=environment, check=True)
    assert [path.stat().st_mtime_ns for path in files] == before
    assert_same(one_run, out)
    assert not list(out.glob(".lock*")) and not list(out.glob("checkpoint/chunks/*"))


def test_tasks_that_come_too_early_say_so(write_jobs, capsys):
    jobs = write_jobs(1)
    assert task(jobs.file, "layers") == 2
    assert "holds no shot" in capsys.readouterr().err
    assert task(jobs.file, "inspect") == 0
    assert task(jobs.file, "mesh") == 2
    assert "no cameras and masks yet" in capsys.readouterr().err


def test_another_footage_in_the_same_folder_is_refused(write_jobs, small_shot, tmp_path, capsys):
    jobs = write_jobs(1)
    assert task(jobs.file, "inspect") == 0 and task(jobs.file, "inspect") == 0
    shutil.copytree(small_shot.folder / "plates", tmp_path / "others")
    jobs.file.write_text(json.dumps([{**jobs.entries[0], "footage": "others"}]))
    assert task(jobs.file, "inspect") == 2
    assert "already holds a shot" in capsys.readouterr().err
    jobs.file.write_text(json.dumps([{**jobs.entries[0], "footage": "others", "overwrite": True}]))
    assert task(jobs.file, "inspect") == 0
    assert read_manifest(jobs.out(1)).footage.path == str(tmp_path / "others")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "cannot be read as a list of shots"),
        ("{}", "holds no list of shots"),
        ('[{"footage": "a", "out": "b"}, {"footage": "c", "out": "b"}]', "two shots would write"),
        ('["a"]', "a shot is an object"),
        ('[{"footage": "a"}]', "out is missing"),
        ('[{"footage": "a", "out": "b", "preset": "best"}]', "invalid choice"),
        ('[{"footage": "a", "out": "b", "box": 1.5}]', "no text or number"),
        ('[{"footage": "a", "out": "b"}]', "a"),
    ],
)
def test_bad_jobs_get_a_sentence(text, said, tmp_path, capsys):
    (tmp_path / "jobs.json").write_text(text)
    for engine in (
        ["--task", "inspect", "--shot", "1"],
        ["--ray", "local"],
        ["--openjd", str(tmp_path / "to")],
    ):
        assert main(["farm", str(tmp_path / "jobs.json"), *engine]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and said in told, told


def test_a_subject_that_moves_has_the_same_tasks(tmp_path, capsys):
    """Without fields and mesh, training and mesh end at once."""
    shot = walker("turning", 8)
    plates, masks = shot.write(tmp_path, shot.damaged())
    entry = {"footage": str(plates), "masks": str(masks), "device": "cpu", "out": "out"}
    (tmp_path / "jobs.json").write_text(json.dumps([entry]))
    first, last = frame_numbers(Job(Shot(plates, tmp_path), Settings()))[::7]
    for name in AFTER:
        for chunk in [f"{first}-{first + 4}", f"{first + 3}-{last}"] if name == "layers" else [None]:
            assert task(tmp_path / "jobs.json", name, *(["--frames", chunk] if chunk else [])) == 0, (
                capsys.readouterr().err
            )
        if name == "layers":
            made = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out" / "layers").iterdir())]
    assert len(made) == 8
    out, one = (
        open_shot(tmp_path / "out"),
        segment(Shot(plates, tmp_path / "one", masks=masks), preset("default", "cpu")),
    )
    assert made == [frame.path.stat().st_mtime_ns for frame in out.frames] and not out.meshes
    for frame, own in zip(out.frames, one.frames, strict=True):
        assert (frame.name, frame.doubts) == (own.name, own.doubts)
        for layer in ("foreground", "clean", "seen", "shadow"):
            np.testing.assert_allclose(getattr(frame.layers, layer), getattr(own.layers, layer), atol=1 / 255)
    assert out.made["layers"] == one.made["layers"]
