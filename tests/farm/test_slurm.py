"""scripts/farm.slurm on a real Slurm of one node, this machine: to the end, and where a job fails."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MISSING = [name for name in ("slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(MISSING), reason=f"Slurm's {MISSING} are missing: apt-get install slurm-wlm"),
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="slurmd wants root"),
]
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes={host} Default=YES State=UP
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [own.getsockname()[1] for own in sockets]
    for own in sockets:
        own.close()
    return ports


class Slurm:
    """A controller and a node, which listen to this machine alone."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        for name in ("state", "spool"):
            (folder / name).mkdir()
        conf = folder / "slurm.conf"
        conf.write_text(CONF.format(host=platform.node().split(".")[0], ports=free_ports(2), folder=folder))
        self.environment = {**environment, "SLURM_CONF": str(conf)}
        self._daemons = []
        for name in ("slurmctld", "slurmd"):
            with (folder / f"{name}.log").open("wb") as log:
                self._daemons.append(
                    subprocess.Popen([name, "-D"], env=self.environment, stdout=log, stderr=log)
                )
        self._wait_for(lambda: "idle" in self._ask("sinfo", "--noheader", "--format=%T"), 60)

    def _ask(self, *words: str) -> str:
        return subprocess.run(
            words, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        ).stdout

    def _wait_for(self, holds, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self._ask("squeue") + self._ask("sinfo")
            time.sleep(0.5)

    def run(self, *words: object, folder: Path) -> dict[str, list[str]]:
        """Submit a shot by farm.slurm and wait until no job is left; states of each job's tasks by the job's name."""
        script = [str(ROOT / "scripts" / "farm.slurm"), *map(str, words)]
        told = subprocess.run(
            script, env=self.environment, cwd=folder, capture_output=True, text=True, check=True
        )
        assert told.stdout.startswith("train "), told.stderr
        self._wait_for(lambda: not self._ask("squeue", "--noheader"), 500)
        states: dict[str, list[str]] = {}
        for line in self._ask("scontrol", "show", "job", "--oneliner").splitlines():
            fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            states.setdefault(fields["JobName"], []).append(fields["JobState"])
        return states

    def close(self) -> None:
        for daemon in reversed(self._daemons):
            daemon.terminate()
            daemon.wait(60)


@pytest.fixture
def slurm(tmp_path, environment, program) -> Iterator[Slurm]:
    folder = tmp_path / "slurm"
    folder.mkdir()
    made = Slurm(folder, {**environment, "SURFACE_SOS": str(program)})
    yield made
    made.close()


def test_an_array_runs_to_the_end(slurm, write_jobs, one_run, assert_same):
    """Chunks of three: the last one has a frame."""
    jobs = write_jobs(2)
    states = slurm.run(jobs.file, 2, 1001, 1004, 3, "--ntasks=1", folder=jobs.file.parent)
    done = ["COMPLETED"]
    logs = [path.read_text() for path in jobs.file.parent.glob("slurm-*.out")]
    assert states == {"2.train": done, "2.layers": 2 * done, "2.mesh": done, "2.report": done}, logs
    assert_same(one_run, jobs.out(2))
    assert not jobs.out(1).exists()


def test_jobs_behind_a_failed_one_do_not_wait_for_ever(slurm, write_jobs):
    jobs = write_jobs(1, masks="nowhere")
    states = slurm.run(jobs.file, 1, 1001, 1004, 2, folder=jobs.file.parent)
    assert states.pop("1.train") == ["FAILED"]
    assert {state for own in states.values() for state in own} == {"CANCELLED"}, states
    (log,) = jobs.file.parent.glob("slurm-*.out")
    assert "nowhere is not a folder" in log.read_text()
