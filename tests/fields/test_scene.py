"""What the consensus lets each field do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.scene import Scene, consensus_distance
from surface_sos_core.settings import FieldSettings

EXTENT = np.array([1.0, 0.5, 0.75])
SIZE = 40
SMALL = FieldSettings(levels=3, log2_table=10, base_resolution=4, max_resolution=16, hidden=8, features=4)


def block() -> np.ndarray:
    """m^P of the block |p| < 0.5 in shares of the box; cells are 0.05 wide in these."""
    ticks = np.abs((np.arange(SIZE) + 0.5) / SIZE * 2 - 1) < 0.5
    return (ticks[:, None, None] & ticks[None, :, None] & ticks[None, None, :]).astype(np.float32)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SMALL, block(), EXTENT, Engine.TORCH, torch.Generator().manual_seed(0))


def along(axis: int, shares: list[float]) -> torch.Tensor:
    """Points on an axis at shares of the box's half size."""
    x = torch.zeros(len(shares), 3)
    x[:, axis] = torch.tensor(shares) * float(EXTENT[axis])
    return x


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_hold_is_one_inside_and_fades_out_not_far_beyond(scene, axis):
    hold = scene.hold(along(axis, [0.0, 0.3, 0.49, 0.8, 0.95, 1.5]))
    assert hold[:3].tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert hold[3:].tolist() == [0.0, 0.0, 0.0]
    ramp = scene.hold(along(axis, list(np.linspace(0.45, 0.85, 200))))
    assert torch.all(ramp[1:] <= ramp[:-1] + 1e-6)
    assert (ramp[:-1] - ramp[1:]).max() < 0.2  # without a step


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_crop_is_zero_outside_and_one_deep_inside(scene, axis):
    crop = scene.crop(along(axis, [0.0, 0.25, 0.55, 0.9, 1.5]))
    assert crop.tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.0])
    ramp = scene.crop(along(axis, list(np.linspace(0.2, 0.6, 200))))
    assert torch.all(ramp[1:] <= ramp[:-1] + 1e-6)
    assert (ramp[:-1] - ramp[1:]).max() < 0.2


def test_where_the_background_is_empty_the_object_may_be(scene):
    x = (torch.rand((5000, 3), generator=torch.Generator().manual_seed(0)) * 2 - 1) * scene.extent
    hold, crop = scene.hold(x), scene.crop(x)
    assert torch.all(hold[crop > 0] > 0.999)
    assert ((hold > 0.99) & (crop < 0.01)).any()  # and between the two, colour decides


def test_the_cheap_lookup_allows_all_that_hold_allows(scene):
    x = (torch.rand((5000, 3), generator=torch.Generator().manual_seed(1)) * 2 - 1) * scene.extent
    assert torch.all(scene.hold_lookup(x)[scene.hold(x) > 0.6] > 0)
    assert scene.hold_lookup(along(0, [0.0, 0.95])).tolist() == pytest.approx([1.0, 0.0])


def test_the_background_is_empty_where_the_object_is(scene):
    inside, outside = along(0, [0.0, 0.1]), along(0, [0.9, 3.0, 50.0])
    _, sdf = scene.background_sample(inside)
    assert sdf.tolist() == pytest.approx([1.0, 1.0])
    sample, sdf = scene.background_sample(outside)
    torch.testing.assert_close(sdf, sample.sdf)
    assert torch.isfinite(sdf).all()


def test_sharpness_is_learnt_but_not_below_the_floor(scene):
    field = scene.foreground
    learnt = field.sharpness.item()
    field.floor.fill_(2 * learnt)
    assert field.sharpness.item() == pytest.approx(2 * learnt)
    field.floor.fill_(0.5 * learnt)
    assert field.sharpness.item() == pytest.approx(learnt)
    field.sharpness.backward()
    assert field.log_sharpness.grad.item() > 0
    field.floor.fill_(0.0)


def test_the_same_seed_makes_the_same_scene():
    a, b, c = (
        Scene(SMALL, block(), EXTENT, Engine.TORCH, torch.Generator().manual_seed(s)) for s in (3, 3, 4)
    )
    x = torch.rand((50, 3), generator=torch.Generator().manual_seed(0))
    assert torch.equal(a.foreground.surface(x)[0], b.foreground.surface(x)[0])
    assert not torch.equal(a.foreground.surface(x)[0], c.foreground.surface(x)[0])


