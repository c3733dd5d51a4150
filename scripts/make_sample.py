"""Render the sample shot and its truth with Cycles: a wind-up robot on a table, filmed by a hand-held camera.

    python scripts/make_sample.py OUT                 where bpy (4.2 or newer) can be imported
    blender -b -P scripts/make_sample.py -- OUT       with an installed Blender

OUT gets plates/, masks/ (coarse and damaged as a detector's), and truth/ with matte/, clean/, mesh.ply and cameras/
(COLMAP text). Everything is procedural and seeded: the same options give the same shot.
"""

from __future__ import annotations

import argparse
import math
import random
import struct
import sys
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

FIRST_FRAME = 1001
FOCAL_MM, SENSOR_MM = 32.0, 36.0
FLOOR = -1.6  # the table top is z = 0


# --- materials ------------------------------------------------------------------------------------------


def linear(code: str) -> tuple[float, float, float, float]:
    """'#rrggbb' in sRGB -> linear RGBA."""
    values = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue, 1.0


def texture_node(
    nodes: bpy.types.Nodes, links: bpy.types.NodeLinks, kind: str
) -> tuple[bpy.types.Node, bpy.types.NodeSocket]:
    """The texture node of a pattern, and its output as one value in [0, 1]."""
    if kind in ("cells", "tiles"):
        node = nodes.new("ShaderNodeTexVoronoi")
        node.distance = "CHEBYCHEV" if kind == "tiles" else "EUCLIDEAN"
        split = nodes.new("ShaderNodeSeparateColor")
        links.new(node.outputs["Color"], split.inputs[0])
        return node, split.outputs[0]
    if kind == "dots":
        node = nodes.new("ShaderNodeTexVoronoi")
        return node, node.outputs["Distance"]
    if kind == "bands":
        node = nodes.new("ShaderNodeTexWave")
        node.inputs["Distortion"].default_value = 3.0
        node.inputs["Detail"].default_value = 2.0
        return node, node.outputs["Fac"]
    if kind == "blobs":
        node = nodes.new("ShaderNodeTexNoise")
        node.inputs["Detail"].default_value = 3.0
        stretch = nodes.new("ShaderNodeMapRange")  # noise keeps to the middle of its range
        stretch.inputs["From Min"].default_value = 0.3
        stretch.inputs["From Max"].default_value = 0.7
        links.new(node.outputs["Fac"], stretch.inputs["Value"])
        return node, stretch.outputs["Result"]
    raise ValueError(f"no texture called {kind}")


def pattern(
    name: str,
    kind: str,
    colours: list[str],
    scale: float,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    grain: float = 0.5,
    mortar: str | None = None,
) -> bpy.types.Material:
    """A matt material: flat patches of the colours in the shape of a texture, under a finer speckle.

    With a mortar colour the patches are the bricks of a wall instead.
    """
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = 0.7

    coordinates = nodes.new("ShaderNodeTexCoord").outputs["Object"]
    mapping = nodes.new("ShaderNodeMapping")
    mapping.inputs["Location"].default_value = (3.1, 7.7, 1.3)
    mapping.inputs["Scale"].default_value = stretch
    links.new(coordinates, mapping.inputs["Vector"])

    if mortar is None:
        texture, value = texture_node(nodes, links, kind)
        ramp = nodes.new("ShaderNodeValToRGB")
        ramp.color_ramp.interpolation = "CONSTANT"
        while len(ramp.color_ramp.elements) < len(colours):
            ramp.color_ramp.elements.new(0.5)
        for i, colour in enumerate(colours):
            ramp.color_ramp.elements[i].position = i / len(colours)
            ramp.color_ramp.elements[i].color = linear(colour)
        links.new(value, ramp.inputs["Fac"])
        base = ramp.outputs["Color"]
    else:
        texture = nodes.new("ShaderNodeTexBrick")
        for socket, colour in zip(("Color1", "Color2", "Mortar"), (*colours, mortar), strict=True):
            texture.inputs[socket].default_value = linear(colour)
        texture.inputs["Mortar Size"].default_value = 0.025
        base = texture.outputs["Color"]
    texture.inputs["Scale"].default_value = scale
    links.new(mapping.outputs["Vector"], texture.inputs["Vector"])

    speckle = nodes.new("ShaderNodeTexNoise")
    speckle.inputs["Scale"].default_value = 2.7 * scale
    speckle.inputs["Detail"].default_value = 4.0
    links.new(mapping.outputs["Vector"], speckle.inputs["Vector"])
    shade = nodes.new("ShaderNodeMapRange")
    for socket, number in (
        ("From Min", 0.35),
        ("From Max", 0.65),
        ("To Min", 1.0 - grain),
        ("To Max", 1.0 + 0.2 * grain),
    ):
        shade.inputs[socket].default_value = number
    links.new(speckle.outputs["Fac"], shade.inputs["Value"])
    product = nodes.new("ShaderNodeVectorMath")
    product.operation = "MULTIPLY"
    links.new(base, product.inputs[0])
    links.new(shade.outputs["Result"], product.inputs[1])
    links.new(product.outputs["Vector"], shader.inputs["Base Color"])
    return material


