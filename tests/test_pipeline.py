"""The whole product on the sample shot, from plates to report, with the preview preset.

tests/figures.json holds what it reaches; `python scripts/test.py tests/test_pipeline.py --store-figures` makes it.
"""

import dataclasses
import json
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import trimesh
from scipy.ndimage import distance_transform_edt

from surface_sos_core import pipeline
from surface_sos_core.cameras import CameraModel, read_model, write_model
from surface_sos_core.cameras.camera import Points
from surface_sos_core.errors import Cancelled, InputError
from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.layers.exr import FrameLayers, read_layers
from surface_sos_core.manifest import read_manifest
from surface_sos_core.pipeline import Shot
from surface_sos_core.settings import LayerSettings, preset
from surface_sos_core.train.checkpoint import read_history
from surface_sos_core.train.trainer import Trainer

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
STAGES = ["footage", "cameras", "masks", "train", "layers", "mesh", "report"]
FRAMES = list(range(1001, 1025))

FIGURES = Path(__file__).with_name("figures.json")
# How far a figure may be from the stored one, in either direction: 0.01, more or less where processors that round otherwise
# are seen to differ by more or less. Five such runs lay within .004 mIoU, .44 dB, .012 SSIM, .016 F-score, .0004 chamfer.
NEAR = 0.01
NEARNESS = {"clean psnr_seen": 0.6, "clean ssim_seen": 0.015, "mesh f_score": 0.03, "mesh chamfer_relative": 0.001}


@dataclasses.dataclass
class Result:
    """A finished shot and what it said on its way."""

    out: Path
    said: list[dict]

    @property
    def cameras(self) -> CameraModel:
        return read_model(self.out / "cameras")

    def layers(self, number: int) -> FrameLayers:
        return read_layers(self.out / "layers" / f"plate.{number}.exr")

    def mesh(self) -> trimesh.Trimesh:
        return trimesh.load(self.out / "mesh" / "object.ply", process=False)


def sample_shot(out: Path, **options: object) -> Shot:
    return Shot(
        SAMPLES / "plates", out, masks=SAMPLES / "masks", cameras=SAMPLES / "truth" / "cameras", **options
    )


@pytest.fixture(scope="module")
def result(sample_run, tmp_path_factory) -> Result:
    """A copy, which tests change."""
    out = tmp_path_factory.mktemp("shot") / "out"
    shutil.copytree(sample_run.out, out)
    return Result(out, sample_run.said)


@pytest.fixture(scope="module")
def measured(result) -> dict:
    return pipeline.measure(result.out, SAMPLES / "truth")


# Quality


@pytest.fixture
def hold(pytestconfig) -> Callable[[str, dict[str, float], Path], None]:
    """hold(part, figures, out): figures of the shot in `out` are those stored as `part`; or stores them, if so asked."""

    def compare(part: str, figures: dict[str, float], out: Path) -> None:
        stored = json.loads(FIGURES.read_text())
        if pytestconfig.getoption("--store-figures"):
            stored[part] = {"figures": figures, **provenance(), "settings": read_manifest(out).settings}
            FIGURES.write_text(json.dumps(stored, indent=1) + "\n")
        expected = stored[part]["figures"]
        assert set(figures) == set(expected)
        for name, value in figures.items():
            near = NEARNESS.get(name, NEAR)
            assert value == pytest.approx(expected[name], abs=near), f"{name}: better or worse than stored"

    return compare


