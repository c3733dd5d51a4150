"""Cluttered: a watering can among things that touch it, a bottle in front, filmed by hand while exposure drifts."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.grading import Grade
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import arc, ball, box, drum, panel, tube, unite

FLOOR = -1.3


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    can = _can()
    dice = random.Random(31)
    _room(dice)
    _clutter(dice)
    light_area("Lamp", (0.9, -1.0, 3.4), 1.8, 190, "#fff1dc")
    light_area("Window", (-2.8, -2.4, 2.4), 1.8, 170, "#e4eeff")
    light_around("#d8dce2", 0.5)
    return [can]


def path(frames: int) -> list[Matrix]:
    """105 degrees around, by an unsteady hand."""
    shake = Hand(17).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-50 + 105 * t + 4 * shake(0, t))
        distance = 2.35 + 0.18 * math.sin(3.3 * t) + 0.12 * shake(1, t)
        height = 0.85 + 0.3 * math.sin(2 * math.pi * 0.9 * t + 0.8) + 0.14 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.05 + 0.14 * shake(3, t), 0.12 * shake(4, t), 0.36 + 0.12 * shake(5, t)))
        matrices.append(aim(eye, target, 0.09 * shake(6, t)))
    return matrices


def grade(t: float) -> Grade:
    """An automatic exposure that hunts."""
    return Grade(0.4 * math.sin(2 * math.pi * 0.8 * t + 0.5) + 0.12 * math.sin(2 * math.pi * 3.1 * t))


def _can() -> bpy.types.Object:
    """A watering can, 0.85 units high on z = 0, with a spout and two thin handles."""
    enamel = pattern(
        "Enamel", "cells", ["#1f7a5c", "#e8dfc4", "#36a37e", "#124a38", "#e9b44c"], 9.0, grain=0.25
    )
    copper = pattern("Copper", "blobs", ["#b5652a", "#eab079", "#7d3f14"], 12.0, grain=0.3)
    body = drum("Can", 0.25, 0.44, (0, 0, 0.22), enamel)
    parts = [
        drum("Collar", 0.19, 0.06, (0, 0, 0.46), copper),
        drum("Foot", 0.27, 0.04, (0, 0, 0.02), copper),
        tube("Spout", [(0.2, 0, 0.1), (0.4, 0, 0.28), (0.6, 0, 0.52)], 0.035, copper),
        ball("Rose", 0.075, (0.62, 0, 0.545), enamel),
        tube("Stay", [(0.2, 0, 0.4), (0.44, 0, 0.34)], 0.012, copper),
        tube("Grip", arc((-0.24, 0, 0.25), (0.17, 0.19), 85, 275), 0.022, copper),
        tube("Bow", arc((0, 0, 0.46), (0.16, 0.36), 0, 180), 0.018, copper),
    ]
    return unite(body, parts)


def _room(dice: random.Random) -> None:
    furniture.table(3.4, 2.8, FLOOR)
    paper = pattern("Paper", "cells", ["#e8dcc0", "#86a593", "#cf8a63", "#4e6a7c"], 3.4)
    bricks = pattern("Bricks", "", ["#8f4a3a", "#d9a384"], 2.2, mortar="#e8e0d2", grain=0.7)
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80"], 2.2)
    panel("Floor", (12, 10), (0, 0, FLOOR), (0, 0, 0), floor)
    panel("Back wall", (10, 6), (0, 3.0, 1.2), (90, 0, 0), bricks)
    for side in (-1, 1):
        panel("Wall", (10, 6), (4.0 * side, 0, 1.2), (90, 0, -90 * side), paper)
        for y in (-1.0, 0.2, 1.5):
            furniture.crate(dice, 3.4 * side, y, FLOOR)
    for n, x in enumerate((-2.6, -0.9, 0.9, 2.6)):
        furniture.poster(furniture.POSTERS[n], (x, 2.95, 1.3 + 0.25 * (n % 2)), 0)
    shelf = plain("Shelf", "#3b2a1e")
    box("Shelf", (6.6, 0.4, 0.05), (0, 2.75, -0.1), shelf)
    furniture.row_of_books(dice, -3.2, 3.2, 2.75, -0.075)


def _clutter(dice: random.Random) -> None:
    """Things beside, behind and against the can; a bottle and a rod stand in front of it."""
    for x, y, count in ((-0.95, 0.5, 4), (0.75, 0.6, 5), (-0.2, 0.95, 3), (1.2, -0.1, 2)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in ((-0.55, -0.05, "C"), (0.15, 0.38, "A"), (0.42, -0.3, "N"), (-0.9, -0.5, "S")):
        furniture.block(dice, x, y, letter)
    for x, y, radius in ((-0.32, -0.36, 0.09), (0.95, -0.6, 0.15), (-1.25, 0.0, 0.17), (0.33, 0.28, 0.11)):
        ball("Ball", radius, (x, y, radius), furniture.cover(dice, "Ball"))
    for x, y in ((-0.7, 0.25), (0.62, 0.22), (0.05, -0.75)):
        drum("Mug", 0.1, 0.24, (x, y, 0.12), furniture.cover(dice, "Mug"))
    glaze = furniture.cover(dice, "Bottle")
    drum("Bottle", 0.075, 0.5, (-0.16, -1.02, 0.25), glaze)
    drum("Bottle neck", 0.03, 0.2, (-0.16, -1.02, 0.6), glaze)
    tube("Rod", [(0.34, -1.1, 0.0), (0.3, -1.08, 0.75)], 0.014, furniture.cover(dice, "Rod"))
