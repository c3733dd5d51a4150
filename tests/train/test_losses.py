"""The terms of the loss, by hand."""

import math

import pytest
import torch

from surface_sos_core.train.losses import (
    area_loss,
    colour_loss,
    core_loss,
    depth_loss,
    eikonal_loss,
    mask_loss,
    point_loss,
    sparsity_loss,
)


def test_colour():
    rendered = torch.tensor([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]])
    plate = torch.tensor([[0.5, 0.5, 0.5], [0.0, 0.0, 0.5]])
    assert colour_loss(rendered, plate).item() == pytest.approx((1.0 + 0.25) / 6)


def test_eikonal():
    normals = torch.tensor([[3.0, 4.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert eikonal_loss(normals).item() == pytest.approx((16.0 + 0.0 + 1.0) / 3)
    assert eikonal_loss(normals, torch.tensor([1.0, 0.0, 1.0])).item() == pytest.approx((16.0 + 1.0) / 2)
    assert eikonal_loss(normals, torch.zeros(3)).item() == 0.0


def test_sparsity():
    assert sparsity_loss(torch.tensor([0.0, 0.1, -0.1]), 20.0).item() == pytest.approx(
        (1 + 2 * math.exp(-2)) / 3
    )


def test_area():
    cover = torch.tensor([1.0, 0.5, 0.0], requires_grad=True)
    loss = area_loss(cover)
    loss.backward()
    assert loss.item() == pytest.approx(0.5) and cover.grad.tolist() == pytest.approx([1 / 3] * 3)


def test_core():
    sdf = torch.tensor([0.2, -0.3, 0.4, 0.5], requires_grad=True)
    loss = core_loss(sdf, torch.tensor([1.0, 1.0, 0.5, 0.0]))
    assert loss.item() == pytest.approx((0.2 + 0.0 + 0.2) / 2.5)
    loss.backward()
    assert sdf.grad is not None and sdf.grad.tolist() == pytest.approx([0.4, 0.0, 0.2, 0.0])
    assert core_loss(sdf.detach(), torch.zeros(4)).item() == 0.0  # nothing is sure


def test_mask():
    matte, mask = torch.tensor([0.8, 0.3]), torch.tensor([1.0, 0.0])
    full = -(math.log(0.8) + math.log(0.7)) / 2
    assert mask_loss(matte, mask, torch.ones(2)).item() == pytest.approx(full, rel=1e-5)
    # what is not trusted does not count; the others' mean stays
    assert mask_loss(matte, mask, torch.tensor([1.0, 0.0])).item() == pytest.approx(-math.log(0.8), rel=1e-5)
    assert mask_loss(matte, mask, torch.zeros(2)).item() == 0.0


def test_a_matte_of_exactly_zero_or_one_stays_finite():
    matte = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = mask_loss(matte, torch.tensor([1.0, 0.0, 0.0, 1.0]), torch.ones(4))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(matte.grad).all()


def test_points():
    sdf = torch.tensor([0.2, -0.4, 0.0], requires_grad=True)
    assert point_loss(sdf).item() == pytest.approx(0.2)
    none = point_loss(sdf[:0])
    none.backward()
    assert none.item() == 0.0


def test_depth_counts_only_where_it_is_known():
    rendered, known = torch.tensor([1.1, 5.0, 900.0]), torch.tensor([1.0, 0.0, 1.0])
    assert depth_loss(rendered, known).item() == pytest.approx((math.tanh(0.1) + 1.0) / 2, rel=1e-4)
    assert depth_loss(rendered, torch.zeros(3)).item() == 0.0
