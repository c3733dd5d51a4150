"""Rendering an exact ball in an exact room."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.fields import hash_grid
from surface_sos_core.fields.contraction import contract
from surface_sos_core.render import renderer
from surface_sos_core.render.depths import Rays, background_depths, box_span, foreground_depths
from surface_sos_core.render.proposal import OpacityGrid
from surface_sos_core.render.renderer import (
    backdrop_depth,
    render,
    render_backdrop,
    render_object_colour,
    render_surface,
    surface_normals,
    trace_surface,
)
from surface_sos_core.train.losses import eikonal_loss

WALL = 4.0
NO_POINTS = torch.zeros(0, 3)


@pytest.fixture
def rays(ball):
    """Rays of one camera in box coordinates, with its pixels."""
    from surface_sos_core.train.batches import RayCaster

    camera = ball.cameras[0]
    pixels = ball.pixel_grid(camera, 48, 36)
    caster = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), torch.device("cpu"))
    return caster.cast(np.zeros(len(pixels), np.int64), pixels), camera, pixels


def test_box_span_by_hand():
    origin = torch.tensor([[-3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-3.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    direction = torch.tensor([[1.0, 0.0, 0.0]]).repeat(4, 1)
    enter, leave = box_span(Rays(origin, direction, torch.zeros(4)), torch.tensor([1.0, 0.5, 0.25]))
    assert (enter[0].item(), leave[0].item()) == pytest.approx((2.0, 4.0))
    assert (enter[1].item(), leave[1].item()) == pytest.approx((0.0, 1.0))  # from within: from the start
    assert leave[2] <= enter[2] and leave[3] <= enter[3]  # past it, and behind


def test_foreground_depths_lie_in_the_box_where_the_object_may_be(ball, ball_fields, rays):
    seen, camera, pixels = rays
    index, depth = foreground_depths(ball_fields.scene, ball_fields.proposals.foreground, seen, 16, None)
    assert torch.all(depth[:, 1:] >= depth[:, :-1])
    on_ball = np.flatnonzero(~np.isnan(ball.hit(camera, pixels)))
    assert set(on_ball) <= set(index.tolist()) and len(index) < len(seen)
    points = seen[index].at(depth)
    assert torch.all(points.abs() <= ball_fields.scene.extent + 1e-4)
    assert torch.linalg.vector_norm(points, dim=-1).max() < 1.0  # m^P ends at 0.68


def test_background_depths_reach_from_near_to_far(ball_fields, rays):
    seen, *_ = rays
    depth = background_depths(ball_fields.proposals.background, seen, 32, None)
    assert torch.all(depth[:, 1:] >= depth[:, :-1]) and depth.min() > 0
    away = torch.linalg.vector_norm(seen.at(depth), dim=-1)
    assert torch.all(away.amax(dim=1) > WALL)


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


def test_tracing_ends_on_the_ball_and_says_where_it_does_not(ball, ball_fields, rays):
    seen, camera, pixels = rays
    true = ball.hit(camera, pixels)
    inside = np.flatnonzero(~np.isnan(true))
    guess = torch.from_numpy((true[inside] * 1.01).astype(np.float32))
    depth, off = trace_surface(ball_fields.scene, seen[torch.from_numpy(inside)], guess)
    steep = off.numpy() < 1e-3  # rays that graze the ball converge slowly, and are told apart
    assert steep.mean() > 0.9
    np.testing.assert_allclose(depth.numpy()[steep], true[inside][steep], rtol=2e-3)
    beside = torch.from_numpy(np.flatnonzero(np.isnan(true)))
    _, missed = trace_surface(ball_fields.scene, seen[beside], torch.full((len(beside),), 6.0))
    assert (missed > 1e-3).float().mean() > 0.95


def test_colour_composites_both_fields(ball, ball_fields, rays, monkeypatch):
    seen, camera, pixels = rays
    scene = ball_fields.scene
    with torch.no_grad():
        scene.foreground.colour.output.bias.copy_(torch.tensor([3.0, -3.0, 0.0]))
    try:
        done = render(scene, ball_fields.proposals, seen, 24, 24, None, 0.0, NO_POINTS, NO_POINTS)
        own = render_object_colour(scene, ball_fields.proposals, seen, 24)
    finally:
        with torch.no_grad():
            scene.foreground.colour.output.bias.zero_()
    red = torch.sigmoid(torch.tensor([3.0, -3.0, 0.0]))
    expected = done.matte[:, None] * red + (1 - done.matte[:, None]) * 0.5
    np.testing.assert_allclose(done.colour.detach().numpy(), expected.detach().numpy(), atol=0.01)
    inner = ~np.isnan(ball.hit(camera, pixels, 0.9 * ball.radius))
    np.testing.assert_allclose(own.numpy()[inner], red.expand(inner.sum(), 3).numpy(), atol=0.01)
    assert np.all(own.numpy()[(done.matte == 0).numpy()] == 0)


def test_rendering_hands_gradients_to_both_fields(tiny, ball, rays):
    from surface_sos_core.train.trainer import Trainer

    seen, *_ = rays
    trainer = Trainer.start(tiny, ball.probability(32), ball.box.extent, torch.device("cpu"))
    points = (
        torch.rand((30, 3), generator=trainer.generator),
        torch.rand((20, 3), generator=trainer.generator),
    )
    done = render(trainer.scene, trainer.proposals, seen, 8, 8, trainer.generator, 0.25, *points)
    normals = (done.front_normals**2).sum() + (done.back_normals**2).sum()
    (done.colour.sum() + done.matte.sum() + normals + done.front_sdf.sum() + done.back_sdf.sum()).backward()
    missing = [
        name
        for name, p in trainer.scene.named_parameters()
        if p.grad is None or not torch.isfinite(p.grad).all()
    ]
    assert missing == []
    for found in (done.front_normals, done.back_normals):
        assert found.shape[1] == 3 and len(found) > 0


def test_points_asked_for_get_their_distances(ball_fields, rays):
    seen, *_ = rays
    points = torch.randn((50, 3), generator=torch.Generator().manual_seed(2))
    scene = ball_fields.scene
    done = render(scene, ball_fields.proposals, seen, 8, 8, None, 0.25, points, 2.0 * points)
    torch.testing.assert_close(done.front_sdf, scene.foreground.surface.distance(points))
    torch.testing.assert_close(done.back_sdf, scene.background.surface.distance(contract(2.0 * points)))


@pytest.fixture
def trained(ball, tiny, make_batches):
    """A trainer after its few steps, with surfaces sharp enough that most samples are hidden or empty."""
    from surface_sos_core.train.trainer import Trainer

    torch.manual_seed(0)
    trainer = Trainer.start(tiny, ball.probability(32), ball.box.extent, torch.device("cpu"))
    trainer.fit_to_consensus(ball.probability(32), ball.box.extent)
    plates = np.random.default_rng(0).integers(0, 256, (12, 36, 48, 3), np.uint8)
    masks = np.stack([np.uint8(255 * ball.cover(camera, 48, 36, 2)) for camera in ball.cameras])
    trainer.run(make_batches(plates, masks, 1), lambda step: None)
    for field in (trainer.scene.foreground, trainer.scene.background):
        field.floor.fill_(0.0)
        with torch.no_grad():
            field.log_sharpness.fill_(np.log(60.0) / 10.0)
    return trainer


def test_what_is_left_out_cannot_be_seen_or_learnt_from(trained, rays, monkeypatch):
    """Colour, matte, depth and all gradients, against evaluating every sample."""
    seen, *_ = rays
    results = []
    for least in (renderer._UNSEEN, -1.0):
        monkeypatch.setattr(renderer, "_UNSEEN", least)
        target = torch.rand((len(seen), 3), generator=torch.Generator().manual_seed(3))
        draws = torch.Generator().manual_seed(4)
        done = render(trained.scene, trained.proposals, seen, 24, 24, draws, 0.25, NO_POINTS, NO_POINTS)
        loss = ((done.colour - target) ** 2).mean() + (done.matte - target[:, 0]).abs().mean()
        loss = loss + 0.1 * (eikonal_loss(done.front_normals) + eikonal_loss(done.back_normals))
        trained.scene.zero_grad()
        loss.backward()
        gradients = {name: p.grad.clone() for name, p in trained.scene.named_parameters()}
        results.append((done, gradients))
    (few, few_gradients), (all_, all_gradients) = results
    torch.testing.assert_close(few.colour, all_.colour, rtol=0, atol=5e-4)
    torch.testing.assert_close(few.matte, all_.matte, rtol=0, atol=1e-5)
    torch.testing.assert_close(few.depth, all_.depth, rtol=1e-4, atol=1e-4)
    normals = (few.front_normals, all_.front_normals), (few.back_normals, all_.back_normals)
    for got, expected in normals:  # in another order
        assert got.shape == expected.shape
        torch.testing.assert_close(got.norm(dim=1).mean(), expected.norm(dim=1).mean())
    for name, expected in all_gradients.items():
        wrong = float((few_gradients[name] - expected).norm())
        # 0.001 to 0.023 over eight seeds of the training; the sharpness has hardly any gradient
        assert wrong < 0.03 * float(expected.norm()) + 1e-6, name


def test_normals_have_length_one_and_point_outwards(ball_fields):
    points = torch.randn((100, 3), generator=torch.Generator().manual_seed(0))
    normals = surface_normals(ball_fields.scene, points)
    np.testing.assert_allclose(
        normals.numpy(), torch.nn.functional.normalize(points, dim=1).numpy(), atol=1e-5
    )
    assert surface_normals(ball_fields.scene, points[:0]).shape == (0, 3)


def test_plain_torch_renders_what_the_compiled_loops_render(trained, rays, monkeypatch):
    """The way of a GPU, which takes all samples, gone on the CPU: the same but for depths on cells' borders."""
    seen, *_ = rays
    scene = trained.scene
    results, gradients, eikonal = [], [], []
    for backend in ("numba", "torch"):
        monkeypatch.setattr(hash_grid, "default_backend", lambda device, backend=backend: backend)
        for field in (scene.foreground, scene.background):
            field.surface.grid.backend = backend
        done = render(scene, trained.proposals, seen, 24, 24, None, 0.25, NO_POINTS, NO_POINTS)
        scene.zero_grad()
        (done.colour.sum() + done.matte.sum()).backward()
        gradients.append([p.grad.clone() for p in scene.parameters()])
        surface = render_surface(scene, trained.proposals, seen, 24, 24)
        results.append((done.colour, done.matte, done.depth, surface.matte, surface.depth))
        # every fourth sample either way, but of other rays
        eikonal.append(
            (eikonal_loss(done.front_normals, done.front_counted), eikonal_loss(done.back_normals))
        )
    for got, expected in zip(*results, strict=True):
        scale = float(expected.detach().abs().max())
        assert float((got - expected).detach().abs().mean()) < 1e-3 * scale
    for got, expected in zip(*gradients, strict=True):  # what is left out had next to none
        assert float((got - expected).norm()) < 0.03 * float(expected.norm()) + 1e-6
    counted = done.front_counted
    assert 0 < int(counted.sum()) < len(counted) == len(done.front_normals)  # some rays pass the box by
    torch.testing.assert_close(torch.stack(eikonal[0]), torch.stack(eikonal[1]), rtol=0.03, atol=0)


