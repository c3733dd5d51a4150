"""Runs that are ended at random moments of every stage go on and end where an undisturbed run does."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh

from surface_sos_core.footage.header import read_header
from surface_sos_core.layers.exr import read_layers
from surface_sos_core.manifest import read_manifest

STAGES = ("footage", "cameras", "masks", "train", "layers", "mesh", "report")
NAMES = ("SIGKILL", "SIGTERM", "SIGINT")
SEED = int(os.environ.get("SURFACE_SOS_SEED", time.time_ns() % 2**32))


def same_outputs(out: Path, other: Path) -> None:
    """Equal mattes within 1/255, and all else of the two shots."""
    mine, theirs = read_manifest(out), read_manifest(other)
    assert (mine.frames, mine.mesh, mine.stages) == (theirs.frames, theirs.mesh, theirs.stages)
    for entry in mine.frames:
        if entry.layers is None:
            continue
        a, b = read_layers(out / entry.layers), read_layers(other / entry.layers)
        assert np.abs(a.foreground[..., 3] - b.foreground[..., 3]).max() <= 1 / 255
        for name in ("foreground", "clean", "seen", "depth", "normal"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0.01, atol=0.02, err_msg=name)
    found, expected = (trimesh.load_mesh(folder / "mesh" / "object.ply") for folder in (out, other))
    np.testing.assert_allclose(found.bounds, expected.bounds, atol=0.01)
    assert (out / "report.html").is_file()


def whole_so_far(out: Path) -> None:
    """What the manifest names is there to its end."""
    if (out / "shot.json").exists():
        for entry in read_manifest(out).frames:
            if entry.layers is not None:
                read_header(out / entry.layers)


def quiet(err: str) -> bool:
    """One line at most, and no trace of a stack."""
    return err.count("\n") <= 1 and not any(word in err for word in ("Traceback", "***", "Exception ignored"))


@pytest.mark.parametrize("chain", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 8))])
def test_interrupted_in_every_stage(chain, small_shot, nursery, finished, tally, tmp_path):
    """One shot, ended once in each stage at a random moment of it, and taken up again each time."""
    moments = random.Random(f"{SEED} {chain}")
    usual = read_manifest(finished).timings
    out = tmp_path / "out"
    for number, stage in enumerate(STAGES):
        name = NAMES[(number + chain) % len(NAMES)]
        resume = ["--resume"] if (out / "shot.json").exists() else []
        pid = nursery.start(*small_shot.words, "--out", out, *resume)
        reached = nursery.reaches(stage)
        time.sleep(moments.uniform(0.0, min(2.0, 1.2 * usual.get(stage, 0.1))))
        try:
            os.kill(pid, getattr(signal, name))
        except ProcessLookupError:
            reached = False
        ended = nursery.wait()
        whole_so_far(out)
        if ended.code == 0 or not reached:
            continue  # it was over before
        with tally.trying("interruptions survived", f"{name} in {stage}"):
            told = stage, name, SEED, ended.err
            assert ended.code == (-signal.SIGKILL if name == "SIGKILL" else 130), told
            assert quiet(ended.err), told
    with tally.trying("shots that end as undisturbed ones", "interrupted in every stage"):
        resume = ["--resume"] if (out / "shot.json").exists() else []
        ended = nursery.run(*small_shot.words, "--out", out, *resume)
        assert ended.code == 0, (SEED, ended.err)
        same_outputs(out, finished)
        left = [path for path in out.rglob("*") if path.name.startswith((".", "solve_"))]
        assert left == []
