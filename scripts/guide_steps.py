"""Runs in Blender's window, see guide.py: presses the panel's buttons one after the other and takes a picture of each step."""

import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy
from mathutils import Vector

import addon_utils  # isort: skip (of Blender, found once bpy is there)

SAMPLES, WORK = Path(sys.argv[-2]), Path(sys.argv[-1])
SHOT = WORK / "shot"
TAB, TAB_FROM_RIGHT = 181, 13  # pixels from the top right corner of the side bar to the add-on's tab
SETTLED_S, LONGEST_S = 1.5, 3600
FRAME = 1012
BALL = 0.15  # radius, of the object's height
# A frame whose matte lacks the balls on the antennas, and strokes on them, in pixels of the plate.
LOST_FRAME, LOST = 1009, [[(143.0, 22.5), (144.0, 23.0), (145.0, 23.5)], [(186.0, 21.0), (186.8, 21.5), (187.5, 22.0)]]

drawn: list[str] = []


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def area(kind: str) -> bpy.types.Area:
    return next(one for one in window().screen.areas if one.type == kind)


def region(of: bpy.types.Area, kind: str) -> bpy.types.Region:
    return next(one for one in of.regions if one.type == kind)


def press(operator: Callable, kind: str = "VIEW_3D", **options: object) -> None:
    """As a button in an area of that kind does."""
    of = area(kind)
    with bpy.context.temp_override(window=window(), area=of, region=region(of, "WINDOW")):
        operator("INVOKE_DEFAULT", **options)


def picture(name: str) -> None:
    with bpy.context.temp_override(window=window(), area=window().screen.areas[0]):
        bpy.ops.screen.screenshot(filepath=str(WORK / f"{name}.png"))


def click_tab() -> None:
    bar = region(area("VIEW_3D"), "UI")
    column, row = bar.x + bar.width - TAB_FROM_RIGHT, window().height - (bar.y + bar.height) + TAB
    words = f"mousemove {column} {row} sleep 0.5 mousedown 1 sleep 0.2 mouseup 1 sleep 0.3 mousemove 300 500"
    subprocess.Popen(["xdotool", *words.split()])


def steps() -> Iterator[Callable[[], object] | None]:
    """Yields what to wait for, None for a moment."""
    scene = bpy.context.scene
    settings, run = scene.surface_sos, bpy.context.window_manager.surface_sos_run
    view = area("VIEW_3D")
    view.spaces.active.show_region_ui = True
    while not drawn:
        click_tab()
        yield None
        yield None

    settings.footage = str(SAMPLES / "plates" / "plate.1001.jpg")
    settings.masks_from, settings.masks = "FOLDER", str(SAMPLES / "masks")
    settings.out, settings.preset = str(SHOT), "preview"
    yield None
    if not (SHOT / "report.html").exists():
        picture("1_empty_file")
        press(bpy.ops.surface_sos.segment)
        yield lambda: run.preview_icon and run.done > run.total / 2 or not run.running
        yield None
        picture("2_running")
        yield lambda: not run.running
        if run.message:
            raise RuntimeError(run.message)

    for thing in [thing for thing in scene.objects if thing.name in ("Cube", "Light", "Camera")]:
        bpy.data.objects.remove(thing)
    press(bpy.ops.surface_sos.load_result, out=str(SHOT))
    scene.frame_set(FRAME)
    yield None
    press(bpy.ops.surface_sos.show_matte)
    yield None
    picture("3_result")
    press(bpy.ops.surface_sos.show_matte)

    view.ui_type = "CompositorNodeTree"
    view.spaces.active.show_region_ui = False
    yield None
    for _ in range(2):  # the first look tells how large the nodes are
        press(bpy.ops.node.view_all, "NODE_EDITOR")
        yield None
    picture("5_compositor")
    view.ui_type = "VIEW_3D"
    yield None
    press(bpy.ops.surface_sos.compare, picture="MATTE")
    side = area("IMAGE_EDITOR")
    yield None
    press_in(side, bpy.ops.image.view_all, fit_view=True)
    yield None
    picture("4_compare")

    side.ui_type = "VIEW_3D"  # looks from the side, beside the camera's view
    side.spaces.active.show_region_ui = False
    yield None
    press_in(side, bpy.ops.surface_sos.set_world, way="FIND")
    add_balls(scene)
    yield None
    side.spaces.active.region_3d.view_perspective = "PERSP"
    press_in(side, bpy.ops.view3d.view_axis, type="RIGHT")
    bpy.ops.object.select_all(action="DESELECT")
    for thing in scene.objects:
        if thing.name.startswith(("before", "behind", "plate mesh")):
            thing.select_set(True)
    press_in(side, bpy.ops.view3d.view_selected)
    yield None
    bpy.ops.object.select_all(action="DESELECT")
    yield None
    yield None
    picture("6_world")

    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 64, False
    scene.render.image_settings.file_format = "PNG"
    bpy.ops.render.render()
    bpy.data.images["Render Result"].save_render(str(WORK / "7_comp.png"), scene=scene)

    side.ui_type = "CLIP_EDITOR"
    yield None
    side.spaces.active.show_region_ui = side.spaces.active.show_region_toolbar = False
    yield None
    press_in(side, bpy.ops.surface_sos.draw_strokes, kind="object")
    scene.frame_set(LOST_FRAME)
    yield None
    for points in LOST:
        draw_stroke(side, points)
    layers = SHOT / "layers" / f"plate.{LOST_FRAME}.exr"
    shutil.copy2(layers, WORK / "before.exr")
    press(bpy.ops.surface_sos.update)
    yield lambda: not run.running
    if run.message:
        raise RuntimeError(run.message)
    print(f"Update: {run.success}", flush=True)
    shutil.copy2(layers, WORK / "after.exr")