def plain(name: str, colour: str) -> bpy.types.Material:
    """One matt colour."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = linear(colour)
    shader.inputs["Roughness"].default_value = 0.7
    return material


# --- shapes ------------------------------------------------------------------------------------------


def finish(name: str, material: bpy.types.Material, smooth: bool = False) -> bpy.types.Object:
    """Name and paint the object that an operator has just added."""
    thing = bpy.context.object
    thing.name = name
    thing.data.materials.clear()
    thing.data.materials.append(material)
    if smooth:
        thing.data.polygons.foreach_set("use_smooth", [True] * len(thing.data.polygons))
    return thing


Vec = tuple[float, float, float]


def box(
    name: str, size: Vec, at: Vec, material: bpy.types.Material, bevel: float = 0.0, turn: float = 0.0
) -> bpy.types.Object:
    """A box with rounded edges, turned about the vertical."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=at, rotation=(0, 0, turn))
    thing = finish(name, material)
    thing.scale = size
    bpy.ops.object.transform_apply(location=False, rotation=False)
    if bevel:
        modifier = thing.modifiers.new("Bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 4
    return thing


def ball(name: str, radius: float, at: Vec, material: bpy.types.Material) -> bpy.types.Object:
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, location=at, segments=32, ring_count=16)
    return finish(name, material, smooth=True)


def drum(
    name: str, radius: float, height: float, at: Vec, material: bpy.types.Material, lying: bool = False
) -> bpy.types.Object:
    """A cylinder, standing or lying along y."""
    tilt = (math.pi / 2, 0, 0) if lying else (0, 0, 0)
    bpy.ops.mesh.primitive_cylinder_add(radius=radius, depth=height, location=at, rotation=tilt, vertices=40)
    return finish(name, material)


def ring(
    name: str, radius: float, thickness: float, at: Vec, material: bpy.types.Material
) -> bpy.types.Object:
    """A torus standing upright, open along x."""
    bpy.ops.mesh.primitive_torus_add(
        major_radius=radius,
        minor_radius=thickness,
        location=at,
        rotation=(0, math.pi / 2, 0),
        major_segments=48,
    )
    return finish(name, material, smooth=True)


def tube(name: str, points: list[Vec], thickness: float, material: bpy.types.Material) -> bpy.types.Object:
    """A bent rod through the points, closed at both ends."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = (
        "3D",
        thickness,
        5,
        True,
    )
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for point, at in zip(spline.points, points, strict=True):
        point.co = (*at, 1.0)
    thing = bpy.data.objects.new(name, curve)
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    thing.select_set(True)
    bpy.ops.object.convert(target="MESH")
    return finish(name, material, smooth=True)


def arc(centre: Vec, radii: tuple[float, float], start: float, end: float, steps: int = 24) -> list[Vec]:
    """Points of an ellipse's arc in the xz plane, angles in degrees."""
    x, y, z = centre
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return [(x + radii[0] * math.cos(a), y, z + radii[1] * math.sin(a)) for a in angles]


