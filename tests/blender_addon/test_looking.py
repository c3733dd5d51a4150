"""The matte over the plate, frames in doubt, and which step comes next, in every Blender."""

import shutil
from dataclasses import replace

from surface_sos_core.manifest import read_manifest, write_manifest

LOOK = """
from pathlib import Path
fresh_file()
scene, notes = bpy.context.scene, part("scene.shot_notes")
ready = [bpy.ops.surface_sos.show_matte.poll(), notes.read(scene)]
bpy.ops.surface_sos.load_result(out=sys.argv[-1])
camera = scene.camera
images = len(bpy.data.images)
bpy.ops.surface_sos.show_matte()
plate, tint, layers = camera.data.background_images
numbers = []
for frame in (1002, 1004):
    scene.frame_set(frame)
    user = layers.image_user
    numbers.append(user.frame_current if user.frame_current else user.frame_offset + frame - user.frame_start + 1)
shown = [part("scene.overlays").shows_matte(camera), tint.alpha, tint.display_depth, layers.alpha, layers.display_depth]
file = bpy.path.abspath(layers.image.filepath)
space = layers.image.colorspace_settings.name
red = list(tint.image.generated_color)
bpy.ops.surface_sos.show_matte()
hidden = [part("scene.overlays").shows_matte(camera), len(camera.data.background_images), len(bpy.data.images) - images]
bpy.ops.surface_sos.show_matte()
bpy.ops.surface_sos.load_result(out=sys.argv[-1])
bpy.ops.surface_sos.go_to_frame(frame=1003)
tell(
    ready=ready, numbers=numbers, shown=shown, file=file, space=space, red=red, hidden=hidden, frame=scene.frame_current,
    doubts=notes.read(scene).doubts, again=len(camera.data.background_images),
)
"""


def test_the_matte_and_the_doubts_of_a_result(blender, tmp_path, tiny_shot):
    """Premultiplied layers over red over the plate; loading anew shows the plate as it is."""
    shot = tmp_path / "shot"
    shutil.copytree(tiny_shot.out, shot)
    manifest = read_manifest(shot)
    doubts = {1001: ["One.", "Two."], 1003: ["Three."]}
    frames = [replace(entry, doubts=doubts.get(entry.frame, [])) for entry in manifest.frames]
    write_manifest(shot, replace(manifest, frames=frames))
    told = blender.facts(LOOK, tmp_path, shot)
    assert told["ready"] == [False, None]
    assert told["numbers"] == [1002, 1004] and told["shown"] == [True, 0.5, "FRONT", 1.0, "FRONT"]
    assert told["file"] == str(shot / "layers" / "plate.1001.exr")
    assert told["space"] in ("Linear", "Linear Rec.709") and told["red"][0] > 10 * told["red"][1]
    assert told["hidden"] == [False, 1, 0] and told["again"] == 1
    assert told["doubts"] == {str(frame): said for frame, said in doubts.items()} and told["frame"] == 1003


NEXT = """
class Layout:
    # Notes which operators the panel draws; its own layouts are drawn by windows alone.
    def __init__(self):
        self.drawn = []
    def column(self, **_):
        return self
    def operator(self, name, **_):
        self.drawn.append(name)
        return self
    def label(self, **_):
        pass

def step():
    layout = Layout()
    part("interface.panel")._draw_next(layout, bpy.context)
    return layout.drawn

import os
settings, run = bpy.context.scene.surface_sos, bpy.context.window_manager.surface_sos_run
steps = [step()]
settings.footage, settings.out = sys.argv[-1], sys.argv[-2]
steps.append(step())
run.message, run.out = "Cancelled: a checkpoint is kept.", sys.argv[-2]
steps.append(step())
run.message = ""
bpy.ops.surface_sos.load_result(out=sys.argv[-2])
steps.append(step())
settings.overwrite = True
steps.append(step())
os.environ["SURFACE_SOS_PYTHON"] = "/nowhere/python"
steps.append(step())
tell(steps=steps)
"""


def test_there_is_always_one_next_step(blender, tmp_path, tiny_shot):
    told = blender.facts(NEXT, tmp_path, tiny_shot.out, tiny_shot.plates)
    names = ("segment", "load_result", "resume", None, "segment", "show_preferences")
    assert told["steps"] == [[f"surface_sos.{name}" if name else "render.render"] for name in names]
