"""Bushes of many small leaves. Whatever varies is drawn from the dice given."""

from __future__ import annotations

import math
import random

import bpy
import numpy as np

from shots.materials import plain
from shots.shapes import Vec, panel

GREENS = ["#2f5d1f", "#4f8a2c", "#7da83c", "#1f4420", "#a3b94e"]
_CLUMP, _LEAVES = 0.3, 260  # a clump's radius, by which they are set too, and its leaves
_DEEP = 0.35  # how far clumps stand before and behind each other


def clump(seed: int, leaf: float) -> bpy.types.Mesh:
    """Leaves of about this length at random in a ball; each is a rhomb that is folded along its middle."""
    rng = np.random.default_rng(seed)
    out = rng.normal(size=(_LEAVES, 3))
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    middle = out * _CLUMP * rng.uniform(0.4, 1.0, (_LEAVES, 1))
    along = out + 0.8 * rng.normal(size=out.shape)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, rng.normal(size=out.shape))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    fold = np.cross(along, across)
    long = leaf * rng.uniform(0.6, 1.3, (_LEAVES, 1))
    corners = [
        middle - long / 2 * along,
        middle + long * (0.28 * across + 0.08 * fold),
        middle + long / 2 * along,
        middle - long * (0.28 * across - 0.08 * fold),
    ]
    vertices = np.stack(corners, axis=1).reshape(-1, 3)
    first = 4 * np.arange(_LEAVES)[:, None]
    faces = np.concatenate([first + [0, 1, 2], first + [0, 2, 3]], axis=1).reshape(-1, 3)
    mesh = bpy.data.meshes.new("Leaves")
    mesh.from_pydata(vertices.tolist(), [], faces.tolist())
    for green in GREENS:
        mesh.materials.append(plain("Leaf", green))
    mesh.polygons.foreach_set(
        "material_index", rng.integers(0, len(GREENS), _LEAVES).repeat(2).astype(np.int32)
    )
    return mesh


def hedge(dice: random.Random, start: Vec, end: Vec, height: float, leaf: float = 0.1) -> None:
    """Clumps of leaves from one point on the ground to another, around a dark core."""
    meshes = [clump(dice.randrange(1000), leaf) for _ in range(3)]
    length = math.dist(start, end)
    across, up = math.ceil(length / _CLUMP), math.ceil(height / _CLUMP)
    for column in range(across):
        for row in range(up):
            share = (column + dice.uniform(0.2, 0.8)) / across
            at = [a + share * (b - a) + dice.uniform(-_DEEP, _DEEP) for a, b in zip(start, end, strict=True)]
            bush = bpy.data.objects.new("Bush", dice.choice(meshes))
            bush.location = (at[0], at[1], start[2] + (row + dice.uniform(0.2, 0.8)) * _CLUMP)
            bush.rotation_euler = [dice.uniform(0, 2 * math.pi) for _ in range(3)]
            bush.scale = [dice.uniform(0.8, 1.3)] * 3
            bpy.context.collection.objects.link(bush)
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    turn = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    panel(
        "Core",
        (length, height),
        (middle[0], middle[1], start[2] + height / 2),
        (90, 0, turn),
        plain("Core", "#0d1a0b"),
    )