def provenance() -> dict[str, str]:
    """What stored figures were made of, where and when."""
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=SAMPLES, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {
        "commit": git.stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def test_figures_are_the_stored_ones(result, measured, hold):
    figures = {
        "matte miou": measured["matte"]["mean"]["miou"],
        "clean psnr_seen": measured["clean"]["mean"]["psnr_seen"],
        "clean ssim_seen": measured["clean"]["mean"]["ssim_seen"],
        "mesh f_score": measured["mesh"]["f_score"],
        "mesh chamfer_relative": measured["mesh"]["chamfer_relative"],
    }
    hold("sample", figures, result.out)


def test_mattes_are_better_than_the_masks_that_went_in(measured):
    """On the frames whose masks show something, and on all."""
    masks = {int(path.stem[-4:]): grey(path) for path in (SAMPLES / "masks").iterdir()}
    given = {n: iou(mask, true_matte(n)) for n, mask in masks.items() if mask.any()}
    found = {row["frame"]: row["iou"] for row in measured["matte"]["per_frame"]}
    assert len(given) == len(FRAMES) - 2 and list(found) == FRAMES
    assert np.mean([found[n] for n in given]) > np.mean(list(given.values())) + 0.05
    assert min(found.values()) > min(given.values())


def test_metrics_go_into_the_manifest_and_the_report(result, measured):
    assert read_manifest(result.out).metrics == json.loads(json.dumps(measured))
    report = (result.out / "report.html").read_text()
    for values in (measured["matte"]["mean"], measured["clean"]["mean"], measured["mesh"]):
        for name, value in values.items():
            shown = f"{value:.4g}" if isinstance(value, float) else "–" if value is None else value
            assert f"<tr><th>{name}</th><td>{shown}</td></tr>" in report


def test_training_leaves_the_processor_as_it_was(result):
    """Flushed denormals, which training wants, would crash scipy's k-d trees in later stages."""
    assert np.array([1e-310])[0] / 2.0 > 0.0


# What is where


def test_every_frame_has_its_layers_under_its_own_number(result):
    assert sorted(path.name for path in (result.out / "layers").iterdir()) == [
        f"plate.{number}.exr" for number in FRAMES
    ]
    for number in (1001, 1024):
        with OpenEXR.File(str(result.out / "layers" / f"plate.{number}.exr"), separate_channels=True) as file:
            assert file.header()["imageCounter"] == number
            channels = set(file.channels())
        assert channels == {
            "R", "G", "B", "A", "clean.R", "clean.G", "clean.B", "seen.V", "depth.Z", "normal.X", "normal.Y",
            "normal.Z", "shadow.R", "shadow.G", "shadow.B",
        }  # fmt: skip


def test_the_shadow_layer_takes_the_shadow_off_the_table(result):
    """Truth has none; compared is where the layer has it and other frames saw the table."""
    change = []
    for number in FRAMES[::6]:
        layers = result.layers(number)
        assert layers.shadow is not None and 0.0 < layers.shadow.min() < 0.7 and layers.shadow.max() == 1.0
        truth = cv2.imread(str(SAMPLES / "truth" / "clean" / f"plate.{number}.jpg"))[..., ::-1] / 255.0
        shaded = (layers.shadow.mean(axis=2) < 0.9) & (layers.seen > 0.5)
        assert shaded.sum() > 100
        kept, taken = (
            np.mean((srgb_encode(plate)[shaded] - truth[shaded]) ** 2)
            for plate in (layers.clean, layers.without_shadow)
        )
        change.append(10 * np.log10(kept / taken))
    assert np.mean(change) > 1.5, change


def test_manifest(result):
    manifest = read_manifest(result.out)
    assert [(f.name, f.frame, f.layers) for f in manifest.frames] == [
        (f"plate.{n}", n, f"layers/plate.{n}.exr") for n in FRAMES
    ]
    assert manifest.stages == STAGES
    assert set(STAGES) - {"report"} <= set(manifest.timings)
    assert (manifest.footage.width, manifest.footage.height, manifest.footage.title) == (320, 180, "plate")
    assert manifest.settings["preset"] == "preview"
    assert manifest.made["train"].ran["iterations"] == preset("preview").train.iterations
    assert (result.out / manifest.cameras / "images.txt").is_file()
    assert (result.out / manifest.mesh.ply).is_file() and (result.out / manifest.mesh.glb).is_file()
    assert manifest.software["torch"] != "unknown"


def test_given_cameras_stay_and_get_points(result):
    truth = read_model(SAMPLES / "truth" / "cameras")
    assert len(truth.points) == 0 and len(result.cameras.points) > 1000
    for mine, true in zip(result.cameras.cameras.values(), truth.cameras.values(), strict=True):
        assert (mine.name, mine.lens) == (true.name, true.lens)
        np.testing.assert_allclose(mine.rotation, true.rotation, atol=1e-12)
        np.testing.assert_array_equal(mine.translation, true.translation)


def test_the_box_is_told_with_its_transform(result):
    box = read_manifest(result.out).box
    matrix = np.array(box["world_to_box"])
    np.testing.assert_allclose(matrix @ [*box["centre"], 1.0], [0, 0, 0, 1], atol=1e-9)
    scale = 2.0 / max(box["size"])
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, scale**2 * np.eye(3), atol=1e-9)


