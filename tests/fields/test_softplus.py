"""The compiled softplus and its slope against their definitions in float64."""

from collections.abc import Callable

import pytest
import torch

from surface_sos_core.fields.softplus import BETA, softplus_and_slope, softplus_and_slope_numba


def values() -> torch.Tensor:
    extremes = torch.tensor([0.0, -0.0, 50.0, -50.0, 1e9, -1e9])
    return torch.cat((torch.linspace(-2.0, 2.0, 40001), torch.linspace(-0.05, 0.05, 4001), extremes))


@pytest.mark.parametrize("function", [softplus_and_slope, softplus_and_slope_numba])
def test_value_and_slope(function: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]) -> None:
    z = values()
    value, slope = function(z)
    exact = z.double()
    expected = torch.logaddexp(BETA * exact, torch.zeros_like(exact)) / BETA
    assert float(((value - expected).abs() / expected.clamp(min=1.0)).max()) < 5e-8
    assert float((slope - torch.sigmoid(BETA * exact)).abs().max()) < 3e-7


def test_shapes_are_kept() -> None:
    z = values().view(-1, 2)
    for got, expected in zip(softplus_and_slope_numba(z), softplus_and_slope_numba(z.view(-1)), strict=True):
        assert torch.equal(got, expected.view(-1, 2))


def test_nothing_is_denormal() -> None:
    """Denormal numbers make every later product slow."""
    for result in softplus_and_slope_numba(torch.linspace(-5.0, 1.0, 10001)):
        assert float(result.min()) > torch.finfo(torch.float32).tiny
