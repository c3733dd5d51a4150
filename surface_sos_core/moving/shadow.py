"""The shadow that moves along with the subject: by how much it darkens the ground that other times show without it."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from surface_sos_core.footage.colour import srgb_decode
from surface_sos_core.layers.seams import spread
from surface_sos_core.moving.background import LEAST_BLUR, Views
from surface_sos_core.moving.outline import may_be_shadow
from surface_sos_core.settings import ShadowColourSettings, ShadowSettings
from surface_sos_core.shapes import disc


def shadow_factor(
    picture: np.ndarray,
    hole: np.ndarray,
    views: Views,
    settings: ShadowSettings,
    colour: ShadowColourSettings,
) -> np.ndarray:
    """(H, W, 3) what the subject's shadow leaves of the scene-linear light of each pixel; 1 where there is none.

    picture: (H, W, 3) display values; hole: (H, W) bool, where the subject is, in which the shadow goes on smoothly. It is
    where the frame has the tint of what other times show but is darker, beside the subject.
    """
    out = np.ones(picture.shape, np.float32)
    if len(views.frames) < settings.least_seen:
        return out
    own, covered = picture[views.part], hole[views.part]
    edge = max(hole.shape)
    sigma = max(LEAST_BLUR, settings.smooth * edge)
    clean, apart, count = views.middle()
    usable = ~covered & (count >= settings.least_seen)
    light = _within(srgb_decode(own).astype(np.float32) + settings.lift, usable, sigma)
    ground = _within(srgb_decode(clean).astype(np.float32) + settings.lift, usable, sigma)
    factor = np.clip(light / np.maximum(ground, settings.lift), settings.darkest, 1.0)
    differs = np.abs(cv2.GaussianBlur(own - clean, (0, 0), sigma)).max(axis=-1)
    steady = differs > settings.noise * apart / (1 + sigma)
    dark = usable & steady & (factor.mean(axis=-1) < 1 - settings.faintest)
    smooth = cv2.GaussianBlur(own, (0, 0), sigma), cv2.GaussianBlur(clean, (0, 0), sigma)
    dark &= may_be_shadow(*smooth, colour)
    dark = _beside(dark, covered, edge, settings)
    if not dark.any():
        return out
    soft = cv2.GaussianBlur(
        cv2.dilate(dark.astype(np.uint8), disc(max(1, round(sigma)))).astype(np.float32), (0, 0), sigma
    )
    soft *= _faded(hole.shape, views.part, settings.fade * edge)
    told = 1.0 - soft[..., None] * (1.0 - factor)
    known = ~covered & (usable | ~dark)
    out[views.part] = np.clip(spread(told.astype(np.float32), known), settings.darkest, 1.0)
    return out


def _within(picture: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """A picture (h, w, 3) blurred among the pixels `where` (h, w) bool alone."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), sigma)
    total = cv2.GaussianBlur(np.where(where[..., None], picture, 0.0).astype(np.float32), (0, 0), sigma)
    return total / np.maximum(weight, 1e-3)[..., None]


def _faded(shape: tuple[int, ...], part: tuple[slice, slice], width: float) -> np.ndarray:
    """(h, w) in a part of a picture of this shape: 0 at its sides that are not the picture's, 1 so many pixels further in."""
    weight = np.ones((part[0].stop - part[0].start, part[1].stop - part[1].start), np.float32)
    for axis, (side, length) in enumerate(zip(part, shape, strict=False)):
        at = np.arange(side.stop - side.start, dtype=np.float32)
        away = np.full(len(at), width, np.float32)
        if side.start > 0:
            away = np.minimum(away, at)
        if side.stop < length:
            away = np.minimum(away, at[::-1])
        weight *= np.expand_dims(away / width, 1 - axis)
    return weight


def _beside(dark: np.ndarray, subject: np.ndarray, edge: int, settings: ShadowSettings) -> np.ndarray:
    """(h, w) bool: the pieces of what is dark (h, w) bool, specks left out, that lie right beside the subject (h, w) bool."""
    speck = disc(max(1, round(settings.speck * edge / 2)))
    opened = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, speck)
    near = cv2.dilate(subject.astype(np.uint8), disc(max(1, round(settings.touches * edge)))) > 0
    label, _ = ndimage.label(opened)
    return (opened > 0) & np.isin(label, np.unique(label[near & (opened > 0)]))
