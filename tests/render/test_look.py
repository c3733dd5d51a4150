"""An exact ball in an exact room, as rays see them that nothing is learnt from."""

from dataclasses import replace

import numpy as np
import torch

from surface_sos_core.render.learn import render
from surface_sos_core.render.look import backdrop_depth, render_backdrop, render_surface
from surface_sos_core.render.proposal import OpacityGrid

WALL = 4.0
NO_POINTS = torch.zeros(0, 3)


def test_matte_and_depth_of_the_ball(ball, ball_fields, rays):
    seen, camera, pixels = rays
    surface = render_surface(ball_fields.scene, ball_fields.proposals, seen, 32, 16)
    truth = ball.hit(camera, pixels)
    inner = ~np.isnan(ball.hit(camera, pixels, 0.9 * ball.radius))
    outer = ~np.isnan(ball.hit(camera, pixels, 1.1 * ball.radius))
    matte, depth = surface.matte.numpy(), surface.depth.numpy()
    assert matte[inner].min() > 0.95 and matte[~outer].max() < 0.02
    wrong = np.abs(depth - truth)[inner]
    assert np.median(wrong) < 0.01 * ball.radius and wrong.max() < 0.1 * ball.radius
    assert np.all(depth[matte == 0] == 0)


def test_what_stands_in_front_of_the_ball_hides_it(ball_fields, rays, monkeypatch):
    """BaCo as a solid ball around the object, its inside (where it is cropped) hidden by its near side."""
    seen, *_ = rays
    scene, proposals = ball_fields.scene, ball_fields.proposals
    surface = scene.background.surface
    monkeypatch.setattr(surface, "radius", 0.45)  # contracted: a ball of 0.9 box units, seen from outside
    monkeypatch.setattr(surface, "sign", 1.0)
    nowhere = replace(proposals, shared=OpacityGrid(8, 0.0))
    before = proposals.background.values.clone()
    try:
        proposals.background.values.fill_(0.05)
        hidden = render_surface(scene, proposals, seen, 32, 64)
        far = render_surface(scene, proposals, replace(seen, near=seen.near + 100.0), 32, 64)
        alone = render_surface(scene, nowhere, seen, 32, 64)
        everywhere = render_surface(scene, replace(proposals, shared=OpacityGrid(8, 1.0)), seen, 32, 64)
        learnt = render(scene, proposals, seen, 32, 64, None, 0.0, NO_POINTS, NO_POINTS)
    finally:
        proposals.background.values.copy_(before)
    assert hidden.matte.max() < 0.05
    assert torch.equal(everywhere.matte, hidden.matte)
    assert learnt.matte.max() < 0.05  # its cover is what it would be if nothing hid it
    for shown in (far.matte, alone.matte):  # nothing is taken to stand nearer than that, or in nobody's view
        assert shown.max() > 0.95
        assert torch.allclose(learnt.cover, shown, atol=0.05)


def test_where_nobody_looks_no_background_comes_nearer(ball_fields, rays, monkeypatch):
    """A wall right behind the front of the ball stays there, though nothing around it, or nothing else, is in view."""
    seen, *_ = rays
    scene, proposals = ball_fields.scene, ball_fields.proposals
    away = torch.nn.functional.normalize(seen.direction.mean(0), dim=0)
    monkeypatch.setattr(scene, "background_distance", lambda x: 0.2 - x @ away)
    grid = OpacityGrid(96, 0.05)
    before = render_surface(scene, replace(proposals, background=grid), seen, 32, 64)
    for cells in (1.0 - ball_cells(8, 0.5), ball_cells(8, 0.5)):  # contracted: around the box, and within it
        shared = OpacityGrid(8, 0.0)
        shared.values.copy_(cells)
        looked_at = replace(proposals, background=grid, shared=shared)
        matte = render_surface(scene, looked_at, seen, 32, 64).matte
        torch.testing.assert_close(matte, before.matte, atol=0.02, rtol=0.0)


def ball_cells(size: int, radius: float) -> torch.Tensor:
    """1 in the cells of [-1, 1]^3 whose centre is nearer to its centre than radius, 0 elsewhere."""
    middle = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    away = torch.stack(torch.meshgrid(middle, middle, middle, indexing="ij")).norm(dim=0)
    return (away < radius).float()


def test_a_ray_that_begins_below_zero_is_not_stopped(ball_fields, rays, monkeypatch):
    """A distance that does not fall along a ray shows no surface, however low it is where the background begins."""
    seen, *_ = rays
    before = render_surface(ball_fields.scene, ball_fields.proposals, seen, 32, 64).matte
    monkeypatch.setattr(ball_fields.scene, "background_distance", lambda x: torch.full((len(x),), -0.3))
    for near in (0.0, 0.5, 1.0, 2.0):
        low = replace(seen, near=torch.full_like(seen.near, near))
        matte = render_surface(ball_fields.scene, ball_fields.proposals, low, 32, 64).matte
        torch.testing.assert_close(matte, before, atol=0.02, rtol=0.0)


def test_backdrop_is_the_room_behind_the_ball(ball, ball_fields, rays):
    seen, camera, pixels = rays
    depth = backdrop_depth(ball_fields.scene, ball_fields.proposals, seen, 64)
    origin, directions = camera.rays(pixels)
    world = origin + depth.numpy()[:, None] * directions
    away = np.linalg.norm(ball.box.to_box(world), axis=1)
    assert np.abs(away - WALL).max() < 0.25 * WALL and np.median(np.abs(away - WALL)) < 0.1 * WALL
    colour = render_backdrop(ball_fields.scene, ball_fields.proposals, seen, 64)
    np.testing.assert_allclose(colour.numpy(), 0.5, atol=0.01)  # the ray ends: weights sum to one
