"""The button Set up: an environment for the core, never in Blender's own Python."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blender_addon.job.core_python import venv_python

# Somebody who has pressed nothing yet: the variable of the tests' Blenders would come before what Set Up makes.
ALONE = """
import os
os.environ.pop("SURFACE_SOS_PYTHON", None)
if hasattr(bpy.app, "online_access"):
    bpy.context.preferences.system.use_online_access = True
core = part("job.core_setup")
"""


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_set_up_makes_an_environment_that_can_run_the_core(blender, tmp_path: Path):
    """Slow: a whole environment, PyTorch included."""
    facts = blender.facts(
        ALONE
        + """
folder = core.environment_folder()
tell(before=core.core_obstacle(bpy.context))
tell(result=sorted(bpy.ops.surface_sos.set_up()), folder=str(folder))
tell(python=str(core.core_python(bpy.context)))
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
    said = (folder.parent / "setup.log").read_text()
    assert said.startswith("Set Up downloads about 0.5 GB of packages (PyTorch for the processor")
    assert f"They take about 1.6 GB in {folder}." in said
    assert 0.8 < sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1.6e9 < 1.25
    assert not list(Path(facts["prefix"]).rglob("site-packages/surface_sos_core"))


def test_without_a_python_of_the_system_blenders_own_makes_the_environment(blender, tmp_path: Path):
    """Nothing is downloaded: pip may not, and what it has not finished is told for what it is."""
    facts = blender.facts(
        ALONE
        + """
empty, folder = sys.argv[-1], core.environment_folder()
os.environ |= {"PATH": empty, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": empty, "PIP_CONFIG_FILE": os.devnull}
tell(own=str(core.blenders_python()), folder=str(folder))
try:
    bpy.ops.surface_sos.set_up()
except RuntimeError as error:
    tell(said=str(error))
tell(after=core.core_obstacle(bpy.context), version=list(sys.version_info[:3]), prefix=sys.prefix)
""",
        tmp_path,
        tmp_path,
        timeout=300,
    )
    if facts["own"] == "None":
        pytest.skip("this Blender uses the system's Python")
    folder = Path(facts["folder"])
    assert f"The environment in {folder} could not be made" in facts["said"]
    made = {
        name.strip(): value.strip()
        for name, _, value in (
            line.partition("=") for line in (folder / "pyvenv.cfg").read_text().splitlines()
        )
    }
    assert made["version"] == ".".join(map(str, facts["version"]))
    assert made["command"].startswith(facts["own"])
    log = (folder.parent / "setup.log").read_text()
    assert f"in {facts['prefix']} makes the environment and is left as it is" in log
    assert f"{venv_python(folder)} -m pip" in log and "torch==" in log
    assert f"The core's environment in {folder} was not finished: press Set Up again" in facts["after"]


def test_the_systems_python_is_taken_where_it_is_newer_and_a_chosen_one_always(blender, tmp_path: Path):
    """Pythons are stood in for by scripts that answer as one of a version would."""
    for name, version in (("python3.11", "3 11"), ("python3.14", "3 14"), ("python3", "3 15")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    facts = blender.facts(
        ALONE
        + """
folder, own = sys.argv[-1], core.blenders_python()
pick = core.python_for_setup
tell(own=own and str(own), chosen=[str(pick(folder + "/python3")), str(pick(folder + "/python3.11"))])
os.environ["PATH"] = folder
tell(newer=str(pick("")))
os.remove(folder + "/python3.14")
tell(older=str(pick("")))
os.remove(folder + "/python3.11")
try:
    tell(untried=str(pick("")))
except Exception as error:
    tell(untried=str(error))
""",
        tmp_path,
        tmp_path,
    )
    assert facts["chosen"] == [str(tmp_path / "python3"), str(tmp_path / "python3.11")]
    assert facts["newer"] == str(tmp_path / "python3.14")
    if facts["own"] is None:
        assert facts["older"] == str(tmp_path / "python3.11")
        assert facts["untried"].startswith("Neither Blender nor this system has a Python of 3.11 to 3.14")
    else:
        assert facts["older"] == facts["untried"] == facts["own"]


@pytest.mark.skipif(os.name == "nt", reason="the driver's program is stood in for by a script")
def test_with_an_nvidia_card_it_says_so_and_asks_for_a_pytorch_that_uses_it(zips: list[Path], tmp_path: Path):
    with zipfile.ZipFile(zips[0]) as packed:
        packed.extractall(tmp_path / "addon")
    (wheel,) = (tmp_path / "addon" / "wheels").iterdir()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    words = [sys.executable, "-I", str(tmp_path / "addon" / "job" / "setup_core.py"), str(tmp_path / "made")]
    offline = {
        "PATH": str(tmp_path),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
    }
    plan, made = (
        subprocess.run([*words, *more], env=offline, capture_output=True, text=True, timeout=120, check=False)
        for more in ([], [str(wheel)])
    )
    assert plan.returncode == 0 and "about 3.1 GB of packages (PyTorch for the NVIDIA card)" in plan.stdout
    assert made.returncode == 3 and made.stdout.startswith(plan.stdout)
    (asked,) = [line for line in made.stderr.splitlines() if "' failed" in line]
    assert "torch==" in asked and "+cpu" not in asked


def test_set_up_says_what_it_lacks(blender, tmp_path: Path):
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    facts = blender.facts(
        """
addon_utils.enable(ADDON, default_set=True)
own = bpy.context.preferences.addons[ADDON].preferences
own.setup_python = sys.argv[-1]
try:
    bpy.ops.surface_sos.set_up()
except RuntimeError as error:
    tell(said=str(error))
tell(online=getattr(bpy.app, "online_access", None))
""",
        tmp_path,
        tmp_path / "python",
    )
    if facts["online"] is False:
        assert "turn on Allow Online Access" in facts["said"]
    else:
        assert f"{tmp_path}/python is no Python 3.11 or newer" in facts["said"]
