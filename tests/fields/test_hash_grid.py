"""The hash grid: layout, meaning, and the numba engine against the plain torch one."""

import numpy as np
import pytest
import torch

from surface_sos_core.fields import hash_grid_torch
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.hash_grid import HashGrid

SPECS = {
    "dense": (GridSpec(3, 2, 15, 4, 16), 3),
    "hashed": (GridSpec(4, 2, 9, 16, 300), 4),
    "mixed": (GridSpec(6, 2, 12, 7, 61), 6),
    "coarse levels only": (GridSpec(6, 2, 12, 7, 61), 2),
    "no level": (GridSpec(3, 2, 10, 5, 20), 0),
    "one level": (GridSpec(1, 2, 14, 11, 11), 1),
    "fine": (GridSpec(8, 2, 14, 16, 2048), 8),
}


def border_and_inner_points(count: int) -> torch.Tensor:
    """Random points, all corners of the cube, points on its faces and edges, and some outside."""
    generator = torch.Generator().manual_seed(1)
    inner = torch.rand(count, 3, generator=generator)
    corners = torch.tensor([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], dtype=torch.float32)
    faces = inner[:30].clone()
    faces[torch.arange(30), torch.arange(30) % 3] = (torch.arange(30) % 2).float()
    outside = inner[:10] * 4.0 - 2.0
    return torch.cat((inner, corners, faces, outside))


def pair(name: str) -> tuple[HashGrid, HashGrid]:
    """The same grid, with entries of order one, on both backends."""
    spec, active = SPECS[name]
    fast, plain = HashGrid(spec, Engine.NUMBA), HashGrid(spec, Engine.TORCH)
    with torch.no_grad():
        fast.table.copy_(torch.randn(spec.entries, 2, generator=torch.Generator().manual_seed(2)))
        plain.table.copy_(fast.table)
    fast.active_levels = plain.active_levels = active
    return fast, plain


def assert_near(got: torch.Tensor, expected: torch.Tensor) -> None:
    scale = float(expected.detach().abs().max()) + 1e-12
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=2e-4, atol=2e-5 * scale)


def test_layout_of_levels() -> None:
    spec = GridSpec(10, 2, 15, 16, 257)
    assert spec.resolutions[0] == 16 and spec.resolutions[-1] == 257
    growth = np.array(spec.resolutions[1:]) / np.array(spec.resolutions[:-1])
    assert abs(growth - (257 / 16) ** (1 / 9)).max() < 0.06
    assert spec.dense == tuple((r + 1) ** 3 <= 2**15 for r in spec.resolutions)
    assert spec.sizes[0] == 17**3 and spec.sizes[-1] == 2**15
    for level, size in enumerate(spec.sizes):
        assert spec.offsets[level] % 8 == 0
        assert size <= spec.offsets[level + 1] - spec.offsets[level] < size + 8
    assert spec.entries == spec.offsets[-1] and spec.width == 20


