"""Spherical harmonics against scipy, and the colour network's shapes, range and gradients."""

import numpy as np
import pytest
import torch
from scipy.special import factorial, lpmv

from surface_sos_core.fields.colour_network import ColourNetwork, sh_encode


def directions(count: int) -> torch.Tensor:
    d = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.nn.functional.normalize(d, dim=1)


def test_harmonics_are_those_of_scipy() -> None:
    d = directions(200)
    encoded = sh_encode(d, 4).numpy()
    z, phi = d[:, 2].numpy(), np.arctan2(d[:, 1].numpy(), d[:, 0].numpy())
    column = 0
    for degree in range(4):
        for m in range(-degree, degree + 1):
            k = abs(m)
            norm = np.sqrt((2 * degree + 1) / (4 * np.pi) * factorial(degree - k) / factorial(degree + k))
            turn = 1.0 if m == 0 else np.sqrt(2.0) * (np.cos(m * phi) if m > 0 else np.sin(k * phi))
            real = norm * turn * lpmv(k, degree, z) * (-1.0) ** k  # without lpmv's phase
            np.testing.assert_allclose(encoded[:, column], real, atol=1e-12)
            column += 1
    assert encoded.shape == (200, column)


def test_fewer_bands_are_the_first_ones() -> None:
    d = directions(20)
    for bands in (1, 2, 3):
        torch.testing.assert_close(sh_encode(d, bands), sh_encode(d, 4)[:, : bands * bands])
    with pytest.raises(ValueError, match="1 to 4 bands"):
        sh_encode(d, 5)


@pytest.mark.parametrize("bands", [3, 4])
def test_colour_depends_on_every_input(bands: int) -> None:
    torch.manual_seed(1)
    net = ColourNetwork(feature_dim=7, hidden=32, bands=bands)
    inputs = [
        torch.randn(50, 3),
        torch.randn(50, 3),
        directions(50).float(),
        torch.randn(50),
        torch.randn(50, 7),
    ]
    for value in inputs:
        value.requires_grad_()
    colour = net(*inputs)
    assert colour.shape == (50, 3) and bool(((colour > 0) & (colour < 1)).all())
    for value in torch.autograd.grad(colour.sum(), inputs):
        assert value.any()


def test_points_of_a_ray_share_its_direction() -> None:
    net = ColourNetwork()
    x, normal, sdf, feature = torch.randn(12, 3), torch.randn(12, 3), torch.randn(12), torch.randn(12, 13)
    d, ray = directions(4).float(), torch.arange(4).repeat_interleave(3)
    torch.testing.assert_close(net(x, normal, d, sdf, feature, ray), net(x, normal, d[ray], sdf, feature))
