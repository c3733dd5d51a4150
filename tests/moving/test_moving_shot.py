"""From damaged masks, or none, to mattes and clean plates of a figure that walks, held against exact truth."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from walker import HEIGHT, WIDTH, walker

from surface_sos_core import Shot, open_shot, preset, segment
from surface_sos_core.cameras import read_model
from surface_sos_core.evaluate.metrics import iou
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.colour import srgb_encode
from surface_sos_core.layers.exr import NO_DEPTH, read_layers
from surface_sos_core.moving.found import moving_masks
from surface_sos_core.settings import Settings

COUNT = 14


class Readings:
    """Which groups of settings each stage of a run reads in `moving/` and `stages/moving.py`."""

    def __init__(self) -> None:
        self.groups: dict[str, set[str]] = {}
        self.stage = ""

    def told(self, event: dict[str, Any]) -> None:
        self.stage = event["stage"] if event["event"] == "stage" else self.stage

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        known = Settings().groups().keys()

        def reading(settings: Settings, name: str) -> Any:
            reader = Path(sys._getframe(1).f_code.co_filename).with_suffix("")
            if name in known and "moving" in reader.parts[-2:]:
                self.groups.setdefault(self.stage, set()).add(name)
            return object.__getattribute__(settings, name)

        patch.setattr(Settings, "__getattribute__", reading)


@pytest.fixture(scope="module")
def readings() -> Readings:
    return Readings()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, readings: Readings):
    shot, folder = walker("turning", COUNT), tmp_path_factory.mktemp("walker")
    given = shot.damaged()
    plates, masks = shot.write(folder, given)
    with pytest.MonkeyPatch.context() as patch:
        readings.watch(patch)
        result = segment(Shot(plates, folder / "out", masks=masks), preset("default", "cpu"), readings.told)
    return shot, given, result


def test_mattes_are_better_than_the_masks_that_were_given(made) -> None:
    shot, given, result = made
    found = [iou(frame.alpha, alpha) for frame, alpha in zip(result.frames, shot.alpha, strict=True)]
    before = [
        0.0 if mask is None else iou(mask.astype(float), alpha)
        for mask, alpha in zip(given, shot.alpha, strict=True)
    ]
    assert np.mean(found) > 0.94
    assert all(now > then - 0.01 for now, then in zip(found, before, strict=True))


def test_clean_plates_are_what_is_behind_without_the_shadow(made) -> None:
    shot, _, result = made
    psnr = []
    for frame, plate, alpha in zip(result.frames, shot.plates, shot.alpha, strict=True):
        hole = alpha > 0.5
        error = srgb_encode(read_layers(frame.path).without_shadow) - plate / 255.0
        psnr.append(-10 * np.log10(np.mean(error[hole] ** 2)))
    assert np.median(psnr) > 35


def test_pixels_that_nothing_hides_are_the_frames_own(made) -> None:
    shot, _, result = made
    far = cv2.dilate((shot.alpha[3] > 0).astype(np.uint8), np.ones((41, 41))) == 0
    clean = srgb_encode(result.frames[3].clean)
    np.testing.assert_allclose(clean[far], shot.frames[3][far] / 255.0, atol=1e-3)


def test_the_folder_says_what_was_made_and_what_was_not(made) -> None:
    _, _, result = made
    manifest = json.loads(result.manifest.read_text())
    assert manifest["mesh"] is None
    assert manifest["stages"] == ["footage", "cameras", "masks", "layers", "report"]
    assert any("turns on the spot" in warning and "no mesh" in warning for warning in manifest["warnings"])
    model = read_model(result.out / "cameras")
    assert len(model.cameras) == COUNT
    assert max(np.linalg.norm(camera.centre) for camera in model.cameras.values()) == 0
    layers = read_layers(result.frames[0].path)
    assert (layers.depth == NO_DEPTH).all() and not layers.normal.any()
    assert layers.shadow is not None and 0.2 < layers.shadow.min() < 0.8 and layers.shadow.max() == 1


def test_a_run_that_is_resumed_makes_nothing_again(made) -> None:
    _, _, result = made
    source = json.loads(result.manifest.read_text())["objects"]["object"]
    stages: list[str] = []
    again = segment(
        Shot(Path(source).parent / "plates", result.out, masks=source),
        preset("default", "cpu"),
        lambda event: stages.append(event["message"]) if event["event"] == "warning" else None,
        "resume",
    )
    assert not [told for told in stages if "is done again" in told]
    assert open_shot(again.out).frames[0].alpha.shape == (HEIGHT, WIDTH)


def test_what_a_stage_reads_is_in_its_stamp(made, readings: Readings) -> None:
    _, _, result = made
    stamps = json.loads((result.out / "checkpoint" / "state.json").read_text())
    # What the camera does is told before the first stage, and kept by it; `shot_kind` refuses footage and shapes nothing.
    for reads, stage in (("footage", "cameras"), ("masks", "masks"), ("layers", "layers")):
        stamped = {name.split(".")[1] for name in stamps[stage] if name.startswith("settings.")}
        assert {"moving"} < readings.groups[reads] <= stamped | {"shot_kind"}


def test_another_setting_makes_again_what_it_shapes(made, tmp_path: Path) -> None:
    _, _, result = made
    out = shutil.copytree(result.out, tmp_path / "out")
    source = Path(json.loads(result.manifest.read_text())["objects"]["object"])
    told: list[str] = []
    segment(
        Shot(source.parent / "plates", out, masks=source, frames="1001"),
        preset("default", "cpu").with_values({"shadow.darkest": 0.5, "shot_kind.few": 0.2}),
        lambda event: told.append(event["message"]) if event["event"] == "warning" else None,
        "resume",
    )
    again = [message for message in told if "is done again" in message]
    assert len(again) == 1 and again[0].startswith("The stage layers") and "shadow.darkest" in again[0]
    assert read_layers(open_shot(out).frames[0].path).shadow.min() == pytest.approx(0.5)


def test_what_moves_is_found_where_nothing_is_given(tmp_path: Path) -> None:
    shot = walker("turning", COUNT)
    plates, _ = shot.write(tmp_path, [None] * COUNT)
    found = moving_masks(open_footage(plates), Settings(), lambda done, total: None)
    overlap = [iou(mask / 255.0, alpha) for mask, alpha in zip(found.probability, shot.alpha, strict=True)]
    assert np.mean(overlap) > 0.8
