"""From damaged masks, or none, to mattes and clean plates of a figure that walks, held against exact truth."""

import json
from pathlib import Path

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
from surface_sos_core.settings import MovingSettings

COUNT = 14


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    shot, folder = walker("turning", COUNT), tmp_path_factory.mktemp("walker")
    given = shot.damaged()
    plates, masks = shot.write(folder, given)
    result = segment(Shot(plates, folder / "out", masks=masks), preset("default", "cpu"))
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


def test_what_moves_is_found_where_nothing_is_given(tmp_path: Path) -> None:
    shot = walker("turning", COUNT)
    plates, _ = shot.write(tmp_path, [None] * COUNT)
    found = moving_masks(open_footage(plates), MovingSettings(), lambda done, total: None)
    overlap = [iou(mask / 255.0, alpha) for mask, alpha in zip(found.probability, shot.alpha, strict=True)]
    assert np.mean(overlap) > 0.8
