"""A shot that is segmented in seconds, runs of it in processes that may be killed, and the figures that tests add up.

With --long, which `python scripts/test.py --reliability` gives, every test tries more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import types
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_shot import SmallShot, write_small_shot

ROOT = Path(__file__).resolve().parents[2]

if "blender_addon" not in sys.modules:  # its modules without bpy, without its __init__, which imports bpy
    package = types.ModuleType("blender_addon")
    package.__path__ = [str(ROOT / "blender_addon")]
    sys.modules["blender_addon"] = package


# Forks a child for each line it reads, so that libraries are loaded only once.
NURSERY = """
import json, os, signal, sys
from surface_sos_core import cli, pipeline
from surface_sos_core.events import Events
tell_stage = Events.stage
def at(stage, act):  # for what a test executes first: `act` when the run begins `stage`
    def begins(self, name, index, count):
        tell_stage(self, name, index, count)
        if name == stage:
            act()
    Events.stage = begins
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setsid()
        for number, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
        exec(order["extra"])
        try:
            code = cli.main(order["words"])
        except SystemExit as end:
            code = end.code
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
THREADS = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass
class Ended:
    """How a run ended, negative for a signal, and all that it said."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines() if line.endswith("}")]

    @property
    def warnings(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "warning"]


class Nursery:
    """Runs of the command line, one at a time, in processes that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._said = folder / "out.txt", folder / "err.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **THREADS},
        )

    def start(self, *words: object, extra: str = "") -> int:
        """Begin a run that tells events; its process's number. `extra` is Python that it executes first."""
        out, err = self._said
        out.write_text("")
        order = {
            "words": [str(words[0]), "--events", "jsonl", *map(str, words[1:])], "extra": extra, "out": str(out), "err": str(err),
        }  # fmt: skip
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def reaches(self, stage: str, seconds: float = 120.0) -> bool:
        """Wait until the run begins `stage`; False where it ends before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            said = self._said[0].read_text()
            if f'"stage": "{stage}"' in said:
                return True
            if '"event": "done"' in said or '"event": "error"' in said:
                return False
            time.sleep(0.01)
        raise TimeoutError(f"{stage} was not reached")

    def wait(self) -> Ended:
        code = int(self._process.stdout.readline())
        out, err = (file.read_text(errors="replace") for file in self._said)
        return Ended(code, out, err)

    def run(self, *words: object, extra: str = "") -> Ended:
        self.start(*words, extra=extra)
        return self.wait()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    if not hasattr(os, "fork"):
        pytest.skip("runs that are killed take a system that forks")
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def small_shot(ball, tmp_path_factory: pytest.TempPathFactory) -> SmallShot:
    return write_small_shot(ball, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def finished(small_shot: SmallShot, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shot's folder after a run that nothing disturbed.

    Another run comes first, for what numba compiles for it: code that a process compiled itself rounds otherwise than what
    numba's cache gives to all others, in the last digit, and training makes that more.
    """
    first = nursery.run(*small_shot.words, "--out", tmp_path_factory.mktemp("first") / "out")
    assert first.code == 0, first.err
    out = tmp_path_factory.mktemp("finished") / "out"
    ended = nursery.run(*small_shot.words, "--out", out)
    assert ended.code == 0, ended.err
    return out


@pytest.fixture
def own_shot(small_shot: SmallShot, tmp_path: Path) -> SmallShot:
    """A copy of the small shot that the test may damage."""
    shutil.copytree(small_shot.folder, tmp_path / "shot")
    return SmallShot(tmp_path / "shot")


class Tally:
    """What was tried and what held, by kind."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def count(self, table: str, kind: str, held: bool) -> None:
        """One more was tried, which held or not."""
        self.counts[table, kind][0] += held
        self.counts[table, kind][1] += 1

    @contextmanager
    def trying(self, table: str, kind: str) -> Iterator[None]:
        """One more is tried, which holds where the block ends well."""
        held = False
        try:
            yield
            held = True
        finally:
            self.count(table, kind, held)


_TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Iterator[Tally]:
    """Tests count here; SURFACE_SOS_FIGURES names a file that gets the figures as JSON."""
    yield _TALLY
    file = os.environ.get("SURFACE_SOS_FIGURES")
    if file:
        rows = [[table, kind, *count] for (table, kind), count in sorted(_TALLY.counts.items())]
        Path(file).write_text(json.dumps(rows), encoding="utf-8")
