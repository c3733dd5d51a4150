"""scripts/batch.py as a farm starts it: a real run on the sample, and what goes wrong on farms."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
from walker import walker

from surface_sos_core.layers.exr import read_layers
from surface_sos_core.manifest import read_manifest, write_manifest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "samples"
FRAMES = [1001, 1009, 1017]
HALF = 2.0**-10  # a half holds 11 bits

# Everything but the output, so that --resume finds all of it done.
SHOT = {
    "footage": str(SAMPLE / "plates"),
    "masks": str(SAMPLE / "masks"),
    "cameras": str(SAMPLE / "truth" / "cameras"),
    "preset": "preview",
    "frames": "1001-1017x8",
}


@dataclass(frozen=True)
class Farm:
    """Starts batch.py in one Blender, without --python-exit-code."""

    command: tuple[str, ...]
    environment: dict[str, str]

    def start(self, *words: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **environment},
        )

    def run(self, *words: object, timeout: float = 400, **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr; never a traceback."""
        process = self.start(*words, **environment)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        assert "Traceback" not in out + err, out + err
        return process.returncode, out, err


def farm_of(blender: Any) -> Farm:
    batch = str(ROOT / "scripts" / "batch.py")
    if blender.target == "program":
        return Farm((blender.command[0], "-b", "-P", batch, "--"), blender.environment)
    return Farm((*blender.command, batch), blender.environment)


@pytest.fixture
def farm(blender) -> Farm:
    return farm_of(blender)


def flags(**options: object) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def sentence(err: str) -> str:
    """The one sentence on stderr."""
    errors = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and len(errors[0]) > 20, err
    return errors[0]


@pytest.fixture(scope="module")
def sample(blenders, sample_run, tmp_path_factory) -> Path:
    """A folder with shot/, comp/, shot.blend and stdout of one real run, in the program.

    It goes on from the run that other tests look at, of which the layers of the first frame are lost.
    """
    folder = tmp_path_factory.mktemp("sample")
    shot = folder / "shot"
    shutil.copytree(sample_run.out, shot, ignore=shutil.ignore_patterns("layers"))
    (shot / "layers").mkdir()
    for frame in FRAMES[1:]:
        shutil.copy2(sample_run.out / "layers" / f"plate.{frame}.exr", shot / "layers")
    manifest = read_manifest(shot)
    entries = [entry if entry.frame in FRAMES else replace(entry, layers=None) for entry in manifest.frames]
    write_manifest(shot, replace(manifest, frames=entries))
    made = flags(out=shot, composite=folder / "comp", save=folder / "blend" / "shot.blend")
    code, out, err = farm_of(blenders("program")).run(*flags(**SHOT), "--resume", *made)
    assert code == 0, out + err
    (folder / "stdout").write_text(out)
    return folder


def check_composites(folder: Path, shot: Path) -> None:
    """Each is foreground over clean plate, as EXR and PNG, numbered as the plate."""
    names = {f"plate.{frame}.{kind}" for frame in FRAMES for kind in ("exr", "png")}
    assert {path.name for path in folder.iterdir()} == names
    for frame in FRAMES:
        layers = read_layers(shot / "layers" / f"plate.{frame}.exr")
        expected = layers.foreground[..., :3] + (1 - layers.foreground[..., 3:]) * layers.clean
        with OpenEXR.File(str(folder / f"plate.{frame}.exr")) as file:
            found = file.channels()["RGBA"].pixels[..., :3].astype(np.float32)
        assert np.abs(found - expected).max() < 2 * HALF * max(1.0, float(expected.max()))
        png = cv2.imread(str(folder / f"plate.{frame}.png")).astype(np.float32)
        plate = cv2.imread(str(SAMPLE / "plates" / f"plate.{frame}.jpg")).astype(np.float32)
        assert np.sqrt(np.mean((png - plate) ** 2)) < 16, "it looks like the plate"


