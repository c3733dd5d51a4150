"""Eq. 6 and 7 of the paper against closed forms, a loop, and sorting by hand."""

import numpy as np
import pytest
import torch

from surface_sos_core.render.volume import interleave, section_alpha, section_mean, visible_weights
from surface_sos_core.render.volume_numba import CompositeWeights


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


def composite(compiled, sdf_f, hold, middle_f, hit, sdf_b, middle_b, sharpness, target):
    """Weights of both fields, and the gradients of distances and sharpnesses, by loops or by plain torch."""
    a, b, s, t = (v.clone().requires_grad_() for v in (sdf_f, sdf_b, *(torch.tensor(v) for v in sharpness)))
    if compiled:
        weights = CompositeWeights.apply(a, s, hold, middle_f, hit, b, t, middle_b)
    else:
        alpha_b = section_alpha(b, t)
        alpha_b = torch.cat((alpha_b[:, :-1], torch.ones(len(b), 1)), dim=1)
        own, behind = interleave(middle_f, section_alpha(a, s) * hold, middle_b[hit], alpha_b[hit])
        weights = (own, visible_weights(alpha_b).index_copy(0, hit, behind))
    loss = sum((w * v).sum() for w, v in zip(weights, target, strict=True))
    return (*weights, *torch.autograd.grad(loss, (a, b, s, t)))


def rays_through_both(rays, front, back, seed):
    """Random distances, holds and depths of rays of which every third meets the object, and weights of a loss."""
    generator = torch.Generator().manual_seed(seed)
    hit = torch.arange(0, rays, 3)
    depth_f = torch.rand((len(hit), front), generator=generator).sort(dim=1).values + 1.0
    depth_b = 2.0 * torch.rand((rays, back), generator=generator).sort(dim=1).values + 0.5
    sdf_f, sdf_b = (torch.randn(d.shape, generator=generator) / 20 for d in (depth_f, depth_b))
    hold = torch.rand((len(hit), front - 1), generator=generator).clamp(0.2, 0.8).sub(0.2).div(0.6)
    middle_f, middle_b = section_mean(depth_f), section_mean(depth_b)
    target = [torch.randn(m.shape, generator=generator) for m in (middle_f, middle_b)]
    return sdf_f, hold, middle_f, hit, sdf_b, middle_b, target


@pytest.mark.parametrize("sharpness", [(20.0, 45.0), (900.0, 300.0)])
def test_compiled_compositing_is_that_of_torch(sharpness):
    """Weights and all gradients, on rays that meet the object and rays that do not."""
    sdf_f, hold, middle_f, hit, sdf_b, middle_b, target = rays_through_both(40, 9, 7, 5)
    sdf_f[0] = torch.linspace(2.0, -2.0, 9)  # through a wall that is opaque at once
    given = (sdf_f, hold, middle_f, hit, sdf_b, middle_b, sharpness, target)
    for got, expected in zip(composite(True, *given), composite(False, *given), strict=True):
        assert torch.isfinite(got).all()
        scale = float(expected.detach().abs().max())
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=2e-5 * scale)


def test_a_wall_behind_a_hold_that_rounds_above_one_has_finite_gradients():
    """Trilinear weights add up to 1 + 2^-23 now and then: times an opaque section, no light at all would be left."""
    sdf_f = torch.tensor([[1.0, -1.0, -1.0, 0.5, 0.2, -0.3]])
    sdf_b, middle_b = torch.tensor([[0.5, 0.4, 0.3, -0.2]]), torch.tensor([[0.9, 1.8, 2.6]])
    middle_f = section_mean(torch.linspace(1.0, 2.0, 6)[None])
    for above in (0.0, 2.0**-23, 2.0**-22, 2.0**-21):
        hold = torch.full((1, 5), 1.0 + above)
        target = (torch.arange(1.0, 6.0), torch.arange(1.0, 4.0))
        found = composite(
            True, sdf_f, hold, middle_f, torch.tensor([0]), sdf_b, middle_b, (900.0, 300.0), target
        )
        assert all(torch.isfinite(values).all() for values in found), above
        assert all((weights >= 0).all() for weights in found[:2])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("sharpness", [(1e-3, 1e-3), (5e4, 1e7)])
def test_compositing_stays_finite_whatever_it_gets(size, sharpness, seed, two_threads):
    """Distances from nothing to huge, equal depths, no hits, walls; on threads that share nothing."""
    sdf_f, hold, middle_f, hit, sdf_b, middle_b, target = rays_through_both(999, 9, 7, seed)
    sdf_f, sdf_b = sdf_f * size, sdf_b * size
    middle_f[: len(middle_f) // 2] = 1.0
    hold[::2] = 1.0 + 2.0**-23
    given = (sdf_f, hold, middle_f, hit, sdf_b, middle_b, sharpness, target)
    for got, expected in zip(composite(True, *given), composite(False, *given), strict=True):
        assert torch.isfinite(got).all() and torch.isfinite(expected).all()
    weights = composite(True, *given)[:2]
    light = weights[1].detach().sum(1).index_add(0, hit, weights[0].detach().sum(1))
    assert float((light - 1.0).abs().max()) < 1e-4  # what a ray sees adds up to all of its light
    nothing = (
        sdf_f[:0],
        hold[:0],
        middle_f[:0],
        hit[:0],
        sdf_b,
        middle_b,
        sharpness,
        (target[0][:0], target[1]),
    )
    assert all(torch.isfinite(values).all() for values in composite(True, *nothing))
