"""Cameras that are solved and imported from the panel, before anything is segmented."""

import shutil
from pathlib import Path

import pytest

from surface_sos_core.cameras import read_model

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_solve_and_import_leaves_cameras_that_a_box_and_a_run_can_use(blender, tmp_path: Path):
    plates = tmp_path / "plates"
    plates.mkdir()
    for file in sorted((SAMPLES / "plates").iterdir())[:12]:
        shutil.copyfile(file, plates / file.name)
    facts = blender.facts(
        """
settings = bpy.context.scene.surface_sos
settings.footage, settings.out = sys.argv[-2:]
tell(result=sorted(bpy.ops.surface_sos.solve()), box=sorted(bpy.ops.surface_sos.add_box()))
tell(choice=settings.cameras_from, model=settings.cameras, frames=[bpy.context.scene.frame_start, bpy.context.scene.frame_end])
request = part("job.shot_request")
asked = request.export(bpy.context, request.plan(bpy.context, "new"))
tell(asked=[asked.cameras, asked.box], obstacle=part("job.command").obstacle(asked))
""",
        tmp_path,
        plates,
        tmp_path / "shot",
        timeout=400,
    )
    assert facts["result"] == facts["box"] == ["FINISHED"] and facts["choice"] == "MODEL"
    assert facts["obstacle"] is None and Path(facts["asked"][0]) == Path(facts["model"])
    assert len(read_model(facts["model"]).cameras) >= 6
    assert 1001 <= facts["frames"][0] < facts["frames"][1] <= 1012
    assert not (tmp_path / "shot").exists()
