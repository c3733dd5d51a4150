"""Camera log from plates to layers, and layers made again of a shot that was told what its plates are in."""

import json
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import PyOpenColorIO as ocio
import pytest
from scipy.ndimage import distance_transform_edt

from surface_sos_core import Shot, make_layers, preset, segment
from surface_sos_core.footage import ColourRequest, open_footage
from surface_sos_core.footage.colour import KNOWN_SPACES
from surface_sos_core.footage.ocio import BUILT_IN
from surface_sos_core.layers.exr import read_layers

SAMPLES = Path(__file__).parents[2] / "samples"
LOGC3 = "ARRI LogC3 (EI800)"
FRAME = "plate.1009"


@pytest.fixture
def plates(tmp_path):
    """Every third frame of the sample as LogC3, exposed a stop over, so that it goes above 1."""
    config = ocio.Config.CreateFromFile(BUILT_IN)
    to_linear, to_log = (
        config.getProcessor(source, target).getDefaultCPUProcessor()
        for source, target in (("sRGB - Texture", "ACEScg"), ("ACEScg", LOGC3))
    )
    folder = tmp_path / "plates"
    folder.mkdir()
    for path in sorted((SAMPLES / "plates").glob("*.jpg"))[2::3]:
        pixels = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1] / 255, np.float32)
        to_linear.applyRGB(pixels)
        pixels *= 2
        to_log.applyRGB(pixels)
        cv2.imwrite(str(folder / f"{path.stem}.png"), np.rint(pixels[..., ::-1] * 65535).astype(np.uint16))
    return folder


def test_camera_log_becomes_labelled_layers(plates, tmp_path, monkeypatch):
    monkeypatch.delenv("OCIO", raising=False)
    out = tmp_path / "shot"
    shot = Shot(
        plates, out, masks=SAMPLES / "masks", cameras=SAMPLES / "truth" / "cameras", frames="1009", colour_space=LOGC3
    )  # fmt: skip
    settings = preset("preview", "cpu").with_values(
        {"train.iterations": 25, "train.image_edge": 96, "layers.sources": 3, "mesh.resolution": 32}
    )
    result = segment(shot, settings)
    path = result.frames[0].path
    with OpenEXR.File(str(path)) as file:
        assert file.header()["colorInteropID"] == "lin_ap1_scene"
        np.testing.assert_allclose(file.header()["chromaticities"][:2], (0.713, 0.293), atol=1e-6)
    told = json.loads(result.manifest.read_text())
    assert (told["colour_space"], told["layers_space"]) == ("ocio:arrilogc3_awg3_scene", "lin_ap1_scene")

    footage = open_footage(plates, colour=ColourRequest(LOGC3))
    index = [frame.name for frame in footage.frames].index(FRAME)
    own = footage.read_scene(index).astype(np.float16).astype(np.float32)
    layers = read_layers(path)
    assert layers.space == next(space for space in KNOWN_SPACES if space.name == "ACEScg")
    alpha = layers.foreground[..., 3]
    away, solid = distance_transform_edt(alpha == 0) > 10, alpha == 1
    assert own[away].max() > 1 and solid.sum() > 1000
    np.testing.assert_array_equal(layers.clean[away], own[away])
    np.testing.assert_allclose(layers.foreground[solid, :3], own[solid], rtol=2e-3, atol=1e-4)

    monkeypatch.setenv("OCIO", "ocio://what-has-nothing-to-do-with-the-shot")
    path.unlink()
    make_layers(out, frames="1009")
    np.testing.assert_array_equal(read_layers(path).clean[away], own[away])
