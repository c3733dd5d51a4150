"""On a board: a model house on a wooden board that belongs to it, or that does not, among things on a table."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Matrix, Vector

from shots import furniture
from shots.hand import Hand, aim
from shots.lights import light_area, light_around
from shots.materials import pattern, plain
from shots.shapes import Vec, ball, box, panel, solid, tube, unite

FLOOR = -1.2
TOP = 0.05  # of the board, which lies on z = 0


def build(belongs: bool) -> list[bpy.types.Object]:
    """The scene; returns what is the object: the house, and the board with it if it belongs."""
    oak = pattern(
        "Oak", "bands", ["#8a5a2e", "#b98548", "#6e4320", "#a87138"], 3.0, (0.6, 3.0, 1.0), grain=0.4
    )
    board = box("Board", (1.15, 0.9, TOP), (0, 0, TOP / 2), oak, bevel=0.012, turn=0.15)
    house = _house()
    thing = unite(board, house) if belongs else unite(house[0], house[1:])
    # Patterns lie in a thing's own frame: with the board's the house looks the same in both scenes.
    thing.data.transform(board.matrix_world.inverted() @ thing.matrix_world)
    thing.matrix_world = board.matrix_world
    _room(random.Random(71))
    light_area("Lamp", (1.2, -1.2, 3.3), 1.6, 130, "#fff1dc")
    light_area("Window", (-2.8, -2.0, 2.4), 1.8, 120, "#e4eeff")
    light_around("#d8dce2", 0.5)
    return [thing]


def path(frames: int) -> list[Matrix]:
    """150 degrees around, by hand, from above the roof."""
    shake = Hand(73).shake
    matrices = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-75 + 150 * t + 2 * shake(0, t))
        distance = 2.25 + 0.12 * shake(1, t)
        height = 1.05 + 0.35 * math.sin(2 * math.pi * 0.8 * t) + 0.06 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.1 * shake(3, t), 0.1 * shake(4, t), 0.28 + 0.06 * shake(5, t)))
        matrices.append(aim(eye, target, 0.05 * shake(6, t)))
    return matrices


def _house() -> list[bpy.types.Object]:
    """Its parts, the walls first: 0.75 units high, with a tree and a fence of rods three pixels thick."""
    walls = pattern("Walls", "", ["#e6d3ae", "#d7bd8e"], 7.0, mortar="#a98f66", grain=0.3)
    tiles = pattern("Roof", "", ["#a33b26", "#c9573a"], 9.0, mortar="#6b2417", grain=0.4)
    paint, glass = plain("Paint", "#f4f0e4"), plain("Glass", "#3b5566")
    green, bark = pattern("Green", "blobs", ["#3f7a2c", "#6fa03c", "#2c5a20"], 14.0), plain("Bark", "#5a3b22")
    deep, wide, low, high = 0.24, 0.29, TOP + 0.3, TOP + 0.56
    corners: list[Vec] = [(x, y, low) for x in (-wide, wide) for y in (-deep, deep)]
    ridge: list[Vec] = [(-wide, 0, high), (wide, 0, high)]
    roof = [(0, 1, 3, 2), (0, 2, 5, 4), (3, 1, 4, 5), (1, 0, 4), (2, 3, 5)]
    parts = [
        box("House", (0.5, 0.4, 0.34), (0, 0, TOP + 0.165), walls),
        solid("Roof", [*corners, *ridge], roof, tiles),
        box("Chimney", (0.08, 0.08, 0.3), (0.14, 0.06, TOP + 0.55), walls),
        box("Door", (0.1, 0.03, 0.18), (0.06, -0.2, TOP + 0.088), plain("Door", "#1d4e63")),
        box("Step", (0.14, 0.08, 0.03), (0.06, -0.23, TOP + 0.013), paint),
        tube("Trunk", [(-0.38, -0.18, TOP - 0.01), (-0.38, -0.18, TOP + 0.2)], 0.022, bark),
        ball("Tree", 0.11, (-0.38, -0.18, TOP + 0.28), green),
        ball("Tree", 0.08, (-0.36, -0.16, TOP + 0.4), green),
        ball("Bush", 0.07, (0.36, 0.14, TOP + 0.05), green),
    ]
    for x in (-0.12, 0.18):
        parts.append(box("Frame", (0.1, 0.02, 0.1), (x, -0.2, TOP + 0.2), paint))
        parts.append(box("Window", (0.075, 0.03, 0.075), (x, -0.2, TOP + 0.2), glass))
    for side in (-1, 1):
        parts.append(box("Window", (0.02, 0.1, 0.1), (0.25 * side, 0.03, TOP + 0.2), glass))
    posts: list[Vec] = [(0.2 + 0.07 * n, -0.33, TOP) for n in range(5)]
    for x, y, _ in posts:
        parts.append(tube("Post", [(x, y, TOP - 0.01), (x, y, TOP + 0.13)], 0.012, paint))
    for height in (0.05, 0.1):
        parts.append(
            tube(
                "Rail",
                [(posts[0][0], -0.33, TOP + height), (posts[-1][0], -0.33, TOP + height)],
                0.009,
                paint,
            )
        )
    return parts


def _room(dice: random.Random) -> None:
    """A table with things on it in a papered room."""
    furniture.table(3.4, 2.8, FLOOR)
    cloth = pattern("Cloth", "cells", ["#dfe6e4", "#5f86a0", "#f0ead8", "#b5533c"], 8.0, grain=0.3)
    panel("Cloth", (2.2, 1.7), (0, 0, 0.001), (0, 0, -10), cloth)
    floor = pattern("Floor", "tiles", ["#cfc3a9", "#57534f", "#9c6244", "#8a8f80"], 2.2)
    panel("Floor", (12, 10), (0, 0, FLOOR), (0, 0, 0), floor)
    papers = [
        pattern("Paper", "cells", ["#efe3c4", "#7fa08a", "#d98a5b", "#49667a"], 3.2),
        pattern("Stripes", "bands", ["#dfe7e3", "#6f8f9b", "#b5c7b2", "#41565e"], 1.3),
    ]
    panel("Back wall", (10, 6), (0, 2.9, 1.2), (90, 0, 0), papers[0])
    for side in (-1, 1):
        panel("Wall", (10, 6), (3.8 * side, 0, 1.2), (90, 0, -90 * side), papers[1])
        furniture.poster(furniture.POSTERS[4 + side], (3.75 * side, 0.8, 0.9), -90 * side)
        for y in (-1.0, 0.4, 1.8):
            furniture.crate(dice, 3.2 * side, y, FLOOR)
    for n, x in enumerate((-2.4, -0.8, 0.9, 2.5)):
        furniture.poster(furniture.POSTERS[n + 2], (x, 2.85, 0.9 + 0.2 * (n % 2)), 0)
    for x, y, count in ((-1.2, 0.6, 4), (1.1, 0.75, 5), (0.1, 1.05, 3)):
        furniture.pile_of_books(dice, x, y, count)
    for x, y, letter in ((-0.95, -0.4, "H"), (0.95, -0.35, "O"), (-0.6, 0.85, "M"), (1.25, 0.2, "E")):
        furniture.block(dice, x, y, letter)
    for x, y, radius in ((-1.3, 0.0, 0.13), (0.75, 0.7, 0.1)):
        ball("Ball", radius, (x, y, radius), furniture.cover(dice, "Ball"))