def panel(
    name: str, size: tuple[float, float], at: Vec, turn: Vec, material: bpy.types.Material
) -> bpy.types.Object:
    """A flat rectangle whose texture lies in its own plane; turn in degrees."""
    bpy.ops.mesh.primitive_plane_add(size=1, location=at, rotation=[math.radians(a) for a in turn])
    thing = finish(name, material)
    thing.scale = (*size, 1)
    bpy.ops.object.transform_apply(location=False, rotation=False)
    return thing


def letters(text: str, size: float, at: Vec, turn: Vec, colour: str) -> bpy.types.Object:
    """Flat writing in Blender's own font."""
    bpy.ops.object.text_add(location=at, rotation=[math.radians(a) for a in turn])
    thing = bpy.context.object
    thing.data.body, thing.data.size = text, size
    thing.data.align_x, thing.data.align_y = "CENTER", "CENTER"
    thing.data.materials.append(plain(text, colour))
    return thing


# --- the scene ------------------------------------------------------------------------------------------


def build_object() -> bpy.types.Object:
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


def unite(body: bpy.types.Object, parts: list[bpy.types.Object]) -> bpy.types.Object:
    """Weld overlapping parts into one closed surface, each face keeping its material."""
    operands = bpy.data.collections.new("Parts")
    bpy.context.scene.collection.children.link(operands)
    for part in parts:
        bpy.context.collection.objects.unlink(part)
        operands.objects.link(part)
    weld = body.modifiers.new("Weld", "BOOLEAN")
    weld.operation, weld.solver, weld.material_mode = "UNION", "EXACT", "TRANSFER"
    weld.operand_type, weld.collection, weld.use_self = "COLLECTION", operands, True
    evaluated = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = bpy.data.meshes.new_from_object(evaluated)
    body.modifiers.clear()
    body.data = mesh
    for part in parts:
        bpy.data.objects.remove(part)
    bpy.data.collections.remove(operands)
    return body


