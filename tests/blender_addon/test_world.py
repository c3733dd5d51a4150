"""Ground, origin, axis and scale of a shot's world, and the shadow that its ground takes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Lens, read_box, write_model
from tests.blender_addon.test_compositor import read_rgb

LENS = Lens("PINHOLE", 64, 36, (60.0, 60.0, 32.0, 18.0))
TILT = np.deg2rad(14)

# A view of the shot, which no similarity of it may change: where the camera sees its points, and the box it exports.
SEEN = """
from mathutils import Vector
from bpy_extras.object_utils import world_to_camera_view

def thing(role):
    return part("scene.shot_objects").find(bpy.context.scene, None, role)

def places(name="points"):
    bpy.context.view_layer.update()
    cloud = thing(name)
    return [list(cloud.matrix_world @ vertex.co) for vertex in cloud.data.vertices]

def seen():
    scene = bpy.context.scene
    return [list(world_to_camera_view(scene, scene.camera, Vector(place)))[:2] for place in places()]

def say(way, **more):
    try:
        return sorted(bpy.ops.surface_sos.set_world("EXEC_DEFAULT", True, way=way, **more))
    except RuntimeError as error:
        return str(error)
"""

FIND = (
    SEEN
    + """
model, box = sys.argv[-2:]
scene = bpy.context.scene
tell(before=bpy.ops.surface_sos.set_world.poll())
bpy.ops.surface_sos.import_cameras(directory=model)
bpy.ops.surface_sos.add_box()
bpy.ops.ed.undo_push()
first, root = seen(), thing("root")
tell(tilted=[list(row) for row in root.matrix_world], first=first, start=places())
tell(said=say("FIND"), after=places(), seen=seen(), eye=list(scene.camera.matrix_world.translation))
ground = thing("ground")
corners = [list(ground.matrix_world @ vertex.co) for vertex in ground.data.vertices]
tell(catcher=ground.is_shadow_catcher, film=scene.render.film_transparent, corners=corners, parent=ground.parent.name == root.name,
     home=[collection.name for collection in ground.users_collection], again=say("FIND"),
     grounds=sum(one.name.startswith("plate ground") for one in scene.objects))
tell(box=[list(row) for row in part("scene.scene_box").matrix(scene.surface_sos.box)])
bpy.ops.ed.undo()
bpy.ops.ed.undo()
tell(undone=[list(row) for row in thing("root").matrix_world], gone=thing("ground") is None)
"""
)


@pytest.fixture
def model(makers, tmp_path: Path) -> tuple[Path, np.ndarray]:
    """Cameras over a tilted plane with clutter above it; and which points lie on the plane."""
    points = makers.sparse_points(600, 6)
    random = np.random.default_rng(4)
    on = np.arange(600) % 2 == 0
    points.xyz[on, 2] = -0.8 + random.normal(0, 0.002, on.sum())
    turn = np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])
    cameras_world = np.array(
        [[0.96, 0.28, 0.0], [0.0, 0.0, -1.0], [-0.28, 0.96, 0.0]]
    )  # as makers.ring tilts it
    points.xyz[:] = points.xyz @ (cameras_world @ turn).T
    folder = tmp_path / "plate"
    write_model(CameraModel(makers.ring(6, LENS), points), folder)
    return folder, on


def test_the_largest_level_plane_becomes_the_floor(blender, model, tmp_path: Path):
    folder, on = model
    told = blender.facts(FIND, tmp_path, folder, tmp_path / "box.json")
    assert told["before"] is False and told["said"] == told["again"] == ["FINISHED"]
    before, after = (np.array(told[name]) for name in ("start", "after"))
    plane = before[on] - before[on].mean(axis=0)
    normal = np.linalg.svd(plane, full_matrices=False)[2][2]
    assert np.rad2deg(np.arccos(abs(normal[2]))) > 3  # it was not level
    assert np.abs(after[on, 2]).max() < 0.02 and np.abs(after[on, 2].mean()) < 0.002
    assert (after[~on, 2] > -0.02).mean() > 0.8 and told["eye"][2] > 0.5
    assert np.allclose(told["seen"], told["first"], atol=1e-4)
    corners = np.array(told["corners"])
    assert np.allclose(corners[:, 2], 0, atol=1e-5) and np.ptp(corners[:, 0]) > 2 * np.ptp(after[on, 0])
    assert told["catcher"] and told["film"] and told["parent"] and told["grounds"] == 1
    assert told["home"] == ["Surface-SOS: plate ground"]
    assert np.allclose(told["undone"], told["tilted"], atol=1e-6) and told["gone"]


def test_where_no_plane_is_level_it_says_what_to_do(blender, makers, tmp_path: Path):
    write_model(CameraModel(makers.ring(6, LENS), makers.sparse_points(60, 6)), tmp_path / "plate")
    script = SEEN + 'bpy.ops.surface_sos.import_cameras(directory=sys.argv[-1])\ntell(said=say("FIND"))'
    said = blender.facts(script, tmp_path, tmp_path / "plate")["said"]
    assert "Of 60 sparse points at most" in said and "select three points of the ground" in said


CHOSEN = (
    SEEN
    + """
