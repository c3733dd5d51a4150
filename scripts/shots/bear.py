"""Forward facing: a furry bear on a bench before a shelf of books, filmed by a camera that only sways before it."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np
from mathutils import Matrix, Vector

from shots import furniture
from shots.fur import grow_fur, hairs
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import Vec, ball, box, panel, unite


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object: the skin, which fur hides, and the fur."""
    coat = pattern("Coat", "cells", ["#a8713f", "#c99763", "#7c4d26", "#dfb98a"], 5.0, grain=0.4)
    skin = _bear(coat)
    fur = grow_fur(skin, coat, strands=26_000, length=0.055, thickness=0.003, seed=4)
    whiskers = _whiskers(plain("Whisker", "#f4efe2"))
    _room(random.Random(23))
    light_area("Lamp", (1.4, -2.4, 3.2), 1.8, 170, "#fff1dc")
    light_area("Window", (-2.4, -2.8, 2.4), 1.8, 150, "#e4eeff")
    light_around("#d8dce2", 0.5)
    return [skin, fur, whiskers]


def path(frames: int) -> list[Matrix]:
    """To and fro in front, within 25 degrees to either side, never around."""
    shake = Hand(9).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        x = 1.05 * math.sin(2 * math.pi * 0.75 * t - 1.3) + 0.04 * shake(0, t)
        z = 0.75 + 0.35 * math.sin(2 * math.pi * 1.6 * t) + 0.04 * shake(1, t)
        eye = Vector((x, -2.3 + 0.08 * shake(2, t), z))
        target = Vector((0.25 * x + 0.04 * shake(3, t), 0.3, 0.47 + 0.04 * shake(4, t)))
        matrices.append(aim(eye, target, 0.03 * shake(5, t)))
    return matrices


def _egg(name: str, radii: Vec, at: Vec, material: bpy.types.Material) -> bpy.types.Object:
    thing = ball(name, 1.0, at, material)
    thing.scale = radii
    bpy.ops.object.transform_apply(location=False, rotation=False)
    return thing


def _bear(coat: bpy.types.Material) -> bpy.types.Object:
    """A sitting bear, 1 unit high on z = 0; its first material is the coat, all others stay bare."""
    black = plain("Black", "#15120f")
    cloth = pattern("Cloth", "bands", ["#c1121f", "#fdf0d5"], 9.0, grain=0.2)
    pad = pattern("Pad", "cells", ["#f0d9b5", "#c9a06a"], 20.0, grain=0.2)
    belly = _egg("Bear", (0.27, 0.23, 0.29), (0, 0, 0.32), coat)
    parts = [
        _egg("Head", (0.21, 0.19, 0.19), (0, -0.03, 0.75), coat),
        _egg("Muzzle", (0.09, 0.08, 0.07), (0, -0.2, 0.7), coat),
        _egg("Nose", (0.035, 0.03, 0.025), (0, -0.285, 0.72), black),
        _egg("Scarf", (0.2, 0.18, 0.045), (0, -0.02, 0.575), cloth),
    ]
    for side in (-1, 1):
        parts += [
            _egg("Ear", (0.075, 0.045, 0.075), (0.16 * side, 0, 0.92), coat),
            _egg("Eye", (0.028, 0.02, 0.028), (0.075 * side, -0.205, 0.79), black),
            _egg("Arm", (0.085, 0.17, 0.085), (0.26 * side, -0.14, 0.4), coat),
            _egg("Leg", (0.11, 0.22, 0.1), (0.17 * side, -0.22, 0.1), coat),
            _egg("Sole", (0.085, 0.05, 0.085), (0.17 * side, -0.41, 0.1), pad),
        ]
    return unite(belly, parts)


def _whiskers(material: bpy.types.Material) -> bpy.types.Object:
    """Hairs thinner than a pixel, sticking out of the muzzle."""
    strands = np.array([
        [
            np.array((0.06 * side, -0.23, 0.7 + rise))
            + s * np.array((0.24 * side, -0.03, 0.8 * rise)) - np.array((0, 0, 0.05 * s * s))
            for s in np.linspace(0, 1, 6)
        ]
        for side in (-1, 1)
        for rise in (-0.02, 0.01, 0.04)
    ])  # fmt: skip
    return hairs("Whiskers", strands, np.full(strands.shape[:2], 0.0016), material)


def _room(dice: random.Random) -> None:
    """A bench, books right behind it, papered walls further back."""
    wood = pattern("Bench", "bands", ["#5b3419", "#8f5a2c", "#c48a4a", "#6f4220"], 1.6, (0.5, 3.0, 1.0))
    box("Bench", (4.4, 1.3, 0.12), (0, 0.1, -0.06), wood, bevel=0.02)
    paper = pattern("Paper", "cells", ["#efe3c4", "#7fa08a", "#d98a5b", "#49667a"], 3.2)
    panel("Back wall", (12, 7), (0, 2.6, 1.0), (90, 0, 0), paper)
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80"], 2.2)
    panel("Floor", (12, 10), (0, 0, -1.2), (0, 0, 0), floor)
    for n, x in enumerate((-2.3, -0.8, 0.8, 2.3)):
        furniture.poster(furniture.POSTERS[n + 2], (x, 2.55, 1.3 + 0.2 * (n % 2)), 0)
    shelf = plain("Shelf", "#3b2a1e")
    for height in (0.0, 0.75):
        box("Shelf", (6.4, 0.36, 0.05), (0, 1.5, height), shelf)
        furniture.row_of_books(dice, -3.1, 3.1, 1.45, height + 0.025)
    for x, y, count in ((-1.1, 0.1, 3), (1.0, 0.25, 4)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in ((-0.62, 0.32, "F"), (0.6, -0.25, "U"), (-0.75, -0.3, "R")):
        furniture.block(dice, x, y, letter)
