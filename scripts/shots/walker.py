"""A figure that walks through a yard of near and far things, before cameras that travel, turn, zoom and stand."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import ball, box, capsule, drum, panel

EYE, LOOKS_AT = Vector((0.0, -3.6, 1.45)), Vector((0.0, 0.0, 0.95))
WAY = 2.3  # that is walked from the shot's first frame to its last
STRIDE = 1.5  # of both legs
HIP, SHOULDER = 0.92, 1.42  # heights
THIGH, SHIN, ARM = 0.44, 0.42, 0.3


def build() -> list[bpy.types.Object]:
    """The scene; returns the figure's parts, in the order of `walk`."""
    figure = _figure()
    _yard(random.Random(29))
    light_area("Sun", (-2.2, -2.6, 4.2), 0.5, 420, "#fff1dc")
    light_around("#d8dce2", 0.55)
    return figure


def walk(frames: int) -> list[list[Matrix]]:
    """For each part of the figure its matrices to the world, one for each frame: it walks along x."""
    return [
        list(matrices)
        for matrices in zip(*(_pose(i / max(frames - 1, 1)) for i in range(frames)), strict=True)
    ]


def travelling(frames: int) -> list[Matrix]:
    """Beside the figure, slower than it, by hand."""
    shake = Hand(41).shake
    return [
        aim(
            EYE + Vector((1.5 * (t - 0.5) + 0.03 * shake(0, t), 0.25 * math.sin(3 * t), 0.05 * shake(1, t))),
            LOOKS_AT + Vector((1.2 * (t - 0.5) + 0.04 * shake(2, t), 0, 0.04 * shake(3, t))),
            0.02 * shake(4, t),
        )
        for t in _times(frames)
    ]


def turning(frames: int) -> list[Matrix]:
    """On the spot, with the figure, by hand."""
    shake = Hand(43).shake
    return [
        aim(
            EYE,
            LOOKS_AT + Vector((2.2 * (t - 0.5) + 0.05 * shake(0, t), 0, 0.06 * shake(1, t))),
            0.01 * shake(2, t),
        )
        for t in _times(frames)
    ]


def zooming(frames: int) -> list[Matrix]:
    """On the spot; it turns a little."""
    return [aim(EYE, LOOKS_AT + Vector((0.5 * (t - 0.5), 0, 0.0))) for t in _times(frames)]


def zoom(t: float) -> float:
    """Focal length at a time in [0, 1], in mm."""
    return 27.0 + 13.0 * t * t * (3 - 2 * t)


def locked(frames: int) -> list[Matrix]:
    return [aim(EYE, LOOKS_AT)] * frames


def _times(frames: int) -> list[float]:
    return [i / max(frames - 1, 1) for i in range(frames)]


def _figure() -> list[bpy.types.Object]:
    """Parts with their joint in the origin, hanging down from it; those of both sides one after the other."""
    jersey = pattern("Jersey", "bands", ["#b3261e", "#f0e6cf", "#274b7a"], 7.0, grain=0.2)
    trousers = pattern("Trousers", "blobs", ["#4a5240", "#5d6650", "#3a4133"], 9.0, grain=0.3)
    skin, hair, shoe = plain("Skin", "#c98f6b"), plain("Hair", "#3a2416"), plain("Shoe", "#e9e4da")
    parts = [
        capsule("Trunk", 0.17, 0.4, jersey, 0.85),
        ball("Head", 0.115, (0, 0, 0), skin),
        ball("Hair", 0.118, (0, 0, 0), hair),
    ]
    for _ in range(2):
        parts += [
            capsule("Thigh", 0.088, THIGH, trousers, 0.75),
            capsule("Shin", 0.068, SHIN, trousers, 0.7),
            capsule("Shoe", 0.055, 0.15, shoe),
            capsule("Upper arm", 0.06, ARM, jersey, 0.8),
            capsule("Forearm", 0.045, 0.26, skin, 0.8),
            ball("Hand", 0.05, (0, 0, 0), skin),
        ]
    return parts


def _pose(t: float) -> list[Matrix]:
    """Each part's matrix at a time in [0, 1]."""
    way = WAY * (t - 0.5)
    phase = 2 * math.pi * way / STRIDE + 0.6
    up = 0.025 * math.cos(2 * phase)

    def swung(joint: Matrix, down: float, angle: float) -> Matrix:
        """What hangs at a joint's lower end, swung forward by an angle."""
        return joint @ Matrix.Translation((0, 0, -down)) @ Matrix.Rotation(-angle, 4, "Y")

    trunk = Matrix.Translation((way, 0, SHOULDER - 0.07 + up)) @ Matrix.Rotation(0.06, 4, "Y")
    head = trunk @ Matrix.Translation((0.03, 0, 0.29))
    matrices = [trunk, head, head @ Matrix.Translation((-0.03, 0, 0.035))]
    for side in (-1, 1):
        swing = math.sin(phase + (math.pi if side > 0 else 0))
        bend = max(0.0, math.cos(phase + (math.pi if side > 0 else 0) + 0.3))
        hip = Matrix.Translation((way, 0.1 * side, HIP + up))
        thigh = swung(hip, 0, 0.5 * swing)
        shin = swung(thigh, THIGH, -0.12 - 0.75 * bend)
        shoe = swung(shin, SHIN, 1.45 + 0.2 * swing)
        shoulder = Matrix.Translation((way + 0.02, 0.22 * side, SHOULDER + up))
        arm = swung(shoulder, 0, -0.55 * swing)
        forearm = swung(arm, ARM, 0.45 - 0.25 * swing)
        matrices += [thigh, shin, shoe, arm, forearm, forearm @ Matrix.Translation((0, 0, -0.32))]
    return matrices


def _yard(dice: random.Random) -> None:
    """Paving, a wall of bricks with posters far behind, pillars and crates between, low walls in front."""
    paving = pattern("Paving", "tiles", ["#b7ab94", "#8d8474", "#a0715a", "#7c8478"], 2.4, grain=0.6)
    panel("Paving", (16, 14), (0, 2, 0), (0, 0, 0), paving)
    bricks = pattern("Bricks", "", ["#a4492f", "#d79a77"], 2.0, mortar="#e0d6c4", grain=0.7)
    panel("Back wall", (18, 6), (0, 5.0, 3.0), (90, 0, 0), bricks)
    for n, x in enumerate((-4.2, -2.5, -0.8, 0.9, 2.6, 4.3)):
        furniture.poster(furniture.POSTERS[n], (x, 4.95, 1.5 + 0.4 * (n % 2)), 0)
    for x, y in ((-2.3, 1.6), (0.35, 2.2), (2.0, 1.3)):
        drum("Pillar", 0.16, 3.6, (x, y, 1.8), furniture.cover(dice, "Pillar"))
    for x, y in ((-3.2, 2.8), (-1.3, 1.2), (1.2, 3.1), (1.1, 0.9), (3.3, 2.4), (-0.5, 3.6)):
        furniture.crate(dice, x, y, 0.0)
    for x in (-1.4, 1.45):
        box("Low wall", (0.7, 0.3, 0.3), (x, -1.0, 0.15), furniture.cover(dice, "Low wall"), turn=0.2 * x)
