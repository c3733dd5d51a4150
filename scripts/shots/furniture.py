"""What rooms are full of: posters, books, blocks, crates. Whatever varies is drawn from the dice given."""

from __future__ import annotations

import math
import random

import bpy
from mathutils import Euler, Vector

from shots.materials import pattern, plain
from shots.shapes import Vec, box, letters, panel

PALETTE = (
    "#c1121f", "#003049", "#fdf0d5", "#669bbc", "#ffb703", "#2a9d8f", "#7f5539", "#e76f51", "#6a4c93",
)  # fmt: skip

# (title, kind of pattern, colours, scale)
Design = tuple[str, str, list[str], float]
POSTERS: list[Design] = [
    ("SURFACE", "tiles", ["#f3ead8", "#d1495b", "#edae49", "#00798c", "#30638e"], 2.6),
    ("1001", "dots", ["#101820", "#f2aa4c", "#f6f1e5", "#101820"], 4.0),
    ("PLATE", "blobs", ["#2d3142", "#ef8354", "#bfc0c0", "#4f5d75", "#ffffff"], 3.0),
    ("MATTE", "cells", ["#2a9d8f", "#e9c46a", "#f4a261", "#e76f51", "#264653"], 4.5),
    ("DEPTH", "bands", ["#14213d", "#fca311", "#e5e5e5"], 1.6),
    ("FILM", "tiles", ["#606c38", "#fefae0", "#dda15e", "#bc6c25", "#283618"], 3.2),
    ("COLOUR", "cells", ["#ffbe0b", "#fb5607", "#ff006e", "#8338ec", "#3a86ff"], 3.4),
    ("LENS", "blobs", ["#003049", "#d62828", "#f77f00", "#fcbf49", "#eae2b7"], 2.4),
]


def cover(dice: random.Random, name: str) -> bpy.types.Material:
    """A pattern of three colours, for anything."""
    kind = dice.choice(["cells", "tiles", "blobs", "bands"])
    return pattern(name, kind, dice.sample(PALETTE, 3), dice.uniform(6, 11), grain=0.3)


def poster(design: Design, at: Vec, turn: float) -> None:
    """A pattern with a label on a wall; turn: degrees about the vertical, 0 faces -y."""
    title, kind, colours, scale = design
    facing = Euler((math.pi / 2, 0, math.radians(turn))).to_matrix()
    panel(title, (1.3, 1.6), at, (90, 0, turn), pattern(title, kind, colours, scale, grain=0.2))
    on_top = Vector(at) + facing @ Vector((0, 0.5, 0.02))
    panel("Label", (1.3, 0.4), tuple(on_top), (90, 0, turn), plain("Label", "#f7f3e8"))
    letters(title, 0.32, tuple(on_top + facing @ Vector((0, 0, 0.02))), (90, 0, turn), "#15151a")


def row_of_books(dice: random.Random, left: float, right: float, y: float, z: float) -> None:
    """Upright books of all sizes along x, with gaps, standing at height z."""
    x = left
    while x < right:
        width, tall = dice.uniform(0.07, 0.2), dice.uniform(0.32, 0.62)
        if dice.random() < 0.85:
            box("Book", (width * 0.94, 0.28, tall), (x + width / 2, y, z + tall / 2), cover(dice, "Book"))
        x += width


def pile_of_books(dice: random.Random, x: float, y: float, count: int) -> None:
    """Books lying on each other on z = 0."""
    top = 0.0
    for _ in range(count):
        thick = dice.uniform(0.05, 0.1)
        size = (dice.uniform(0.4, 0.5), dice.uniform(0.3, 0.36), thick)
        box("Book", size, (x, y, top + thick / 2), cover(dice, "Book"), 0.008, dice.uniform(0, 3.1))
        top += thick


def block(dice: random.Random, x: float, y: float, letter: str) -> None:
    """A child's block with a letter in front, on z = 0."""
    turn = dice.uniform(-0.5, 0.5)
    box("Block", (0.2, 0.2, 0.2), (x, y, 0.1), cover(dice, "Block"), 0.02, turn)
    front = Vector((x, y, 0.1)) + Euler((0, 0, turn)).to_matrix() @ Vector((0, -0.102, 0))
    letters(letter, 0.2, tuple(front), (90, 0, math.degrees(turn)), "#ffffff")


def crate(dice: random.Random, x: float, y: float, floor: float) -> None:
    size = dice.uniform(0.5, 0.9)
    box("Crate", (size, size, size), (x, y, floor + size / 2), cover(dice, "Crate"), turn=dice.uniform(0, 1))


def table(x: float, y: float, floor: float) -> None:
    """A table whose top, of size (x, y), ends at z = 0."""
    wood = pattern("Table", "bands", ["#5b3419", "#8f5a2c", "#c48a4a", "#6f4220"], 1.6, (0.5, 3.0, 1.0))
    box("Table top", (x, y, 0.1), (0, 0, -0.05), wood, bevel=0.02)
    for side in (0.2 - x / 2, x / 2 - 0.2):
        for end in (0.2 - y / 2, y / 2 - 0.2):
            box("Table leg", (0.12, 0.12, -floor - 0.1), (side, end, floor + (-floor - 0.1) / 2), wood)
