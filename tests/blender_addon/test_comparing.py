"""Plate, clean plate, matte and comp in an image editor, in every Blender."""

import shutil

COMPARE = """
from pathlib import Path
scene = bpy.context.scene
ready = [bpy.ops.surface_sos.compare.poll()]
areas = bpy.context.window.screen.areas
editor = next(area for area in areas if area.type == "DOPESHEET_EDITOR")
editor.type = "IMAGE_EDITOR"
space = editor.spaces.active
bpy.ops.surface_sos.load_result(out=sys.argv[-1])
tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
viewer = next(node for node in tree.nodes if node.type == "VIEWER")
shown, count = {}, len(bpy.data.images)
for picture in ("PLATE", "MATTE", "CLEAN", "COMP"):
    try:
        result = sorted(bpy.ops.surface_sos.compare(picture=picture))
    except RuntimeError as error:
        result = str(error)
    user, link = space.image_user, viewer.inputs["Image"].links[0]
    shown[picture] = [
        result, Path(space.image.filepath).name, space.image.source, user.frame_start, user.frame_offset,
        user.frame_duration, user.use_auto_refresh, space.display_channels, link.from_socket.name,
    ]
made = [image.name for image in bpy.data.images][count:]
tree.nodes.remove(viewer)
said = []
for change in (lambda: None, lambda: [tree.nodes.remove(node) for node in list(tree.nodes)]):
    change()
    try:
        bpy.ops.surface_sos.compare(picture="CLEAN")
    except RuntimeError as error:
        said.append(str(error))
tell(ready=ready, shown=shown, said=said, files=len(bpy.data.images) - count)
notes = part("scene.shot_notes").read(scene)
tell(files_of=[str(notes.file_of(frame) or "") for frame in (1000, 1001, 1004, 1005)])
"""


def test_each_picture_is_shown_at_the_scenes_frame(blender, tmp_path, tiny_shot):
    shot = tmp_path / "shot"
    shutil.copytree(tiny_shot.out, shot)
    told = blender.facts(COMPARE, tmp_path, shot)
    assert told["ready"] == [False]
    timing = [1001, 1000, 4, True]
    shown = told["shown"]
    assert shown["PLATE"][0] == shown["MATTE"][0] == ["FINISHED"]
    assert shown["PLATE"][1:8] == ["plate.1001.png", "SEQUENCE", *timing, "COLOR"]
    assert shown["MATTE"][1:8] == ["plate.1001.exr", "SEQUENCE", *timing, "ALPHA"]
    assert shown["CLEAN"][8] == "clean" and shown["COMP"][8] == "Image"
    for picture in (shown["CLEAN"], shown["COMP"]):
        if picture[0] == ["FINISHED"]:
            assert picture[2] == "VIEWER" and picture[7] == "COLOR"
        else:  # since 5.0 there is none before a compositor was open, which bpy has no window for
            assert "open a compositor" in picture[0]
    assert told["files"] == 0  # the layers are those of the comp
    assert "has no Viewer" in told["said"][0] and "no comp of this shot" in told["said"][1]
    layers = [str(shot / "layers" / f"plate.{frame}.exr") for frame in (1001, 1004)]
    assert told["files_of"] == ["", *layers, ""]
