"""The compiled softplus and its slope against their definitions in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numba import njit

from surface_sos_core.fields.softplus import BETA, softplus, softplus_and_slope, softplus_with_slope


@njit(fastmath=True, error_model="numpy")
def _compiled(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, slope, alone = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    for i in range(len(z)):
        value[i], slope[i] = softplus_with_slope(z[i])
        alone[i] = softplus(z[i])
    return value, slope, alone


def compiled(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Value and slope as kernels compute them; the value alone is the same."""
    value, slope, alone = (torch.from_numpy(found) for found in _compiled(z.numpy()))
    torch.testing.assert_close(alone, value, rtol=1e-6, atol=1e-9)
    return value, slope


def values() -> torch.Tensor:
    extremes = torch.tensor([0.0, -0.0, 50.0, -50.0, 1e9, -1e9])
    return torch.cat((torch.linspace(-2.0, 2.0, 40001), torch.linspace(-0.05, 0.05, 4001), extremes))


@pytest.mark.parametrize("function", [softplus_and_slope, compiled])
def test_value_and_slope(function: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]) -> None:
    z = values()
    value, slope = function(z)
    exact = z.double()
    expected = torch.logaddexp(BETA * exact, torch.zeros_like(exact)) / BETA
    assert float(((value - expected).abs() / expected.clamp(min=1.0)).max()) < 5e-8
    assert float((slope - torch.sigmoid(BETA * exact)).abs().max()) < 3e-7


def test_nothing_is_denormal() -> None:
    """Denormal numbers make every later product slow."""
    for result in compiled(torch.linspace(-5.0, 1.0, 10001)):
        assert float(result.min()) > torch.finfo(torch.float32).tiny
