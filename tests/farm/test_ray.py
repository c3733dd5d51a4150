"""Shots on a real Ray cluster of this machine: equal results, what is killed, what is cancelled, what is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason='Ray is an extra: pip install "surface-sos-core[ray]"')

from surface_sos_core.cli import main
from surface_sos_core.manifest import read_manifest

FARM = [sys.executable, "-m", "surface_sos_core", "farm"]


def begin(jobs, environment, *words: str) -> subprocess.Popen:
    command = [*FARM, str(jobs.file), *(words or ("--ray", "local", "--workers", "2")), "--events", "jsonl"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def events_of(said: str) -> list[dict]:
    return [json.loads(line) for line in said.splitlines()]


def workers_at(task: str) -> list[int]:
    """Processes of Ray that do this task, as their titles tell."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            title = (place / "cmdline").read_bytes().rstrip(b"\0").decode(errors="replace")
        except OSError:
            continue
        if title.startswith("ray::") and task in title:
            found.append(int(place.name))
    return found


def wait_for(task: str, farm: subprocess.Popen, seconds: float = 200) -> list[int]:
    end = time.monotonic() + seconds
    while time.monotonic() < end and farm.poll() is None:
        if pids := workers_at(task):
            return pids
        time.sleep(0.05)
    raise TimeoutError(
        f"{task} was not begun: {farm.communicate(timeout=5) if farm.poll() is not None else ''}"
    )


@pytest.mark.long
def test_shots_on_two_workers_are_those_of_one_run(write_jobs, environment, one_run, assert_same):
    """With a bad shot among them, which stops none."""
    jobs = write_jobs(3)
    jobs.entries[1]["masks"] = "nowhere"
    jobs.file.write_text(json.dumps(jobs.entries))
    farm = begin(jobs, environment)
    said, err = farm.communicate(timeout=500)
    assert farm.returncode == 2, err
    assert err.count("\n") == 1 and "1 of 3 shots failed." in err and "nowhere does not exist" in err
    for number in (1, 3):
        assert_same(one_run, jobs.out(number))
    told = [event for event in events_of(said) if event["event"] == "task"]
    assert (
        sorted(event["frames"] for event in told if event["task"] == "layers")
        == ["1001-1002"] * 2 + ["1003-1004"] * 2
    )
    assert (told[-1]["shots_done"], told[-1]["shots"], told[-1]["machines"]) == (2, 2, 1)
    assert [event["done"] for event in events_of(said) if event["event"] == "progress"][-1] == 8
    begun = time.monotonic()
    again = begin(jobs, environment)  # everything is there
    said, err = again.communicate(timeout=500)
    assert again.returncode == 2 and time.monotonic() - begun < 60, err
    assert_same(one_run, jobs.out(1))


@pytest.mark.long
@pytest.mark.parametrize("task", ["cameras", "masks", "train", "layers", "report"])
def test_a_worker_that_is_killed_is_replaced(task, write_jobs, environment, one_run, assert_same):
    jobs = write_jobs(1, out_prefix=f"killed{os.getpid()}{task}")
    farm = begin(jobs, environment)
    os.kill(wait_for(f"{jobs.out(1).name}: {task}", farm)[0], signal.SIGKILL)
    said, err = farm.communicate(timeout=500)
    assert farm.returncode == 0, err
    failed = [event for event in events_of(said) if event["event"] == "task" and event["message"]]
    assert [(event["task"], event["again"]) for event in failed] == [(task, True)]
    assert "was lost" in failed[0]["message"]
    assert_same(one_run, jobs.out(1))


@pytest.mark.long
def test_a_farm_that_is_cancelled_goes_on(write_jobs, environment, one_run, assert_same):
    jobs = write_jobs(1, out_prefix=f"cancelled{os.getpid()}")
    farm = begin(jobs, environment)
    wait_for(f"{jobs.out(1).name}: train", farm)
    while not (jobs.out(1) / "checkpoint" / "fields.npz").exists():
        time.sleep(0.05)
    farm.send_signal(signal.SIGTERM)
    _, err = farm.communicate(timeout=120)
    assert farm.returncode == 130 and "the same command goes on" in err and err.count("\n") == 1, err
    assert "train" not in read_manifest(jobs.out(1)).stages
    assert not workers_at(jobs.out(1).name)
    farm = begin(jobs, environment)
    _, err = farm.communicate(timeout=500)
    assert farm.returncode == 0, err
    assert_same(one_run, jobs.out(1))


@pytest.mark.long
def test_a_node_that_is_lost_is_done_without(write_jobs, environment, one_run, assert_same):
    """A cluster of two nodes, which the farm joins by its address."""
    from ray.cluster_utils import Cluster

    jobs = write_jobs(2, out_prefix=f"lost{os.getpid()}")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        node = cluster.add_node(num_cpus=1)
        farm = begin(jobs, environment, "--ray", cluster.address)
        for number in (1, 2):
            wait_for(f"{jobs.out(number).name}: train", farm)
        cluster.remove_node(node, allow_graceful=False)
        said, err = farm.communicate(timeout=500)
        assert farm.returncode == 0, err
    finally:
        cluster.shutdown()
    told = [event for event in events_of(said) if event["event"] == "task"]
    assert [(event["task"], event["again"]) for event in told if event["message"]] == [("train", True)]
    assert {event["machines"] for event in told} == {1, 2}
    for number in (1, 2):
        assert_same(one_run, jobs.out(number))


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("127.0.0.1:1", 3, "Nothing answers at 127.0.0.1:1"),
        ("127.0.0.1", 2, "is no address"),
        ("ray://127.0.0.1:10001", 2, "is no address"),
        ("127.0.0.1:99999", 2, "is no address"),
    ],
)
def test_an_address_where_nothing_listens(address, code, said, write_jobs, capsys):
    assert main(["farm", str(write_jobs(1).file), "--ray", address]) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and said in told, told