def build_room() -> None:
    """A table full of things in front of walls full of things, lit from above and from a window."""
    dice = random.Random(7)

    table = pattern("Table", "bands", ["#5b3419", "#8f5a2c", "#c48a4a", "#6f4220"], 1.6, (0.5, 3.0, 1.0))
    box("Table top", (3.4, 2.8, 0.1), (0, 0, -0.05), table, bevel=0.02)
    for x in (-1.5, 1.5):
        for y in (-1.2, 1.2):
            box("Table leg", (0.12, 0.12, 1.5), (x, y, FLOOR + 0.75), table)
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

    posters = [
        (
            "SURFACE",
            "tiles",
            ["#f3ead8", "#d1495b", "#edae49", "#00798c", "#30638e"],
            2.6,
            (-2.4, 3.15, 1.2),
            0,
        ),
        ("1001", "dots", ["#101820", "#f2aa4c", "#f6f1e5", "#101820"], 4.0, (-0.7, 3.15, 1.6), 0),
        ("PLATE", "blobs", ["#2d3142", "#ef8354", "#bfc0c0", "#4f5d75", "#ffffff"], 3.0, (1.0, 3.15, 1.0), 0),
        ("MATTE", "cells", ["#2a9d8f", "#e9c46a", "#f4a261", "#e76f51", "#264653"], 4.5, (2.7, 3.15, 1.5), 0),
        ("DEPTH", "bands", ["#14213d", "#fca311", "#e5e5e5"], 1.6, (-4.15, 1.4, 1.1), 90),
        (
            "FILM",
            "tiles",
            ["#606c38", "#fefae0", "#dda15e", "#bc6c25", "#283618"],
            3.2,
            (-4.15, -0.3, 1.4),
            90,
        ),
        (
            "COLOUR",
            "cells",
            ["#ffbe0b", "#fb5607", "#ff006e", "#8338ec", "#3a86ff"],
            3.4,
            (4.15, 1.4, 1.2),
            -90,
        ),
        (
            "LENS",
            "blobs",
            ["#003049", "#d62828", "#f77f00", "#fcbf49", "#eae2b7"],
            2.4,
            (4.15, -0.3, 1.5),
            -90,
        ),
    ]
    for title, kind, colours, scale, at, turn in posters:
        facing = Euler((math.pi / 2, 0, math.radians(turn))).to_matrix()
        panel(title, (1.3, 1.6), at, (90, 0, turn), pattern(title, kind, colours, scale, grain=0.2))
        on_top = Vector(at) + facing @ Vector((0, 0.5, 0.02))
        panel("Label", (1.3, 0.4), tuple(on_top), (90, 0, turn), plain("Label", "#f7f3e8"))
        letters(title, 0.32, tuple(on_top + facing @ Vector((0, 0, 0.02))), (90, 0, turn), "#15151a")

    palette = [
        "#c1121f",
        "#003049",
        "#fdf0d5",
        "#669bbc",
        "#ffb703",
        "#2a9d8f",
        "#7f5539",
        "#e76f51",
        "#6a4c93",
    ]

    def cover(name: str) -> bpy.types.Material:
        kind = dice.choice(["cells", "tiles", "blobs", "bands"])
        return pattern(name, kind, dice.sample(palette, 3), dice.uniform(6, 11), grain=0.3)

    shelf = plain("Shelf", "#3b2a1e")
    for height, left in ((0.15, -3.6), (-0.75, -3.6)):  # two boards of books along the back wall
        box("Shelf", (7.2, 0.4, 0.05), (0, 2.95, height), shelf)
        x = left
        while x < 3.5:
            width, tall = dice.uniform(0.07, 0.2), dice.uniform(0.32, 0.62)
            if dice.random() < 0.85:
                at = (x + width / 2, 2.95, height + 0.025 + tall / 2)
                box("Book", (width * 0.94, 0.28, tall), at, cover("Book"))
            x += width
    for side in (-1, 1):  # chests and crates along the other walls
        for y in (-1.2, 0.0, 1.2, 2.2):
            size = dice.uniform(0.5, 0.9)
            at = (side * 3.6, y, FLOOR + size / 2)
            box("Crate", (size, size, size), at, cover("Crate"), turn=dice.uniform(0, 1))

    piles = [(-1.2, 0.75, 3), (1.15, 0.85, 4), (-1.25, -0.35, 2), (1.3, -0.3, 2)]
    for x, y, count in piles:
        top = 0.0
        for _ in range(count):
            thick = dice.uniform(0.05, 0.1)
            at = (x, y, top + thick / 2)
            size = (dice.uniform(0.4, 0.5), dice.uniform(0.3, 0.36), thick)
            box("Book", size, at, cover("Book"), 0.008, dice.uniform(0, 3.1))
            top += thick
    for x, y, letter in (
        (-0.75, 0.95, "A"),
        (-0.5, 1.1, "R"),
        (0.62, 1.0, "S"),
        (0.85, -0.75, "O"),
        (-0.85, -0.8, "B"),
    ):
        turn = dice.uniform(-0.5, 0.5)
        box("Block", (0.2, 0.2, 0.2), (x, y, 0.1), cover("Block"), 0.02, turn)
        front = Vector((x, y, 0.1)) + Euler((0, 0, turn)).to_matrix() @ Vector((0, -0.102, 0))
        letters(letter, 0.2, tuple(front), (90, 0, math.degrees(turn)), "#ffffff")
    ball("Ball", 0.17, (1.05, 0.28, 0.17), cover("Ball"))
    drum("Mug", 0.11, 0.26, (-0.95, 0.3, 0.13), cover("Mug"))

    light_area("Ceiling lamp", (0.8, -0.6, 3.6), 1.6, 190, "#fff1dc")
    light_area("Window", (-2.6, -3.2, 2.4), 1.6, 150, "#e4eeff")
    world = bpy.data.worlds.new("World")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = linear("#cfd6e0")
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.45
    bpy.context.scene.world = world


