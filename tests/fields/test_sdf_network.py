"""The SDF network: its start, and its closed-form normals against differences and double backward."""

import pytest
import torch
from torch.nn.functional import softplus

from surface_sos_core.fields import hash_grid_torch
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.sdf_network import SdfNetwork
from surface_sos_core.fields.softplus import BETA

SPEC = GridSpec(6, 2, 12, 8, 64)


def network(engine: Engine, table_scale: float = 0.05) -> SdfNetwork:
    """A network away from its start: a table with content, so that the grid's share of the normals counts."""
    net = SdfNetwork(SPEC, engine, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        net.grid.table.normal_(0.0, table_scale, generator=generator)
        net.hidden.bias.normal_(0.0, 0.1, generator=generator)
    return net


def points(count: int) -> torch.Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(2)) * 2.0 - 1.0


def plain_field(net: SdfNetwork, x: torch.Tensor) -> torch.Tensor:
    """All outputs of the network, written for autograd of any order in x and the parameters."""
    grid = net.grid
    encoded = hash_grid_torch.encode(grid.table, 0.5 * (x + 1.0), grid.spec, grid.active_levels)
    return net.output(softplus(net.hidden(torch.cat((x, encoded), dim=1)), BETA))


@pytest.mark.parametrize("outward", [True, False])
def test_starts_as_a_sphere(outward: bool) -> None:
    net = SdfNetwork(SPEC, Engine.NUMBA, radius=0.4, outward=outward)
    x = points(4000)
    sdf, _, normal = net.sdf_and_normal(x)
    sign = 1.0 if outward else -1.0
    distance = x.norm(dim=1)
    assert float((sdf.detach() - sign * (distance - 0.4)).abs().max()) < 0.06
    far = distance > 0.2
    along = (normal * x).sum(dim=1) / distance * sign
    assert float((along[far] - 1.0).detach().abs().max()) < 0.1


@pytest.mark.parametrize("engine", [Engine.TORCH, Engine.NUMBA])
def test_normal_is_the_slope_of_the_distance(engine: Engine) -> None:
    """Central differences in float64, at points whose steps stay within one cell on every level."""
    net = network(engine)
    x = points(3000)
    step = 1e-5
    position = (0.5 * (x.double() + 1.0))[:, None] * torch.tensor(SPEC.resolutions)[:, None]
    fraction = position - position.floor()
    x = x[((fraction > 0.01) & (fraction < 0.99)).flatten(1).all(dim=1)]
    assert len(x) > 1000
    normal = net.sample(x, len(x)).normal
    exact = network(Engine.TORCH).double()
    columns = []
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = step
        up, down = (plain_field(exact, x.double() + sign * shift)[:, 0] for sign in (1, -1))
        columns.append((up - down) / (2 * step))
    expected = torch.stack(columns, dim=1).float()
    error = (normal - expected).norm(dim=1) / expected.norm(dim=1)
    assert float(error.median()) < 1e-5 and float(error.max()) < 2e-3


