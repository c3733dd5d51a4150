"""All of space in a ball, and back."""

import pytest
import torch

from surface_sos_core.fields.contraction import contract, expand


def points() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(
        torch.randn((500, 3), generator=generator, dtype=torch.float64), dim=1
    )
    return directions * torch.logspace(-3, 3, 500, dtype=torch.float64)[:, None]


def test_expand_is_the_inverse_of_contract():
    x = points()
    torch.testing.assert_close(expand(contract(x)), x, rtol=1e-6, atol=1e-9)


def test_contract_is_the_inverse_of_expand():
    y = points()[:, :] / 1.001e3
    torch.testing.assert_close(contract(expand(y)), y, rtol=1e-9, atol=1e-12)


def test_by_hand():
    x = torch.tensor([[0.0, 0.0, 0.0], [0.6, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -4.0]])
    expected = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, -0.875]])
    torch.testing.assert_close(contract(x), expected)


def test_everything_lands_inside_the_ball_and_farther_stays_farther():
    norm = torch.linalg.vector_norm(contract(points()), dim=1)
    assert torch.all(norm < 1.0) and torch.all(norm[1:] > norm[:-1])


@pytest.mark.parametrize("function", [contract, expand])
def test_the_origin_stays_and_shapes_are_kept(function):
    x = torch.zeros(2, 5, 3)
    assert torch.equal(function(x), x)