def light_area(name: str, at: Vec, size: float, watts: float, colour: str) -> None:
    """A square lamp that shines on the object."""
    lamp = bpy.data.lights.new(name, "AREA")
    lamp.size, lamp.energy, lamp.color = size, watts, linear(colour)[:3]
    thing = bpy.data.objects.new(name, lamp)
    thing.location = at
    thing.rotation_euler = (Vector((0, 0, 0.4)) - Vector(at)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(thing)


# --- the cameras ------------------------------------------------------------------------------------------


def sway(dice: random.Random) -> list[tuple[float, float]]:
    """(cycles over the shot, phase) of the few waves that make a hand unsteady."""
    return [(dice.uniform(1, 7), dice.uniform(0, 2 * math.pi)) for _ in range(4)]


def camera_path(frames: int) -> list[Matrix]:
    """Camera-to-world matrices (Blender's axes) of a hand-held walk of 125 degrees around the object."""
    dice = random.Random(3)
    waves = [sway(dice) for _ in range(7)]

    def shake(channel: int, t: float) -> float:
        return sum(math.sin(2 * math.pi * cycles * t + phase) for cycles, phase in waves[channel]) / 4

    path = []
    for i in range(frames):
        t = i / max(frames - 1, 1)
        around = math.radians(-64 + 125 * t + 2.5 * shake(0, t))
        distance = 2.75 + 0.25 * math.sin(4.1 * t) + 0.08 * shake(1, t)
        height = 0.95 + 0.5 * math.sin(2 * math.pi * 0.8 * t - 0.6) + 0.08 * shake(2, t)
        eye = Vector((distance * math.sin(around), -distance * math.cos(around), height))
        target = Vector((0.1 * shake(3, t), 0.1 * shake(4, t), 0.55 + 0.08 * shake(5, t)))
        turn = (target - eye).to_track_quat("-Z", "Y").to_matrix() @ Matrix.Rotation(
            0.05 * shake(6, t), 3, "Z"
        )
        path.append(Matrix.Translation(eye) @ turn.to_4x4())
    return path


def write_cameras(folder: Path, names: list[str], path: list[Matrix], size: tuple[int, int]) -> None:
    """A COLMAP text model of exactly these cameras: PINHOLE, pixel centres at (x + 0.5, y + 0.5)."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    focal = FOCAL_MM / SENSOR_MM * width
    lens = f"1 PINHOLE {width} {height} {focal!r} {focal!r} {width / 2!r} {height / 2!r}\n"
    (folder / "cameras.txt").write_text("# CAMERA_ID MODEL WIDTH HEIGHT PARAMS[]\n" + lens)
    lines = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME, then a line of 2D points"]
    for i, (name, to_world) in enumerate(zip(names, path, strict=True), start=1):
        to_camera = Matrix.Diagonal((1, -1, -1, 1)) @ to_world.inverted()  # y down, z forward
        pose = [*to_camera.to_quaternion(), *to_camera.to_translation()]
        lines += [f"{i} " + " ".join(f"{v:.9g}" for v in pose) + f" 1 {name}", ""]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    (folder / "points3D.txt").write_text("# POINT3D_ID X Y Z R G B ERROR TRACK[]\n")


# --- rendering ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How the shot is rendered."""

    size: tuple[int, int]
    samples: int
    quality: int


def prepare_render(look: Look) -> bpy.types.Object:
    """Set up Cycles on an empty file; returns the camera."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 4
    scene.render.resolution_x, scene.render.resolution_y = look.size
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    lens = bpy.data.cameras.new("Camera")
    lens.sensor_fit, lens.lens, lens.sensor_width = "HORIZONTAL", FOCAL_MM, SENSOR_MM
    camera = bpy.data.objects.new("Camera", lens)
    bpy.context.collection.objects.link(camera)
    scene.camera = camera
    return camera


def render(samples: int, denoise: bool = True, transparent: bool = False) -> None:
    """Render the scene as it stands; save() then writes the picture."""
    scene = bpy.context.scene
    scene.cycles.samples, scene.cycles.use_denoising = samples, denoise
    scene.render.film_transparent = transparent
    bpy.ops.render.render()


def save(file: Path, quality: int = 95, colours: str = "RGB") -> None:
    """Write the last render as PNG or JPEG, by the file's ending."""
    settings = bpy.context.scene.render.image_settings
    settings.file_format = "PNG" if file.suffix == ".png" else "JPEG"
    settings.color_mode, settings.quality = colours, quality
    bpy.data.images["Render Result"].save_render(str(file))


def render_clean(file: Path, look: Look, thing: bpy.types.Object) -> None:
    """The room as if the object, and with it its shadow, had never been there."""
    thing.hide_render = True
    render(look.samples)
    save(file, look.quality)
    thing.hide_render = False


def render_matte(thing: bpy.types.Object, scratch: Path) -> np.ndarray:
    """The object's antialiased coverage (H, W) in [0, 1]: all the rest is cut out of a transparent film."""
    others = others_than(thing)
    for other in others:
        other.is_holdout = True
    bounces, bpy.context.scene.cycles.max_bounces = bpy.context.scene.cycles.max_bounces, 0
    render(64, denoise=False, transparent=True)
    bpy.context.scene.cycles.max_bounces = bounces
    for other in others:
        other.is_holdout = False
    save(scratch / "matte.png", colours="RGBA")
    return read_pixels(scratch / "matte.png")[..., 3]


def others_than(thing: bpy.types.Object) -> list[bpy.types.Object]:
    return [o for o in bpy.context.scene.objects if o is not thing and o.type in ("MESH", "FONT")]


def check_foreground(plate: Path, matte: np.ndarray, thing: bpy.types.Object, look: Look) -> None:
    """Rendered alone in the room's light, the object must look as in the plate where the matte is full."""
    others = others_than(thing)
    for other in others:
        other.visible_camera = False
    render(look.samples, transparent=True)
    for other in others:
        other.visible_camera = True
    alone = plate.with_name("alone.png")
    save(alone, colours="RGBA")
    difference = np.abs(read_pixels(alone)[..., :3] - read_pixels(plate)[..., :3])
    error = float(difference[matte > 0.999].mean())
    print(f"the object alone differs from the plate by {error:.4f}")
    if error > 0.02:
        raise RuntimeError(f"the object rendered alone differs from the plate by {error:.3f}")


def read_pixels(file: Path) -> np.ndarray:
    """An image as (H, W, 4) float32, top row first, as encoded in the file."""
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]