@pytest.mark.parametrize(
    "bad", [(0, 2, 15, 16, 32), (4, 2, 0, 16, 32), (4, 2, 15, 32, 16), (4, 0, 15, 16, 32)]
)
def test_impossible_layouts_are_refused(bad: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a hash grid needs"):
        GridSpec(*bad)


def test_loops_want_two_features_a_level() -> None:
    with pytest.raises(ValueError, match="two features"):
        HashGrid(GridSpec(2, features=4), Engine.NUMBA)


def test_table_starts_small_and_repeats_with_its_seed() -> None:
    grids = [HashGrid(GridSpec(4), Engine.TORCH, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(grids[0].table, grids[1].table)
    assert 0.9e-4 < float(grids[0].table.detach().abs().max()) <= 1e-4


def test_dense_level_interpolates_its_vertices() -> None:
    """A table that holds linear functions of the vertices reproduces them between the vertices."""
    spec = GridSpec(1, 2, 15, 13, 13)
    z, y, x = np.meshgrid(*[np.arange(14) / 13] * 3, indexing="ij")
    for engine in (Engine.TORCH, Engine.NUMBA):
        grid = HashGrid(spec, engine)
        values = np.stack((x + 2 * y - 3 * z, 5 * z - y + 1), axis=-1).reshape(-1, 2)
        with torch.no_grad():
            grid.table[: spec.sizes[0]] = torch.from_numpy(values).float()
        p = border_and_inner_points(50).clamp(0, 1)
        expected = torch.stack((p @ torch.tensor([1.0, 2, -3]), p @ torch.tensor([0.0, -1, 5]) + 1), dim=1)
        torch.testing.assert_close(grid.encode(p), expected, rtol=1e-5, atol=1e-5)
        inner = p[:50]
        u = torch.tensor([[1.0, 0.0]]).expand(50, 2)
        expected_slope = torch.tensor([[1.0, 2, -3]]).expand(50, 3)
        torch.testing.assert_close(grid.vjp(inner, u), expected_slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", SPECS)
def test_numba_encodes_as_torch_does(name: str) -> None:
    fast, plain = pair(name)
    x = border_and_inner_points(9001)  # more than a block of the kernel, and not a multiple of it
    u = torch.randn(len(x), fast.spec.width, generator=torch.Generator().manual_seed(4))
    encoded, expected = fast.encode(x), plain.encode(x)
    assert encoded.shape == (len(x), fast.spec.width)
    assert_near(encoded, expected)
    assert not encoded[:, 2 * fast.active_levels :].any()
    (encoded * u).sum().backward()
    if plain.active_levels:
        (expected * u).sum().backward()
        assert_near(fast.table.grad, plain.table.grad)
    assert not fast.table.grad[fast.spec.offsets[fast.active_levels] :].any()


@pytest.mark.parametrize("name", [name for name in SPECS if name != "no level"])
def test_numba_vjp_and_its_gradients_are_those_of_torch(name: str) -> None:
    fast, plain = pair(name)
    x = border_and_inner_points(9001)
    generator = torch.Generator().manual_seed(5)
    g = torch.randn(len(x), 3, generator=generator)
    u = torch.randn(len(x), fast.spec.width, generator=generator)
    results = []
    for grid in (fast, plain):
        leaf = u.clone().requires_grad_()
        v = grid.vjp(x, leaf)
        results.append((v, *torch.autograd.grad(v, (grid.table, leaf), g)))
    for got, expected in zip(*results, strict=True):
        assert_near(got, expected)


def test_vjp_without_levels_is_zero() -> None:
    fast, plain = pair("no level")
    x, u = torch.rand(5, 3), torch.ones(5, fast.spec.width)
    assert not fast.vjp(x, u).any() and not plain.vjp(x, u).any()


@pytest.mark.parametrize("engine", [Engine.TORCH, Engine.NUMBA])
def test_vjp_is_the_gradient_that_autograd_finds(engine: Engine) -> None:
    grid = pair("mixed")[engine is Engine.TORCH]
    x = torch.rand(500, 3, generator=torch.Generator().manual_seed(6)).requires_grad_()
    u = torch.randn(500, grid.spec.width, generator=torch.Generator().manual_seed(7))
    encoded = hash_grid_torch.encode(grid.table, x, grid.spec, grid.active_levels)
    (expected,) = torch.autograd.grad(encoded, x, u)
    assert_near(grid.vjp(x, u), expected)


@pytest.mark.parametrize("engine", [Engine.TORCH, Engine.NUMBA])
def test_points_outside_take_the_border_and_no_slope(engine: Engine) -> None:
    grid = pair("mixed")[engine is Engine.TORCH]
    outside = torch.tensor([[-0.5, 0.3, 0.4], [0.2, 7.0, 1.0], [1e9, -1e9, 0.5]])
    torch.testing.assert_close(grid.encode(outside), grid.encode(outside.clamp(0, 1)))
    slope = grid.vjp(outside, torch.ones(3, grid.spec.width))
    assert not slope[(outside < 0) | (outside > 1)].any()
    assert slope[(outside >= 0) & (outside <= 1)].all()


def test_strided_and_empty_inputs() -> None:
    fast, plain = pair("mixed")
    wide = torch.rand(100, 6)
    u = torch.randn(fast.spec.width, 100).T
    assert_near(fast.encode(wide[:, ::2]), plain.encode(wide[:, ::2]))
    assert_near(fast.vjp(wide[:, ::2], u), plain.vjp(wide[:, ::2], u))
    empty = torch.empty(0, 3)
    assert fast.encode(empty).shape == (0, fast.spec.width)
    assert fast.vjp(empty, torch.empty(0, fast.spec.width)).shape == (0, 3)


def test_a_point_that_is_not_a_number_stays_in_the_table() -> None:
    fast, plain = pair("mixed")
    fast.encode(torch.full((4, 3), float("nan"))).sum().backward()
    x = torch.rand(100, 3)
    assert_near(fast.encode(x), plain.encode(x))  # nothing beside was written to


@pytest.fixture
def filled_memory():
    """What PyTorch allocates without a value holds nan: whatever is read before it is written shows."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    assert torch.empty(4).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("count", [1, 255, 257, 4097, 20_011])
def test_no_thread_reads_what_none_wrote(count: int, filled_memory: None, two_threads: None) -> None:
    """Both threads, sizes beside those of blocks and spans, tables of huge entries and of none."""
    generator = torch.Generator().manual_seed(count)
    for name, size in (("mixed", 1.0), ("coarse levels only", 1e18), ("no level", 1.0), ("fine", 0.0)):
        fast, plain = pair(name)
        with torch.no_grad():
            fast.table.mul_(size)
            plain.table.mul_(size)
        x = torch.randn(count, 3, generator=generator) * 0.3 + 0.5
        u = torch.randn(count, fast.spec.width, generator=generator)
        g = torch.randn(count, 3, generator=generator)
        results = []
        for grid in (fast, plain):
            leaf = u.clone().requires_grad_()
            encoded, v = grid.encode(x), grid.vjp(x, leaf)
            loss = (encoded * u).sum() + (v * g).sum() + 0.0 * grid.table.sum() + 0.0 * leaf.sum()
            results.append((encoded, v, *torch.autograd.grad(loss, (grid.table, leaf))))
        for got, expected in zip(*results, strict=True):
            assert torch.isfinite(got).all()
            assert_near(got, expected)


def test_torch_twin_has_any_number_of_features() -> None:
    spec = GridSpec(3, 4, 10, 4, 40)
    grid = HashGrid(spec, Engine.TORCH)
    x, u = torch.rand(20, 3), torch.randn(20, 12)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(hash_grid_torch.encode(grid.table, leaf, spec, 3), leaf, u)
    torch.testing.assert_close(grid.vjp(x, u), expected, rtol=1e-4, atol=1e-7)
