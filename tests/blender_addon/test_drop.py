"""Files that are dropped: Blender calls an operator with the file's path, which is what a test without windows can do."""

import pytest

DROP = """
frame, result, other = sys.argv[-3:]
settings = bpy.context.scene.surface_sos
settings.footage_from = "CLIP"
said = sorted(bpy.ops.surface_sos.use_footage("INVOKE_DEFAULT", filepath=frame))
tell(said=said, footage=[settings.footage_from, settings.footage])
tell(loaded=sorted(bpy.ops.surface_sos.load_result("INVOKE_DEFAULT", filepath=result)), camera=bpy.context.scene.camera.name)
try:
    bpy.ops.surface_sos.load_result("INVOKE_DEFAULT", filepath=other)
except RuntimeError as error:
    tell(other=str(error))
handlers = {}
for name in ("footage", "result"):
    handler = getattr(bpy.types, f"SURFACE_SOS_FH_{name}", None)
    if handler is not None:
        handlers[name] = [handler.bl_import_operator, handler.bl_file_extensions.split(";")]
tell(handlers=handlers, known=hasattr(bpy.types, "FileHandler"))
"""


def test_a_frame_is_the_footage_and_shot_json_the_result(blender, tmp_path, tiny_shot):
    other = tmp_path / "other.json"
    other.write_text("{}")
    frame = tiny_shot.plates / "plate.1002.png"
    told = blender.facts(DROP, tmp_path, frame, tiny_shot.out / "shot.json", other)
    assert told["said"] == told["loaded"] == ["FINISHED"] and told["camera"] == "plate camera"
    assert told["footage"] == ["FILES", str(tiny_shot.plates / "plate.#.png")]
    assert "other.json is no result: choose the shot.json" in told["other"]
    if told["known"]:
        footage, result = (told["handlers"][name] for name in ("footage", "result"))
        assert footage[0] == "surface_sos.use_footage" and {".png", ".exr", ".mov", ".mp4"} <= set(footage[1])
        assert result == ["surface_sos.load_result", [".json"]]
    else:
        assert told["handlers"] == {}


TRANSLATED = """
class Layout:
    def __init__(self):
        self.lines = []
    def column(self, **_):
        return self
    def label(self, text, translate=True, icon="NONE"):
        self.lines.append((text, translate))

sentence = "Import the shot's cameras or load its result first."
words = {"de_DE": {("*", sentence): "Zuerst die Kameras importieren oder das Ergebnis laden."}}
view = bpy.context.preferences.view
try:
    view.language = "de_DE"
except TypeError:
    tell(lines=None)
else:
    view.use_translate_interface = True
    bpy.app.translations.register("words", words)
    layout = Layout()
    part("interface.panel_parts").draw_sentence(layout, sentence)
    bpy.app.translations.unregister("words")
    view.language = "en_US"
    tell(lines=layout.lines)
"""


def test_a_sentence_is_translated_before_it_is_wrapped(blender, tmp_path):
    lines = blender.facts(TRANSLATED, tmp_path)["lines"]
    if lines is None:
        pytest.skip("this Blender has no German")
    assert len(lines) > 0 and not any(translate for _, translate in lines)
    assert " ".join(text for text, _ in lines) == "Zuerst die Kameras importieren oder das Ergebnis laden."