def write_grey(file: Path, values: np.ndarray) -> None:
    """An 8-bit grey PNG of values in [0, 1], with no colour management in between."""
    rows = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    height, width = rows.shape
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    file.write_bytes(data)


def write_mesh(file: Path, thing: bpy.types.Object) -> None:
    """The object's triangles in world units, binary PLY."""
    mesh = thing.data
    mesh.calc_loop_triangles()
    vertices = np.array([thing.matrix_world @ v.co for v in mesh.vertices], "<f4")
    triangles = np.zeros(len(mesh.loop_triangles), [("count", "u1"), ("corners", "<i4", 3)])
    triangles["count"] = 3
    triangles["corners"] = [t.vertices[:] for t in mesh.loop_triangles]
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(triangles)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    file.write_bytes(header.encode() + vertices.tobytes() + triangles.tobytes())


# --- coarse masks ------------------------------------------------------------------------------------------


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> np.ndarray:
    """(H, W) noise of about unit strength that varies over `cell` pixels: a bilinear random grid."""
    rows, columns = (math.ceil(n / cell) + 2 for n in shape)
    grid = rng.normal(size=(rows, columns))
    y, x = (np.arange(n) / cell for n in shape)
    iy, ix = y.astype(int), x.astype(int)
    fy, fx = (y - iy)[:, None], (x - ix)[None]
    top = grid[iy][:, ix] * (1 - fx) + grid[iy][:, ix + 1] * fx
    bottom = grid[iy + 1][:, ix] * (1 - fx) + grid[iy + 1][:, ix + 1] * fx
    return top * (1 - fy) + bottom * fy


