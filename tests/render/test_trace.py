"""The surface of an exact ball on rays that meet it."""

import numpy as np
import torch

from surface_sos_core.render.trace import surface_normals, trace_surface
from surface_sos_core.settings import RenderSettings

STEPS = RenderSettings().trace_steps


def test_tracing_ends_on_the_ball_and_says_where_it_does_not(ball, ball_fields, rays):
    seen, camera, pixels = rays
    true = ball.hit(camera, pixels)
    inside = np.flatnonzero(~np.isnan(true))
    guess = torch.from_numpy((true[inside] * 1.01).astype(np.float32))
    depth, off = trace_surface(ball_fields.scene, seen[torch.from_numpy(inside)], guess, STEPS)
    steep = off.numpy() < 1e-3  # rays that graze the ball converge slowly, and are told apart
    assert steep.mean() > 0.9
    np.testing.assert_allclose(depth.numpy()[steep], true[inside][steep], rtol=2e-3)
    beside = torch.from_numpy(np.flatnonzero(np.isnan(true)))
    _, missed = trace_surface(ball_fields.scene, seen[beside], torch.full((len(beside),), 6.0), STEPS)
    assert (missed > 1e-3).float().mean() > 0.95


def test_normals_have_length_one_and_point_outwards(ball_fields):
    points = torch.randn((100, 3), generator=torch.Generator().manual_seed(0))
    normals = surface_normals(ball_fields.scene, points)
    np.testing.assert_allclose(
        normals.numpy(), torch.nn.functional.normalize(points, dim=1).numpy(), atol=1e-5
    )
    assert surface_normals(ball_fields.scene, points[:0]).shape == (0, 3)
