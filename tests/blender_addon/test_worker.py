"""The Blender that executes all scripts: each finds it as if just started, and a dead one is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

MARK = """
import os
tell(
    found=[
        os.environ.get("SURFACE_SOS_MARK"), getattr(addon, "mark", None), hasattr(sys.modules["json"], "mark"),
        sorted(thing.name for thing in bpy.data.objects), bpy.context.preferences.view.show_splash,
        bpy.context.scene.surface_sos.frames, bpy.context.window_manager.surface_sos_run.message,
        "mark" in globals(), os.path.basename(os.getcwd()),
    ],
    arguments=sys.argv[1:],
)
os.environ["SURFACE_SOS_MARK"] = addon.mark = mark = "mine"
bpy.ops.mesh.primitive_cube_add(size=2)
bpy.context.preferences.view.show_splash = False
bpy.context.scene.surface_sos.frames = "1001-1010"
bpy.context.window_manager.surface_sos_run.message = "said"
addon_utils.disable(ADDON)
"""


def test_a_script_finds_nothing_of_the_one_before(blender, tmp_path: Path):
    first, second = (blender.facts(MARK, tmp_path, number) for number in (1, 2))
    assert first["found"] == second["found"]
    assert first["found"][:3] == [None, None, False] and len(first["found"][3]) == 3
    assert (first["arguments"], second["arguments"]) == (["1"], ["2"])


def test_a_script_that_fails_ends_with_its_code_and_all_that_was_said(blender, tmp_path: Path):
    run = blender.run("import os\ntell(a=1)\nos.write(1, b'of C')\n1 / 0", tmp_path)
    assert run.code == 3 and run.facts == {"a": 1}
    assert "of C" in run.output and "ZeroDivisionError" in run.output
    assert blender.run("sys.exit(7)", tmp_path).code == 7
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        blender.facts("1 / 0", tmp_path)


def test_a_blender_that_dies_is_told_and_the_next_script_gets_another(blender, tmp_path: Path):
    run = blender.run("print('last', flush=True)\nimport os\nos._exit(9)", tmp_path)
    assert run.code == 9 and "last" in run.output
    assert blender.facts("tell(alive=True)", tmp_path) == {"alive": True}


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_a_script_that_does_not_end_fails_its_test(blender, tmp_path: Path):
    with pytest.raises(pytest.fail.Exception, match="did not end within 1"):
        blender.run("import time\ntime.sleep(60)", tmp_path, timeout=1)
    assert blender.facts("tell(alive=True)", tmp_path) == {"alive": True}
