"""Shots on a real Ray cluster of this machine: equal results, what is killed, what is cancelled, what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("ray", reason='Ray is an extra: pip install "surface-sos-core[ray]"')

from surface_sos_core.cli import main
from surface_sos_core.manifest import read_manifest

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

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


def tasks_of(said: str) -> list[dict]:
    return [event for event in events_of(said) if event["event"] == "task"]


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
    told = tasks_of(said)
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
    failed = [event for event in tasks_of(said) if event["message"]]
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


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head that computes nothing; tests add nodes."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield made
    made.shutdown()


@pytest.mark.long
def test_a_node_that_is_lost_is_done_without(cluster, write_jobs, environment, one_run, assert_same):
    """A cluster of two nodes, which the farm joins by its address."""
    jobs = write_jobs(2, out_prefix=f"lost{os.getpid()}")
    cluster.add_node(num_cpus=1)
    node = cluster.add_node(num_cpus=1)
    farm = begin(jobs, environment, "--ray", cluster.address)
    for number in (1, 2):
        wait_for(f"{jobs.out(number).name}: train", farm)
    cluster.remove_node(node, allow_graceful=False)
    said, err = farm.communicate(timeout=500)
    assert farm.returncode == 0, err
    told = tasks_of(said)
    assert [(event["task"], event["again"]) for event in told if event["message"]] == [("train", True)]
    assert {event["machines"] for event in told} == {1, 2}
    for number in (1, 2):
        assert_same(one_run, jobs.out(number))


@pytest.mark.long
def test_four_nodes_share_two_shots(cluster, write_jobs, environment, one_run, assert_same):
    jobs = write_jobs(2)
    for _ in range(4):
        cluster.add_node(num_cpus=1)
    farm = begin(jobs, environment, "--ray", cluster.address)
    said, err = farm.communicate(timeout=550)
    assert farm.returncode == 0, err
    told = tasks_of(said)
    assert {event["machines"] for event in told} == {4}
    chunks = [event["frames"] for event in told if event["task"] == "layers"]
    assert sorted(chunks) == ["1001-1002"] * 2 + ["1003-1004"] * 2
    for number in (1, 2):
        assert_same(one_run, jobs.out(number))


@pytest.mark.long
def test_a_farm_whose_head_is_lost_goes_on_once_it_is_back(
    cluster, write_jobs, environment, one_run, assert_same
):
    jobs = write_jobs(1, out_prefix=f"headless{os.getpid()}")
    cluster.add_node(num_cpus=1)
    farm = begin(jobs, environment, "--ray", cluster.address)
    wait_for(f"{jobs.out(1).name}: train", farm)
    cluster.remove_node(cluster.head_node, allow_graceful=False)
    _, err = farm.communicate(timeout=120)
    last = err.splitlines()[-1]  # Ray, which has lost it too, says more before it
    assert farm.returncode == 3 and "the same command goes on" in last and "Ray cluster" in last, err
    cluster.remove_node(*cluster.worker_nodes, allow_graceful=False)
    end = time.monotonic() + 60
    while workers_at(jobs.out(1).name) and time.monotonic() < end:
        time.sleep(0.2)
    cluster.add_node(num_cpus=1)  # a head again
    farm = begin(jobs, environment, "--ray", cluster.address)
    _, err = farm.communicate(timeout=500)
    assert farm.returncode == 0, err
    assert_same(one_run, jobs.out(1))


def run_as_root(*words: object) -> bool:
    """Whether it could be done, as mounting is not everywhere."""
    command = list(map(str, words))
    return shutil.which(command[0]) is not None and not subprocess.run(command, check=False).returncode


@contextmanager
def node_with(mounts: str, cluster: Cluster, environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A node of one core that sees other disks than the rest of the machine: what `mounts` does in a shell, in `folder`."""
    if not run_as_root("unshare", "--mount", "sh", "-ec", mounts.format(at=folder)):
        pytest.skip("no disks can be mounted here")
    start = f"--address={cluster.address} --num-cpus=1 --block --min-worker-port=0 --max-worker-port=0"
    command = f'{mounts.format(at=folder)}\nexec "$0" -m ray.scripts.scripts start {start} --dashboard-agent-listen-port=0'
    with (folder / "node.log").open("wb") as log:
        node = subprocess.Popen(
            ["unshare", "--mount", "sh", "-ec", command, sys.executable],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        end = time.monotonic() + 100
        while "Ray runtime started" not in (folder / "node.log").read_text():
            assert node.poll() is None and time.monotonic() < end, (folder / "node.log").read_text()
            time.sleep(0.2)
        yield
    finally:
        node.terminate()
        node.wait(60)


# Of what is written to its disk nothing fits. What others write later is not surely seen, so it does not work beside them.
FULL = """
mkdir -p {at}/shots {at}/disk
mount -t tmpfs -o size=256k tmpfs {at}/disk
mkdir {at}/disk/upper {at}/disk/work
mount -t overlay -o lowerdir={at}/shots,upperdir={at}/disk/upper,workdir={at}/disk/work overlay {at}/shots
dd if=/dev/zero of={at}/disk/all 2>&- || true
"""
READ_ONLY = "mkdir -p {at}/shots; mount --bind {at}/shots {at}/shots; mount -o remount,bind,ro {at}/shots"
UNSEEN = "mount -t tmpfs tmpfs {at}/plates"
BAD_NODES = {
    "full": (FULL, "is full", False),
    "read-only": (READ_ONLY, "may not be read or written", True),
    "unseen": (UNSEEN, "does not see", True),
}


@pytest.fixture
def own_footage(small_shot, tmp_path) -> str:
    shutil.copytree(small_shot.folder / "plates", tmp_path / "plates" / "small")
    return str(tmp_path / "plates" / "small")


@pytest.mark.long
@pytest.mark.parametrize("fault", BAD_NODES)
def test_what_one_node_cannot_do_another_does(
    fault, cluster, write_jobs, own_footage, environment, one_run, assert_same, tmp_path
):
    mounts, sentence, stays = BAD_NODES[fault]
    jobs = write_jobs(1, footage=own_footage)
    with ExitStack() as stack:
        stack.enter_context(node_with(mounts, cluster, environment, tmp_path))
        first = begin(jobs, environment, "--ray", cluster.address)
        said, err = first.communicate(timeout=300)  # there is no other yet
        assert first.returncode == 3 and err.count("\n") == 1, err
        assert "1 of 1 shot failed." in err and sentence in err and str(jobs.out(1)) in err
        assert [(event["task"], event["again"]) for event in tasks_of(said)] == [
            ("inspect", True),
            ("inspect", True),
            ("inspect", False),
        ]
        if not stays:
            stack.close()
        cluster.add_node(num_cpus=1)
        farm = begin(jobs, environment, "--ray", cluster.address)
        said, err = farm.communicate(timeout=500)
    assert farm.returncode == 0, err
    failed = [event for event in tasks_of(said) if event["message"]]
    assert bool(failed) == stays and all(event["again"] and sentence in event["message"] for event in failed)
    tries = [(event["task"], event["frames"]) for event in failed]
    assert len(set(tries)) == len(tries), "the second try was elsewhere"
    assert_same(one_run, jobs.out(1))


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "sentence"), [("full", "is full"), ("read-only", "may not be read or written")]
)
def test_a_disk_that_fails_one_shot_leaves_the_others(
    fault, sentence, cluster, write_jobs, environment, one_run, assert_same, tmp_path
):
    """The disk that all share; with room, or where it may be written to again, the same command goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not run_as_root(
        "mount", "-t", "tmpfs", "-o", f"size={'2m' if fault == 'full' else '100m'}", "tmpfs", disk
    ):
        pytest.skip("no disk can be mounted here")
    try:
        jobs = write_jobs(2, out_prefix=f"{fault}{os.getpid()}")
        jobs.entries[0]["out"] = f"disk/{fault}{os.getpid()}1"
        jobs.file.write_text(json.dumps(jobs.entries))
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        farm = begin(jobs, environment, "--ray", cluster.address)
        if fault == "read-only":
            wait_for(f"{jobs.out(1).name}: train", farm)
            assert run_as_root("mount", "--bind", disk, disk)
            assert run_as_root("mount", "-o", "remount,bind,ro", disk)
        said, err = farm.communicate(timeout=500)
        assert farm.returncode == 3 and err.count("\n") == 1, err
        assert "1 of 2 shots failed." in err and sentence in err and str(jobs.out(1)) in err
        ended = [event for event in events_of(said) if event["event"] == "shot"]
        assert [event["exit_code"] for event in ended] == [3, 0] and sentence in ended[0]["message"]
        assert_same(one_run, jobs.out(2))
        if fault == "read-only":
            assert run_as_root("umount", disk)
        else:
            assert run_as_root("mount", "-o", "remount,size=100m", disk)
        farm = begin(jobs, environment, "--ray", cluster.address)
        _, err = farm.communicate(timeout=500)
        assert farm.returncode == 0, err
        assert_same(one_run, jobs.out(1))
    finally:
        while os.path.ismount(disk):
            assert run_as_root("umount", "--lazy", disk)


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