@pytest.mark.gpu
def test_a_gpu_renders_what_the_cpu_renders(trained, tiny, ball, rays):
    """Everything that layers and training ask for, on samples that differ by rounding alone."""
    from surface_sos_core.train.trainer import Trainer

    device = torch.device("cuda")
    there = Trainer.start(replace(tiny, device="cuda"), ball.probability(32), ball.box.extent, device)
    there.scene.load_state_dict(trained.scene.state_dict())
    for grid, known in (
        (there.proposals.foreground, trained.proposals.foreground),
        (there.proposals.background, trained.proposals.background),
    ):
        grid.load_state_dict(known.state_dict())
    results = []
    for trainer in (trained, there):
        scene, proposals, none = trainer.scene, trainer.proposals, NO_POINTS.to(trainer.scene.extent.device)
        seen = Rays(*(values.to(none.device) for values in (rays[0].origin, rays[0].direction, rays[0].near)))
        with torch.no_grad():
            done = render(scene, proposals, seen, 24, 24, None, 0.25, none, none)
        surface = render_surface(scene, proposals, seen, 24, 24)
        traced, _ = trace_surface(scene, seen, surface.depth)
        # Where next to nothing of the object is seen, rounding decides at which depth and in which colour.
        matte, solid = surface.matte[:, None], surface.matte > 0.9
        shown = done.colour, done.matte, done.depth, surface.matte, surface.matte * surface.depth
        own = matte * render_object_colour(scene, proposals, seen, 24), torch.where(solid, traced, 0.0)
        backdrop = render_backdrop(scene, proposals, seen, 24), backdrop_depth(scene, proposals, seen, 24)
        results.append([value.cpu() for value in (*shown, *own, *backdrop)])
    for got, expected in zip(*results, strict=True):
        assert float((got - expected).abs().mean()) < 1e-3 * float(expected.abs().max())
