"""Disks that fill up, memory that runs out, outputs that may not be written, files that vanish, two runs at once.

Each ends with one sentence and the promised code, leaves nothing half written and every finished file as it was, and
goes on once there is room again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from surface_sos_core import cli
from surface_sos_core.files import is_partial
from surface_sos_core.footage.header import read_header
from surface_sos_core.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("counted")
WRITING = ["layers", "train", "cameras", "masks", "mesh", "report"]
TABLE = "starvations survived"


def some(cases: list, count: int) -> list:
    """The first cases in every run, the others in a long one only."""
    more = [case if isinstance(case, tuple) else (case,) for case in cases[count:]]
    return [*cases[:count], *(pytest.param(*case, marks=pytest.mark.long) for case in more)]


@pytest.fixture
def counted(request, tally) -> Iterator[None]:
    """Each test is a starvation, and survived where it passes."""
    kind = request.function.__name__.removeprefix("test_").replace("_", " ")
    failed = request.session.testsfailed
    yield
    tally.count(TABLE, kind, request.session.testsfailed == failed)


def snapshot(folder: Path) -> dict[str, bytes]:
    """The content of every file below `folder`."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def ends_well(ended, code: int, words: str, out: Path) -> None:
    """One sentence, its code, and nothing half written."""
    assert ended.code == code, (ended.code, ended.err)
    assert ended.err.count("\n") == 1 and words in ended.err, ended.err
    assert ended.events[-1]["event"] == "error" and ended.events[-1]["exit_code"] == code
    left = [path for path in out.rglob("*") if is_partial(path)]  # locks among them
    assert left == []
    if (out / "shot.json").exists():
        for entry in read_manifest(out).frames:
            if entry.layers is not None:
                read_header(out / entry.layers)


def goes_on(shot, nursery, out: Path) -> None:
    ended = nursery.run(*shot.words, "--out", out, "--resume")
    assert ended.code == 0, ended.err
    assert sum(entry.layers is not None for entry in read_manifest(out).frames) == 4


# Full disks


@pytest.mark.parametrize("stage", some(WRITING, 2))
def test_a_file_that_may_not_grow(stage, small_shot, nursery, tmp_path, at_length):
    """As on a full disk, for one process: writing beyond 16 kB fails from a stage on."""
    out = tmp_path / "out"
    limit = (
        f"import resource\nat({stage!r}, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16000, 16000)))"
    )
    ended = nursery.run(*small_shot.words, "--out", out, extra=limit)
    ends_well(ended, 3, "full", out)
    assert str(out) in ended.err
    if at_length:
        goes_on(small_shot, nursery, out)


def mounted(folder: Path, options: str) -> bool:
    """Whether a disk in memory could be mounted there."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return (
        shutil.which("mount") is not None
        and not subprocess.run(mount, check=False, capture_output=True).returncode
    )


@pytest.fixture
def tiny_disk(tmp_path) -> Iterator[Path]:
    """A disk of 4 MB, less than a checkpoint."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted(disk, "size=4m"):
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_full(tiny_disk, small_shot, nursery):
    out = tiny_disk / "out"
    ended = nursery.run(*small_shot.words, "--out", out)
    ends_well(ended, 3, "full", out)


