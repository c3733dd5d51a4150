"""Ten times as many frames take hardly any more memory, each shot in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.footage.frame_stack import FrameStack, let_go, temporary_frames

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "memory_shot.py"
FRAMES = (60, 600)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how large a process was")
WIDTH, HEIGHT = 256, 192


def test_memory_does_not_grow_with_the_frames():
    """Reading them, their masks, the cache and training: 600 frames' pixels and masks are 118 MB, 9 times those of 60."""
    peaks = []
    for frames in FRAMES:
        command = [SCRIPT, frames, WIDTH, HEIGHT, "--steps", 40, "--small", "--until", "layers"]
        run = subprocess.run(
            [sys.executable, *map(str, command)],
            check=False,
            cwd=SCRIPT.parents[1],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        told = json.loads(run.stdout.splitlines()[-1])
        assert told["frames"] == frames and told["before"]["layers"] > told["before"]["start"]
        peaks.append(told["peak"])
    assert peaks[1] < 1.1 * peaks[0], peaks


def test_reading_pixels_leaves_the_others_on_disk(tmp_path):
    """What a mapped file would not do: its pages would count as the process's own."""
    shape = (64, 512, 512, 3)  # 50 MB
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, shape[1:], np.uint8)
    with FrameStack(shape, tmp_path) as stack:
        before = resident()
        for i in range(64):
            stack[i] = picture
        for _ in range(20):
            stack[tuple(random.integers(0, n, 1024) for n in shape[:3])]
        assert resident() - before < 10


def test_frames_that_were_let_go_are_still_there():
    frames = temporary_frames((200, 512, 512))  # 52 MB
    before = resident()
    for n in range(200):
        frames[n] = n
        let_go(frames)
    assert resident() - before < 10
    assert all((frames[n] == n).all() for n in (0, 57, 199))
    let_go(np.zeros((2, 3, 4), np.uint8))


def resident() -> float:
    """MB that this process takes now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
