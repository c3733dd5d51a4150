"""Camera and mesh as USD and Alembic, read back by Blender's own importers."""

import shutil
from pathlib import Path

import numpy as np
import pytest

EXPORT = """
from pathlib import Path
from mathutils import Vector
from bpy_extras.object_utils import world_to_camera_view
out, kind, file = sys.argv[-3:]
scene = bpy.context.scene
MARKS = [Vector((x, y, z)) for x in (-0.5, 0.7) for y in (-0.6, 0.4) for z in (-0.3, 0.5)]

def seen(scene, camera):
    views = []
    for frame in range(1001, 1005):
        scene.frame_set(frame)
        views.append([list(world_to_camera_view(scene, camera, mark)) for mark in MARKS])
    return views

def look(mesh):
    graph = bpy.context.evaluated_depsgraph_get()
    return sorted([round(value, 4) for value in mesh.matrix_world @ vertex.co] for vertex in mesh.evaluated_get(graph).data.vertices)

bpy.ops.surface_sos.load_result(out=out)
root = scene.camera.parent
root.scale, root.location = (2, 2, 2), (0.1, 0.2, -0.3)
scene.frame_start = 1002  # the artist's own; the shot begins before
mesh = part("scene.shot_objects").find(scene, None, "mesh")
cube = bpy.data.objects["Cube"]
bpy.ops.object.select_all(action="DESELECT")
cube.select_set(True)
first = seen(scene, scene.camera)
said = sorted(bpy.ops.surface_sos.export_scene(filepath=file, kind=kind))
kept = [scene.frame_start, scene.frame_end, [thing.name for thing in bpy.context.selected_objects]]
tell(said=said, kept=kept, first=first, mesh=look(mesh))
size = [scene.render.resolution_x, scene.render.resolution_y, scene.render.pixel_aspect_x, scene.render.pixel_aspect_y]
mesh.hide_set(True)
try:
    bpy.ops.surface_sos.export_scene(filepath=file + "2", kind=kind)
except RuntimeError as error:
    tell(hidden=str(error))

fresh_file()
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y, scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = size
if kind == "USD":
    bpy.ops.wm.usd_import(filepath=file)
else:
    bpy.ops.wm.alembic_import(filepath=file, as_background_job=False)
camera = next(thing for thing in scene.objects if thing.type == "CAMERA")
meshes = [thing for thing in scene.objects if thing.type == "MESH"]
tell(range=[scene.frame_start, scene.frame_end], again=seen(scene, camera), meshes=len(meshes), read=look(meshes[0]))
"""


@pytest.mark.parametrize("blender", ["bpy45", "bpy50"], indirect=True)
@pytest.mark.parametrize(("kind", "suffix"), [("USD", ".usdc"), ("ABC", ".abc")])
def test_camera_and_mesh_come_back(blender, tiny_shot, tmp_path: Path, kind: str, suffix: str):
    """The mesh without what makes it a holdout; what the artist has selected, and the scene's frames, stay."""
    shutil.copytree(tiny_shot.out, tmp_path / "shot")
    told = blender.facts(EXPORT, tmp_path, tmp_path / "shot", kind, tmp_path / f"shot{suffix}")
    assert told["said"] == ["FINISHED"] and told["kept"] == [1002, 1004, ["Cube"]]
    assert told["range"] == [1001, 1004] and told["meshes"] == 1
    assert np.allclose(told["again"], told["first"], atol=2e-4)
    assert np.allclose(told["read"], told["mesh"], atol=1e-3) and len(told["mesh"]) == 6
    assert "plate mesh cannot be exported while hidden" in told["hidden"]


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_a_blender_without_exporters_says_so(blender, tiny_shot, tmp_path: Path):
    script = """
if bpy.app.usd.supported or bpy.app.alembic.supported:
    tell(supported=True)
else:
    bpy.ops.surface_sos.load_result(out=sys.argv[-1])
    try:
        bpy.ops.surface_sos.export_scene(filepath=sys.argv[-1] + ".usdc", kind="USD")
    except RuntimeError as error:
        tell(said=str(error))
"""
    told = blender.facts(script, tmp_path, tiny_shot.out)
    if "supported" in told:
        pytest.skip("this Blender has exporters")
    assert "built without USD and Alembic" in told["said"]
