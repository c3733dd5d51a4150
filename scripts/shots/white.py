"""White on white: a white jug on a white table before a light wall; what can be followed is beside and below."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import arc, box, drum, lathe, panel, tube, unite

FLOOR = -1.2


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    jug = _jug()
    dice = random.Random(53)
    _room(dice)
    _around(dice)
    light_area("Lamp", (1.2, -1.6, 3.2), 2.2, 84, "#fff4e4")
    light_area("Window", (-2.8, -1.6, 2.2), 2.0, 74, "#eaf1ff")
    light_around("#e2e4e8", 0.5)
    return [jug]


def path(frames: int) -> list[Matrix]:
    """110 degrees around, by hand."""
    shake = Hand(59).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-55 + 110 * t + 2 * shake(0, t))
        distance = 2.3 + 0.12 * shake(1, t)
        height = 0.8 + 0.3 * math.sin(2 * math.pi * 0.8 * t + 2) + 0.05 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.05 + 0.1 * shake(3, t), 0.1 * shake(4, t), 0.36 + 0.06 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _jug() -> bpy.types.Object:
    """0.8 units high on z = 0, of one white."""
    china = plain("China", "#eceae4")
    profile = [
        (0.15, 0.0), (0.17, 0.02), (0.16, 0.04), (0.2, 0.1), (0.24, 0.18), (0.255, 0.26), (0.245, 0.34), (0.21, 0.43),
        (0.165, 0.51), (0.135, 0.58), (0.13, 0.64), (0.145, 0.71), (0.175, 0.77), (0.18, 0.785), (0.165, 0.79),
        (0.13, 0.74), (0.11, 0.66),
    ]  # fmt: skip
    parts = [
        tube("Handle", arc((-0.15, 0, 0.47), (0.22, 0.2), 75, 285), 0.026, china),
        tube("Lip", [(0.1, 0, 0.66), (0.2, 0, 0.75), (0.25, 0, 0.8)], 0.04, china),
    ]
    return unite(lathe("Jug", profile, china), parts)


def _room(dice: random.Random) -> None:
    """Light walls with pictures at the sides, a dado of tiles, a wooden floor, a white table."""
    white = pattern("Table", "blobs", ["#efede7", "#e9e6df"], 2.0, grain=0.06)
    box("Table top", (3.0, 2.2, 0.08), (0, 0.1, -0.04), white, bevel=0.02)
    for x in (-1.35, 1.35):
        for y in (-0.85, 1.05):
            box("Table leg", (0.1, 0.1, -FLOOR - 0.08), (x, y, (FLOOR - 0.08) / 2), white)
    wall = pattern("Wall", "blobs", ["#e8e5dd", "#e3e0d8", "#ebe9e3"], 1.2, grain=0.05)
    planks = pattern("Floor", "", ["#9a6b3f", "#c49a63"], 0.8, (1.0, 2.0, 1.0), mortar="#3b2614", grain=0.5)
    tiles = pattern("Tiles", "tiles", ["#d8dfe0", "#7f9fae", "#c4b79c", "#52717f"], 3.0, grain=0.2)
    panel("Floor", (10, 9), (0, 0, FLOOR), (0, 0, 0), planks)
    for out, turn in (((0, 1), 0), ((-1, 0), 90), ((1, 0), -90)):
        x, y = 3.2 * out[0], 2.6 * out[1]
        panel("Wall", (9, 5), (x, y, 1.2), (90, 0, turn), wall)
        panel("Dado", (9, 0.7), (0.99 * x, 0.99 * y, FLOOR + 0.35), (90, 0, turn), tiles)
    for n, x in enumerate((-2.3, 2.2)):
        furniture.poster(furniture.POSTERS[n + 3], (x, 2.55, 0.75), 0)
    for side in (-1, 1):
        for n, y in enumerate((-0.9, 0.8)):
            furniture.poster(furniture.POSTERS[n + 5], (3.15 * side, y, 0.9), -90 * side)
    frame = pattern("Frame", "bands", ["#5b3419", "#8f5a2c"], 3.0)
    box("Picture rail", (6.4, 0.05, 0.07), (0, 2.56, 1.75), frame)
    for side in (-1, 1):
        furniture.crate(dice, 2.6 * side, 1.9, FLOOR)


def _around(dice: random.Random) -> None:
    """Books, blocks and mugs on the table, none of them behind the jug for long."""
    for x, y, count in ((-1.1, 0.55, 4), (1.15, 0.6, 3)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in ((-0.8, -0.35, "W"), (0.95, -0.3, "H"), (1.25, 0.1, "I")):
        furniture.block(dice, x, y, letter)
    for x, y in ((-1.25, -0.05), (0.75, 0.95)):
        drum("Mug", 0.1, 0.22, (x, y, 0.11), furniture.cover(dice, "Mug"))
    drum("Saucer", 0.16, 0.02, (-0.55, 0.75, 0.01), plain("Saucer", "#efede7"))
