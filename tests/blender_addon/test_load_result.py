"""A shot folder of the core's writers, loaded into every Blender."""

import json
import shutil
from dataclasses import replace

import numpy as np

from surface_sos_core.manifest import read_manifest, write_manifest

LOAD = """
from pathlib import Path
scene = bpy.context.scene
counts = []
kinds = ("objects", "cameras", "meshes", "actions", "collections", "materials", "node_groups", "images", "scenes")
for time in range(3):
    assert bpy.ops.surface_sos.load_result(out=sys.argv[-1]) == {"FINISHED"}
    counts.append({kind: len(getattr(bpy.data, kind)) for kind in kinds})
    if time == 0:
        root = scene.camera.parent
        root.scale = (2.0, 2.0, 2.0)
        mesh = next(o for o in root.children if o.type == "MESH" and len(o.data.polygons))
        mesh.name = "my robot"
        assert bpy.ops.surface_sos.mesh_role(role="HOLDOUT") == {"FINISHED"}
bpy.context.view_layer.update()
tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
node = next(node for node in tree.nodes if node.type == "IMAGE")
group = next(node for node in tree.nodes if node.type == "GROUP")
roles = []
for role in ("SHADOW_CATCHER", "VISIBLE", "HOLDOUT"):
    bpy.ops.surface_sos.mesh_role(role=role)
    roles.append([mesh.is_shadow_catcher, mesh.is_holdout, scene.render.film_transparent])
tell(
    counts=counts,
    scale=list(mesh.matrix_world.to_scale()),
    name=mesh.name, roles=roles,
    places=[tuple(v.co) for v in mesh.data.vertices],
    faces=[tuple(p.vertices) for p in mesh.data.polygons],
    colours=[[round(255 * c) for c in value.color_srgb] for value in mesh.data.attributes["Col"].data],
    material=[n.type for n in mesh.data.materials[0].node_tree.nodes],
    collections=[[c.name for c in o.users_collection] for o in root.children_recursive],
    range=[scene.frame_start, scene.frame_end, scene.frame_step, scene.frame_current],
    layers=[node.image.colorspace_settings.name, node.image.source, node.frame_start, node.frame_offset,
            node.frame_duration, node.use_auto_refresh],
    links=[[link.from_socket.name, link.to_socket.name] for link in tree.links if link.to_node == group],
    plate=scene.camera.data.background_images[0].image.filepath,
)
"""


def test_everything_is_loaded_and_loading_again_replaces(blender, tmp_path, tiny_shot):
    told = blender.facts(LOAD, tmp_path, tiny_shot.out)
    assert told["counts"][0] == told["counts"][1] == told["counts"][2]
    # The artist's name, scale and choice of role have outlived two more loads.
    assert told["name"] == "my robot"
    np.testing.assert_allclose(told["scale"], 2.0, rtol=1e-6)
    assert told["roles"] == [[True, False, True], [False, False, True], [False, True, True]]
    np.testing.assert_allclose(told["places"], tiny_shot.mesh.vertices, atol=1e-6)
    assert [sorted(face) for face in told["faces"]] == [
        sorted(face) for face in tiny_shot.mesh.faces.tolist()
    ]
    assert [colour[:3] for colour in told["colours"]] == tiny_shot.colours.tolist()
    assert "VERTEX_COLOR" in told["material"]
    assert sorted(told["collections"]) == [["Surface-SOS: plate"]] * 2 + [["Surface-SOS: plate object"]]
    assert told["range"] == [1001, 1004, 1, 1001]
    assert told["layers"][0] in ("Linear", "Linear Rec.709")
    assert told["layers"][1:] == ["SEQUENCE", 1001, 1000, 4, True]
    links = [["Combined", "Foreground"], ["Image", "CG"], ["Image", "CG Before"], ["clean", "Background"]]
    assert sorted(told["links"]) == links
    assert told["plate"].endswith("plate.1001.png")


