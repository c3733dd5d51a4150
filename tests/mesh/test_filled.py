"""Which cells a field of a known ball fills."""

import numpy as np

from surface_sos_core.mesh.filled import filled_cells


def test_the_cells_of_a_ball(ball, ball_fields):
    cells = filled_cells(ball_fields.scene, ball.box, 40, 0.5)
    assert cells.shape == tuple(np.round(40 * ball.box.extent).astype(int))
    index = np.stack(np.meshgrid(*map(np.arange, cells.shape), indexing="ij"), axis=-1)
    middles = ((index + 0.5) / cells.shape * 2 - 1) * ball.box.extent
    inside = np.linalg.norm(middles, axis=-1) < ball.radius * ball.box.scale
    assert inside.sum() > 500 and (cells == inside).all()


def test_where_the_masks_leave_no_object_nothing_is_filled(ball, ball_fields):
    assert not filled_cells(ball_fields.scene, ball.box, 16, 0.999999).all()
    assert (
        filled_cells(ball_fields.scene, ball.box, 16, 0.5).sum()
        >= filled_cells(ball_fields.scene, ball.box, 16, 0.99).sum()
    )