out, plates = sys.argv[-2:]
bpy.ops.surface_sos.load_result(out=out)
bpy.ops.surface_sos.add_box()
scene, mesh = bpy.context.scene, thing("mesh")
request = part("job.shot_request")
settings = scene.surface_sos
settings.footage, settings.out = plates, out + "_next"
first = seen()

def choose(*indices):
    # vertices of the mesh, in edit mode
    if bpy.context.mode == "EDIT_MESH":
        bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = mesh
    mesh.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_mode(type="VERT")
    bpy.ops.mesh.select_all(action="DESELECT")
    bpy.ops.object.mode_set(mode="OBJECT")
    for index in indices:
        mesh.data.vertices[index].select = True
    bpy.ops.object.mode_set(mode="EDIT")

def corners():
    bpy.context.view_layer.update()
    return [list(mesh.matrix_world @ vertex.co) for vertex in mesh.data.vertices]

steps = {}
choose(0, 2)
steps["too few"] = say("GROUND")
choose(0, 2, 4)
bpy.ops.ed.undo_push()
start = corners()
steps["undone"] = [say("GROUND", catcher=True), bpy.context.mode, corners() == start, sorted(bpy.ops.ed.undo())]
scene, mesh = bpy.context.scene, thing("mesh")
settings = scene.surface_sos
steps["undone"] += [(Vector(one) - Vector(other)).length < 1e-5
                    for one, other in zip(corners(), start)] + [thing("ground") is None]
choose(0, 2, 4)
steps["ground"] = [say("GROUND", catcher=False), corners(), thing("ground") is None]
choose(5)
steps["origin"] = [say("ORIGIN"), corners()]
choose(1)
steps["x"] = [say("X"), corners()]
choose(5)
steps["x at the origin"] = say("X")
choose(0, 1)
steps["scale"] = [say("SCALE", distance=3.0), corners()]
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.object.select_all(action="DESELECT")
for place in ((1, 0, 0), (1, 2, 0), (4, 0, 1)):
    empty = bpy.data.objects.new("mark", None)
    scene.collection.objects.link(empty)
    empty.location = place
    empty.select_set(True)
steps["empties"] = [say("GROUND", catcher=True), list(thing("ground").matrix_world.translation)]
tell(steps=steps, first=first, seen=seen(), box=request.export(bpy.context, request.plan(bpy.context, "new")).box,
     own=[list(settings.box.location), list(settings.box.scale)], eye=list(scene.camera.matrix_world.translation))
"""
)


def test_selected_points_set_ground_origin_axis_and_scale(blender, tiny_shot, tmp_path: Path):
    """By vertices of the mesh, an octahedron, then by empties; what is seen and the exported box stay as they are."""
    shutil.copytree(tiny_shot.out, tmp_path / "shot")
    told = blender.facts(CHOSEN, tmp_path, tmp_path / "shot", tiny_shot.plates)
    steps = told["steps"]
    assert "Set Ground goes by 3 selected points, not 2" in steps["too few"]
    assert steps["undone"] == [["FINISHED"], "OBJECT", False, ["FINISHED"]] + [True] * 7
    said, places, none = steps["ground"]
    places = np.array(places)
    assert said == ["FINISHED"] and none and np.allclose(places[[0, 2, 4], 2], 0, atol=1e-5)
    assert np.allclose(places.mean(axis=0)[:2], 0, atol=1e-5)  # below the object's middle
    said, places = steps["origin"]
    assert said == ["FINISHED"] and np.allclose(places[5], 0, atol=1e-5)
    said, places = steps["x"]
    assert said == ["FINISHED"] and abs(places[1][1]) < 1e-5 and places[1][0] > 0.1
    assert "on the Z axis" in steps["x at the origin"]
    said, places = steps["scale"]
    assert said == ["FINISHED"] and np.isclose(
        np.linalg.norm(np.subtract(places[0], places[1])), 3, atol=1e-4
    )
    assert np.allclose(places[5], 0, atol=1e-4)
    assert steps["empties"][0] == ["FINISHED"] and np.allclose(steps["empties"][1], 0, atol=1e-5)
    assert told["eye"][2] > 0 and np.allclose(told["seen"], told["first"], atol=1e-4)
    box = read_box(told["box"])
    assert np.allclose(box.centre, told["own"][0], atol=1e-4) and np.allclose(
        box.half, told["own"][1], atol=1e-4
    )


SHADOW = (
    SEEN
    + """
