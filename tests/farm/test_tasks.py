"""A shot task by task: each may run again, together they make what one run makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from surface_sos_core.cli import main
from surface_sos_core.farm.tasks import as_text
from surface_sos_core.manifest import read_manifest


def task(jobs, name: str, *words: str, shot: int = 1) -> int:
    return main(["farm", str(jobs.file), "--task", name, "--shot", str(shot), *words])


def test_frames_are_told_as_they_are_typed():
    assert as_text([1001, 1002, 1003, 1005, 1008, 1009]) == "1001-1003,1005,1008-1009"


def test_a_shot_task_by_task_is_that_of_one_run(write_jobs, environment, one_run, assert_same, capsys):
    """Each task twice: the second time nothing is made."""
    jobs = write_jobs(1)
    out = jobs.out(1)
    for name in ("inspect", "cameras", "masks", "train"):
        assert task(jobs, name) == 0 and task(jobs, name) == 0, capsys.readouterr().err
    # processes that want the same frames, and the mesh, at the same time
    farm = [sys.executable, "-m", "surface_sos_core", "farm", str(jobs.file), "--shot", "1", "--task"]
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
    assert task(jobs, "layers", "--frames", "1001-1003") == 0 and task(jobs, "mesh") == 0
    assert [path.stat().st_mtime_ns for path in files] == before
    # the fourth frame was in no chunk: the report makes it, and nothing else
    assert task(jobs, "report") == 0, capsys.readouterr().err
    assert [path.stat().st_mtime_ns for path in files] == before
    assert_same(one_run, out)
    assert not list(out.glob(".lock*")) and not list(out.glob("checkpoint/chunks/*"))


def test_tasks_that_come_too_early_say_so(write_jobs, capsys):
    jobs = write_jobs(1)
    assert task(jobs, "layers") == 2
    assert "holds no shot" in capsys.readouterr().err
    assert task(jobs, "inspect") == 0
    assert task(jobs, "mesh") == 2
    assert "no cameras and masks yet" in capsys.readouterr().err


def test_another_footage_in_the_same_folder_is_refused(write_jobs, small_shot, tmp_path, capsys):
    jobs = write_jobs(1)
    assert task(jobs, "inspect") == 0 and task(jobs, "inspect") == 0
    shutil.copytree(small_shot.folder / "plates", tmp_path / "others")
    jobs.file.write_text(json.dumps([{**jobs.entries[0], "footage": "others"}]))
    assert task(jobs, "inspect") == 2
    assert "already holds a shot" in capsys.readouterr().err
    jobs.file.write_text(json.dumps([{**jobs.entries[0], "footage": "others", "overwrite": True}]))
    assert task(jobs, "inspect") == 0
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
