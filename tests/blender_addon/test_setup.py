"""The button Set up: an environment for the core, never in Blender's own Python."""

from pathlib import Path

import pytest

from blender_addon.job.core_python import venv_python


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_set_up_makes_an_environment_that_can_run_the_core(blender, tmp_path: Path):
    """Slow: a whole environment, PyTorch included."""
    facts = blender.facts(
        """
import os
os.environ.pop("SURFACE_SOS_PYTHON")
preferences = part("job.core_setup")
folder = preferences.environment_folder()
try:
    preferences.core_python(bpy.context)
except Exception as error:
    tell(before=str(error))
tell(result=sorted(bpy.ops.surface_sos.set_up()), folder=str(folder))
tell(python=str(preferences.core_python(bpy.context)))
tell(check=sorted(bpy.ops.surface_sos.check()))
tell(log=bpy.data.texts["Surface-SOS Log"].as_string(), prefix=sys.prefix)
""",
        tmp_path,
        timeout=900,
    )
    folder = Path(facts["folder"])
    assert facts["result"] == facts["check"] == ["FINISHED"]
    assert folder.is_relative_to(blender.environment["BLENDER_USER_RESOURCES"])
    assert Path(facts["python"]) == venv_python(folder)
    assert "The core can run" in facts["log"]
    assert (folder.parent / "setup.log").stat().st_size > 0
    assert not list(Path(facts["prefix"]).rglob("site-packages/surface_sos_core"))


def test_set_up_says_what_it_lacks(blender, tmp_path: Path):
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    facts = blender.facts(
        """
import os
addon_utils.enable(ADDON, default_set=True)
own = bpy.context.preferences.addons[ADDON].preferences
own.setup_python = sys.argv[-1]
said = []
for path in (os.environ["PATH"], "/nowhere"):
    os.environ["PATH"] = path
    try:
        bpy.ops.surface_sos.set_up()
    except RuntimeError as error:
        said.append(str(error))
    own.setup_python = ""
tell(said=said, online=getattr(bpy.app, "online_access", None))
""",
        tmp_path,
        tmp_path / "python",
    )
    if facts["online"] is False:
        assert all("turn on Allow Online Access" in sentence for sentence in facts["said"])
    else:
        assert f"{tmp_path}/python is no Python 3.11 or newer" in facts["said"][0]
        assert "No Python 3.11 or newer was found" in facts["said"][1]
    assert len(facts["said"]) == 2