@pytest.mark.long
def test_an_overwrite_keeps_what_is_not_ours_when_the_disk_is_full(finished, small_shot, nursery, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (out / "notes.txt").write_text("mine")
    limit = "import resource\nat('train', lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16000, 16000)))"
    ends_well(nursery.run(*small_shot.words, "--out", out, "--overwrite", extra=limit), 3, "full", out)
    assert (out / "notes.txt").read_text() == "mine"


# Memory

FULL = """
import torch
from surface_sos_core.stages import layers, mesh, training
class OutOfMemoryError(RuntimeError): pass
def out(*_, **__): raise OutOfMemoryError("CUDA out of memory")
"""
SMALLER = {
    "train": FULL
    + """
step = training.Trainer._advance
training.Trainer._advance = lambda self, batch: step(self, batch) if len(batch.plate) <= {most} else out()
""",
    "layers": FULL
    + """
make = layers.frame_layers
layers.frame_layers = lambda studio, i: (
    make(studio, i) if studio.proposals.rays_at_once <= {most} * 64 or i == 0 else out()
)
""",
    "mesh": FULL
    + """
make = mesh.object_surface
mesh.object_surface = lambda *given: make(*given) if 128 // given[-1] <= {most} else out()
""",
}


@pytest.mark.parametrize("stage", some([*SMALLER], 1))
def test_memory_that_is_enough_for_smaller_parts(stage, small_shot, nursery, tmp_path):
    out = tmp_path / "out"
    ended = nursery.run(*small_shot.words, "--out", out, extra=SMALLER[stage].format(most=32))
    assert ended.code == 0, ended.err
    assert [w for w in ended.warnings if "Memory" in w and stage in w and "smaller" in w]
    assert sum(entry.layers is not None for entry in read_manifest(out).frames) == 4


@pytest.mark.parametrize("stage", some(["layers", "train", "mesh"], 1))
def test_memory_that_is_never_enough(stage, small_shot, nursery, tmp_path):
    out = tmp_path / "out"
    ended = nursery.run(*small_shot.words, "--out", out, extra=SMALLER[stage].format(most=0))
    ends_well(ended, 3, "not enough memory", out)
    made = sum(entry.layers is not None for entry in read_manifest(out).frames)
    assert made == {"train": 0, "layers": 1, "mesh": 4}[stage]


WHILE_MASKS = {
    "automatic": "from surface_sos_core.masks.sources import auto\nauto.automatic_masks = out",
    "consensus": "from surface_sos_core.stages import masks\nmasks.build_consensus = out",
}


@pytest.mark.parametrize("work", WHILE_MASKS)
def test_memory_that_runs_out_while_masks_are_found(work, small_shot, nursery, tmp_path, at_length):
    """As OpenCV tells of it; nothing there could be done in smaller parts."""
    out = tmp_path / "out"
    full = "import cv2\ndef out(*_, **__): raise cv2.error('std::bad_alloc')\n"
    words = without_masks(small_shot.words) if work == "automatic" else small_shot.words
    ended = nursery.run(*words, "--out", out, extra=full + WHILE_MASKS[work])
    ends_well(ended, 3, "not enough memory", out)
    if at_length:
        goes_on(small_shot, nursery, out)


def without_masks(words: list[str]) -> list[str]:
    at = words.index("--masks")
    return words[:at] + words[at + 2 :]


@pytest.mark.long
@pytest.mark.parametrize("megabytes", [2, 6, 15, 40])
@pytest.mark.parametrize("masks", ["given", "found"])
def test_a_process_that_gets_no_more_memory(masks, megabytes, small_shot, nursery, tmp_path):
    """The system itself refuses: from the start of the masks, the process may hardly grow."""
    out = tmp_path / "out"
    limit = (
        "import resource\n"
        "def stop():\n"
        "    pages = int(open('/proc/self/statm').read().split()[0])\n"
        f"    most = pages * resource.getpagesize() + {megabytes}_000_000\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "at('masks', stop)"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("the size of a process is not known here")
    words = small_shot.words if masks == "given" else without_masks(small_shot.words)
    ended = nursery.run(*words, "--out", out, extra=limit)
    ended.err = "".join(line + "\n" for line in ended.err.splitlines() if "parallel_impl.cpp" not in line)
    ends_well(
        ended, 3, "not enough memory", out
    )  # OpenCV's log is silent where the command line is first to load it
    if megabytes == 2:
        goes_on(small_shot, nursery, out)


# Permissions


@pytest.fixture
def read_only(tmp_path) -> Iterator[Callable[[], None]]:
    """A folder `locked` below tmp_path, and what makes it read-only from then on: root takes a disk for that."""
    folder, is_root = tmp_path / "locked", hasattr(os, "geteuid") and os.geteuid() == 0
    folder.mkdir()
    if is_root and not mounted(folder, "size=64m"):
        pytest.skip("root may write anywhere, and no disk can be mounted here")
    yield lambda: mounted(folder, "remount,ro") if is_root else folder.chmod(0o555)
    if is_root:
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o755)


@pytest.mark.parametrize("kind", some(["resume", "new"], 1))
def test_an_output_that_may_not_be_written(kind, read_only, small_shot, finished, nursery, tmp_path):
    out = tmp_path / "locked" / "out"
    if kind == "resume":
        shutil.copytree(finished, out)
    read_only()
    before = snapshot(out)
    ended = nursery.run(*small_shot.words, "--out", out, *(["--resume"] if kind == "resume" else []))
    ends_well(ended, 3, "may not be", out)
    assert str(out) in ended.err and snapshot(out) == before


# Files that vanish


@pytest.mark.parametrize(
    ("stage", "victim"), some([("layers", "plates/plate.1002.png"), ("train", "plates/plate.1003.png")], 1)
)
def test_a_frame_that_vanishes(stage, victim, own_shot, nursery, tmp_path):
    out, hidden = tmp_path / "out", tmp_path / "hidden"
    gone = f"at({stage!r}, lambda: os.rename({str(own_shot.folder / victim)!r}, {str(hidden)!r}))"
    ended = nursery.run(*own_shot.words, "--out", out, extra=gone)
    ends_well(ended, 2, Path(victim).name, out)
    hidden.rename(own_shot.folder / victim)
    goes_on(own_shot, nursery, out)


@pytest.mark.parametrize("name", some(["checkpoint/consensus.npz", "cameras/images.txt"], 1))
def test_a_file_of_ours_that_vanishes(name, small_shot, finished, nursery, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    (out / name).unlink()
    goes_on(small_shot, nursery, out)
    gone = f"at('layers', lambda: os.unlink({str(out / name)!r}))"
    ended = nursery.run(*small_shot.words, "--out", out, "--resume", extra=gone)
    ends_well(ended, 2, Path(name).name, out)


# Two runs


@pytest.mark.parametrize("command", some(["segment", "render", "train", "layers", "mesh", "eval"], 2))
def test_a_second_run_on_the_folder_is_refused(command, small_shot, finished, nursery, tmp_path, capfd):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    words = {
        "segment": [*small_shot.words, "--out", out, "--resume"],
        "eval": ["eval", out, "--truth", small_shot.folder / "masks"],
        "render": ["render", finished, "--cameras", small_shot.folder / "model", "--out", out, "--overwrite"],
    }.get(command, [command, out])
    pid = nursery.start("layers", out, extra="import time; at('layers', lambda: time.sleep(60))")
    assert nursery.reaches("layers")
    code = cli.main(list(map(str, words)))
    err = capfd.readouterr().err
    os.kill(pid, 9)
    nursery.wait()
    assert code == 2 and err.count("\n") == 1 and "Another run" in err and str(out) in err