TWO_SHOTS = """
def state(title):
    found = {}
    for thing in bpy.context.scene.objects:
        owner, _, role = thing.get("surface_sos", "").rpartition("/")
        if owner == title:
            data = thing.data
            found[role] = [
                thing.name, [c.name for c in thing.users_collection], list(thing.location),
                len(data.vertices) if thing.type == "MESH" else None,
                data.background_images[0].image.filepath if thing.type == "CAMERA" else None,
            ]
    tree = getattr(bpy.context.scene, "compositing_node_group", None) or bpy.context.scene.node_tree
    return found, [n.image.filepath for n in tree.nodes if n.get("surface_sos") == title + "/layers"]

first, second, model, plates = sys.argv[-4:]
scene = bpy.context.scene
said = []
bpy.ops.surface_sos.import_cameras(directory=model, footage=plates)  # of the first shot, solved alone
scene.camera.parent.location = (1, 2, 3)
bpy.ops.surface_sos.load_result(out=first)
one = state("plate")
bpy.ops.surface_sos.load_result(out=second)
counts = [sum("surface_sos" in thing for thing in scene.objects)]
both = [state("plate"), state("plate 2")]
bpy.ops.surface_sos.mesh_role(role="VISIBLE")
holdouts = [thing.get("surface_sos") for thing in scene.objects if "surface_sos" in thing and thing.is_holdout]
for out in (first, second, first + "/", first):
    bpy.ops.surface_sos.load_result(out=out)
    counts.append(sum("surface_sos" in thing for thing in scene.objects))
bpy.ops.surface_sos.mesh_role(role="SHADOW_CATCHER")
catchers = [thing.get("surface_sos") for thing in scene.objects if "surface_sos" in thing and thing.is_shadow_catcher]
bpy.ops.surface_sos.import_cameras(directory=model, footage=plates)
tell(one=one, both=both, again=[state("plate"), state("plate 2")], counts=counts, third=state("plate 3")[0],
     holdouts=holdouts, catchers=catchers)
"""


def test_shots_of_one_title_stand_beside_each_other(blender, tmp_path, tiny_shot):
    """Each in its own folder, the first with cameras that were imported before there was a result."""
    first, second = (copy_shot(tiny_shot, tmp_path / name) for name in ("a", "b"))
    shutil.copytree(tiny_shot.out / "cameras", tmp_path / "model")
    told = blender.facts(TWO_SHOTS, tmp_path, first, second, tmp_path / "model", tiny_shot.plates)
    objects, layers = told["one"]
    assert sorted(objects) == ["camera", "mesh", "points", "root"] and objects["root"][2] == [1, 2, 3]
    assert layers == [str(first / "layers" / "plate.1001.exr")]
    assert told["both"][0] == told["one"] == told["again"][0]
    objects, layers = told["both"][1]
    names = {name for thing in objects.values() for name in thing[1]}
    assert names == {"Surface-SOS: plate 2", "Surface-SOS: plate 2 object"}
    assert layers == [str(second / "layers" / "plate.1001.exr")] and told["again"][1] == told["both"][1]
    assert told["counts"] == [8] * 5
    assert told["holdouts"] == ["plate/mesh"] and told["catchers"] == ["plate/mesh"]
    assert sorted(told["third"]) == ["camera", "points", "root"]  # a result's cameras give way to none


SUBSET = """
bpy.ops.surface_sos.load_result(out=sys.argv[-1])
scene = bpy.context.scene
tell(range=[scene.frame_start, scene.frame_end, scene.frame_step],
     background=scene.camera.data.background_images[0].image_user.frame_start)
"""


def copy_shot(tiny_shot, folder, **changes):
    """The shot in another folder, with changes to its manifest."""
    shutil.copytree(tiny_shot.out, folder)
    write_manifest(folder, replace(read_manifest(folder), **changes))
    return folder


def test_every_second_frame_steps_the_scene(blender, tmp_path, tiny_shot):
    frames = read_manifest(tiny_shot.out).frames
    some = [frame if frame.frame % 2 else replace(frame, layers=None) for frame in frames]
    told = blender.facts(SUBSET, tmp_path, copy_shot(tiny_shot, tmp_path / "shot", frames=some))
    assert told == {"range": [1001, 1003, 2], "background": 1001}


PROBLEMS = """
results = []
for out in json.loads(sys.argv[-1]):
    try:
        results.append([sorted(bpy.ops.surface_sos.load_result(out=out)), ""])
    except RuntimeError as error:
        results.append([[], str(error)])
tell(results=results)
"""


