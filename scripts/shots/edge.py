"""Cut: a tailor's dummy in a workshop that reaches out of the picture in every frame, below and at times to a side."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import Vec, ball, drum, lathe, panel, ring, sagging, strap, tube, unite

FLOOR = -0.9


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    dummy = _dummy()
    _workshop(random.Random(61))
    light_area("Lamp", (1.3, -1.4, 3.2), 1.6, 180, "#fff1dc")
    light_area("Window", (-2.8, -1.8, 2.2), 1.8, 160, "#e4eeff")
    light_around("#d8dce2", 0.5)
    return [dummy]


def path(frames: int) -> list[Matrix]:
    """120 degrees around, near, looking at the shoulders and past them."""
    shake = Hand(67).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-60 + 120 * t + 2 * shake(0, t))
        distance = 1.75 + 0.1 * shake(1, t)
        height = 0.85 + 0.2 * math.sin(2 * math.pi * 0.9 * t + 1) + 0.05 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        # Past it: sideways, as the picture sees it.
        past = 0.4 * math.sin(2 * math.pi * 1.1 * t)
        target = Vector((past * math.cos(around), past * math.sin(around), 0.7 + 0.06 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _dummy() -> bpy.types.Object:
    """A torso that ends 0.05 below z = 0, on a pole to the floor; 1.1 units high above."""
    cloth = pattern("Cloth", "cells", ["#b9a27c", "#d6c6a4", "#8f7a58", "#c7b48f"], 14.0, grain=0.4)
    wood = pattern("Wood", "bands", ["#4a2c18", "#7a4a24", "#2b1a10"], 6.0, grain=0.3)
    tape, pins = pattern("Tape", "bands", ["#f2d13c", "#f7e9a0"], 12.0, grain=0.1), plain("Pin", "#c1121f")
    profile = [
        (0.2, -0.05), (0.25, 0.0), (0.265, 0.08), (0.25, 0.18), (0.215, 0.29), (0.195, 0.37), (0.205, 0.46), (0.24, 0.56),
        (0.265, 0.65), (0.27, 0.73), (0.25, 0.81), (0.19, 0.87), (0.11, 0.91), (0.085, 0.95), (0.08, 1.02),
    ]  # fmt: skip
    torso = lathe("Dummy", profile, cloth)
    for vertex in torso.data.vertices:
        vertex.co.y *= 0.68
    parts = [
        drum("Cap", 0.088, 0.025, (0, 0, 1.03), wood),
        ball("Knob", 0.03, (0, 0, 1.07), wood),
        tube("Pole", [(0, 0, 0.0), (0, 0, FLOOR)], 0.03, wood),
        strap(
            "Tape", sagging((-0.1, -0.065, 0.92), (0.1, -0.065, 0.92), -0.03), (0, 1, 0), (0.05, 0.01), tape
        ),
    ]
    for side in (-1, 1):
        hanging: list[Vec] = [
            (0.1 * side, -0.08, 0.925),
            (0.12 * side, -0.15, 0.84),
            (0.12 * side, -0.2, 0.72),
        ]
        parts += [
            ring("Arm", 0.07, 0.03, (0.25 * side, 0, 0.74), cloth),
            strap("Tape", [*hanging, (0.11 * side, -0.2, 0.5)], (1, 0, 0), (0.04, 0.01), tape),
        ]
    for n in range(5):
        x = -0.08 + 0.05 * n
        parts.append(
            ball("Pin", 0.014, (x, -0.68 * math.sqrt(0.268**2 - x * x), 0.66 + 0.02 * (n % 2)), pins)
        )
    return unite(torso, parts)


def _workshop(dice: random.Random) -> None:
    """Shelves of books and rolls along papered walls, posters, crates on the floor."""
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80"], 2.2)
    panel("Floor", (10, 9), (0, 0, FLOOR), (0, 0, 0), floor)
    paper = pattern("Paper", "cells", ["#dfe3d4", "#8fa7a0", "#c9b48a", "#5f7a86"], 3.0, grain=0.3)
    bricks = pattern("Bricks", "", ["#8f4a3a", "#d9a384"], 2.2, mortar="#e8e0d2", grain=0.7)
    panel("Back wall", (10, 5), (0, 2.6, 1.2), (90, 0, 0), bricks)
    for side in (-1, 1):
        panel("Wall", (9, 5), (3.4 * side, 0, 1.2), (90, 0, -90 * side), paper)
        furniture.poster(furniture.POSTERS[3 + side], (3.35 * side, 0.9, 0.9), -90 * side)
        for y in (-0.9, 1.6):
            furniture.crate(dice, 2.8 * side, y, FLOOR)
    for n, x in enumerate((-2.4, -0.8, 0.8, 2.4)):
        furniture.poster(furniture.POSTERS[n + 1], (x, 2.55, 1.5 + 0.1 * (n % 2)), 0)
    furniture.row_of_books(dice, -3.0, 3.0, 2.2, 0.0)
    shelf = pattern("Shelf", "bands", ["#3b2a1e", "#5b3f2a"], 2.0)
    panel("Shelf", (6.2, 0.5), (0, 2.25, -0.001), (0, 0, 0), shelf)
    for n, x in enumerate((-1.6, -1.2, 1.1, 1.5)):
        drum(
            "Roll",
            0.12,
            1.5 + 0.2 * (n % 3),
            (x, 1.3, FLOOR + 0.75 + 0.1 * (n % 3)),
            furniture.cover(dice, "Roll"),
        )
