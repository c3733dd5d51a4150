"""Circled: a chair of thin rods, full of holes, in the middle of a room, all around from a walk at changing height."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern
from shots.shapes import arc, ball, box, panel, ring, tube, unite

WALL = 4.4


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    chair = _chair()
    _room(random.Random(11))
    light_area("Lamp", (1.2, -0.8, 4.0), 2.2, 260, "#fff1dc")
    light_area("Window", (-2.8, 2.4, 3.0), 2.0, 200, "#e4eeff")
    light_around("#d8dce2", 0.6)
    return [chair]


def path(frames: int) -> list[Matrix]:
    """Three quarters of the way around, up and down twice."""
    shake = Hand(5).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-120 + 270 * t + 1.5 * shake(0, t))
        distance = 2.5 + 0.06 * shake(1, t)
        eye = Vector((
            distance * math.sin(around),
            -distance * math.cos(around),
            1.15 + 0.45 * math.sin(4 * math.pi * t) + 0.05 * shake(2, t),
        ))  # fmt: skip
        target = Vector((0.06 * shake(3, t), 0.06 * shake(4, t), 0.56 + 0.05 * shake(5, t)))
        matrices.append(aim(eye, target, 0.04 * shake(6, t)))
    return matrices


def _chair() -> bpy.types.Object:
    """1.2 units high on z = 0; spindles of 0.009 are two pixels wide in a picture 320 pixels wide."""
    red = pattern("Red", "bands", ["#b3261e", "#e86a4f", "#7d1611"], 7.0, grain=0.3)
    blue = pattern("Blue", "bands", ["#1d4e89", "#69a2d6", "#12305a"], 8.0, grain=0.3)
    straw = pattern("Straw", "tiles", ["#e3b04b", "#f4dfa5", "#9a6a1f", "#c98f2e"], 16.0, grain=0.3)
    gold = pattern("Gold", "blobs", ["#c99a2e", "#f3dc8a", "#8a6216"], 12.0, grain=0.3)
    dots = pattern("Dots", "cells", ["#f7f2e6", "#d1495b", "#00798c", "#edae49"], 15.0, grain=0.2)

    seat = box("Chair", (0.6, 0.54, 0.06), (0, 0, 0.5), straw, bevel=0.02)
    back = arc((0, 0.24, 0.56), (0.26, 0.62), 0, 180)
    parts = [
        tube("Back", [(0.26, 0.24, 0.49), *back, (-0.26, 0.24, 0.49)], 0.024, red),
        ring("Handle", 0.1, 0.016, (0.33, -0.02, 0.62), gold),
        ball("Ball", 0.11, (-0.12, -0.06, 0.63), dots),
    ]
    for n in range(7):
        x = -0.195 + 0.065 * n
        top = 0.56 + 0.62 * math.sqrt(1 - (x / 0.26) ** 2)
        parts.append(tube("Spindle", [(x, 0.24, 0.49), (x, 0.24, top)], 0.009, blue))
    feet = {}
    for side in (-1, 1):
        for end in (-1, 1):
            hip, foot = (0.24 * side, 0.2 * end, 0.5), (0.31 * side, 0.27 * end, 0.0)
            parts.append(tube("Leg", [hip, foot], 0.02, red))
            feet[side, end] = [(h + 0.65 * (f - h)) for h, f in zip(hip, foot, strict=True)]
    for side in (-1, 1):
        parts.append(tube("Rung", [tuple(feet[side, -1]), tuple(feet[side, 1])], 0.011, blue))
        parts.append(tube("Rung", [tuple(feet[-1, side]), tuple(feet[1, side])], 0.011, blue))
    return unite(seat, parts)


def _room(dice: random.Random) -> None:
    """Four papered walls with posters, a tiled floor with a rug, and crates all along."""
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80", "#e6dcc8"], 2.6)
    panel("Floor", (2 * WALL, 2 * WALL), (0, 0, -0.01), (0, 0, 0), floor)
    rug = pattern("Rug", "cells", ["#f0e4cc", "#345c7d", "#c86b4e", "#8fae9a"], 6.0)
    panel("Rug", (1.9, 1.6), (0.1, 0, -0.004), (0, 0, 25), rug)
    papers = [
        pattern("Paper", "cells", ["#efe3c4", "#7fa08a", "#d98a5b", "#49667a"], 3.2),
        pattern("Bricks", "", ["#a4492f", "#e0a07a"], 2.2, mortar="#e8e0d2", grain=0.7),
        pattern("Stripes", "bands", ["#dfe7e3", "#6f8f9b", "#b5c7b2", "#41565e"], 1.3),
        pattern("Planks", "", ["#3c5f6b", "#b9cfc8"], 1.6, (1.0, 2.6, 1.0), mortar="#22343c", grain=0.7),
    ]
    for n, paper in enumerate(papers):
        turn = 90.0 * n
        out = Vector((math.sin(math.radians(turn)), math.cos(math.radians(turn)), 0))
        along = Vector((out.y, -out.x, 0))
        panel("Wall", (2 * WALL, 5), tuple(WALL * out + Vector((0, 0, 2.4))), (90, 0, -turn), paper)
        for k, side in enumerate((-2.4, 0.3, 2.6)):
            design = furniture.POSTERS[(3 * n + k) % len(furniture.POSTERS)]
            at = (WALL - 0.05) * out + side * along + Vector((0, 0, dice.uniform(1.2, 1.9)))
            furniture.poster(design, tuple(at), -turn)
        for side in (-3.2, -1.4, 0.9, 3.0):
            at = (WALL - dice.uniform(0.6, 1.1)) * out + side * along
            furniture.crate(dice, at.x, at.y, 0.0)
