import cv2
import numpy as np
import pytest

from surface_sos_core.masks.neighbours import Neighbours
from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth


@pytest.mark.parametrize("diagonals", [False, True])
def test_every_pair_once(diagonals):
    pairs = Neighbours.of((4, 5), diagonals)
    found = {tuple(sorted(pair)) for pair in zip(pairs.one.tolist(), pairs.other.tolist(), strict=True)}
    reach = 1.5 if diagonals else 1.0
    expected = {
        (a, b) for a in range(20) for b in range(a) if np.hypot(a // 5 - b // 5, a % 5 - b % 5) <= reach
    }
    assert found == {(b, a) for a, b in expected} and len(pairs.one) == len(expected)
    apart = np.hypot(pairs.one // 5 - pairs.other // 5, pairs.one % 5 - pairs.other % 5)
    np.testing.assert_allclose(pairs.distance, apart)


def test_contrast_is_the_plain_one():
    rgb = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    pairs = Neighbours.of((3, 4), diagonals=True)
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    plain = np.array([np.sum((lab[a] - lab[b]) ** 2) for a, b in zip(pairs.one, pairs.other, strict=True)])
    np.testing.assert_allclose(pairs.contrast(rgb), plain / plain.mean(), rtol=1e-4)
    assert not pairs.contrast(np.full((3, 4, 3), 9, np.uint8)).any()


def test_jumps_begin_after_a_step_and_end_at_two():
    depth = KnownDepth(np.array([[1.00, 1.01, 1.04, 1.40, 0.0]], np.float32), 0.01)
    pairs = Neighbours.of((1, 5), diagonals=False)
    np.testing.assert_allclose(pairs.jumps(depth, EdgeSettings()), [0, 1, 2, 0], atol=1e-3)
    assert not pairs.jumps(KnownDepth(np.zeros((1, 5), np.float32), 0.0), EdgeSettings()).any()
