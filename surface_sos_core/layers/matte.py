"""Mattes at plate resolution: the object rendered with sub-pixel rays, its outline then read off the plate."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import ndimage

from surface_sos_core.fields.scene import Scene
from surface_sos_core.layers.exr import NO_DEPTH
from surface_sos_core.render.look import render_surface
from surface_sos_core.render.proposal import Proposals
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.render.trace import surface_normals, trace_surface
from surface_sos_core.settings import LayerSettings, MatteSettings
from surface_sos_core.shapes import parts_above


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
    layers: LayerSettings,
    settings: MatteSettings,
) -> Matte:
    """The matte of a frame by rays alone.

    A first look at every few pixels finds where the object is; pixels there get a ray of their own, and those on the
    outline `border_rays` more, spread over the pixel. Well inside, where the look found the object solid all around, only
    the depth of its surface is looked for.
    """
    lens = caster.lenses[frame]
    assert lens is not None
    height, width = lens.height, lens.width

    def look(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, Rays]:
        rays = caster.cast(np.full(len(pixels), frame), pixels)
        seen = render_surface(scene, proposals, rays, layers.samples, layers.background_samples)
        return seen.matte.cpu().numpy(), seen.depth.cpu().numpy(), rays

    stride, certain = settings.stride, settings.certain
    rows, columns = np.arange(0, height, stride), np.arange(0, width, stride)
    grid = np.stack(np.meshgrid(columns + 0.5 * stride, rows + 0.5 * stride), axis=-1)
    first, far, _ = look(grid.reshape(-1, 2))
    shape = len(rows), len(columns)
    found_first, far = first.reshape(shape), far.reshape(shape)
    square = np.ones((3, 3), np.uint8)
    region = _enlarged(cv2.dilate(found_first, square) > certain, stride, height, width)

    alpha = np.zeros((height, width), np.float32)
    depth = np.full((height, width), NO_DEPTH, np.float32)
    normal = np.zeros((height, width, 3), np.float32)
    if not region.any():
        return Matte(alpha, depth, normal)
    inside = _enlarged(cv2.erode(found_first, square) > settings.solid, stride, height, width) & region
    traced = _trace(scene, proposals, caster, frame, inside, far, settings)
    alpha[traced > 0], depth[traced > 0] = 1.0, traced[traced > 0]
    where = np.argwhere(region & (traced == 0))
    if len(where):
        found, away, _ = look(where[:, ::-1] + 0.5)
        alpha[tuple(where.T)] = np.clip(found, 0.0, 1.0)
        solid = found > certain
        depth[tuple(where[solid].T)] = away[solid]
    surface = np.argwhere(depth < NO_DEPTH)
    rays = caster.cast(np.full(len(surface), frame), surface[:, ::-1] + 0.5)
    away_there = torch.from_numpy(depth[tuple(surface.T)]).to(rays.origin)
    at = rays.origin + away_there[:, None] * rays.direction
    normal[tuple(surface.T)] = surface_normals(scene, at).cpu().numpy() @ box_rotation.T

    if layers.border_rays > 1:
        outline = np.argwhere(_outline(alpha, settings.outline_step) & region)
        pixels = outline[None, :, ::-1] + _pattern(layers.border_rays)[:, None]
        found = look(pixels.reshape(-1, 2))[0].reshape(layers.border_rays, -1)
        alpha[tuple(outline.T)] = np.clip(found.mean(axis=0), 0.0, 1.0)
    alpha[alpha < certain] = 0.0
    alpha[alpha > 1.0 - certain] = 1.0
    alpha = without_false_holes(without_specks(alpha, settings), settings)
    return complete_surface(Matte(alpha, depth, normal), alpha)


def _trace(
    scene: Scene,
    proposals: Proposals,
    caster: RayCaster,
    frame: int,
    inside: np.ndarray,
    far: np.ndarray,
    settings: MatteSettings,
) -> np.ndarray:
    """Depth (H, W) of the surface at the pixels `inside` (H, W), from a first look's depths `far` (h, w); 0 where the
    surface is not found next to what that look saw."""
    height, width = inside.shape
    traced = np.zeros((height, width), np.float32)
    where = np.argwhere(inside)
    if len(where) == 0:
        return traced
    size = (far.shape[1] * settings.stride, far.shape[0] * settings.stride)
    guess = cv2.resize(far, size, interpolation=cv2.INTER_LINEAR)[tuple(where.T)]
    rays = caster.cast(np.full(len(where), frame), where[:, ::-1] + 0.5)
    start = torch.from_numpy(guess).to(rays.origin)
    depth, off = trace_surface(scene, rays, start, proposals.settings.trace_steps)
    speed = torch.linalg.vector_norm(rays.direction, dim=1)
    # What is meant is the surface that the look saw: not one that lies further behind it than a few pixels' slope.
    near = (depth - start).abs() * speed < settings.surface_near
    good = (off < settings.surface_off / scene.foreground.sharpness) & near
    found = good.cpu().numpy()
    traced[tuple(where[found].T)] = depth.cpu().numpy()[found]
    return traced


def _enlarged(small: np.ndarray, stride: int, height: int, width: int) -> np.ndarray:
    """(height, width) of a picture of one value for every `stride` pixels."""
    return np.repeat(np.repeat(small, stride, 0), stride, 1)[:height, :width]


def _outline(alpha: np.ndarray, step: float) -> np.ndarray:
    """(H, W) bool: pixels in whose neighbourhood alpha changes by more than `step`."""
    kernel = np.ones((3, 3), np.uint8)
    return cv2.dilate(alpha, kernel) - cv2.erode(alpha, kernel) > step


def _pattern(count: int) -> np.ndarray:
    """(count, 2) places in a pixel, evenly spread (the R2 sequence of Roberts, 2018)."""
    g = 1.32471795724474602596
    places = np.mod(np.arange(1, count + 1)[:, None] * np.array([1 / g, 1 / g**2]), 1.0)
    return places - places.mean(axis=0) + 0.5  # centred, or the matte would be shifted


def without_specks(alpha: np.ndarray, settings: MatteSettings) -> np.ndarray:
    """Alpha (H, W) without what is tiny and touches nothing: fields are noisy where few frames look."""
    label, size = parts_above(alpha, 0.0)
    return np.where(size[label] < settings.speck * size.max(), np.float32(0.0), alpha)


def without_false_holes(alpha: np.ndarray, settings: MatteSettings) -> np.ndarray:
    """Alpha (H, W) with those holes solid that no pixel is clear in: fields are sometimes thin inside, where nothing tells
    them what is behind; a real hole shows the background in its middle. Holes a few pixels wide may be real without that."""
    label, count = ndimage.label(alpha < 1.0 - settings.hole_begins * settings.certain)
    inner = cv2.distanceTransform((label > 0).astype(np.uint8), cv2.DIST_L2, 5)
    enclosed = np.ones(count + 1, bool)
    enclosed[[0, *label[0], *label[-1], *label[:, 0], *label[:, -1]]] = False
    hole = enclosed[label]  # looked at alone, since what surrounds the object is most of the picture
    if not hole.any():
        return alpha
    index = np.arange(count + 1)
    wide = np.asarray(ndimage.maximum(inner[hole], label[hole], index)) > settings.hole_width
    clear = np.asarray(ndimage.minimum(alpha[hole], label[hole], index)) < settings.hole_alpha
    wrong = enclosed & wide & ~clear
    return np.where(wrong[label], np.float32(1.0), alpha)


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
