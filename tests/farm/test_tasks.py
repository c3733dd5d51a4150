"""A shot task by task: each may run again, together they make what one run makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.cli import main
from surface_sos_core.farm.graph import AFTER
from surface_sos_core.farm.tasks import as_text
from surface_sos_core.layers.exr import read_layers
from surface_sos_core.manifest import read_manifest


def task(jobs, name: str, *words: str, shot: int = 1) -> int:
    return main(["farm", str(jobs.file), "--task", name, "--shot", str(shot), *words])


def words_of(entry: dict) -> list[str]:
    """`segment` as a person would type it for an entry."""
    options = [f"--{name}={value}" for name, value in entry.items() if name not in ("footage", "out")]
    return ["segment", entry["footage"], *options]


def assert_same(one: Path, other: Path) -> None:
    """Two folders of a shot hold the same layers, mesh and manifest, but for times."""
    files = sorted(path.name for path in (one / "layers").iterdir())
    assert files == sorted(path.name for path in (other / "layers").iterdir()) and files
    for name in files:
        first, second = vars(read_layers(one / "layers" / name)), vars(read_layers(other / "layers" / name))
        for layer, pixels in first.items():
            if isinstance(pixels, np.ndarray):
                np.testing.assert_allclose(pixels, second[layer], atol=1 / 255, err_msg=f"{name} {layer}")
    assert (one / "mesh" / "object.ply").stat().st_size == (other / "mesh" / "object.ply").stat().st_size
    first, second = read_manifest(one), read_manifest(other)
    assert first.frames == second.frames and first.stages == second.stages and first.mesh == second.mesh
    assert {k: v.code for k, v in first.made.items()} == {k: v.code for k, v in second.made.items()}
    assert second.timings["layers"] > 0


def test_frames_are_told_as_they_are_typed():
    assert as_text([1001, 1002, 1003, 1005, 1008, 1009]) == "1001-1003,1005,1008-1009"


def test_a_shot_task_by_task_is_that_of_one_run(write_jobs, tmp_path, capsys):
    """Each task twice: the second time nothing is made. Chunks overlap, and one is made before another process's is entered."""
    jobs = write_jobs(1)
    out, one = jobs.out(1), tmp_path / "one"
    for again in ("", "--overwrite"):  # what numba compiles for the first run rounds otherwise
        assert main([*words_of(jobs.entries[0]), f"--out={one}", *filter(None, [again])]) == 0
    for name in AFTER:
        chunks = [["--frames", "1001-1003:2"], ["--frames", "1002-1003"]] if name == "layers" else [[]]
        for chunk in chunks:
            assert task(jobs, name, *chunk) == 0, capsys.readouterr().err
        before = {path: path.stat().st_mtime_ns for path in (*out.glob("layers/*"), *out.glob("mesh/*"))}
        assert task(jobs, name, *chunks[0]) == 0, capsys.readouterr().err
        assert {path: path.stat().st_mtime_ns for path in before} == before
        if name == "layers":
            assert len(before) == 3
            assert all(entry.layers is None for entry in read_manifest(out).frames)
    # the fourth frame was in no chunk: the report made it
    assert_same(one, out)
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
    for engine in (["--task", "inspect", "--shot", "1"], ["--ray", "local"], ["--openjd", str(tmp_path / "to")]):
        assert main(["farm", str(tmp_path / "jobs.json"), *engine]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and said in told, told