def test_no_half_written_file_is_left(result):
    left = [p for p in result.out.rglob("*") if p.is_file() and (p.name.startswith(".") or "tmp" in p.name)]
    assert left == []


def test_the_report_needs_no_other_file(result):
    text = (result.out / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", text)
    assert len(sources) >= 3 and all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"url\((?!['\"]?data:)|@import|<link|<iframe", text)


def test_events_tell_the_stages_and_the_end(result, sample_run):
    stages = [e for e in result.said if e["event"] == "stage"]
    assert [e["stage"] for e in stages] == STAGES
    assert [(e["index"], e["count"]) for e in stages] == [(n + 1, len(STAGES)) for n in range(len(STAGES))]
    assert [e["event"] for e in result.said].count("done") == 1 and result.said[-1]["event"] == "done"
    assert result.said[-1]["manifest"] == str(sample_run.out / "shot.json")
    steps = [e["done"] for e in result.said if e["event"] == "progress" and e["stage"] == "train"]
    assert steps == sorted(steps) and steps[-1] == preset("preview").train.iterations
    previews = [e for e in result.said if e["event"] == "preview"]
    assert previews[0]["iteration"] < steps[-1] == previews[-1]["iteration"]  # one comes soon
    assert cv2.imread(previews[-1]["path"]) is not None
    assert not [e for e in result.said if e["event"] == "error"]


def test_the_black_and_the_missing_mask_are_told(result):
    warnings = " ".join(e["message"] for e in result.said if e["event"] == "warning")
    assert "plate.1006" in warnings
    assert re.search(r"black", warnings)


# The world is the camera model's own


@pytest.mark.parametrize("number", [1001, 1012, 1024])
def test_the_mesh_projects_onto_the_mattes(result, number):
    camera, mesh = result.cameras.cameras[f"plate.{number}.jpg"], result.mesh()
    pixels, _ = camera.project(mesh.vertices)
    drawn = np.zeros((180, 320), np.uint8)
    for triangle in np.round(pixels[mesh.faces] * 16).astype(np.int32):
        cv2.fillConvexPoly(drawn, triangle, 1, shift=4)
    matte = result.layers(number).foreground[..., 3] > 0.5
    assert (matte & (drawn > 0)).sum() / (matte | (drawn > 0)).sum() > 0.86


@pytest.mark.parametrize("number", [1001, 1018])
def test_depth_is_that_of_the_mesh(result, number):
    camera = result.cameras.cameras[f"plate.{number}.jpg"]
    points = np.asarray(trimesh.sample.sample_surface(result.mesh(), 200_000, seed=0)[0])
    pixels, depth = camera.project(points)
    inside = np.all((pixels >= 0) & (pixels < (320, 180)), axis=1)
    column, row = pixels[inside].astype(int).T
    nearest = np.full((180, 320), np.inf)
    np.minimum.at(nearest, (row, column), depth[inside])
    layers = result.layers(number)
    both = np.isfinite(nearest) & (layers.foreground[..., 3] > 0.9) & (layers.depth < 1e9)
    assert both.sum() > 4000
    size = np.ptp(result.mesh().vertices, axis=0).max()
    assert np.median(np.abs(layers.depth - nearest)[both]) < 0.01 * size