def test_from_a_shot_to_composites(sample):
    out = (sample / "stdout").read_text()
    for line in ("[1/7] footage", "layers: 3/3 frames", "composite: 3/3 frames, frame 1017"):
        assert line in out
    assert "train: " not in out and "done again" not in out  # all but the layers of one frame was there
    check_composites(sample / "comp", sample / "shot")



def test_a_shot_whose_subject_moves_is_comped_as_well(farm, tmp_path):
    figure = walker("locked", 8)
    plates, masks = figure.write(tmp_path, [alpha > 0.5 for alpha in figure.alpha])
    out, comp = tmp_path / "shot", tmp_path / "comp"
    options = flags(footage=plates, masks=masks, out=out, subject="moving", frames="1002-1004x2", composite=comp)
    code, said, err = farm.run(*options, "--preset=preview")
    assert code == 0, said + err
    assert {path.name for path in comp.iterdir()} == {f"walk.{n}.{kind}" for n in (1002, 1004) for kind in ("exr", "png")}
    for number in (1002, 1004):
        layers = read_layers(out / "layers" / f"walk.{number}.exr")
        expected = layers.over(layers.clean)
        with OpenEXR.File(str(comp / f"walk.{number}.exr")) as file:
            found = file.channels()["RGBA"].pixels[..., :3].astype(np.float32)
        assert np.abs(found - expected).max() < 2 * HALF * max(1.0, float(expected.max()))


OPEN = """
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
scene = bpy.context.scene
tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
bpy.ops.render.render()
bpy.data.images["Render Result"].save_render(sys.argv[-2])
tell(
    faces=max(len(thing.data.polygons) for thing in scene.objects if thing.type == "MESH"),
    keys=[round(f) for f in scene.camera.animation_data.action.frame_range],
    range=[scene.frame_start, scene.frame_end, scene.frame_step],
    nodes=sorted(node.type for node in tree.nodes),
    lost=[image.filepath for image in bpy.data.images if image.filepath
          and not __import__("os").path.exists(bpy.path.abspath(image.filepath))],
)
"""


def test_the_saved_file_opens_in_every_blender(blender, sample, tmp_path):
    told = blender.facts(OPEN, tmp_path, tmp_path / "again.png", sample / "blend" / "shot.blend")
    assert told["faces"] > 500 and told["keys"] == [1001, 1024] and told["range"] == [1001, 1017, 8]
    assert {"IMAGE", "GROUP"} <= set(told["nodes"]) and told["lost"] == []
    again = cv2.imread(str(tmp_path / "again.png")).astype(np.float32)
    png = cv2.imread(str(sample / "comp" / "plate.1001.png")).astype(np.float32)
    assert np.abs(again - png).max() < 2.5


def test_several_shots_of_which_one_fails(farm, sample, tmp_path):
    shot = {**SHOT, "out": str(sample / "shot"), "resume": True}
    shots = [
        {"footage": "nowhere", "out": "lost"},
        {**shot, "composite": "comp", "save": "again.blend"},
    ]
    (tmp_path / "jobs.json").write_text(json.dumps(shots))
    code, out, err = farm.run("--jobs", tmp_path / "jobs.json")
    assert code == 2 and str(tmp_path / "nowhere") in sentence(err)
    assert "1 of 2 shots done" in out and not (tmp_path / "lost").exists()
    check_composites(tmp_path / "comp", sample / "shot")
    assert (tmp_path / "again.blend").stat().st_size > 10_000


