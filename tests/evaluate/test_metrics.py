"""Metrics against cases worked out by hand and against other libraries."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from surface_sos_core.evaluate import metrics


def test_iou_and_accuracy_by_hand():
    truth = np.array([[1, 1, 0, 0]], float)
    alpha = np.array([[1, 0.4, 0.6, 0]], float)
    assert metrics.iou(alpha, truth) == pytest.approx(1 / 3)
    assert metrics.accuracy(alpha, truth) == 0.5
    assert metrics.iou(alpha, truth, threshold=0.3) == pytest.approx(2 / 3)
    assert metrics.iou(np.zeros((2, 2)), np.zeros((2, 2))) == 1.0
    assert metrics.iou(np.zeros((2, 2)), np.ones((2, 2))) == 0.0


def test_iou_is_of_the_foreground_alone():
    truth = np.zeros((10, 10))
    truth[0, :4] = 1
    assert metrics.iou(np.zeros((10, 10)), truth) == 0.0  # fg/bg mean would be 0.48


def square(size: int, picture: int = 40, shift: int = 0) -> np.ndarray:
    alpha = np.zeros((picture, picture))
    low = (picture - size) // 2
    alpha[low : low + size, low + shift : low + shift + size] = 1
    return alpha


def test_boundary_iou_by_hand():
    # The diagonal of 40 x 40 is 56.57: 2 % are a pixel, rounded. The ring of a square of 20 has 400 - 324 pixels.
    truth = square(20)
    assert metrics.boundary_iou(truth, truth) == 1
    # One row too few at each side: the rings of 20 and of 18 share nothing, though IoU is 0.81.
    assert metrics.boundary_iou(square(18), truth, 0.02) == 0
    # Two pixels wide: rings of 400 - 256 and 324 - 196 pixels share the ring one pixel in, 324 - 256 of them.
    assert metrics.boundary_iou(square(18), truth, 0.035) == pytest.approx(68 / (144 + 128 - 68))
    # Moved by one column, a pixel wide: the two long rows share 19 pixels each, the columns nothing but their ends.
    assert metrics.boundary_iou(square(20, shift=1), truth, 0.02) == pytest.approx(38 / (76 + 76 - 38))
    # Wide enough for all of it, it is IoU.
    assert metrics.boundary_iou(square(18), truth, 1.0) == pytest.approx(metrics.iou(square(18), truth))


def test_boundary_iou_is_one_pixel_wide_at_least_and_ends_at_the_picture():
    assert metrics.boundary_iou(np.zeros((4, 4)), np.zeros((4, 4))) == 1
    assert metrics.boundary_iou(np.zeros((4, 4)), np.ones((4, 4))) == 0
    hollow = np.ones((10, 10))
    hollow[1:-1, 1:-1] = 0  # the outer ring, which is all of a full picture's band but for its own inner side
    assert metrics.boundary_iou(hollow, np.ones((10, 10))) == 1


def test_sad_and_mse_by_hand():
    truth = np.zeros((20, 50))
    alpha = np.full((20, 50), 0.5)
    assert metrics.sad(alpha, truth) == pytest.approx(0.5)
    assert metrics.mse(alpha, truth) == pytest.approx(0.25)
    region = np.zeros((20, 50), bool)
    region[:, :10] = True
    alpha[:, 10:] = 1
    assert metrics.sad(alpha, truth, region) == pytest.approx(0.1)
    assert metrics.mse(alpha, truth, region) == pytest.approx(0.25)
    assert np.isnan(metrics.mse(alpha, truth, np.zeros((20, 50), bool)))


def test_trimap_band_of_an_edge():
    truth = np.zeros((5, 20))
    truth[:, 10:] = 1
    columns = np.flatnonzero(metrics.trimap_band(truth, 3)[2])
    np.testing.assert_array_equal(columns, [7, 8, 9, 10, 11, 12])
    truth[:, 9] = 0.5  # a soft pixel is in the band whatever the radius
    assert np.flatnonzero(metrics.trimap_band(truth, 0)[2]).tolist() == [9]
    assert not metrics.trimap_band(np.zeros((4, 4)), 3).any()
    assert not metrics.trimap_band(np.ones((4, 4)), 3).any()


def test_gradient_error_of_a_shifted_and_of_a_soft_edge():
    truth = np.zeros((40, 60))
    truth[:, 30:] = 1
    assert metrics.gradient_error(truth, truth) == 0
    # Along x the smoothed gradient of a step of height h is h times a fixed profile, so an edge of half the height
    # errs by a quarter of what a missing edge errs.
    missing = metrics.gradient_error(np.zeros_like(truth), truth)
    assert metrics.gradient_error(truth / 2, truth) == pytest.approx(missing / 4)
    x = np.arange(-4, 5)
    g = np.exp(-(x**2) / (2 * 1.4**2))
    profile = np.cumsum((x * g / np.linalg.norm(x * g))[::-1])[:-1] * (g / np.linalg.norm(g)).sum()
    assert missing == pytest.approx(40 * np.sum(profile**2) / 1000, rel=1e-6)


def test_connectivity_error_by_hand():
    truth = np.zeros((10, 100))
    truth[:, :40] = 1
    alpha = truth.copy()
    assert metrics.connectivity_error(alpha, truth) == 0
    alpha[2:5, 60:70] = 0.8  # 30 pixels apart: phi = 1 - 0.8 against 1
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(30 * 0.8 / 1000)
    alpha[2:5, 60:70] = 0.1  # less than 0.15 above its level does not count
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(0)
    # An island that both have: it is in no largest component at any level, for neither of the two.
    truth[2:5, 60:70] = alpha[2:5, 60:70] = 1
    assert metrics.connectivity_error(alpha, truth) == 0
    alpha[2:5, 60:70] = 0.5
    assert metrics.connectivity_error(alpha, truth) == pytest.approx(30 * 0.5 / 1000)


def test_dtssd_by_hand():
    still, changed = np.zeros((4, 4)), np.zeros((4, 4))
    changed[0, :] = 0.8
    assert metrics.dtssd(still, still, still, still) == 0
    assert metrics.dtssd(still, changed, still, changed) == 0
    assert metrics.dtssd(changed, changed, still, still) == 0  # a constant error does not flicker
    assert metrics.dtssd(still, changed, still, still) == pytest.approx(0.4)  # sqrt(0.64 / 4)


def test_psnr_by_hand():
    truth = np.full((4, 4, 3), 0.5)
    assert metrics.psnr(truth + 0.1, truth) == pytest.approx(20)
    assert metrics.psnr(truth, truth) == np.inf
    region = np.zeros((4, 4), bool)
    region[0] = True
    image = truth.copy()
    image[1:] = 0
    assert metrics.psnr(image + 0.01, truth, region) == pytest.approx(40)
    assert np.isnan(metrics.psnr(image, truth, np.zeros((4, 4), bool)))


def test_psnr_is_that_of_skimage():
    random = np.random.default_rng(5)
    truth = random.random((20, 30, 3))
    image = np.clip(truth + 0.1 * random.standard_normal(truth.shape), 0, 1)
    assert metrics.psnr(image, truth) == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=1))


def test_ssim_is_that_of_skimage():
    random = np.random.default_rng(1)
    truth = gaussian_filter(random.random((50, 60, 3)), (2, 2, 0))
    image = truth + 0.05 * random.standard_normal(truth.shape)
    _, full = structural_similarity(
        image, truth, channel_axis=-1, data_range=1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    region = np.zeros((50, 60), bool)
    region[10:30, 20:50] = True
    assert metrics.ssim(image, truth, region) == pytest.approx(full[region].mean(), abs=1e-9)
    assert metrics.ssim(image, truth) == pytest.approx(full.mean(), abs=1e-9)
    assert metrics.ssim(truth, truth) == pytest.approx(1)


def best_gain(image, truth, region=None):
    cross, power = metrics.gain_terms(image, truth, region)
    return cross / power


def test_gain_terms():
    random = np.random.default_rng(2)
    truth = random.random((6, 7, 3))
    assert best_gain(truth / 1.25, truth) == pytest.approx(1.25)
    region = np.zeros((6, 7), bool)
    region[2:4] = True
    image = truth * 3
    image[region] = truth[region] / 2
    assert best_gain(image, truth, region) == pytest.approx(2)
    assert metrics.gain_terms(np.zeros_like(truth), truth) == (0, 0)
    noisy = truth / 1.25 + 0.1 * random.standard_normal(truth.shape)
    best = best_gain(noisy, truth)
    for other in (best * 0.98, best * 1.02):
        assert metrics.psnr(noisy * best, truth) > metrics.psnr(noisy * other, truth)


def test_similarity_is_recovered():
    random = np.random.default_rng(4)
    source = random.standard_normal((12, 3))
    rotation = np.linalg.qr(random.standard_normal((3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    target = 2.5 * source @ rotation.T + (1, -2, 3)
    scale, found, translation = metrics.align_similarity(source, target)
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(found, rotation, atol=1e-9)
    np.testing.assert_allclose(translation, (1, -2, 3), atol=1e-9)


def test_similarity_of_flat_and_mirrored_points_is_a_rotation():
    source = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [3, 1, 0]], float)
    scale, rotation, _ = metrics.align_similarity(source, source * (1, 1, -1) * 2)
    assert np.linalg.det(rotation) == pytest.approx(1) and scale == pytest.approx(2)
    mirrored = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]], float)
    assert np.linalg.det(metrics.align_similarity(mirrored, mirrored * (-1, 1, 1))[1]) == pytest.approx(1)


@pytest.mark.parametrize("points", [np.eye(3)[:2], np.outer(np.arange(5), [1, 2, 3]), np.ones((4, 3))])
def test_points_that_leave_the_rotation_open_are_refused(points):
    with pytest.raises(ValueError, match="line"):
        metrics.align_similarity(points.astype(float), points.astype(float))


def test_samples_lie_on_the_surface_by_area():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [3, 0, 5], [0, 1, 5]], float)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    points = metrics.sample_surface(vertices, faces, 4000)
    np.testing.assert_array_equal(points, metrics.sample_surface(vertices, faces, 4000))
    low = points[points[:, 2] == 0]
    assert len(low) == 1000 and np.all(np.isin(points[:, 2], (0, 5)))  # a quarter of the area
    assert np.all(low[:, 0] + low[:, 1] <= 1)
    np.testing.assert_allclose(low.mean(0), (1 / 3, 1 / 3, 0), atol=0.02)


def test_chamfer_and_f_score_by_hand():
    truth = np.array([[0, 0, 0], [1, 0, 0]], float)
    found = np.array([[0, 0.1, 0], [1, 0.3, 0], [0, 0, 0.1], [0, 0, 3]], float)
    chamfer, f_score, precision, recall = metrics.chamfer_and_f_score(found, truth, 0.2)
    assert chamfer == pytest.approx(((0.1 + 0.3 + 0.1 + 3) / 4 + (0.1 + 0.3) / 2) / 2)
    assert (precision, recall) == (0.5, 0.5) and f_score == pytest.approx(0.5)
    assert metrics.chamfer_and_f_score(found + 100, truth, 0.2)[1] == 0
