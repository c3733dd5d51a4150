"""Open Job Description templates: the reference program accepts them and runs them to the end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from surface_sos_core.cli import main
from surface_sos_core.farm.graph import AFTER

pytest.importorskip("openjd.cli", reason="pip install openjd-cli")

OPENJD = [sys.executable, "-m", "openjd"]


def openjd(*words: object, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        [*OPENJD, *map(str, words)], check=False, env=environment, capture_output=True, text=True, timeout=550
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr
    return ended.stdout


def test_each_shot_gets_a_template_but_bad_ones(write_jobs, environment, tmp_path, capsys):
    jobs = write_jobs(3)
    jobs.entries[1]["footage"] = "nowhere"
    jobs.entries[2]["device"], jobs.entries[2]["frames"] = "cuda", "1001-1009x4,1012"
    jobs.file.write_text(json.dumps(jobs.entries))
    to = tmp_path / "to"
    assert main(["farm", str(jobs.file), "--openjd", str(to)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "1 of 3 shots failed" in said and "nowhere does not exist" in said
    assert sorted(path.name for path in to.iterdir()) == ["001.shot1.json", "003.shot3.json", "shots.json"]
    for name in ("001.shot1.json", "003.shot3.json"):
        assert "passes validation checks" in openjd("check", to / name, environment=environment)
    told = openjd("summary", to / "003.shot3.json", environment=environment)
    assert "1001,1005,1009,1012" in told and f"Total steps: {len(AFTER)}" in told
    steps = json.loads((to / "003.shot3.json").read_text())["steps"]
    assert [step["name"] for step in steps if "hostRequirements" in step] == [
        "train",
        "layers",
        "mesh",
        "report",
    ]


def test_the_file_of_shots_is_not_replaced(write_jobs, capsys):
    jobs = write_jobs(1)
    own = jobs.file.rename(jobs.file.with_name("shots.json"))
    before = own.read_text()
    assert main(["farm", str(own), "--openjd", str(own.parent)]) == 2
    assert "would be replaced" in capsys.readouterr().err and own.read_text() == before


@pytest.mark.long
def test_a_template_runs_to_the_end(write_jobs, environment, tmp_path, program, one_run, assert_same):
    jobs = write_jobs(1)
    assert main(["farm", str(jobs.file), "--openjd", str(tmp_path / "to")]) == 0
    given = ["-p", f"Program={program}", "-p", "FramesAtOnce=2"]
    told = openjd("run", tmp_path / "to" / "001.shot1.json", *given, environment=environment)
    assert "All actions completed successfully" in told
    assert_same(one_run, jobs.out(1))
