"""The object's surface as a mesh."""

from __future__ import annotations

from surface_sos_core.manifest import MeshEntry
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.mesh.export import write_glb, write_ply
from surface_sos_core.mesh.surface import object_surface
from surface_sos_core.provenance import code_version
from surface_sos_core.stages.correction_files import correction_stamps
from surface_sos_core.stages.run import Run, inputs_from_fields
from surface_sos_core.train.trainer import Trainer


def mesh_stage(run: Run, trainer: Trainer, consensus: Consensus, again: bool) -> None:
    """The surface; one that is there is kept unless it is made `again`."""
    run.stage("mesh")
    ply, glb = run.folder.mesh / "object.ply", run.folder.mesh / "object.glb"
    inputs = inputs_from_fields(run, "mesh", code_version(__name__))
    if stamps := correction_stamps(run):
        inputs["corrections"] = sorted(stamps.values())
    if not again and not run.keeps("mesh", inputs):
        run.manifest.metrics = None
        again = True
    if again or not (ply.is_file() and glb.is_file()):
        run.made_more()
        run.folder.forget("mesh")
        surface, colours = run.once_smaller(
            "mesh", lambda part: object_surface(trainer.scene, consensus.box, run.settings.mesh, part)
        )
        write_ply(ply, surface, colours)
        write_glb(glb, surface, colours)
        run.note("mesh", inputs)
    run.manifest.mesh = MeshEntry("mesh/object.ply", "mesh/object.glb")
    run.save("mesh")