@pytest.mark.long
@pytest.mark.parametrize("blender", ["program", "bpy45"], indirect=True)
def test_shots_that_a_cluster_makes_are_comped_here(farm, sample, tmp_path):
    """One that is there but for a frame, with a bad one before it; options of the command line are for all."""
    pytest.importorskip("ray", reason='Ray is an extra: pip install "surface-sos-core[ray]"')
    shutil.copytree(sample / "shot", tmp_path / "shot")
    (tmp_path / "shot" / "layers" / "plate.1009.exr").unlink()
    given = {name: value for name, value in SHOT.items() if name != "preset"}
    shots = [
        {"footage": "nowhere", "out": "lost"},
        {**given, "out": "shot", "resume": True, "composite": "comp", "save": "again.blend"},
    ]
    (tmp_path / "jobs.json").write_text(json.dumps(shots))
    code, out, err = farm.run(
        "--jobs", tmp_path / "jobs.json", "--preset=preview", "--ray=local", "--workers=1"
    )
    assert code == 2 and f"{tmp_path / 'nowhere'} does not exist" in sentence(err), err
    assert (
        "1 of 2 shots done" in out and f"{tmp_path / 'shot'}: layers" in out and "done by Blender" not in out
    )
    check_composites(tmp_path / "comp", tmp_path / "shot")
    assert (tmp_path / "again.blend").stat().st_size > 10_000


