"""The README's picture of a frame shows the layers as they are, each in its place and the right way up."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.layers.exr import FrameLayers

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def pictures():
    """scripts/pictures.py."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("pictures", SCRIPTS / "pictures.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(SCRIPTS))


def test_plate_checker_green_and_clean_plate(pictures):
    height, width = 48, 64
    foreground, clean = np.zeros((height, width, 4), np.float32), np.zeros((height, width, 3), np.float32)
    foreground[:24, :, 0] = foreground[:24, :, 3] = 1  # red above
    clean[..., 2] = 1  # on blue
    empty = np.zeros((height, width), np.float32)
    shown = pictures.frame_picture(FrameLayers(foreground, clean, empty, empty, np.zeros_like(clean)))
    assert shown.shape == (4 * height, 4 * width, 3) and shown.dtype == np.uint8
    plate, checker = shown[: 2 * height, : 2 * width], shown[: 2 * height, 2 * width :]
    green, plain = shown[2 * height :, : 2 * width], shown[2 * height :, 2 * width :]
    red = (255, 0, 0)
    for picture in (plate, checker, green):
        assert np.abs(picture[10, 10].astype(int) - red).max() <= 1
    assert np.abs(plate[-10, 10].astype(int) - (0, 0, 255)).max() <= 1
    assert np.ptp(checker[-10, 10]) == 0 and len(np.unique(checker[56:90, 4:120:24, 0])) > 1
    assert green[-10, 10, 1] > 150 and green[-10, 10, 0] == 0
    assert np.abs(plain.astype(int) - (0, 0, 255)).max() <= 1
