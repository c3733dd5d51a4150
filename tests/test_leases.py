"""Claims on a folder: of this process, of others of this machine, and of other machines, whose clocks are not believed."""

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from surface_sos_core import leases
from surface_sos_core.errors import InputError, SetupError
from surface_sos_core.leases import claimed

HOLD = (
    "import sys, time; from pathlib import Path; from surface_sos_core import leases\n"
    "leases.platform.node = lambda: sys.argv[2]; leases.BEAT_S = 0.2\n"
    "with leases.claimed(Path(sys.argv[1]), sys.argv[3], True): print('mine', flush=True); time.sleep(60)"
)


@pytest.fixture
def held(tmp_path):
    """Starts a process that claims a part of tmp_path, as one of the machine that is named."""
    started = []

    def hold(machine: str, part: str = "all") -> subprocess.Popen:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), machine, part], stdout=subprocess.PIPE, text=True
        )
        started.append(holder)
        assert holder.stdout.readline() == "mine\n"
        return holder

    yield hold
    for holder in started:
        holder.kill()
        holder.communicate()


@pytest.fixture
def short(monkeypatch):
    """A machine counts as dead soon."""
    monkeypatch.setattr(leases, "QUIET_S", 1.5)
    monkeypatch.setattr(leases, "BEAT_S", 0.2)


def test_many_share_a_part_and_none_has_the_whole_meanwhile(tmp_path):
    with claimed(tmp_path, "layers", shared=True), claimed(tmp_path, "layers", shared=True):
        with (
            claimed(tmp_path, "mesh"),
            pytest.raises(InputError, match="Another run"),
            claimed(tmp_path, "mesh"),
        ):
            pass
        with pytest.raises(InputError, match="Another run"), claimed(tmp_path):
            pass
    with claimed(tmp_path), pytest.raises(InputError, match="Another run"), claimed(tmp_path, "layers", True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_machine_that_lives_is_heeded_and_named(tmp_path, held, short):
    held("render-07")
    with pytest.raises(InputError, match="on render-07 is writing"), claimed(tmp_path):
        pass


def test_a_machine_that_died_is_taken_over(tmp_path, held, short):
    held("render-07").kill()
    with claimed(tmp_path):
        assert not list(tmp_path.glob("*render-07*"))


def test_dead_machines_are_watched_together(tmp_path, short):
    for number in range(5):
        (tmp_path / f".lock.layers.render-{number}.0000000{number}").touch()
    os.utime(tmp_path / ".lock.layers.render-1.00000001", (4e9, 4e9))  # a clock that is ahead
    begun = time.monotonic()
    with claimed(tmp_path):
        assert 1.5 <= time.monotonic() - begun < 4
        assert len(list(tmp_path.iterdir())) == 1


def test_whoever_was_taken_over_is_told(tmp_path, short):
    with claimed(tmp_path) as lease:
        lease.check()
        lease.path.unlink()
        time.sleep(0.5)
        with pytest.raises(SetupError, match="has taken over"):
            lease.check()


def test_of_many_that_come_at_once_at_most_one_has_it(tmp_path):
    inside, most, lock, had = 0, 0, threading.Lock(), []

    def come() -> None:
        nonlocal inside, most
        try:
            with claimed(tmp_path):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.02)
                with lock:
                    inside -= 1
                had.append(1)
        except InputError:
            pass

    with ExitStack() as stack:
        threads = [threading.Thread(target=come) for _ in range(6)]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
    assert most == 1 and had
