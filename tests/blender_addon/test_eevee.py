"""The comp's CG by EEVEE, which wants a screen, here a virtual one that software draws."""

import json
import shutil
import sys

import numpy as np
import pytest

from tests.blender_addon.conftest import Worker
from tests.blender_addon.test_compositor import WITH_CG, check_cg, read_rgb
from tests.blender_addon.test_gui import screen  # noqa: F401 (a fixture)

_CYCLES = 'scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 16, False\n'
_EEVEE = """
for name in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"):  # its name in 4.2 to 4.5 was the latter
    try:
        scene.render.engine = name
    except TypeError:
        pass
scene.eevee.taa_render_samples = 1  # the ball glows evenly
"""
_GROUND = """
part("scene.shadow_catcher").put(scene, loaded.camera.parent, 20.0)
list(part("comp.composite_render").render_composites(scene, stems, Path(sys.argv[-2]).parent / "ground", loaded.space))
tell(engine=scene.render.engine)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the virtual screen is Linux's")
def test_cg_is_behind_and_before_the_object(blender, screen, tmp_path, tiny_shot):  # noqa: F811
    """As with Cycles; the ground's plane, whose shadows EEVEE does not catch, covers nothing."""
    shutil.copytree(tiny_shot.out, tmp_path / "shot")
    assert _CYCLES in WITH_CG
    script = tmp_path / "eevee.py"
    script.write_text(WITH_CG.replace(_CYCLES, _EEVEE) + _GROUND)
    worker = Worker(
        blender.command, {**blender.environment, "LIBGL_ALWAYS_SOFTWARE": "1", "DISPLAY": screen[0]}, tmp_path
    )
    places = {"before": 0.7, "within": 1.0, "behind": 1.3}
    try:
        run = worker.execute(script, [str(tmp_path / "shot"), json.dumps(places)], timeout=550)
    finally:
        worker.close()
    assert run.code == 0 and "Traceback" not in run.output, run.output
    assert run.facts["engine"].startswith("BLENDER_EEVEE") and run.facts["role"] == [True, True]
    found = {name: read_rgb(tmp_path / name / "plate.exr") for name in (*places, "ground")}
    assert np.abs(found["ground"] - found["behind"]).max() < 0.02
    check_cg({name: found[name] for name in places}, tiny_shot.layers[1001])
