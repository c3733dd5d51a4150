"""Carrying known values smoothly into unknown places (pull-push)."""

from __future__ import annotations

import cv2
import numpy as np


def diffuse(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """values (H, W, C) float32 where known (H, W) bool, and a smooth continuation everywhere else.

    Pull-push over an image pyramid (Gortler et al., The Lumigraph, 1996): each level averages what is known of the finer
    one and fills the finer one's gaps. Zero everywhere when nothing is known.
    """
    height, width = known.shape
    if known.all() or not known.any() or min(height, width) < 2:
        mean = values[known].mean(axis=0) if known.any() else np.zeros(values.shape[2], np.float32)
        return np.where(known[..., None], values, mean).astype(np.float32)
    weight = known.astype(np.float32)
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    pulled_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    pulled = cv2.resize(values * weight[..., None], half, interpolation=cv2.INTER_AREA)
    pulled = pulled.reshape(half[1], half[0], -1) / np.maximum(pulled_weight, 1e-6)[..., None]
    coarse = diffuse(pulled.astype(np.float32), pulled_weight > 0)
    pushed = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return np.where(known[..., None], values, pushed).astype(np.float32)
