import cv2
import numpy as np

from surface_sos_core.masks.walker import spread
from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth

UNKNOWN = KnownDepth(np.zeros((12, 16), np.float32), 0.0)


def plain_spread(rgb: np.ndarray, value: np.ndarray, weight: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The same least squares, a pixel and a neighbour at a time, solved as a full matrix."""
    height, width = weight.shape
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    pairs = [((y, x), (y, x + 1)) for y in range(height) for x in range(width - 1)]
    pairs += [((y, x), (y + 1, x)) for y in range(height - 1) for x in range(width)]
    contrast = [float(np.sum((lab[a] - lab[b]) ** 2)) for a, b in pairs]
    matrix = np.diag(weight.ravel() + 1e-9)
    for (a, b), c in zip(pairs, contrast, strict=True):
        jump = np.clip((abs(steps[a] - steps[b]) - 1) / 2, 0, 2) if steps[a] and steps[b] else 0.0
        leads = np.exp(-c / np.mean(contrast) - 2 * jump) + 1e-3
        i, j = a[0] * width + a[1], b[0] * width + b[1]
        matrix[[i, j], [i, j]] += leads
        matrix[[i, j], [j, i]] -= leads
    return np.linalg.solve(matrix, (weight * value).ravel()).reshape(height, width)


def two_halves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of two colours with some noise, one sure pixel in each half."""
    rgb = np.full((12, 16, 3), (200, 190, 180), np.uint8)
    rgb[:, 8:] = (170, 160, 150)
    rgb += np.random.default_rng(0).integers(0, 6, rgb.shape, dtype=np.uint8)
    value, weight = np.zeros((12, 16)), np.zeros((12, 16))
    value[5, 1], weight[5, 1], weight[3, 14] = 1, 1, 1
    return rgb, value, weight


def test_it_is_the_plain_least_squares() -> None:
    rgb, value, weight = two_halves()
    weight = weight + 0.003
    steps = np.random.default_rng(1).integers(0, 7, (12, 16)).astype(np.float32)
    found = spread(rgb, value, weight, KnownDepth(steps / 50, 1 / 50), EdgeSettings())
    assert np.allclose(found, plain_spread(rgb, value, weight, steps), atol=1e-5)


def test_sure_pixels_are_spread_up_to_the_edge() -> None:
    found = spread(*two_halves(), UNKNOWN, EdgeSettings())
    assert (found[:, :8] > 0.5).all() and (found[:, 8:] < 0.5).all()
    assert found[6, 7] - found[6, 8] > 0.5 and found[6, 6] - found[6, 7] < 0.2


def test_a_flat_picture_has_no_edges() -> None:
    _, value, weight = two_halves()
    found = spread(np.full((12, 16, 3), 90, np.uint8), value, weight, UNKNOWN, EdgeSettings())
    assert np.abs(np.diff(found[8])).max() < 0.2


def test_a_jump_in_depth_is_an_edge() -> None:
    _, value, weight = two_halves()
    disparity = np.full((12, 16), 0.5, np.float32)
    disparity[:, 8:] = 0.3
    found = spread(
        np.full((12, 16, 3), 90, np.uint8), value, weight, KnownDepth(disparity, 0.01), EdgeSettings()
    )
    assert (found[:, :8] > 0.5).all() and (found[:, 8:] < 0.5).all() and found[6, 7] - found[6, 8] > 0.5
