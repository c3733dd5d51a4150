"""Depths at an exact ball in an exact room, chosen by the compiled loops against those chosen in PyTorch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.render import depths
from surface_sos_core.render.proposal import OpacityGrid, Proposals
from surface_sos_core.render.rays import RayCaster, Rays
from surface_sos_core.settings import RenderSettings


@pytest.fixture(scope="module")
def all_rays(ball) -> Rays:
    """Rays of all cameras, some of which miss the box, and one along an axis."""
    caster = RayCaster(ball.cameras, ball.box, np.zeros((0, 3)), RenderSettings(), torch.device("cpu"))
    pixels = ball.pixel_grid(ball.cameras[0], 24, 18)
    frames = np.arange(len(pixels)) % len(ball.cameras)
    cast = caster.cast(frames, pixels)
    along = Rays(torch.tensor([[-3.0, 0.1, 0.1]]), torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros(1))
    return Rays(*(torch.cat((getattr(cast, n), getattr(along, n))) for n in ("origin", "direction", "near")))


WALL = 4.0


def spotted(resolution: int) -> OpacityGrid:
    """A grid of clear, hazy and opaque cells."""
    grid = OpacityGrid(resolution, 0.0)
    values = torch.rand(grid.values.shape, generator=torch.Generator().manual_seed(0))
    grid.values.copy_(torch.where(values > 0.9, values, 0.02 * values**4))
    return grid


SPOTTED = Proposals(spotted(64), spotted(96), RenderSettings())


def assert_alike(got: torch.Tensor, expected: torch.Tensor) -> None:
    """Nearly all depths the same; a bin's middle on a cell's border may fall to either side."""
    assert got.shape == expected.shape
    same = torch.isclose(got, expected, rtol=1e-3, atol=1e-4)
    assert float(same.all(dim=1).float().mean()) > 0.9
    assert float(((got - expected) / expected).abs().mean()) < 1e-3
    assert bool((got[:, 1:] >= got[:, :-1]).all())


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("count", [1, 24])
def test_foreground(ball_fields, all_rays, learnt, count):
    proposals = ball_fields.proposals if learnt else SPOTTED
    index, got = depths._foreground_numba(ball_fields.scene, proposals, all_rays, count, None)
    expected_index, expected = depths._foreground_torch(ball_fields.scene, proposals, all_rays, count, None)
    assert 0 < len(index) < len(all_rays)
    both = np.intersect1d(index.numpy(), expected_index.numpy())
    assert len(both) > 0.99 * max(len(index), len(expected_index))
    rows, expected_rows = np.isin(index.numpy(), both), np.isin(expected_index.numpy(), both)
    assert_alike(got[rows], expected[expected_rows])


@pytest.mark.parametrize("near", [0.0, 3.0])
@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("count", [1, 24])
def test_background(ball_fields, all_rays, learnt, count, near):
    proposals = ball_fields.proposals if learnt else SPOTTED
    all_rays = replace(all_rays, near=torch.full_like(all_rays.near, near))
    assert_alike(
        depths._background_numba(proposals, all_rays, count, None),
        depths._background_torch(proposals, all_rays, count, None),
    )


def test_no_background_is_nearer_than_near(ball_fields, all_rays):
    """Not even where all is opaque from the lens on."""
    opaque, near = replace(SPOTTED, background=OpacityGrid(96, 1.0)), torch.linspace(0.0, 8.0, len(all_rays))
    depth = depths.background_depths(ball_fields.scene, opaque, replace(all_rays, near=near), 24, None)
    anywhere = depths.background_depths(ball_fields.scene, opaque, all_rays, 24, None)
    assert bool((depth >= near[:, None]).all()) and bool((anywhere[-100:, 0] < near[-100:]).all())


def test_jittered_depths_stay_in_their_parts(ball_fields, all_rays):
    """Between the depths without jitter lies one with it, and the same seed draws the same."""
    proposals = ball_fields.proposals
    a, b = (
        depths._background_numba(proposals, all_rays, 8, torch.Generator().manual_seed(seed))
        for seed in (1, 1)
    )
    assert torch.equal(a, b)
    middle = depths._background_numba(proposals, all_rays, 8, None)
    assert bool((a[:, 1:] >= middle[:, :-1]).all()) and bool((a[:, :-1] <= middle[:, 1:]).all())
    assert not torch.equal(a, middle)


def test_no_rays(ball_fields):
    none = Rays(torch.zeros(0, 3), torch.zeros(0, 3), torch.zeros(0))
    index, depth = depths.foreground_depths(ball_fields.scene, SPOTTED, none, 5, None)
    assert len(index) == 0 and depth.shape == (0, 5)
    assert depths.background_depths(ball_fields.scene, SPOTTED, none, 5, None).shape == (0, 5)


def test_foreground_depths_lie_in_the_box_where_the_object_may_be(ball, ball_fields, rays):
    seen, camera, pixels = rays
    index, depth = depths.foreground_depths(ball_fields.scene, ball_fields.proposals, seen, 16, None)
    assert torch.all(depth[:, 1:] >= depth[:, :-1])
    on_ball = np.flatnonzero(~np.isnan(ball.hit(camera, pixels)))
    assert set(on_ball) <= set(index.tolist()) and len(index) < len(seen)
    points = seen[index].at(depth)
    assert torch.all(points.abs() <= ball_fields.scene.extent + 1e-4)
    assert torch.linalg.vector_norm(points, dim=-1).max() < 1.0  # m^P ends at 0.68


def test_background_depths_reach_from_near_to_far(ball_fields, rays):
    seen, *_ = rays
    depth = depths.background_depths(ball_fields.scene, ball_fields.proposals, seen, 32, None)
    assert torch.all(depth[:, 1:] >= depth[:, :-1]) and depth.min() > 0
    away = torch.linalg.vector_norm(seen.at(depth), dim=-1)
    assert torch.all(away.amax(dim=1) > WALL)
