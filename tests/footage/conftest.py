"""Files to read."""

import cv2
import numpy as np
import OpenEXR
import pytest


@pytest.fixture
def picture():
    """A smooth picture (32, 48, 3), different for every seed; floats reach 4."""

    def make(seed=0, dtype=np.uint8, width=48, height=32):
        noise = np.random.default_rng(seed).random((4, 5, 3), np.float32)
        smooth = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
        return smooth * 4 if dtype == np.float32 else (smooth * np.iinfo(dtype).max).astype(dtype)

    return make


@pytest.fixture
def write():
    """RGB(A) or grey pixels by OpenCV, in the format of the suffix."""

    def make(path, pixels):
        order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else None
        ok, data = cv2.imencode(path.suffix, pixels[..., order] if order else pixels)
        assert ok
        path.parent.mkdir(parents=True, exist_ok=True)
        data.tofile(path)
        return path

    return make


@pytest.fixture
def write_exr():
    def make(path, channels, **header):
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
        with OpenEXR.File(header, channels) as file:
            file.write(str(path))
        return path

    return make
