"""Eq. 6 and 7 of the paper against closed forms, a loop, and sorting by hand."""

import numpy as np
import pytest
import torch

from surface_sos_core.render.volume import interleave, section_alpha, section_mean, visible_weights


def phi(x: np.ndarray, b: float) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-b * x))


@pytest.mark.parametrize("sharpness", [1.0, 10.0, 40.0])
def test_a_ray_into_a_wall_lets_through_what_the_first_and_last_distance_say(sharpness):
    """prod (1 - alpha_i) = Phi(f_n) / Phi(f_0), wherever the samples in between are."""
    generator = np.random.default_rng(0)
    depth = np.sort(np.concatenate([[0.0, 2.0], generator.uniform(0, 2, 30)]))
    sdf = 1.0 - depth
    alpha = section_alpha(torch.tensor(sdf)[None], torch.tensor(sharpness)).numpy()[0]
    passed = np.prod(1.0 - alpha)
    assert passed == pytest.approx(phi(sdf[-1], sharpness) / phi(sdf[0], sharpness), rel=1e-9)
    assert np.all(alpha >= 0) and np.all(alpha < 1)


def test_two_samples_by_hand():
    alpha = section_alpha(torch.tensor([[0.5, -0.25]]), torch.tensor(2.0))
    assert alpha.item() == pytest.approx(1 - (1 + np.exp(-1.0)) / (1 + np.exp(0.5)), rel=1e-5)


def test_a_surface_seen_from_behind_is_not_there():
    assert torch.equal(
        section_alpha(torch.tensor([[-1.0, -0.5, 0.5, 1.0]]), torch.tensor(30.0)), torch.zeros(1, 3)
    )


def test_the_surface_is_where_the_distance_is_zero():
    depth = torch.linspace(0.0, 2.0, 2001, dtype=torch.float64)[None]
    weights = visible_weights(section_alpha(0.7 - depth, torch.tensor(50.0)))
    assert (weights * section_mean(depth)).sum().item() / weights.sum().item() == pytest.approx(0.7, abs=0.01)


def test_extreme_distances_stay_finite():
    sdf = torch.tensor([[1e4, 10.0, -10.0, -1e4, -1e4]], requires_grad=True)
    alpha = section_alpha(sdf, torch.tensor(1e3))
    alpha.sum().backward()
    assert torch.isfinite(alpha).all() and torch.isfinite(sdf.grad).all()
    assert alpha[0, 1].item() == pytest.approx(1.0)


def loop_weights(alpha: np.ndarray) -> np.ndarray:
    out = np.zeros_like(alpha)
    for r in range(alpha.shape[0]):
        passed = 1.0
        for s in range(alpha.shape[1]):
            out[r, s] = passed * alpha[r, s]
            passed *= 1.0 - alpha[r, s]
    return out


def test_visible_weights_against_a_loop():
    alpha = np.random.default_rng(1).uniform(0, 1, (20, 12)) ** 3
    alpha[3, 4] = 1.0
    alpha[5] = 0.0
    weights = visible_weights(torch.tensor(alpha)).numpy()
    np.testing.assert_allclose(weights, loop_weights(alpha), atol=3e-6)
    np.testing.assert_allclose(weights.sum(1), 1 - np.prod(1 - alpha, axis=1), atol=3e-6)


def test_interleave_against_sorting_by_hand():
    generator = np.random.default_rng(2)
    depth_a, depth_b = (np.sort(generator.uniform(0, 5, (9, n)), axis=1) for n in (5, 7))
    alpha_a, alpha_b = generator.uniform(0, 1, (9, 5)), generator.uniform(0, 1, (9, 7))
    found_a, found_b = interleave(*(torch.tensor(v) for v in (depth_a, alpha_a, depth_b, alpha_b)))
    for r in range(9):
        sections = [(depth_a[r, i], alpha_a[r, i], "a", i) for i in range(5)]
        sections += [(depth_b[r, i], alpha_b[r, i], "b", i) for i in range(7)]
        passed = 1.0
        for _, alpha, which, i in sorted(sections):
            found = found_a if which == "a" else found_b
            assert found[r, i].item() == pytest.approx(passed * alpha, abs=3e-6)
            passed *= 1.0 - alpha


def test_what_lies_in_front_hides_what_lies_behind():
    near, far, opaque = torch.tensor([[1.0]]), torch.tensor([[2.0]]), torch.tensor([[1.0]])
    for first, second in ((near, far), (far, near)):
        front, back = interleave(first, opaque, second, opaque)
        expected = (1.0, 0.0) if first is near else (0.0, 1.0)
        assert (front.item(), back.item()) == pytest.approx(expected, abs=1e-6)


def test_section_mean():
    values = torch.arange(12.0).view(1, 4, 3)
    assert torch.equal(
        section_mean(values), torch.tensor([[[1.5, 2.5, 3.5], [4.5, 5.5, 6.5], [7.5, 8.5, 9.5]]])
    )
