"""The scene box that the artist moves, as the core reads it."""

from pathlib import Path

import numpy as np

from surface_sos_core.cameras import read_box


def test_it_appears_around_the_points_and_is_exported_in_the_models_world(blender, tiny_shot, tmp_path: Path):
    facts = blender.facts(
        """
plates, model, out = sys.argv[-3:]
try:
    bpy.ops.surface_sos.add_box()
except RuntimeError as error:
    tell(without=str(error))
bpy.ops.surface_sos.import_cameras(directory=model, footage=plates)
settings = bpy.context.scene.surface_sos
settings.footage, settings.out = plates, out
tell(result=sorted(bpy.ops.surface_sos.add_box()))
box, world = settings.box, settings.box.parent
tell(shown=box.empty_display_type, own=[list(box.location), list(box.scale)], parent=world["surface_sos_model"])
request = part("job.shot_request")
export = lambda: request.export(bpy.context, request.plan(bpy.context, "new")).box
tell(box=export())
# The artist turns and scales the imported world, and moves the box within it.
world.location, world.rotation_euler, world.scale = (3, -2, 1), (0.4, 1.0, -0.3), (2.5, 2.5, 2.5)
box.location, box.scale = (0.5, 0.25, -0.125), (1, 2, 0.5)
box.rotation_euler = (0, 0, 0.5)
settings.out = out + "_moved"
tell(moved=export())
# A mesh does as well: its bounds count.
bpy.ops.mesh.primitive_cube_add(size=2)
cube = bpy.context.object
cube.matrix_world = box.matrix_world
settings.box, settings.out = cube, out + "_mesh"
bpy.context.view_layer.update()
cube.matrix_world = box.matrix_world
tell(mesh=export())
""",
        tmp_path,
        tiny_shot.plates,
        tiny_shot.out / "cameras",
        tmp_path / "shot",
    )
    assert "Import the shot's cameras first" in facts["without"]
    assert facts["result"] == ["FINISHED"] and facts["shown"] == "CUBE"
    assert Path(facts["parent"]) == tiny_shot.out / "cameras"
    centre, half = map(np.array, facts["own"])
    box = read_box(facts["box"])
    assert np.allclose(box.centre, centre, atol=1e-5)
    assert np.mean(np.all(np.abs(tiny_shot.points.xyz - centre) <= half, axis=1)) > 0.6
    assert np.mean(box.contains(tiny_shot.points.xyz)) > 0.6

    for name in ("moved", "mesh"):
        moved = read_box(facts[name])
        assert np.allclose(moved.centre, (0.5, 0.25, -0.125), atol=1e-5)
        assert np.allclose(moved.half, (1, 2, 0.5), atol=1e-5)
        assert np.allclose(moved.rotation[:, 0], (np.cos(0.5), np.sin(0.5), 0), atol=1e-5)
