"""The matte of an exact ball: a disc with sub-pixel borders, its depth and normals in the world."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from surface_sos_core.layers.matte import NO_DEPTH, Matte, render_matte, without_false_holes, without_specks
from surface_sos_core.render.rays import RayCaster
from surface_sos_core.settings import LayerSettings, MatteSettings, RenderSettings

SETTINGS = LayerSettings(samples=48, background_samples=16, border_rays=8)
MATTE = MatteSettings()
CPU = torch.device("cpu")


def matte_of(ball, fields, cameras, frame: int, settings: LayerSettings = SETTINGS) -> Matte:
    caster = RayCaster(cameras, ball.box, np.zeros((0, 3)), RenderSettings(), CPU)
    return render_matte(fields.scene, fields.proposals, caster, ball.box.rotation, frame, settings, MATTE)


@pytest.fixture(scope="module")
def matte(ball, ball_fields) -> Matte:
    return matte_of(ball, ball_fields, ball.cameras, 1)


@pytest.fixture(scope="module")
def truth(ball) -> np.ndarray:
    return ball.cover(ball.cameras[1], 96, 72, 12)


def test_the_matte_is_the_disc(matte, truth):
    assert matte.alpha.shape == (72, 96) and matte.alpha.dtype == np.float32
    assert np.all(matte.alpha[truth == 0] < 0.3) and np.all(matte.alpha[truth == 1] > 0.7)
    assert matte.alpha.sum() == pytest.approx(truth.sum(), rel=0.02)
    found, there = matte.alpha > 0.5, truth > 0.5
    assert (found & there).sum() / (found | there).sum() > 0.97


def test_its_border_is_finer_than_a_pixel(matte, truth):
    border = (truth > 0.1) & (truth < 0.9)
    wrong = np.abs(matte.alpha - truth)[border].mean()
    assert wrong < 0.1
    assert wrong < 0.5 * np.abs((truth > 0.5) - truth)[border].mean()


def test_far_from_the_border_alpha_is_exactly_zero_or_one(ball, matte):
    pixels = ball.pixel_grid(ball.cameras[1], 96, 72)
    inner = ~np.isnan(ball.hit(ball.cameras[1], pixels, 0.85 * ball.radius)).reshape(72, 96)
    outer = np.isnan(ball.hit(ball.cameras[1], pixels, 1.15 * ball.radius)).reshape(72, 96)
    assert np.all(matte.alpha[inner] == 1.0) and np.all(matte.alpha[outer] == 0.0)


def test_depth_is_in_world_units_and_10e10_where_there_is_none(ball, matte):
    expected = ball.hit(ball.cameras[1], ball.pixel_grid(ball.cameras[1], 96, 72)).reshape(72, 96)
    sure = (matte.alpha == 1.0) & ~np.isnan(expected)
    wrong = np.abs(matte.depth - expected)[sure]
    assert np.median(wrong) < 0.01 * ball.radius and np.quantile(wrong, 0.95) < 0.1 * ball.radius
    assert np.all(matte.depth[matte.alpha == 0.0] == NO_DEPTH) and NO_DEPTH == 1e10
    assert np.all(matte.depth[matte.alpha > 0.7] < 20.0)


def test_normals_are_in_world_space_though_the_box_is_turned(ball, matte):
    pixels = ball.pixel_grid(ball.cameras[1], 96, 72)
    origin, directions = ball.cameras[1].rays(pixels)
    expected = origin + ball.hit(ball.cameras[1], pixels)[:, None] * directions - ball.box.centre
    expected = (expected / np.linalg.norm(expected, axis=1, keepdims=True)).reshape(72, 96, 3)
    sure = (matte.alpha == 1.0) & ~np.isnan(expected[..., 0])
    cosine = (matte.normal * expected).sum(-1)[sure]
    assert np.median(cosine) > 0.999 and np.quantile(cosine, 0.05) > 0.98
    np.testing.assert_allclose(np.linalg.norm(matte.normal, axis=-1)[matte.alpha > 0.7], 1.0, atol=1e-4)
    assert not matte.normal[matte.alpha == 0.0].any()


def test_more_rays_make_the_outline_of_a_sharp_surface_finer(ball, ball_fields, truth):
    floor = ball_fields.scene.foreground.floor
    floor.fill_(1500.0)  # a surface far thinner than a pixel
    try:
        coarse, fine = (
            matte_of(ball, ball_fields, ball.cameras, 1, replace(SETTINGS, border_rays=n)).alpha
            for n in (1, 8)
        )
    finally:
        floor.fill_(0.0)
    assert np.abs(fine - truth).sum() < 0.8 * np.abs(coarse - truth).sum()


@pytest.mark.parametrize("rays", [1, 4, 8])
def test_the_disc_stays_where_it_is(ball, ball_fields, truth, rays):
    """The rays of a pixel are spread around its centre."""
    alpha = matte_of(ball, ball_fields, ball.cameras, 1, replace(SETTINGS, border_rays=rays)).alpha
    rows, columns = np.mgrid[:72, :96]
    for axis in (rows, columns):
        middle = (alpha * axis).sum() / alpha.sum() - (truth * axis).sum() / truth.sum()
        assert abs(middle) < 0.05


def test_a_size_that_no_stride_divides(ball, ball_fields):
    lens = replace(ball.cameras[0].lens, width=95, height=71)
    odd = [replace(ball.cameras[0], lens=lens)]
    assert matte_of(ball, ball_fields, odd, 0).alpha.shape == (71, 95)


def test_a_camera_that_does_not_see_the_object(ball, ball_fields, aim):
    camera = ball.cameras[0]
    away = aim("away.png", camera.centre, 2 * camera.centre - ball.box.centre, camera.lens)
    matte = matte_of(ball, ball_fields, [away], 0)
    assert not matte.alpha.any() and np.all(matte.depth == NO_DEPTH) and not matte.normal.any()


def test_a_hole_without_a_clear_pixel_is_solid_and_a_real_one_stays():
    y, x = np.mgrid[:80, :160]
    alpha = np.zeros((80, 160), np.float32)
    alpha[8:72, 8:152] = 1.0
    hazy, real = np.hypot(x - 45, y - 40) < 12, np.hypot(x - 110, y - 40) < 12
    alpha[hazy] = 0.45
    alpha[real] = np.clip((np.hypot(x - 110, y - 40)[real] - 6) / 6, 0.0, 1.0)
    alpha[20:22, 60:64] = 0.5  # a gap of two pixels may be one
    out = without_false_holes(alpha, MATTE)
    assert (out[hazy] == 1.0).all()
    np.testing.assert_array_equal(out[~hazy], alpha[~hazy])


def test_haze_outside_the_object_is_no_hole():
    alpha = np.zeros((60, 60), np.float32)
    alpha[:, 30:] = 1.0
    alpha[:, 20:30] = 0.5
    np.testing.assert_array_equal(without_false_holes(alpha, MATTE), alpha)


def test_specks_go_and_parts_stay():
    alpha = np.zeros((100, 100), np.float32)
    alpha[20:70, 20:70] = 1.0
    alpha[80:90, 80:90] = 1.0  # a part of its own
    alpha[70:72, 45] = 0.03  # hangs on
    keep = alpha.copy()
    alpha[5:7, 5:7] = 1.0
    alpha[95, 10] = 0.4
    np.testing.assert_array_equal(without_specks(alpha, MATTE), keep)


def test_a_matte_of_one_pixel_stays():
    alpha = np.zeros((9, 9), np.float32)
    alpha[4, 4] = 0.1
    np.testing.assert_array_equal(without_specks(alpha, MATTE), alpha)