def spread(mask: np.ndarray) -> np.ndarray:
    """The mask grown by one pixel up, down, left and right."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown


def damage(matte: np.ndarray, rng: np.random.Generator, lost: str | None, grabbed: bool) -> np.ndarray:
    """A detector's idea of the matte (H, W): a wobbly blocky outline, maybe a part too few or many."""
    height, width = matte.shape
    pixel = width / 320  # the damage scales with the picture
    mask = matte > 0.5
    rows, columns = np.nonzero(mask)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    if lost == "top":
        mask[: top + int(0.45 * (bottom - top))] = False
    elif lost == "side":
        mask[:, left + int(0.64 * (right - left)) :] = False
    if grabbed:
        y, x = np.mgrid[:height, :width]
        centre_y, centre_x = bottom - 0.25 * (bottom - top), left if rng.random() < 0.5 else right
        radius_y, radius_x = 0.22 * (bottom - top), 0.45 * (right - left)
        mask |= ((y - centre_y) / radius_y) ** 2 + ((x - centre_x) / radius_x) ** 2 < 1
    dy, dx = (1.8 * pixel * smooth_noise(rng, mask.shape, 13 * pixel) for _ in range(2))
    y, x = np.mgrid[:height, :width]
    wobbled = mask[
        np.clip(y + np.round(dy), 0, height - 1).astype(int),
        np.clip(x + np.round(dx), 0, width - 1).astype(int),
    ]
    for _ in range(round(rng.uniform(0, 2) * pixel)):
        wobbled = spread(wobbled)
    block = max(round(2 * pixel), 1)
    padded = np.pad(wobbled, ((0, -height % block), (0, -width % block)))
    coarse = padded.reshape(padded.shape[0] // block, block, -1, block).mean((1, 3)) > 0.5
    return coarse.repeat(block, 0).repeat(block, 1)[:height, :width].astype(np.float32)


def write_masks(folder: Path, names: list[str], mattes: list[np.ndarray]) -> None:
    """Coarse masks: one file missing, one all black, two with a part lost, two with background grabbed."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(names)
    missing, black = round(0.21 * count), round(0.5 * count)
    lost = {round(0.33 * count): "top", round(0.71 * count): "side"}
    grabbed = {round(0.12 * count), round(0.83 * count)}
    for i, (name, matte) in enumerate(zip(names, mattes, strict=True)):
        if i == missing:
            continue
        mask = damage(matte, np.random.default_rng(i), lost.get(i), i in grabbed)
        write_grey(folder / f"{name}.png", np.zeros_like(mask) if i == black else mask)


# --- the shot ------------------------------------------------------------------------------------------


def make_shot(out: Path, frames: int, look: Look, only: set[int] | None = None) -> None:
    """Build the scene, render every frame with its truth, write the camera model, the mesh and the masks."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    camera = prepare_render(look)
    robot = build_object()
    build_room()
    path = camera_path(frames)
    names = [f"plate.{FIRST_FRAME + i}" for i in range(frames)]
    truth = out / "truth"
    for folder in (out / "plates", truth / "matte", truth / "clean"):
        folder.mkdir(parents=True, exist_ok=True)
    write_mesh(truth / "mesh.ply", robot)
    write_cameras(truth / "cameras", [f"{name}.jpg" for name in names], path, look.size)

    mattes = []
    with tempfile.TemporaryDirectory() as scratch:
        for i, name in enumerate(names):
            if only and FIRST_FRAME + i not in only:
                continue
            camera.matrix_world = path[i]
            bpy.context.scene.cycles.seed = i
            render(look.samples)
            save(out / "plates" / f"{name}.jpg", look.quality)
            save(Path(scratch) / "plate.png")
            render_clean(truth / "clean" / f"{name}.jpg", look, robot)
            mattes.append(render_matte(robot, Path(scratch)))
            write_grey(truth / "matte" / f"{name}.png", mattes[-1])
            if i % 8 == 0:
                check_foreground(Path(scratch) / "plate.png", mattes[-1], robot, look)
            print(f"{name}: {i + 1} of {frames}", flush=True)
    if not only:
        write_masks(out / "masks", names, mattes)


def main() -> None:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 180), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--samples", type=int, default=20, help="Cycles samples per pixel, denoised")
    parser.add_argument("--quality", type=int, default=94, help="JPEG quality")
    parser.add_argument("--only", type=int, nargs="+", help="render these frame numbers only (no masks)")
    options = parser.parse_args(arguments)
    look = Look(tuple(options.size), options.samples, options.quality)
    make_shot(options.out, options.frames, look, set(options.only or ()))


if __name__ == "__main__":
    main()
