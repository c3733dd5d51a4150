from itertools import product

import cv2
import numpy as np

from surface_sos_core.masks.graph_cut import cut
from surface_sos_core.settings import EdgeSettings
from surface_sos_core.stereo.known_depth import KnownDepth


def unknown(height: int, width: int) -> KnownDepth:
    return KnownDepth(np.zeros((height, width), np.float32), 0.0)


def energy(rgb: np.ndarray, odds: np.ndarray, steps: np.ndarray, mask: np.ndarray) -> float:
    """What a mask costs, a pixel and a neighbour at a time."""
    height, width = odds.shape
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    around = [(0, 1), (1, 0), (1, 1), (1, -1)]
    pairs = [
        ((y, x), (y + dy, x + dx))
        for y in range(height)
        for x in range(width)
        for dy, dx in around
        if y + dy < height and 0 <= x + dx < width
    ]
    contrast = [float(np.sum((lab[a] - lab[b]) ** 2)) for a, b in pairs]
    mean = max(float(np.mean(contrast)), 1e-6)
    cost = -float(odds[mask].sum())
    for (a, b), c in zip(pairs, contrast, strict=True):
        if mask[a] != mask[b]:
            jump = np.clip((abs(steps[a] - steps[b]) - 1) / 2, 0, 2) if steps[a] and steps[b] else 0.0
            cost += 4.0 * np.exp(-c / (2 * mean) - jump) / np.hypot(a[0] - b[0], a[1] - b[1])
    return cost


def test_no_mask_costs_less() -> None:
    generator = np.random.default_rng(3)
    for _ in range(5):
        rgb = generator.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        odds = generator.normal(0, 4, (3, 4))
        steps = generator.integers(0, 7, (3, 4)).astype(np.float32)
        every = [np.array(values).reshape(3, 4) for values in product((False, True), repeat=12)]
        least = min(energy(rgb, odds, steps, mask) for mask in every)
        found = cut(rgb, odds, KnownDepth(steps / 50, 1 / 50), EdgeSettings())
        assert found.shape == (3, 4) and found.dtype == bool
        assert energy(rgb, odds, steps, found) < least + 0.05  # whole numbers of a thousandth


def test_the_outline_goes_along_the_edge() -> None:
    rgb = np.full((20, 30, 3), (200, 190, 180), np.uint8)
    rgb[:, 17:] = (90, 80, 70)
    odds = np.zeros((20, 30))
    odds[8:12, 3:6], odds[8:12, 25:28] = 9, -9
    found = cut(rgb, odds, unknown(20, 30), EdgeSettings())
    assert found[:, :17].all() and not found[:, 17:].any()


def test_specks_are_not_worth_an_outline() -> None:
    rgb = np.full((20, 30, 3), 120, np.uint8)
    odds = np.full((20, 30), -2.0)
    odds[5, 5] = 9
    assert not cut(rgb, odds, unknown(20, 30), EdgeSettings()).any()


def test_all_or_nothing() -> None:
    rgb = np.full((6, 6, 3), 120, np.uint8)
    assert cut(rgb, np.full((6, 6), 1.0), unknown(6, 6), EdgeSettings()).all()
    assert not cut(rgb, np.full((6, 6), -1.0), unknown(6, 6), EdgeSettings()).any()


def test_the_outline_goes_along_a_jump_in_depth() -> None:
    rgb, odds = np.full((20, 30, 3), 120, np.uint8), np.zeros((20, 30))
    odds[8:12, 3:6], odds[8:12, 25:28] = 9, -9
    disparity = np.full((20, 30), 0.5, np.float32)
    disparity[:, 17:] = 0.3
    found = cut(rgb, odds, KnownDepth(disparity, 0.01), EdgeSettings())
    assert found[:, :17].all() and not found[:, 17:].any()