def test_what_is_missing_is_said_in_a_sentence(blender, tmp_path, tiny_shot):
    folders = {
        "cameras": copy_shot(tiny_shot, tmp_path / "a", cameras=None),
        "shot.json does not exist": tmp_path / "nothing",
        "object.ply cannot be read": copy_shot(tiny_shot, tmp_path / "b"),
        "holds no COLMAP model": copy_shot(tiny_shot, tmp_path / "c"),
        "newer": copy_shot(tiny_shot, tmp_path / "d"),
    }
    (tmp_path / "b" / "mesh" / "object.ply").unlink()
    (tmp_path / "c" / "cameras" / "images.txt").unlink()
    text = (tmp_path / "d" / "shot.json").read_text().replace('"schema_version": 2', '"schema_version": 99')
    (tmp_path / "d" / "shot.json").write_text(text)
    run = blender.run(PROBLEMS, tmp_path, json.dumps([str(folder) for folder in folders.values()]))
    assert run.code == 0 and "Traceback" not in run.output, run.output
    for (result, sentence), expected in zip(run.facts["results"], folders, strict=True):
        assert result == [] and expected in sentence, sentence


def test_a_lost_plate_or_layer_is_a_warning_only(blender, tmp_path, tiny_shot):
    footage = replace(read_manifest(tiny_shot.out).footage, path=str(tmp_path / "gone"))
    shot = copy_shot(tiny_shot, tmp_path / "shot", footage=footage, mesh=None)
    (shot / "layers" / "plate.1002.exr").unlink()
    run = blender.run(PROBLEMS, tmp_path, json.dumps([str(shot)]))
    assert run.facts["results"] == [[["FINISHED"], ""]], run.output
    for sentence in ("plate is not at", "1 layer file is missing", "has no mesh yet"):
        assert sentence in run.output
    assert "Traceback" not in run.output


VIEWED = """
from pathlib import Path
out, plates = Path(sys.argv[-2]), Path(sys.argv[-1])
scene = bpy.context.scene
scene.render.fps = 25
clip = bpy.data.movieclips.load(str(plates / "plate.1001.png"))
annotation = part("scene.outlines")
settings = scene.surface_sos
first = [clip.frame_start, scene.frame_start, scene.frame_end]
settings.footage_from, settings.clip = "CLIP", clip
chosen = [clip.frame_start, scene.frame_start, scene.frame_end, scene.frame_current]
clip.frame_start = 1
model = str(out / "cameras")
bpy.ops.surface_sos.import_cameras(directory=model, footage=str(plates))
part("scene.overlays").show_masks(scene, plates)
mine = scene.camera.data.background_images.new()
mine.image = bpy.data.images.new("mine", 4, 4)
laid = len(scene.camera.data.background_images)
menus = len(bpy.types.TOPBAR_MT_file_import.draw._draw_funcs)
result = sorted(bpy.ops.surface_sos.load_result(filepath=str(out / "shot.json")))
views = [area.spaces.active for area in bpy.context.window.screen.areas if area.type == "VIEW_3D"]
tell(
    first=first, chosen=chosen, loaded=[clip.frame_start, scene.frame_start, scene.frame_end], laid=laid, result=result,
    left=[over.image.name for over in scene.camera.data.background_images],
    rate=[scene.render.fps, scene.render.fps_base],
    views=[[space.region_3d.view_perspective, space.shading.color_type] for space in views],
    points=[thing.data.color_attributes.active_color.name for thing in scene.objects if thing.type == "MESH" and thing.get("surface_sos")],
)
bpy.data.masks.new("roto")
clip.frame_start = 1
tell(kept=part("scene.load_result").load(bpy.context, out).notices, start=clip.frame_start)
"""


def test_the_result_is_seen_at_once_and_clip_and_scene_agree_with_it(blender, tmp_path, tiny_shot):
    """After a search for masks, in a file whose clip begins at frame 1."""
    footage = replace(read_manifest(tiny_shot.out).footage, fps=23.976)
    shot = copy_shot(tiny_shot, tmp_path / "shot", footage=footage)
    told = blender.facts(VIEWED, tmp_path, shot, tiny_shot.plates)
    assert told["first"] == [1, 1, 250] and told["chosen"] == [1001, 1001, 1004, 1001]
    assert told["result"] == ["FINISHED"] and told["loaded"] == [1001, 1001, 1004]
    assert told["laid"] == 3 and told["left"] == ["plate.1001.png", "mine"]
    assert told["rate"][0] == 24 and abs(24 / told["rate"][1] - 23.976) < 1e-3
    assert told["views"] == [["CAMERA", "VERTEX"]] and told["points"] == ["Col", "Col"]
    assert told["start"] == 1 and any("move the keys of its masks by 1000" in line for line in told["kept"])
