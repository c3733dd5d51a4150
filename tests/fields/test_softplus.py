"""The fused softplus against its definition in float64, and its gradients against autograd."""

import pytest
import torch

from surface_sos_core.fields.softplus import BETA, softplus_and_slope


def values() -> torch.Tensor:
    extremes = torch.tensor([0.0, -0.0, 50.0, -50.0, 1e9, -1e9])
    return torch.cat((torch.linspace(-2.0, 2.0, 40001), torch.linspace(-0.05, 0.05, 4001), extremes))


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_value_and_slope(backend: str) -> None:
    z = values()
    value, slope = softplus_and_slope(z, backend)
    exact = z.double()
    expected = torch.logaddexp(BETA * exact, torch.zeros_like(exact)) / BETA
    assert float(((value - expected).abs() / expected.clamp(min=1.0)).max()) < 5e-8
    assert float((slope - torch.sigmoid(BETA * exact)).abs().max()) < 3e-7


def test_gradients_are_those_of_autograd() -> None:
    z = values().view(-1, 2)
    weights = torch.randn(2, *z.shape, generator=torch.Generator().manual_seed(0))
    gradients = []
    for backend in ("numba", "torch"):
        leaf = z.clone().requires_grad_()
        value, slope = softplus_and_slope(leaf, backend)
        gradients.append(torch.autograd.grad((value * weights[0] + slope * weights[1] / BETA).sum(), leaf)[0])
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_only_one_of_the_two_may_be_used() -> None:
    z = torch.randn(7, 5, requires_grad=True)
    value, slope = softplus_and_slope(z, "numba")
    (grad,) = torch.autograd.grad(value.sum(), z)
    torch.testing.assert_close(grad, slope)


def test_nothing_is_denormal() -> None:
    """Denormal numbers make every later product slow."""
    for result in softplus_and_slope(torch.linspace(-5.0, 1.0, 10001), "numba"):
        assert float(result.min()) > torch.finfo(torch.float32).tiny