def test_normals_look_at_the_camera(result):
    camera, layers = result.cameras.cameras["plate.1012.jpg"], result.layers(1012)
    solid = layers.foreground[..., 3] > 0.99
    rows, columns = np.nonzero(solid)
    _, directions = camera.rays(np.stack([columns + 0.5, rows + 0.5], axis=1))
    facing = (layers.normal[solid] * directions).sum(axis=1) < 0
    assert facing.mean() > 0.9


def test_outside_the_hole_the_plate_is_untouched(result):
    layers = result.layers(1009)
    plate = open_footage(SAMPLES / "plates", False, print).read_linear(8)
    # The hole holds the object also where the matte has lost a thin part of it.
    outside = distance_transform_edt((layers.foreground[..., 3] == 0) & (true_matte(1009) == 0)) > 10
    assert outside.sum() > 20_000
    np.testing.assert_array_equal(layers.clean[outside], plate.astype(np.float16).astype(np.float32)[outside])
    assert np.all(layers.seen[outside] == 1.0)


# Later runs


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (out / "layers").iterdir()}


@pytest.fixture
def no_training(monkeypatch):
    def trains(*_: object, **__: object) -> None:
        raise AssertionError("it trains again")

    monkeypatch.setattr(Trainer, "run", trains)
    monkeypatch.setattr(Trainer, "fit_to_consensus", trains)


@pytest.mark.usefixtures("no_training")
def test_resume_makes_what_is_missing_and_keeps_the_rest(result):
    before = times(result.out)
    (result.out / "layers" / "plate.1005.exr").unlink()
    pipeline.segment(sample_shot(result.out), preset("preview", "cpu"), mode="resume")
    after = times(result.out)
    assert set(after) == set(before)
    assert {name for name in before if after[name] != before[name]} == {"plate.1005.exr"}
    assert [f.layers for f in read_manifest(result.out).frames] == [f"layers/plate.{n}.exr" for n in FRAMES]


@pytest.mark.usefixtures("no_training")
def test_train_keeps_what_is_trained(result):
    before = (result.out / "checkpoint" / "fields.npz").stat().st_mtime_ns
    pipeline.train_fields(result.out)
    assert (result.out / "checkpoint" / "fields.npz").stat().st_mtime_ns == before


def test_layers_of_one_frame(result):
    before = times(result.out)
    pipeline.make_layers(result.out, frames="1003")
    after = times(result.out)
    assert {name for name in before if after[name] != before[name]} == {"plate.1003.exr"}
    assert sum(f.layers is not None for f in read_manifest(result.out).frames) == len(FRAMES)


def test_render_from_two_of_its_own_cameras(result, tmp_path):
    names = ["plate.1004.jpg", "plate.1020.jpg"]
    model = CameraModel({name: result.cameras.cameras[name] for name in names}, Points.empty())
    write_model(model, tmp_path / "model")
    pipeline.render_views(result.out, tmp_path / "model", tmp_path / "to")
    manifest = read_manifest(tmp_path / "to")
    assert [(f.name, f.layers) for f in manifest.frames] == [
        ("plate.1004", "layers/plate.1004.exr"), ("plate.1020", "layers/plate.1020.exr"),
    ]  # fmt: skip
    for number in (1004, 1020):
        seen, own = read_layers(tmp_path / "to" / "layers" / f"plate.{number}.exr"), result.layers(number)
        a, b = seen.foreground[..., 3] > 0.5, own.foreground[..., 3] > 0.5
        assert (a & b).sum() / (a | b).sum() > 0.85
        both = a & b & (own.depth < 1e9)
        assert np.median(np.abs(seen.depth - own.depth)[both] / own.depth[both]) < 0.01
        assert np.isfinite(seen.clean).all() and seen.clean.max() > 0.0


def test_render_into_the_shot_itself_is_refused(result):
    with pytest.raises(InputError, match="itself"):
        pipeline.render_views(result.out, result.out / "cameras", result.out, overwrite=True)
    assert (result.out / "checkpoint" / "fields.npz").is_file()


