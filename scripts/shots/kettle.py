"""Circled by two cameras: a mirroring kettle on a carpet; the second is balanced for other light, some views are low."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.grading import Grade
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import metal, pattern, plain
from shots.shapes import arc, box, lathe, panel, tube, unite

WALL = 3.6
SECOND = 0.64  # the second camera takes over at this time


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    kettle = _kettle()
    _room(random.Random(37))
    light_area("Lamp", (1.6, -1.4, 3.2), 1.4, 170, "#ffd9a0")
    light_area("Window", (-2.6, 2.2, 2.4), 1.8, 170, "#d5e4ff")
    light_around("#d8dce2", 0.4)
    return [kettle]


def path(frames: int) -> list[Matrix]:
    """Most of the way around, and back by the second camera; each comes down to the ground halfway."""
    shake = Hand(19).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        if t < SECOND:
            s, start, way, distance = t / SECOND, -130, 265, 2.0
        else:
            s, start, way, distance = (t - SECOND) / (1 - SECOND), 95, -215, 1.75
        around = math.radians(start + way * s + 2 * shake(0, t))
        eye = Vector((
            distance * math.sin(around),
            -distance * math.cos(around),
            0.12 + 1.35 * math.cos(math.pi * s) ** 2 + 0.04 * shake(2, t),
        ))  # fmt: skip
        target = Vector((0.1 + 0.08 * shake(3, t), 0.08 * shake(4, t), 0.34 + 0.05 * shake(5, t)))
        matrices.append(aim(eye, target, 0.06 * shake(6, t)))
    return matrices


def grade(t: float) -> Grade:
    """The second camera is balanced for daylight under lamps, and draws shadows deeper."""
    return Grade() if t < SECOND else Grade(-0.35, (1.5, 0.92, 0.42), 0.9)


def _kettle() -> bpy.types.Object:
    """0.75 units high on z = 0: copper and steel that mirror the carpet, wood where hands go."""
    copper, steel = metal("Copper", "#d98a5c", 0.1), metal("Steel", "#c9cacc", 0.08)
    wood = pattern("Wood", "bands", ["#2b1a10", "#4a2c18"], 6.0, grain=0.3)
    belly = [
        (0.25 + 0.06 * math.sin(a), 0.06 + 0.26 * a / math.pi) for a in (math.pi * k / 12 for k in range(13))
    ]
    shoulder = [
        (0.13 + 0.12 * math.cos(a), 0.32 + 0.1 * math.sin(a))
        for a in (math.pi / 2 * k / 8 for k in range(1, 9))
    ]
    body = lathe("Kettle", [(0.235, 0.0), (0.25, 0.015), *belly, *shoulder], copper)
    rim = [(0.135, 0.4), (0.135, 0.435), (0.125, 0.442), (0.09, 0.462), (0.04, 0.476)]
    parts = [
        lathe("Lid", rim, steel),
        lathe("Foot", [(0.25, 0.0), (0.265, 0.012), (0.265, 0.03), (0.25, 0.04)], steel),
        lathe("Knob", [(0.018, 0.46), (0.016, 0.49), (0.038, 0.515), (0.032, 0.54), (0.01, 0.552)], wood),
        tube(
            "Spout",
            [(0.22, 0, 0.16), (0.34, 0, 0.2), (0.4, 0, 0.29), (0.43, 0, 0.39), (0.48, 0, 0.45)],
            0.032,
            copper,
        ),
        tube("Bail", arc((0, 0, 0.36), (0.23, 0.36), -15, 195), 0.012, steel),
        tube("Grip", arc((0, 0, 0.36), (0.23, 0.36), 62, 118), 0.026, wood),
    ]
    return unite(body, parts)


def _room(dice: random.Random) -> None:
    """A wooden floor with a carpet, cupboards and crates along light walls with posters."""
    planks = pattern("Floor", "", ["#9a6b3f", "#c49a63"], 0.8, (1.0, 2.0, 1.0), mortar="#3b2614", grain=0.5)
    panel("Floor", (2 * WALL, 2 * WALL), (0, 0, -0.012), (0, 0, 0), planks)
    weave = pattern(
        "Carpet", "bands", ["#8f1d3a", "#b23a55", "#6f1430", "#c9788a"], 4.0, (0.5, 2.5, 1.0), grain=0.7
    )
    panel("Carpet", (3.4, 2.6), (0.1, 0.1, -0.002), (0, 0, 20), weave)
    border = pattern("Border", "tiles", ["#e8d8c0", "#6f1430", "#3f4e63"], 7.0, grain=0.4)
    for x in (-1.25, 1.25):
        turned = Matrix.Rotation(math.radians(20), 3, "Z") @ Vector((x, 0, 0))
        panel("Border", (0.22, 2.6), (0.1 + turned.x, 0.1 + turned.y, -0.001), (0, 0, 20), border)
    papers = [
        pattern("Paper", "cells", ["#efe3c4", "#c9cdb4", "#d9c9a0"], 3.2, grain=0.2),
        pattern("Planks", "", ["#c8a468", "#e2c690"], 1.3, (1.0, 2.2, 1.0), mortar="#6b4a22", grain=0.4),
    ]
    drawer, handle = (
        pattern("Drawer", "bands", ["#b98445", "#d6a868", "#9c6a33"], 1.4, (0.3, 0.3, 2.0)),
        plain("Handle", "#221d1a"),
    )
    for n in range(4):
        turn = 90.0 * n
        out = Vector((math.sin(math.radians(turn)), math.cos(math.radians(turn)), 0))
        along = Vector((out.y, -out.x, 0))
        panel("Wall", (2 * WALL, 4), tuple(WALL * out + Vector((0, 0, 1.9))), (90, 0, -turn), papers[n % 2])
        for k, side in enumerate((-1.9, 0.1, 2.0)):
            design = furniture.POSTERS[(3 * n + k + 1) % len(furniture.POSTERS)]
            furniture.poster(design, tuple((WALL - 0.04) * out + side * along + Vector((0, 0, 1.8))), -turn)
        at = (WALL - 0.3) * out + dice.uniform(-0.7, 0.7) * along
        for row in range(3):
            z = 0.18 + 0.32 * row
            box("Drawer", (1.1, 0.5, 0.3), (at.x, at.y, z), drawer, 0.01, -math.radians(turn))
            knob = at - 0.27 * out
            box("Handle", (0.24, 0.05, 0.03), (knob.x, knob.y, z), handle, 0.005, -math.radians(turn))
        for side in (-2.5, -1.5, 1.7, 2.7):
            at = (WALL - dice.uniform(0.5, 0.8)) * out + side * along
            furniture.crate(dice, at.x, at.y, 0.0)
