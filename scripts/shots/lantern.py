"""Glass in part: a lantern with panes on two of its four sides, through which the room is seen."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import glass, metal, pattern, plain
from shots.shapes import ball, box, drum, lathe, panel, ring, unite

FLOOR = -1.2


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object, its panes with it."""
    lantern = _lantern()
    _room(random.Random(79))
    light_area("Lamp", (1.4, -1.0, 3.2), 1.6, 150, "#fff1dc")
    light_area("Window", (-2.8, -1.8, 2.2), 1.8, 130, "#e4eeff")
    light_around("#d8dce2", 0.5)
    return [lantern]


def path(frames: int) -> list[Matrix]:
    """150 degrees around, by hand."""
    shake = Hand(83).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-75 + 150 * t + 2 * shake(0, t))
        distance = 2.1 + 0.12 * shake(1, t)
        height = 0.8 + 0.3 * math.sin(2 * math.pi * 0.8 * t + 1) + 0.05 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.1 * shake(3, t), 0.1 * shake(4, t), 0.4 + 0.06 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _lantern() -> bpy.types.Object:
    """0.9 units high on z = 0: painted tin around two panes and two open sides, a candle within."""
    tin = pattern("Tin", "blobs", ["#1f5a5c", "#2f7a78", "#17403f"], 10.0, grain=0.3)
    brass, pane = metal("Brass", "#d8b25a", 0.2), glass("Pane", "#f2f8f6")
    candle = pattern("Candle", "bands", ["#f2e6c8", "#c1121f"], 9.0, (0.3, 0.3, 2.0), grain=0.1)
    half, low, high = 0.17, 0.09, 0.55
    parts = [
        box("Floor", (0.38, 0.38, 0.03), (0, 0, low - 0.012), brass),
        box("Ceiling", (0.42, 0.42, 0.05), (0, 0, high + 0.02), tin, bevel=0.01),
        lathe(
            "Roof", [(0.22, high + 0.03), (0.1, 0.7), (0.06, 0.72), (0.07, 0.76), (0.02, 0.79)], tin, steps=32
        ),
        ring("Handle", 0.075, 0.012, (0, 0, 0.85), brass),
        drum("Candle", 0.055, 0.26, (0, 0, low + 0.12), candle),
        drum("Wick", 0.006, 0.05, (0, 0, low + 0.27), plain("Wick", "#1a1512")),
        box("Pane", (2 * half, 0.01, high - low + 0.02), (0, -half, (low + high) / 2), pane),
        box("Pane", (0.01, 2 * half, high - low + 0.02), (-half, 0, (low + high) / 2), pane),
    ]
    for x in (-half, half):
        for y in (-half, half):
            parts.append(box("Post", (0.03, 0.03, high - low + 0.04), (x, y, (low + high) / 2), tin))
            parts.append(ball("Foot", 0.03, (0.9 * x, 0.9 * y, 0.028), brass))
    return unite(box("Lantern", (0.42, 0.42, 0.05), (0, 0, 0.06), tin, bevel=0.01), parts)


def _room(dice: random.Random) -> None:
    """A table with things on it in a room of bricks and paper."""
    furniture.table(3.4, 2.8, FLOOR)
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80"], 2.2)
    panel("Floor", (12, 10), (0, 0, FLOOR), (0, 0, 0), floor)
    bricks = pattern("Bricks", "", ["#8f4a3a", "#d9a384"], 2.2, mortar="#e8e0d2", grain=0.7)
    paper = pattern("Paper", "cells", ["#e8dcc0", "#86a593", "#cf8a63", "#4e6a7c"], 3.4)
    panel("Back wall", (10, 6), (0, 2.8, 1.2), (90, 0, 0), bricks)
    for side in (-1, 1):
        panel("Wall", (10, 6), (3.6 * side, 0, 1.2), (90, 0, -90 * side), paper)
        furniture.poster(furniture.POSTERS[5 + side], (3.55 * side, 0.6, 0.9), -90 * side)
        for y in (-1.0, 0.4, 1.8):
            furniture.crate(dice, 3.1 * side, y, FLOOR)
    for n, x in enumerate((-2.4, -0.8, 0.8, 2.4)):
        furniture.poster(furniture.POSTERS[n], (x, 2.75, 1.0 + 0.2 * (n % 2)), 0)
    for x, y, count in ((-0.9, 0.7, 5), (0.9, 0.6, 4), (0.0, 1.0, 3)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in ((-0.8, -0.3, "G"), (0.75, -0.35, "L"), (1.2, 0.1, "A")):
        furniture.block(dice, x, y, letter)
    for x, y in ((-1.2, 0.1), (0.5, 0.45)):
        drum("Mug", 0.1, 0.24, (x, y, 0.12), furniture.cover(dice, "Mug"))