@pytest.mark.parametrize("blender", ["bpy45"], indirect=True)
def test_an_option_of_segment_is_one_of_batch(farm):
    """So that one list of shots is for both."""
    code, out, _ = farm.run("--help")
    told = subprocess.run(
        [sys.executable, "-m", "surface_sos_core", "segment", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    known = set(re.findall(r"--[a-z-]+", out))
    missing = set(re.findall(r"^  (--[a-z-]+)", told.stdout, re.MULTILINE)) - known
    assert code == 0 and missing == {"--events", "--debug"}


def imageless(folder: Path) -> Path:
    shutil.copytree(SAMPLE / "truth" / "cameras", folder)
    (folder / "images.txt").write_text("# no images\n")
    return folder


@pytest.mark.parametrize("blender", ["program", "newest"], indirect=True)
def test_bad_use_is_one_sentence_and_an_exit_code(farm, tmp_path):
    plates, out = SAMPLE / "plates", tmp_path / "out"
    given = flags(footage=plates, out=out)
    (tmp_path / "broken.json").write_text("[{")
    (tmp_path / "typo.json").write_text(
        json.dumps([{"footage": str(plates), "out": "a", "preste": "preview"}])
    )
    (tmp_path / "twice.json").write_text(json.dumps([{"footage": str(plates), "out": "same"}] * 2))
    (tmp_path / "own.json").write_text(json.dumps([{"footage": str(plates), "out": "a", "ray": "local"}]))
    cases: list[tuple[list[str], dict[str, str], int, str]] = [
        (flags(out=out), {}, 2, "--footage is missing"),
        ([*given, "--preste=preview"], {}, 2, "--preste"),
        ([*given, "--preset=best"], {}, 2, "best"),
        ([*given, "--save=file.blender"], {}, 2, ".blend"),
        (flags(footage=tmp_path / "gone", out=out), {}, 2, "gone"),
        ([*given, f"--masks={tmp_path / 'gone'}"], {}, 2, "gone"),
        (given, {"SURFACE_SOS_PYTHON": str(tmp_path / "no-python")}, 3, "no-python"),
        (given, {"SURFACE_SOS_PYTHON": str(tmp_path)}, 3, str(tmp_path)),
        (flags(jobs=tmp_path / "broken.json"), {}, 2, "broken.json"),
        (flags(jobs=tmp_path / "typo.json"), {}, 2, "--preste"),
        (flags(jobs=tmp_path / "twice.json"), {}, 2, "two shots would write"),
        (flags(jobs=tmp_path / "own.json"), {}, 2, "a cluster of its own"),
        ([*given, "--workers=2"], {}, 2, "give --ray too"),
        ([*given, "--ray=127.0.0.1"], {}, 2, "is no address"),
        ([*given, "--ray=127.0.0.1:1"], {}, 3, "Nothing answers at 127.0.0.1:1"),
    ]
    for words, environment, code, text in cases:
        found, _, err = farm.run(*words, **environment)
        assert found == code and text in sentence(err), (words, found, err)
        assert not out.exists()


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_the_cores_own_failures_keep_their_exit_codes(farm, tmp_path):
    code, _, err = farm.run(
        *flags(footage=SAMPLE / "plates", out=tmp_path / "a", cameras=imageless(tmp_path / "model"))
    )
    assert code == 2 and "images.txt" in sentence(err)
    (tmp_path / "no-core").write_text("#!/bin/sh\necho 'No module named surface_sos_core' >&2\nexit 1\n")
    (tmp_path / "no-core").chmod(0o755)
    code, _, err = farm.run(
        *flags(footage=SAMPLE / "plates", out=tmp_path / "b"), SURFACE_SOS_PYTHON=str(tmp_path / "no-core")
    )
    assert code == 1 and "No module named surface_sos_core" in sentence(err)


PREFER = """
bpy.ops.preferences.addon_enable(module=ADDON)
bpy.context.preferences.addons[ADDON].preferences.core_python = sys.argv[-1]
bpy.ops.wm.save_userpref()
"""
FORGET = """
bpy.ops.preferences.addon_enable(module=ADDON)
bpy.context.preferences.addons[ADDON].preferences.core_python = ""
bpy.ops.preferences.addon_disable(module=ADDON)
bpy.ops.wm.save_userpref()
"""


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_the_core_of_the_preferences_comes_first(blender, farm, tmp_path):
    preferred = tmp_path / "preferred"
    preferred.write_text("#!/bin/sh\necho 'the preferred one was called' >&2\nexit 1\n")
    preferred.chmod(0o755)
    blender.facts(PREFER, tmp_path, preferred)
    try:
        code, _, err = farm.run(*flags(footage=SAMPLE / "plates", out=tmp_path / "out"))
        assert code == 1 and "the preferred one was called" in sentence(err)
    finally:
        blender.facts(FORGET, tmp_path)


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_results_that_cannot_be_written_or_read(farm, sample, tmp_path):
    given = [*flags(**SHOT, out=sample / "shot"), "--resume"]
    (tmp_path / "file").write_text("")
    for words in (flags(save=tmp_path / "file" / "a.blend"), flags(composite=tmp_path / "file" / "comp")):
        code, _, err = farm.run(*given, *words)
        assert code == 3 and "file" in sentence(err)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize("blender", ["program"], indirect=True)
@pytest.mark.parametrize("victim", ["child", "blender"])
def test_killed(farm, tmp_path, victim):
    """A killed core is told as such; a killed Blender takes the core with it."""
    process = farm.start(*flags(**SHOT, out=tmp_path / "shot"))
    assert process.stdout is not None
    while not process.stdout.readline().startswith("["):
        assert process.poll() is None, process.communicate()
    (core,) = children(process.pid)
    os.kill(core if victim == "child" else process.pid, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    if victim == "child":
        assert process.returncode == 1 and "signal 9" in sentence(err) and "Traceback" not in err
    deadline = time.monotonic() + 30
    while Path(f"/proc/{core}").exists() and Path(f"/proc/{core}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the core outlives Blender"
        time.sleep(0.2)


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_a_shot_without_layers_cannot_be_comped(blender, sample, tmp_path):
    """The sentence of the loader, by the same path as batch.py's."""
    shot = tmp_path / "shot"
    shutil.copytree(sample / "shot", shot, ignore=shutil.ignore_patterns("layers", "checkpoint"))
    manifest = read_manifest(shot)
    write_manifest(shot, replace(manifest, frames=[replace(frame, layers=None) for frame in manifest.frames]))
    script = """
from pathlib import Path
loaded = part("scene.load_result").load(bpy.context, Path(sys.argv[-1]))
tell(layers=len(loaded.layers), notices=loaded.notices)
"""
    told = blender.facts(script, tmp_path, shot)
    assert told["layers"] == 0 and any("no layers yet" in notice for notice in told["notices"])
