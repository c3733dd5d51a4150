"""Simple things to build a scene of; every function adds one object and returns it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
from mathutils import Vector

from shots.materials import plain

Vec = tuple[float, float, float]


def finish(name: str, material: bpy.types.Material, smooth: bool = False) -> bpy.types.Object:
    """Name and paint the object that an operator has just added."""
    thing = bpy.context.object
    thing.name = name
    thing.data.materials.clear()
    thing.data.materials.append(material)
    if smooth:
        thing.data.polygons.foreach_set("use_smooth", [True] * len(thing.data.polygons))
    return thing


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


def capsule(
    name: str, radius: float, length: float, material: bpy.types.Material, taper: float = 1.0
) -> bpy.types.Object:
    """A rod with round ends that hangs down from the origin, its lower end `taper` times as thick."""
    thing = ball(name, radius, (0, 0, 0), material)
    for vertex in thing.data.vertices:
        if vertex.co.z < 0:
            vertex.co *= taper
            vertex.co.z -= length
    return thing


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


def solid(
    name: str,
    vertices: Sequence[Vec],
    faces: Sequence[Sequence[int]],
    material: bpy.types.Material,
    smooth: bool = False,
) -> bpy.types.Object:
    """A mesh of these faces, which look to where their corners go round anticlockwise."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(thing)
    bpy.context.view_layer.objects.active = thing
    return finish(name, material, smooth)


def lathe(
    name: str, profile: list[tuple[float, float]], material: bpy.types.Material, steps: int = 64
) -> bpy.types.Object:
    """A profile of (radius, height), bottom first, turned about the vertical; closed at both ends by the axis."""
    turns = [(math.cos(2 * math.pi * k / steps), math.sin(2 * math.pi * k / steps)) for k in range(steps)]
    vertices: list[Vec] = [(0, 0, profile[0][1])]
    for radius, height in profile:
        vertices += [(radius * x, radius * y, height) for x, y in turns]
    vertices.append((0, 0, profile[-1][1]))
    top, last = len(vertices) - 1, len(vertices) - 1 - steps
    faces: list[tuple[int, ...]] = []
    for k in range(steps):
        following = (k + 1) % steps
        faces += [(0, 1 + following, 1 + k), (top, last + k, last + following)]
        for row in range(1, last, steps):
            faces.append((row + k, row + following, row + steps + following, row + steps + k))
    return solid(name, vertices, faces, material, smooth=True)


def strap(
    name: str, points: list[Vec], across: Vec, size: tuple[float, float], material: bpy.types.Material
) -> bpy.types.Object:
    """A closed band through the points, its width along `across`; size: width and thickness."""
    side = Vector(across).normalized()
    vertices: list[Vec] = []
    for n, point in enumerate(points):
        before, after = points[max(n - 1, 0)], points[min(n + 1, len(points) - 1)]
        up = side.cross(Vector(after) - Vector(before)).normalized()
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            vertices.append(tuple(Vector(point) + x * size[0] / 2 * side + y * size[1] / 2 * up))
    end = 4 * (len(points) - 1)
    faces: list[tuple[int, ...]] = [(0, 1, 2, 3), (end + 3, end + 2, end + 1, end)]
    for row in range(0, end, 4):
        for k in range(4):
            following = (k + 1) % 4
            faces.append((row + k, row + 4 + k, row + 4 + following, row + following))
    return solid(name, vertices, faces, material)


def sagging(start: Vec, end: Vec, depth: float, steps: int = 12) -> list[Vec]:
    """Points of what hangs between two points, in its middle so much below the line between them."""
    shares = [n / steps for n in range(steps + 1)]
    return [tuple(Vector(start).lerp(Vector(end), s) - Vector((0, 0, 4 * depth * s * (1 - s)))) for s in shares]


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
