"""Before foliage: an old camera on a tripod, with wires and straps of one or two pixels, in a garden of small leaves."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.foliage import hedge
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import metal, pattern, plain
from shots.shapes import Vec, ball, box, drum, panel, ring, sagging, strap, tube, unite

HEAD = 0.82  # where the legs meet
WIRE = 0.0045  # radius; 1.1 pixels of a picture 320 pixels wide


def build() -> list[bpy.types.Object]:
    """The scene; returns what is the object."""
    tripod = _tripod()
    _garden(random.Random(43))
    light_area("Sun", (2.4, -2.6, 4.6), 0.6, 520, "#fff0d6")
    light_around("#c4d6ea", 0.75)
    return [tripod]


def path(frames: int) -> list[Matrix]:
    """130 degrees around, by hand."""
    shake = Hand(47).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-62 + 130 * t + 2 * shake(0, t))
        distance = 2.4 + 0.1 * shake(1, t)
        height = 0.95 + 0.3 * math.sin(2 * math.pi * 0.9 * t) + 0.06 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.08 * shake(3, t), 0.08 * shake(4, t), 0.64 + 0.05 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _tripod() -> bpy.types.Object:
    """1.25 units high on z = 0; straps are 0.016 wide, two pixels of a picture 320 pixels wide."""
    wood = pattern("Wood", "bands", ["#7a4a24", "#b07a42", "#5c3518"], 5.0, grain=0.3)
    leather = pattern("Leather", "cells", ["#3a2418", "#4a2f20", "#2a1810"], 24.0, grain=0.4)
    brass, wire = metal("Brass", "#d8b25a", 0.25), plain("Wire", "#1a1c20")
    webbing, red = (
        pattern("Webbing", "bands", ["#d9c9a0", "#8f7b4e"], 14.0, grain=0.2),
        plain("Strap", "#a8231c"),
    )

    body = box("Tripod", (0.3, 0.2, 0.2), (0, 0, 0.98), leather, bevel=0.015)
    parts = [
        drum("Plate", 0.1, 0.05, (0, 0, 0.865), brass),
        drum("Hub", 0.06, 0.09, (0, 0, HEAD), brass),
        drum("Lens", 0.075, 0.2, (0, -0.14, 0.98), brass, lying=True),
        box("Finder", (0.1, 0.1, 0.06), (0.05, 0, 1.1), leather, bevel=0.01),
        tube("Aerial", [(-0.11, 0.05, 1.05), (-0.13, 0.06, 1.3)], WIRE, wire),
        ball("Tip", 0.014, (-0.13, 0.06, 1.3), brass),
        ring("Frame", 0.07, WIRE, (0.0, 0.0, 1.19), wire),
        # The straps: one in a loop below the camera, one around a side, and both ends of a third.
        strap("Strap", sagging((-0.15, 0, 1.02), (0.15, 0, 1.02), 0.42), (0, 1, 0), (0.016, 0.005), red),
        strap(
            "Strap", sagging((0.15, 0.06, 1.03), (0.15, -0.06, 1.03), 0.3), (1, 0, 0), (0.016, 0.005), webbing
        ),
        strap(
            "Strap",
            [(-0.15, 0.05, 1.03), (-0.19, 0.05, 0.95), (-0.2, 0.05, 0.62)],
            (0, 1, 0),
            (0.016, 0.005),
            webbing,
        ),
        strap(
            "Strap",
            [(-0.15, -0.05, 1.03), (-0.2, -0.05, 0.95), (-0.22, -0.05, 0.7)],
            (0, 1, 0),
            (0.016, 0.005),
            webbing,
        ),
    ]
    legs = [math.radians(90 + 120 * n) for n in range(3)]
    knees: list[Vec] = []
    for angle in legs:
        hip = Vector((0.045 * math.cos(angle), 0.045 * math.sin(angle), HEAD))
        foot = Vector((0.46 * math.cos(angle), 0.46 * math.sin(angle), 0.0))
        knees.append(tuple(hip.lerp(foot, 0.62)))
        parts += [
            tube("Leg", [tuple(hip), tuple(foot)], 0.014, wood),
            # A stay from the middle to each leg, and a wire that hangs from the camera to its foot.
            tube("Stay", [(0, 0, HEAD - 0.28), knees[-1]], 0.006, brass),
            tube(
                "Cable",
                sagging((0.06 * math.cos(angle), 0.06 * math.sin(angle), 0.9), tuple(0.98 * foot), 0.05),
                WIRE,
                wire,
            ),
        ]
    parts.append(tube("Column", [(0, 0, HEAD), (0, 0, HEAD - 0.36)], 0.012, brass))
    for n in range(3):
        parts.append(tube("Spreader", sagging(knees[n], knees[(n + 1) % 3], 0.03), WIRE, wire))
    return unite(body, parts)


def _garden(dice: random.Random) -> None:
    """Gravel with slabs, hedges on three sides, tubs of leaves and crates before them."""
    gravel = pattern("Gravel", "cells", ["#a59a86", "#857a68", "#c2b8a2", "#6f675a"], 16.0, grain=0.6)
    panel("Gravel", (14, 14), (0, 0, -0.01), (0, 0, 0), gravel)
    slab = pattern("Slab", "tiles", ["#b9b2a4", "#9d968a", "#a8937a", "#c7c0b2"], 2.0, grain=0.5)
    panel("Slabs", (2.2, 2.2), (0, 0, -0.004), (0, 0, 30), slab)
    hedge(dice, (-4.2, 1.9, 0), (4.2, 1.9, 0), 2.6)
    hedge(dice, (-3.3, -2.2, 0), (-3.3, 2.2, 0), 2.6)
    hedge(dice, (3.3, 2.2, 0), (3.3, -2.2, 0), 2.6)
    for x, y in ((-1.35, 1.1), (1.5, 0.75), (-2.1, 0.1), (2.2, -0.5)):
        drum("Tub", 0.2, 0.3, (x, y, 0.15), furniture.cover(dice, "Tub"))
        hedge(dice, (x - 0.2, y, 0.3), (x + 0.2, y, 0.3), 0.6, leaf=0.07)
    for x, y in ((0.5, 1.35), (-2.6, 1.2), (2.5, 1.2)):
        furniture.crate(dice, x, y, 0.0)