@pytest.mark.parametrize("engine", [Engine.TORCH, Engine.NUMBA])
@pytest.mark.parametrize("active", [SPEC.levels, 2])
def test_gradients_are_those_of_double_backward(engine: Engine, active: int) -> None:
    """A loss of distance, feature and Eikonal term: all parameters, against autograd's second order."""
    net = network(engine)
    net.grid.active_levels = active
    x = points(2000)
    weight = torch.randn(2000, 14, generator=torch.Generator().manual_seed(3))

    def loss(out: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
        return (out * weight).mean() + ((normal.norm(dim=1) - 1.0) ** 2).mean()

    leaf = x.clone().requires_grad_()
    out = plain_field(net, leaf)
    (slope,) = torch.autograd.grad(out[:, 0].sum(), leaf, create_graph=True)
    parameters = dict(net.named_parameters())
    expected = torch.autograd.grad(loss(out, slope), list(parameters.values()))

    sdf, feature, normal = net.sdf_and_normal(x)
    torch.testing.assert_close(normal, slope, rtol=1e-3, atol=1e-4)
    got = torch.autograd.grad(
        loss(torch.cat((sdf[:, None], feature), dim=1), normal), list(parameters.values())
    )
    for name, a, b in zip(parameters, got, expected, strict=True):
        assert float(b.abs().max()) > 0.0, name
        assert float((a - b).norm() / b.norm()) < 1e-3, name


@pytest.mark.parametrize("active", [SPEC.levels, 3, 0])
@pytest.mark.parametrize("normals", [0, 700, 1300])
def test_numba_does_as_plain_torch_does(normals: int, active: int) -> None:
    """Outputs, and all gradients of a loss of them, with normals at some points, all points or none."""
    results = []
    for engine in (Engine.NUMBA, Engine.TORCH):
        net = network(engine)
        net.grid.active_levels = active
        generator = torch.Generator().manual_seed(4)
        x = points(1300) * 1.02  # a few points outside
        sample = net.sample(x, normals)
        assert sample.normal.shape == (normals, 3) and torch.equal(sample.position, x)
        outputs = (sample.sdf, sample.feature, sample.normal)
        loss = sum((out * torch.randn(out.shape, generator=generator)).sum() for out in outputs)
        grads = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        results.append((*outputs, net.distance(x), *(torch.zeros(1) if g is None else g for g in grads)))
    for got, expected in zip(*results, strict=True):
        assert float((got - expected).detach().norm()) <= 1e-4 * float(expected.detach().norm())


def test_normals_of_the_first_points() -> None:
    net, x = network(Engine.NUMBA), points(100)
    torch.testing.assert_close(net.sample(x, 40).normal, net.sample(x, 100).normal[:40])


@pytest.mark.parametrize("hidden", [7, 64])
def test_distance_alone_is_that_of_the_sample(hidden: int) -> None:
    net = SdfNetwork(SPEC, Engine.NUMBA, hidden, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        net.grid.table.normal_(0.0, 0.05)
    x = points(2000).T.contiguous().T  # rows that are not contiguous
    alone = net.distance(x)
    assert not alone.requires_grad
    torch.testing.assert_close(alone, net.sample(x).sdf.detach(), rtol=1e-5, atol=1e-6)
    assert net.distance(x[:0]).shape == (0,)


def test_forward_gives_distance_and_feature() -> None:
    net = SdfNetwork(SPEC, Engine.NUMBA, hidden=32, feature_dim=5)
    x = points(10).requires_grad_()
    sdf, feature = net(x)
    assert sdf.shape == (10,) and feature.shape == (10, 5)
    (sdf.sum() + feature.sum()).backward()
    assert x.grad is None


def test_can_learn_a_box() -> None:
    """A few steps with an Eikonal term fit a shape that is not the start's, and keep unit normals."""
    torch.manual_seed(0)
    net = SdfNetwork(GridSpec(6, 2, 13, 8, 64), Engine.NUMBA)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

    def truth(x: torch.Tensor) -> torch.Tensor:
        q = x.abs() - torch.tensor([0.6, 0.3, 0.4])
        return q.clamp(min=0).norm(dim=1) + q.amax(dim=1).clamp(max=0)

    x = points(4096)
    before = float((net(x)[0] - truth(x)).abs().mean())
    for _ in range(40):
        x = torch.rand(1024, 3) * 2 - 1
        sdf, _, normal = net.sdf_and_normal(x)
        loss = (sdf - truth(x)).abs().mean() + 0.1 * ((normal.norm(dim=1) - 1.0) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = points(4096)
    sdf, _, normal = net.sdf_and_normal(x)
    assert float((sdf - truth(x)).abs().mean()) < 0.15 * before
    assert float((normal.norm(dim=1) - 1.0).abs().median()) < 0.15
