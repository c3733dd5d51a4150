"""JOBS.json as the command line and Blender read it: paths of the file's folder, options as they would be typed."""

from __future__ import annotations

import json
import os

import pytest

from surface_sos_core.cli.parsers import parser
from surface_sos_core.jobs_file import JobsError, option_words, read_entries, segment_words

FOUND = ("auto", "box")


def test_paths_are_those_of_the_files_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    shot = {
        "footage": "a/plate.####.exr",
        "out": "../b",
        "config": "~/c.toml",
        "composite": "/d",
        "fill": "e.onnx",
    }
    own = {"ocio": "f.ocio", "masks": "box:g.json", "layer": "beauty", "frames": "1001-1010", "seed": 3}
    (tmp_path / "jobs.json").write_text(
        json.dumps([{**shot, **own}, {"masks": "auto", "ocio": "ocio://x"}, 7])
    )
    first, second, third = read_entries(tmp_path / "jobs.json", FOUND)
    assert first == {
        "footage": str(tmp_path / "a" / "plate.####.exr"), "out": str(tmp_path.parent / "b"), "composite": "/d",
        "config": os.path.expanduser("~/c.toml"), "fill": str(tmp_path / "e.onnx"), "ocio": str(tmp_path / "f.ocio"),
        "masks": f"box:{tmp_path / 'g.json'}", "layer": "beauty", "frames": "1001-1010", "seed": 3,
    }  # fmt: skip
    assert second == {"masks": "auto", "ocio": "ocio://x"} and third == 7


def test_options_are_typed_as_segment_takes_them():
    entry = {
        "footage": "-a", "out": "b", "save": "c.blend", "set": ["train.rays=8", "train.seed=1"], "resume": True,
        "overwrite": False, "box": None, "seed": 0,
    }  # fmt: skip
    words = segment_words(entry)
    assert words == [
        "segment",
        "-a",
        "--out=b",
        "--set=train.rays=8",
        "--set=train.seed=1",
        "--resume",
        "--seed=0",
    ]
    assert option_words({"footage": "-a", "save": "c.blend"}) == ["--footage=-a", "--save=c.blend"]
    given = parser().parse_args(segment_words({**entry, "footage": "a"}))
    assert (given.footage, given.set, given.resume, given.seed) == ("a", entry["set"], True, 0)


@pytest.mark.parametrize(
    "entry", [7, {"footage": "a"}, {"footage": " ", "out": "b"}, {"footage": "a", "out": "b", "box": {}}]
)
def test_what_is_no_shot_is_told(entry):
    with pytest.raises(JobsError):
        segment_words(entry)