def test_consensus_distance_has_signs_and_units_of_the_box():
    """A slab across x: its border is at |x| = 0.5, the cells 0.05 apart in x."""
    ticks = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    slab = np.broadcast_to((np.abs(ticks) < 0.5)[:, None, None], (SIZE,) * 3).astype(np.float32)
    distance = consensus_distance(slab, EXTENT)
    expected = (np.abs(ticks) - 0.5) * EXTENT[0]
    assert np.abs(distance[:, 7, 9] - expected).max() <= 0.051
    assert np.all((distance < 0) == (slab > 0.5))
    # across y the same cells are half as far apart
    distance = consensus_distance(slab.transpose(1, 0, 2), EXTENT)
    assert np.abs(distance[7, :, 9] - expected * EXTENT[1]).max() <= 0.026


def test_consensus_distance_of_a_ball(ball):
    size, radius = 48, ball.radius * ball.box.scale
    distance = consensus_distance(ball.probability(size), ball.box.extent)
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    cells = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1) * ball.box.extent
    assert np.abs(distance - (np.linalg.norm(cells, axis=-1) - radius)).max() < 2.0 * 2.0 / size


def test_compiled_lookups_are_those_of_grid_sample():
    generator = torch.Generator().manual_seed(3)
    grid = torch.rand((11, 11, 11), generator=generator)
    extent = torch.from_numpy(EXTENT).float()
    x = (
        torch.rand((40, 50, 3), generator=generator) * 2.6 - 1.3
    ) * extent  # inside, in the border cells, outside
    scenes = [Scene(SMALL, block(), EXTENT, engine, generator) for engine in (Engine.NUMBA, Engine.TORCH)]
    for scene in scenes:
        scene.crop_grid = grid
    got, expected = (scene.crop(x) for scene in scenes)
    assert got.shape == (40, 50) and bool((got == 0).any())
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_core_lies_deeper_than_the_crop_and_is_no_part_of_a_checkpoint(scene, axis):
    x = along(axis, list(np.linspace(-1.2, 1.2, 400)))
    core, crop = scene.core(x), scene.crop(x)
    assert core.max() == 1.0 and torch.all(crop[core > 0] == 1.0)
    assert ((crop == 1.0) & (core == 0.0)).any()
    assert "core_grid" not in scene.state_dict()


def test_a_background_that_is_not_completed_is_cropped_nowhere(scene):
    free = replace(SMALL, complete_background=False)
    other = Scene(free, block(), EXTENT, Engine.TORCH, torch.Generator().manual_seed(0))
    inside = along(0, [0.0, 0.2])
    assert scene.crop(inside).tolist() == [1.0, 1.0] and other.crop(inside).tolist() == [0.0, 0.0]
    assert (scene.background_sample(inside)[1] == 1.0).all()
    sample, distance = other.background_sample(inside)
    assert torch.equal(distance, sample.sdf)


def test_compiled_contraction_is_that_of_torch():
    directions = torch.nn.functional.normalize(
        torch.randn(500, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    x = directions * torch.logspace(-3, 3, 500)[:, None]
    scene = Scene(SMALL, block(), EXTENT, Engine.NUMBA, torch.Generator())
    torch.testing.assert_close(scene.contract(x), contract(x.double()).float())
    y = x.view(10, 50, 3).transpose(0, 1)
    torch.testing.assert_close(scene.contract(y), contract(y.double()).float())


def test_a_scene_hands_its_engine_down_and_says_the_same_by_either(scene):
    other = Scene(SMALL, block(), EXTENT, Engine.NUMBA, torch.Generator().manual_seed(0))
    other.load_state_dict(scene.state_dict())
    for made in (scene, other):
        assert {made.foreground.surface.grid.engine, made.background.surface.grid.engine} == {made.engine}
    x = (torch.rand((300, 3), generator=torch.Generator().manual_seed(2)) * 6 - 3) * scene.extent
    sample, distance = scene.background_sample(x, 100)
    got, got_distance = other.background_sample(x, 100)
    torch.testing.assert_close(got_distance, distance, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.normal, sample.normal, rtol=1e-3, atol=1e-3)
