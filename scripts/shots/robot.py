"""The sample: a wind-up robot on a table full of things, filmed by a hand-held camera."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import arc, ball, box, drum, panel, ring, tube, unite

FLOOR = -1.6  # the table top is z = 0

# Where the posters hang: position and turn.
HUNG = [
    ((-2.4, 3.15, 1.2), 0), ((-0.7, 3.15, 1.6), 0), ((1.0, 3.15, 1.0), 0), ((2.7, 3.15, 1.5), 0),
    ((-4.15, 1.4, 1.1), 90), ((-4.15, -0.3, 1.4), 90), ((4.15, 1.4, 1.2), -90), ((4.15, -0.3, 1.5), -90),
]  # fmt: skip


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    robot = _robot()
    _room()
    dice = random.Random(7)
    _along_the_walls(dice)
    _on_the_table(dice)
    light_area("Ceiling lamp", (0.8, -0.6, 3.6), 1.6, 190, "#fff1dc")
    light_area("Window", (-2.6, -3.2, 2.4), 1.6, 150, "#e4eeff")
    light_around("#cfd6e0", 0.45)
    return [robot]


def path(frames: int) -> list[Matrix]:
    """Camera-to-world matrices (Blender's axes) of a hand-held walk of 125 degrees around the object."""
    shake = Hand(3).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-64 + 125 * t + 2.5 * shake(0, t))
        distance = 2.75 + 0.25 * math.sin(4.1 * t) + 0.08 * shake(1, t)
        height = 0.95 + 0.5 * math.sin(2 * math.pi * 0.8 * t - 0.6) + 0.08 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.1 * shake(3, t), 0.1 * shake(4, t), 0.55 + 0.08 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _robot() -> bpy.types.Object:
    """The robot, 1.2 units high: one closed surface with holes at its arms, legs and key, and thin antennas."""
    tin = pattern("Tin", "tiles", ["#d62f2a", "#f2c230", "#f4ead2", "#1f8f88", "#d62f2a"], 9.0, grain=0.25)
    head = pattern("Head", "cells", ["#1c6fb5", "#f0e6cf", "#2a9bd0", "#133d73", "#f29b2b"], 13.0, grain=0.25)
    stripes = pattern("Stripes", "bands", ["#20242c", "#f5b81f"], 5.0, (0.35, 0.35, 1.6), grain=0.2)
    boots = pattern("Boots", "cells", ["#7a2f8f", "#e8dcc6", "#b44fc0", "#41215c"], 12.0, grain=0.25)
    brass = pattern("Brass", "blobs", ["#b5842a", "#e9c764", "#8a5a1c"], 14.0, grain=0.3)
    dial = pattern("Dial", "cells", ["#f7f2e6", "#161a22", "#e34a33", "#2b8cbe", "#f7f2e6"], 22.0, grain=0.1)
    white, black, red = plain("White", "#f4f4f0"), plain("Black", "#101014"), plain("Red", "#e0281e")

    body = box("Robot", (0.54, 0.36, 0.44), (0, 0, 0.46), tin, bevel=0.06)
    parts = [
        drum("Neck", 0.09, 0.14, (0, 0, 0.72), brass),
        box("Skull", (0.40, 0.32, 0.26), (0, 0, 0.86), head, bevel=0.07),
        box("Mouth", (0.2, 0.06, 0.05), (0, -0.155, 0.785), black, bevel=0.015),
        drum("Dial", 0.13, 0.06, (0, -0.18, 0.47), dial, lying=True),
        drum("Shaft", 0.035, 0.2, (0, 0.25, 0.5), brass, lying=True),
        ring("Key", 0.13, 0.032, (0, 0.46, 0.5), brass),
    ]
    for side in (-1, 1):
        parts += [
            drum("Leg", 0.07, 0.22, (0.15 * side, 0, 0.17), brass),
            box("Boot", (0.22, 0.34, 0.13), (0.16 * side, -0.04, 0.065), boots, bevel=0.03),
            drum("Eye", 0.065, 0.06, (0.1 * side, -0.165, 0.89), white, lying=True),
            ball("Pupil", 0.034, (0.1 * side, -0.19, 0.885), black),
            tube("Arm", arc((0.24 * side, 0, 0.45), (0.27 * side, 0.16), -100, 100), 0.045, stripes),
            tube(
                "Antenna",
                [(0.1 * side, 0, 0.95), (0.13 * side, 0, 1.08), (0.23 * side, 0.02, 1.2)],
                0.012,
                black,
            ),
            ball("Tip", 0.038, (0.23 * side, 0.02, 1.21), red),
        ]
    return unite(body, parts)


def _room() -> None:
    """A table in front of walls with posters."""
    furniture.table(3.4, 2.8, FLOOR)
    cloth = pattern("Cloth", "tiles", ["#e9dfc7", "#27496d", "#8fb3c9", "#16283d", "#d8c9a3"], 5.0)
    panel("Cloth", (1.9, 1.5), (0.05, 0.05, 0.004), (0, 0, 12), cloth)
    floor = pattern("Floor", "tiles", ["#d9cdb4", "#4d4a48", "#a85f3c", "#7d8f80", "#efe6d2"], 2.2)
    panel("Floor", (12, 10), (0, 0, FLOOR), (0, 0, 0), floor)
    bricks = pattern("Bricks", "", ["#a4492f", "#e0a07a"], 2.2, mortar="#e8e0d2", grain=0.7)
    panel("Back wall", (10, 6), (0, 3.2, 1.2), (90, 0, 0), bricks)
    paper = pattern("Paper", "cells", ["#efe3c4", "#7fa08a", "#d98a5b", "#efe3c4", "#49667a"], 3.6)
    panel("Left wall", (10, 6), (-4.2, 0, 1.2), (90, 0, 90), paper)
    planks = pattern("Planks", "", ["#3c5f6b", "#b9cfc8"], 1.6, (1.0, 2.6, 1.0), mortar="#22343c", grain=0.7)
    panel("Right wall", (10, 6), (4.2, 0, 1.2), (90, 0, -90), planks)
    for design, (at, turn) in zip(furniture.POSTERS, HUNG, strict=True):
        furniture.poster(design, at, turn)


def _along_the_walls(dice: random.Random) -> None:
    """Two boards of books along the back wall, chests and crates along the others."""
    shelf = plain("Shelf", "#3b2a1e")
    for height in (0.15, -0.75):
        box("Shelf", (7.2, 0.4, 0.05), (0, 2.95, height), shelf)
        furniture.row_of_books(dice, -3.6, 3.5, 2.95, height + 0.025)
    for side in (-1, 1):
        for y in (-1.2, 0.0, 1.2, 2.2):
            furniture.crate(dice, side * 3.6, y, FLOOR)


def _on_the_table(dice: random.Random) -> None:
    for x, y, count in ((-1.2, 0.75, 3), (1.15, 0.85, 4), (-1.25, -0.35, 2), (1.3, -0.3, 2)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in (
        (-0.75, 0.95, "A"), (-0.5, 1.1, "R"), (0.62, 1.0, "S"), (0.85, -0.75, "O"), (-0.85, -0.8, "B"),
    ):  # fmt: skip
        furniture.block(dice, x, y, letter)
    ball("Ball", 0.17, (1.05, 0.28, 0.17), furniture.cover(dice, "Ball"))
    drum("Mug", 0.11, 0.26, (-0.95, 0.3, 0.13), furniture.cover(dice, "Mug"))
