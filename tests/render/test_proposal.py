"""Opacity grids, and the depths that are drawn from them."""

import numpy as np
import pytest
import torch

from surface_sos_core.render.proposal import OpacityGrid, bin_weights, cell_opacity, draw_depths, jitter
from surface_sos_core.render.volume import section_alpha


def test_a_grid_holds_what_it_learns_where_it_learns_it():
    grid = OpacityGrid(8, 0.5)
    x = torch.tensor([[-0.95, 0.3, 0.95]])
    grid.learn(x, torch.tensor([0.9]), 0.9)
    assert grid.values[0, 5, 7].item() == pytest.approx(0.9)
    assert grid.lookup(x).item() == pytest.approx(0.9)
    others = grid.values.clone()
    others[0, 5, 7] = 0.5
    assert torch.equal(others, torch.full((8, 8, 8), 0.5))


def test_a_grid_forgets_slowly_and_keeps_the_largest():
    grid = OpacityGrid(4, 0.0)
    x = torch.zeros(3, 3) + 0.1
    grid.learn(x, torch.tensor([0.2, 0.8, 0.4]), 0.9)
    assert grid.lookup(x[:1]).item() == pytest.approx(0.8)
    grid.learn(x[:1], torch.tensor([0.0]), 0.5)
    assert grid.lookup(x[:1]).item() == pytest.approx(0.4)


def test_lookup_outside_is_the_border_cell():
    grid = OpacityGrid(4, 0.1)
    grid.learn(torch.tensor([[0.9, 0.9, 0.9]]), torch.tensor([0.7]), 0.9)
    assert grid.lookup(torch.tensor([[3.0, 1.0, 5.0]])).item() == pytest.approx(0.7)


def test_drawn_places_fill_the_cube():
    places = OpacityGrid(4, 0.0).draw_cells(4000, torch.Generator().manual_seed(0))
    assert places.shape == (4000, 3) and places.abs().max() <= 1.0
    counts = np.histogramdd(places.numpy(), bins=2, range=[(-1, 1)] * 3)[0]
    assert counts.min() > 350


def test_cell_opacity_is_that_of_a_section_through_the_cell():
    sharpness = torch.tensor(25.0)
    for sdf in (-0.1, 0.0, 0.05, 1.0):
        section = section_alpha(torch.tensor([[sdf + 0.03, sdf - 0.03]]), sharpness)
        assert cell_opacity(torch.tensor([sdf]), 0.03, sharpness).item() == pytest.approx(
            section.item(), abs=1e-6
        )


def test_weights_are_nothing_where_nothing_can_be_and_little_behind_a_wall():
    opacity = torch.tensor([[0.0, 0.0, 1e-6, 1e-6, 1e-6, 0.99, 0.99, 0.99, 0.99, 0.0]])
    weights = bin_weights(opacity, torch.ones(1, 1), floor=0.1)[0]
    assert weights[0] == weights[1] == weights[9] == 0
    # The wall's front, a cell behind it, and a neighbour on either side, since a surface moves.
    assert weights[4:8].min() > 0.2
    assert weights[8] < 0.05  # what the wall hides, still looked at
    assert weights[2].item() == pytest.approx(0.1 / 7, rel=0.1)


def places(rays: int, count: int, generator: torch.Generator | None = None) -> torch.Tensor:
    return jitter(rays, count, generator, torch.device("cpu"))


def test_depths_fall_where_the_weights_are():
    edges = torch.tensor([[0.0, 1.0, 3.0, 4.0]]).repeat(2, 1)
    weights = torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 2.0]])
    depths = draw_depths(edges, weights, places(2, 400))
    assert torch.all(depths[0] >= 1.0) and torch.all(depths[0] <= 3.0)
    counts = np.histogram(depths[1].numpy(), bins=[0, 1, 3, 4])[0]
    np.testing.assert_allclose(counts, [100, 100, 200], atol=2)


@pytest.mark.parametrize("seed", [None, 3])
def test_depths_are_in_order_and_within_the_edges(seed):
    random = torch.Generator().manual_seed(7)
    edges = torch.sort(torch.rand((50, 13), generator=random), dim=1).values
    weights = torch.rand((50, 12), generator=random) ** 4
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    depths = draw_depths(edges, weights, places(50, 24, generator))
    assert torch.all(depths[:, 1:] >= depths[:, :-1])
    assert torch.all(depths >= edges[:, :1]) and torch.all(depths <= edges[:, -1:])


def test_a_ray_without_weights_is_sampled_evenly():
    edges = torch.linspace(2.0, 6.0, 9)[None]
    depths = draw_depths(edges, torch.zeros(1, 8), places(1, 4))
    assert depths[0].tolist() == pytest.approx([2.5, 3.5, 4.5, 5.5])


def test_the_same_seed_draws_the_same_depths():
    edges = torch.linspace(0.0, 1.0, 9).repeat(3, 1)
    weights = torch.ones(3, 8)
    a, b, c = (draw_depths(edges, weights, places(3, 5, torch.Generator().manual_seed(s))) for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)