def draw_stroke(of: bpy.types.Area, points: list[tuple[float, float]]) -> None:
    """A stroke of the Annotate tool through pixels of the plate, on the frame in view."""
    clip = of.spaces.active.clip
    (width, height), view = clip.size, region(of, "WINDOW").view2d
    places = [view.view_to_region(x / width, 1 - y / height, clip=False) for x, y in points]
    nothing = {"name": "", "location": (0, 0, 0), "pressure": 1.0, "size": 1.0, "pen_flip": False, "x_tilt": 0.0, "y_tilt": 0.0}
    stroke = [
        {**nothing, "mouse": place, "mouse_event": place, "time": 0.1 * n, "is_start": n == 0} for n, place in enumerate(places)
    ]
    press_in(of, bpy.ops.gpencil.annotate, mode="DRAW", stroke=stroke, wait_for_input=False)
    annotation = clip.grease_pencil  # Blender rounds to the pixels of the screen
    key = next(key for key in annotation.layers["Object"].frames if key.frame_number == bpy.context.scene.frame_current)
    for point, (x, y) in zip(key.strokes[-1].points, points, strict=False):
        point.co = (x / width, 1 - y / height, 0.0)


def press_in(of: bpy.types.Area, operator: Callable, **options: object) -> None:
    with bpy.context.temp_override(window=window(), area=of, region=region(of, "WINDOW")):
        operator(**options)


def add_balls(scene: bpy.types.Scene) -> None:
    """One before the object and one behind it, both on the ground, in the sun."""
    mesh = next(thing for thing in scene.objects if thing.name == "plate mesh")
    size = max(mesh.dimensions)
    towards = scene.camera.matrix_world.translation.copy()
    towards.z = 0
    towards.normalize()
    aside = Vector((-towards.y, towards.x, 0))
    for name, place, colour in (
        ("before", 0.55 * towards + 0.25 * aside, (0.8, 0.05, 0.02, 1)),
        ("behind", -0.6 * towards - 0.3 * aside, (0.02, 0.2, 0.8, 1)),
    ):
        bpy.ops.mesh.primitive_uv_sphere_add(
            segments=64, ring_count=32, radius=BALL * size, location=size * (place + Vector((0, 0, BALL)))
        )
        ball = bpy.context.object
        ball.name = name
        bpy.ops.object.shade_smooth()
        material = bpy.data.materials.new(name)
        material.use_nodes, material.diffuse_color = True, colour
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = colour
        ball.data.materials.append(material)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.angle, sun.rotation_euler = 6.0, 0.1, (0.6, 0.6, 0)
    scene.collection.objects.link(sun)
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 4.0  # of a grey of .05


running = steps()
waits: Callable[[], object] | None = None
waited = 0.0


def tick() -> float:
    global waits, waited
    try:
        waited += SETTLED_S
        if waited > LONGEST_S:
            raise TimeoutError("a step of the guide did not end")
        if waits is None or waits():
            waits, waited = next(running), 0.0
    except StopIteration:
        os._exit(0)
    except Exception:  # noqa: BLE001 (told as a process tells it)
        traceback.print_exc()
        os._exit(9)
    return SETTLED_S


addon_utils.enable("surface_sos", default_set=True)
bpy.context.preferences.view.show_splash = False
bpy.context.preferences.system.use_region_overlap = False
bpy.types.SURFACE_SOS_PT_viewport.append(lambda panel, context: drawn.append("panel"))
bpy.app.timers.register(tick, first_interval=3.0, persistent=True)
