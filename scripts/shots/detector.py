"""Coarse masks as a detector makes them: true mattes, damaged. NumPy alone, no bpy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from shots.files import write_grey


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """(H, W) noise of about unit strength that varies over `cell` pixels: a bilinear random grid."""
    rows, columns = (math.ceil(n / cell) + 2 for n in shape)
    grid = rng.normal(size=(rows, columns))
    y, x = (np.arange(n) / cell for n in shape)
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = (y - iy)[:, None], (x - ix)[None]
    top = grid[iy][:, ix] * (1 - fx) + grid[iy][:, ix + 1] * fx
    bottom = grid[iy + 1][:, ix] * (1 - fx) + grid[iy + 1][:, ix + 1] * fx
    return top * (1 - fy) + bottom * fy


def spread(mask: np.ndarray) -> np.ndarray:
    """The mask grown by one pixel up, down, left and right."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def damage(matte: np.ndarray, rng: np.random.Generator, lost: str | None, grabbed: bool) -> np.ndarray:
    """A detector's idea of the matte (H, W): a wobbly blocky outline, maybe a part too few or many."""
    height, width = matte.shape
    pixel = width / 320  # the damage scales with the picture
    mask = matte > 0.5
    rows, columns = np.nonzero(mask)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    if lost == "top":
        mask[: top + int(0.45 * (bottom - top))] = False
    elif lost == "side":
        mask[:, left + int(0.64 * (right - left)) :] = False
    if grabbed:
        y, x = np.mgrid[:height, :width]
        centre_y, centre_x = bottom - 0.25 * (bottom - top), left if rng.random() < 0.5 else right
        radius_y, radius_x = 0.22 * (bottom - top), 0.45 * (right - left)
        mask |= ((y - centre_y) / radius_y) ** 2 + ((x - centre_x) / radius_x) ** 2 < 1
    dy, dx = (1.8 * pixel * smooth_noise(rng, mask.shape, 13 * pixel) for _ in range(2))
    y, x = np.mgrid[:height, :width]
    wobbled = mask[
        np.clip(y + np.round(dy), 0, height - 1).astype(int),
        np.clip(x + np.round(dx), 0, width - 1).astype(int),
    ]
    for _ in range(round(rng.uniform(0, 2) * pixel)):
        wobbled = spread(wobbled)
    block = max(round(2 * pixel), 1)
    padded = np.pad(wobbled, ((0, -height % block), (0, -width % block)))
    coarse = padded.reshape(padded.shape[0] // block, block, -1, block).mean((1, 3)) > 0.5
    return coarse.repeat(block, 0).repeat(block, 1)[:height, :width].astype(np.float32)


def write_masks(folder: Path, names: list[str], mattes: list[np.ndarray]) -> None:
    """Coarse masks: one file missing, one all black, two with a part lost, two with background grabbed."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(names)
    missing, black = round(0.21 * count), round(0.5 * count)
    lost = {round(0.33 * count): "top", round(0.71 * count): "side"}
    grabbed = {round(0.12 * count), round(0.83 * count)}
    for i, (name, matte) in enumerate(zip(names, mattes, strict=True)):
        if i == missing:
            continue
        mask = damage(matte, np.random.default_rng(i), lost.get(i), i in grabbed)
        write_grey(folder / f"{name}.png", np.zeros_like(mask) if i == black else mask)
