"""Mattes at plate resolution: the object rendered with sub-pixel rays, its outline then read off the plate."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import ndimage

from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.renderer import Proposals, Rays, render_surface, surface_normals
from surface_sos_core.settings import LayerSettings
from surface_sos_core.train.batches import RayCaster

NO_DEPTH = 1e10
_STRIDE = 4  # pixels between the rays of the first look
_CERTAIN = 0.02  # alpha nearer than this to 0 or 1 is taken as such


@dataclass(frozen=True)
class Matte:
    """The object in one frame, float32.

    alpha (H, W); depth (H, W) to the image plane in world units, 1e10 where there is no surface; normal (H, W, 3) in
    world space, zero where there is none.
    """

    alpha: np.ndarray
    depth: np.ndarray
    normal: np.ndarray


def render_matte(
    scene: Scene,
    proposals: Proposals,
    caster: RayCaster,
    box_rotation: np.ndarray,
    frame: int,
    settings: LayerSettings,
    samples_behind: int,
) -> Matte:
    """The matte of a frame by rays alone.

    A first look at every fourth pixel finds where the object is; pixels there get a ray of their own, and those on the
    outline `border_rays` more, spread over the pixel.
    """
    lens = caster.lenses[frame]
    assert lens is not None
    height, width = lens.height, lens.width

    def look(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, Rays]:
        rays = caster.cast(np.full(len(pixels), frame), pixels)
        seen = render_surface(scene, proposals, rays, settings.samples, samples_behind)
        return seen.matte.cpu().numpy(), seen.depth.cpu().numpy(), rays

    rows, columns = np.arange(0, height, _STRIDE), np.arange(0, width, _STRIDE)
    grid = np.stack(np.meshgrid(columns + 0.5 * _STRIDE, rows + 0.5 * _STRIDE), axis=-1)
    first, _, _ = look(grid.reshape(-1, 2))
    found_first = (first.reshape(len(rows), len(columns)) > _CERTAIN).astype(np.uint8)
    there = cv2.dilate(found_first, np.ones((3, 3), np.uint8))
    region = np.repeat(np.repeat(there, _STRIDE, 0), _STRIDE, 1)[:height, :width] > 0

    alpha = np.zeros((height, width), np.float32)
    depth = np.full((height, width), NO_DEPTH, np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    where = np.argwhere(region)
    if len(where) == 0:
        return Matte(alpha, depth, normal)
    found, away, rays = look(where[:, ::-1] + 0.5)
    alpha[region] = np.clip(found, 0.0, 1.0)
    solid = found > _CERTAIN
    depth[tuple(where[solid].T)] = away[solid]
    keep = torch.from_numpy(np.flatnonzero(solid)).to(rays.origin.device)
    at = rays.origin[keep] + torch.from_numpy(away[solid]).to(rays.origin)[:, None] * rays.direction[keep]
    normal[tuple(where[solid].T)] = surface_normals(scene, at).cpu().numpy() @ box_rotation.T

    if settings.border_rays > 1:
        outline = np.argwhere(_outline(alpha) & region)
        pixels = outline[None, :, ::-1] + _pattern(settings.border_rays)[:, None]
        found = look(pixels.reshape(-1, 2))[0].reshape(settings.border_rays, -1)
        alpha[tuple(outline.T)] = np.clip(found.mean(axis=0), 0.0, 1.0)
    alpha[alpha < _CERTAIN] = 0.0
    alpha[alpha > 1.0 - _CERTAIN] = 1.0
    return complete_surface(Matte(alpha, depth, normal), alpha)


def _outline(alpha: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels whose neighbourhood is neither all object nor all background."""
    kernel = np.ones((3, 3), np.uint8)
    return cv2.dilate(alpha, kernel) - cv2.erode(alpha, kernel) > 2 * _CERTAIN


def _pattern(count: int) -> np.ndarray:
    """(count, 2) places in a pixel, evenly spread (the R2 sequence of Roberts, 2018)."""
    g = 1.32471795724474602596
    places = np.mod(np.arange(1, count + 1)[:, None] * np.array([1 / g, 1 / g**2]), 1.0)
    return places - places.mean(axis=0) + 0.5  # centred, or the matte would be shifted


def complete_surface(matte: Matte, alpha: np.ndarray) -> Matte:
    """The matte with this alpha (H, W), every pixel of it with a surface: one that has none takes its nearest's."""
    missing = (alpha > 0) & (matte.depth >= NO_DEPTH)
    depth, normal = matte.depth.copy(), matte.normal.copy()
    if missing.any() and not missing.all() and (matte.depth < NO_DEPTH).any():
        rows, columns = ndimage.distance_transform_edt(
            matte.depth >= NO_DEPTH, return_distances=False, return_indices=True
        )[:, missing]
        depth[missing], normal[missing] = matte.depth[rows, columns], matte.normal[rows, columns]
    depth[alpha == 0], normal[alpha == 0] = NO_DEPTH, 0.0
    return Matte(alpha, depth, normal)