def test_a_shot_whose_footage_is_gone_says_so(result, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(result.out, out, ignore=shutil.ignore_patterns("layers", "checkpoint"))
    manifest = json.loads((out / "shot.json").read_text())
    manifest["footage"]["path"] = str(tmp_path / "gone")
    (out / "shot.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="gone"):
        pipeline.make_mesh(out)


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path):
    """Stopped twice, by Ctrl-C and by a signal, each time in the middle of training."""
    tiny = preset("preview", "cpu")
    tiny = dataclasses.replace(
        tiny,
        consensus=dataclasses.replace(tiny.consensus, resolution=32, views=12),
        train=dataclasses.replace(tiny.train, iterations=60, warm_up=60, rays=256, image_edge=96),
        layers=LayerSettings(samples=16, border_rays=1, refine=False, sources=2),
        mesh=dataclasses.replace(tiny.mesh, resolution=32),
    )
    shot = sample_shot(tmp_path / "out", frames="1001")
    checkpoint = tmp_path / "out" / "checkpoint" / "fields.npz"
    started: list[int] = []

    def run(mode: str, stop: int | None, error: BaseException | None = None) -> None:
        first = True

        def listen(event: dict) -> None:
            nonlocal first
            if event["event"] == "progress" and event["stage"] == "train":
                if first:
                    started.append(event["done"])
                    first = False
                if event["done"] == stop:
                    raise error

        pipeline.segment(shot, tiny, listen, mode)

    with pytest.raises(KeyboardInterrupt):
        run("new", 20, KeyboardInterrupt())
    assert checkpoint.is_file() and [step for step, *_ in read_history(checkpoint)] == [16]
    with pytest.raises(Cancelled):
        run("resume", 40, Cancelled("stop"))
    with pytest.raises(InputError, match="--resume"):
        run("new", None)
    run("resume", None)
    assert started == [10, 30, 50]
    manifest = read_manifest(tmp_path / "out")
    assert [f.name for f in manifest.frames if f.layers] == ["plate.1001"]
    assert manifest.made["train"].ran["iterations"] == 60


# From what an artist draws


def test_one_box_on_one_frame_and_no_masks(tmp_path, hold):
    """The whole run; so few iterations only have to keep what the masks of the box are worth."""
    (tmp_path / "box.json").write_text(json.dumps({"frame": 1012, "box": box_of_truth(1012)}))
    source, out = f"box:{tmp_path / 'box.json'}", tmp_path / "out"
    few = preset("preview", "cpu")
    few = dataclasses.replace(few, train=dataclasses.replace(few.train, iterations=60))
    shot = dataclasses.replace(sample_shot(out, frames="1004-1020x8"), masks=source)
    pipeline.segment(shot, few)
    manifest = read_manifest(out)
    assert manifest.stages == STAGES and sum(frame.layers is not None for frame in manifest.frames) == 3
    coarse = pipeline.find_masks(SAMPLES / "plates", tmp_path / "roto", source, cameras=out / "cameras").out
    before = np.mean([iou(grey(coarse / f"plate.{n}.png"), true_matte(n)) for n in (1004, 1012, 1020)])
    after = pipeline.measure(out, SAMPLES / "truth")["matte"]["mean"]["miou"]
    assert after > before - 0.02
    hold("sample from one box", {"masks miou": before, "matte miou": after}, out)


def grey(path: Path) -> np.ndarray:
    """(h, w) in [0, 1]."""
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) / 255.0


def true_matte(number: int) -> np.ndarray:
    return grey(SAMPLES / "truth" / "matte" / f"plate.{number}.png")


def box_of_truth(number: int) -> list[int]:
    """With 2 % of the frame's width around it."""
    matte = true_matte(number)
    rows, columns = np.nonzero(matte > 0.5)
    room = round(0.02 * matte.shape[1])
    return [
        int(v) for v in (columns.min() - room, rows.min() - room, columns.max() + room, rows.max() + room)
    ]