from pathlib import Path
out = Path(sys.argv[-1])
scene = bpy.context.scene
loaded = part("scene.load_result").load(bpy.context, out)
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 32, False
for one in [one for one in scene.objects if one.name in ("Cube", "Light")]:
    bpy.data.objects.remove(one)
if scene.world is not None:
    scene.world.color = (0, 0, 0)
    if scene.world.node_tree is not None:
        scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0
scene.frame_set(1001)
marks = []
eye = scene.camera.matrix_world
for x, y in ((-0.3, -0.2), (0.3, -0.2), (0.0, 0.0)):  # a floor that the camera sees from above, behind the object
    marks.append(bpy.data.objects.new("mark", None))
    scene.collection.objects.link(marks[-1])
    marks[-1].location = eye @ Vector((x * 8, -1 + y * 2, -6 - 8 * y))
bpy.ops.object.select_all(action="DESELECT")
for mark in marks:
    mark.select_set(True)
said = say("GROUND")
bpy.context.view_layer.update()
sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
sun.data.energy = 3.0
scene.collection.objects.link(sun)
render = part("comp.composite_render").render_composites
list(render(scene, {1001: "plate"}, out.parent / "nothing", loaded.space))
middle = sum((mark.matrix_world.translation for mark in marks), Vector()) / 3
bpy.ops.mesh.primitive_cube_add(size=0.8, location=(middle.x, middle.y, 0.9))
bpy.context.view_layer.update()
list(render(scene, {1001: "plate"}, out.parent / "cube", loaded.space))
view = world_to_camera_view(scene, scene.camera, Vector((middle.x, middle.y, 0.0)))
cube = [list(world_to_camera_view(scene, scene.camera, bpy.context.object.matrix_world @ Vector(corner))) for corner in bpy.context.object.bound_box]
own, without = ([child.indirect_only for child in layer.layer_collection.children["Surface-SOS: plate"].children
                 if child.name == "Surface-SOS: plate ground"] for layer in scene.view_layers)
tell(layers=[own, without], said=said, floor=list(view), cube=cube)
"""
)


def test_the_shadow_of_cg_falls_on_the_clean_plate(blender, tiny_shot, tmp_path: Path):
    """A cube floats over the ground in the sun: the comp is darker below it and as it was elsewhere."""
    shot = tmp_path / "shot"
    shutil.copytree(tiny_shot.out, shot)
    told = blender.facts(SHADOW, tmp_path, shot, timeout=180)
    assert told["said"] == ["FINISHED"] and told["layers"] == [[True], [False]]
    without, shadowed = (read_rgb(tmp_path / name / "plate.exr") for name in ("nothing", "cube"))
    layers = tiny_shot.layers[1001]
    plate = layers.foreground[..., :3] + (1 - layers.foreground[..., 3:]) * layers.clean
    assert np.abs(without - plate).max() < 0.01 * plate.max()  # a plane in the sun alone covers nothing
    tell = json.dumps(told)
    x, y, depth = told["floor"]
    assert depth > 0 and 0 < x < 1 and 0 < y < 1, tell
    row, column = int((1 - y) * 36), int(x * 64)
    background = layers.foreground[..., 3] < 0.2
    near = np.zeros_like(background)
    near[row - 2 : row + 3, column - 2 : column + 3] = True
    ratio = shadowed.sum(axis=2) / plate.sum(axis=2)
    assert ratio[near & background].mean() < 0.6, tell
    far = np.ones_like(background)
    corners = np.array(told["cube"])
    top, bottom = int((1 - corners[:, 1].max()) * 36) - 3, row + 8
    left, right = int(corners[:, 0].min() * 64) - 8, int(corners[:, 0].max() * 64) + 9
    far[max(top, 0) : bottom, max(left, 0) : right] = False
    assert far.sum() > 200 and np.abs(ratio[far] - 1).max() < 0.05, tell
