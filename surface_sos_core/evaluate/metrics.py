"""Measures of mattes, clean plates and meshes against truth.

Mattes and truths are (H, W) floats in [0, 1]; colour images (H, W, 3) floats in display (sRGB-encoded)
values, white at 1. `region` is (H, W) bool, the pixels that count; None for the whole image.

mIoU is the mean over frames of `iou`, which is that of the foreground alone, an empty matte counting as it
is. The mean of foreground and background that some papers call mIoU is kinder: a small object that is missed
altogether still gets almost 0.5.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, distance_transform_cdt, distance_transform_edt, label
from scipy.spatial import cKDTree

Region = np.ndarray | None


def iou(alpha: np.ndarray, truth: np.ndarray, threshold: float = 0.5) -> float:
    """Intersection over union of the foregrounds (values above `threshold`); 1 if both are empty."""
    found, there = alpha > threshold, truth > threshold
    union = np.count_nonzero(found | there)
    return np.count_nonzero(found & there) / union if union else 1.0


def boundary_iou(alpha: np.ndarray, truth: np.ndarray, share: float = 0.01, threshold: float = 0.5) -> float:
    """IoU of the inner bands along the foregrounds' outlines; 1 if neither has any foreground.

    Cheng et al., "Boundary IoU: improving object-centric image segmentation evaluation", CVPR 2021, Eq. 3:
    |(G_d n G) n (P_d n P)| / |(G_d n G) u (P_d n P)|. The bands are d pixels wide, d being `share` of the picture's
    diagonal, rounded, 1 at least. As in the authors' code distances go along rows, columns and diagonals alike, and
    the picture's edge counts as an outline.
    """
    width = max(1, round(share * float(np.hypot(*alpha.shape))))
    found, there = (_inner_band(values > threshold, width) for values in (alpha, truth))
    union = np.count_nonzero(found | there)
    return np.count_nonzero(found & there) / union if union else 1.0


def accuracy(alpha: np.ndarray, truth: np.ndarray, threshold: float = 0.5) -> float:
    """Share of pixels on the right side of `threshold`."""
    return float(np.mean((alpha > threshold) == (truth > threshold)))


def trimap_band(truth: np.ndarray, radius: float) -> np.ndarray:
    """(H, W) bool: within `radius` pixels of something not quite opaque and of something not quite clear."""
    near = np.ones(truth.shape, bool)
    for part in (truth > 0.5 / 255, truth < 1 - 0.5 / 255):
        # With no such pixel at all the transform would measure to nowhere.
        near &= distance_transform_edt(~part) <= radius if part.any() else False
    return near


def sad(alpha: np.ndarray, truth: np.ndarray, region: Region = None) -> float:
    """Sum of absolute differences, in thousands of pixels."""
    return float(np.sum(_within(np.abs(alpha - truth), region), dtype=np.float64)) / 1000


def mse(alpha: np.ndarray, truth: np.ndarray, region: Region = None) -> float:
    """Mean squared difference; nan for an empty region."""
    return _mean(_within(np.square(alpha - truth), region))


def gradient_error(alpha: np.ndarray, truth: np.ndarray, region: Region = None) -> float:
    """Sum of (|grad alpha| - |grad truth|)^2, in thousands; Gaussian derivatives of sigma 1.4.

    Rhemann et al., "A perceptually motivated online benchmark for image matting", CVPR 2009. The
    two-dimensional kernels have unit L2 norm and end where the Gaussian falls below 0.01, as in the
    benchmark.
    """
    return float(np.sum(_within((_slope(alpha) - _slope(truth)) ** 2, region))) / 1000


def connectivity_error(
    alpha: np.ndarray, truth: np.ndarray, region: Region = None, step: float = 0.1
) -> float:
    """Sum of |phi(alpha) - phi(truth)|, in thousands (Rhemann et al. 2009).

    phi(a) = 1 - d [d >= 0.15], d = a - l, where l is the highest threshold up to which the pixel belongs to
    the largest 4-connected component of {alpha >= threshold and truth >= threshold}.
    """
    level = np.zeros(alpha.shape)
    linked = np.ones(alpha.shape, bool)
    for index in range(1, round(1 / step) + 1):
        threshold = index * step
        linked &= _largest_component((alpha >= threshold - 1e-6) & (truth >= threshold - 1e-6))
        level[linked] = threshold

    def phi(values: np.ndarray) -> np.ndarray:
        apart = values - level
        return 1 - np.where(apart >= 0.15, apart, 0)

    return float(np.sum(_within(np.abs(phi(alpha) - phi(truth)), region))) / 1000


def dtssd(
    alpha: np.ndarray,
    next_alpha: np.ndarray,
    truth: np.ndarray,
    next_truth: np.ndarray,
    region: Region = None,
) -> float:
    """Flicker between two consecutive frames: root mean square of the error's change, in units of alpha.

    sqrt(mean(((alpha' - alpha) - (truth' - truth))^2)); Erofeev et al., "Perceptually motivated benchmark for
    video matting", BMVC 2015.
    """
    change = (next_alpha - alpha) - (next_truth - truth)
    return float(np.sqrt(_mean(_within(np.square(change), region))))


def psnr(image: np.ndarray, truth: np.ndarray, region: Region = None) -> float:
    """Peak signal to noise ratio in dB, peak 1; inf for equal images, nan for an empty region."""
    error = _mean(_within(np.square(image - truth), region))
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def ssim(image: np.ndarray, truth: np.ndarray, region: Region = None) -> float:
    """Structural similarity, the mean over `region` and channels of the map of Wang et al., IEEE TIP 2004.

    11 x 11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, dynamic range 1; windows reach out of the
    region.
    """
    image, truth = image.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _window(image), _window(truth)
    var_a = _window(image * image) - mean_a**2
    var_b = _window(truth * truth) - mean_b**2
    covariance = _window(image * truth) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return _mean(_within(similarity, region))


def gain_terms(image: np.ndarray, truth: np.ndarray, region: Region = None) -> tuple[float, float]:
    """<image, truth> and <image, image>: summed over a shot, their ratio is the shot's best single gain."""
    a = _within(image, region).astype(np.float64)
    return float(np.sum(a * _within(truth, region))), float(np.sum(a * a))


def align_similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale s, rotation R (3, 3) and translation t (3,) that minimise sum |s R source + t - target|^2.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.
    Both are (N, 3); raises ValueError for fewer than 3 points or points on a line, which leave the rotation
    open.
    """
    mean_s, mean_t = source.mean(0), target.mean(0)
    centred_s, centred_t = source - mean_s, target - mean_t
    spread = np.linalg.svd(centred_s, compute_uv=False) if len(source) >= 3 else np.zeros(3)
    if spread[1] <= 1e-6 * spread[0] or spread[0] == 0:
        raise ValueError("fewer than 3 points, or all on one line")
    u, values, vt = np.linalg.svd(centred_t.T @ centred_s)
    signs = np.array([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = float(np.sum(values * signs) / np.sum(centred_s**2))
    return scale, rotation, mean_t - scale * rotation @ mean_s


def sample_surface(vertices: np.ndarray, faces: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """(count, 3) points spread evenly by area over the triangles; the same ones on every call."""
    random = np.random.default_rng(seed)
    a, b, c = (vertices[faces[:, corner]].astype(np.float64) for corner in range(3))
    area = np.cumsum(np.linalg.norm(np.cross(b - a, c - a), axis=1))
    # Stratified along the running area, which spreads better than independent draws.
    drawn = (np.arange(count) + random.random(count)) / count * area[-1]
    face = np.minimum(np.searchsorted(area, drawn), len(faces) - 1)
    u, v = random.random((2, count, 1))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return a[face] + u * (b - a)[face] + v * (c - a)[face]


def chamfer_and_f_score(
    found: np.ndarray, truth: np.ndarray, threshold: float
) -> tuple[float, float, float, float]:
    """Chamfer distance, F-score, precision and recall of two point sets (N, 3) and (M, 3).

    Chamfer is the mean of the two directions' mean distances, in the points' units. Precision is the share of
    `found` within `threshold` of `truth`, recall the other way round, F their harmonic mean (Knapitsch et
    al., 2017). Distances above 3 thresholds are taken to 5,000 of the points only: among surfaces far apart
    the full search takes minutes.
    """
    to_truth, to_found = _nearest(found, truth, threshold), _nearest(truth, found, threshold)
    precision, recall = float(np.mean(to_truth <= threshold)), float(np.mean(to_found <= threshold))
    f_score = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return float(to_truth.mean() + to_found.mean()) / 2, f_score, precision, recall


def _nearest(points: np.ndarray, others: np.ndarray, threshold: float) -> np.ndarray:
    """Distance of each point to the nearest of `others`."""
    tree = cKDTree(others)
    distance = tree.query(points, distance_upper_bound=3 * threshold)[0]
    far = ~np.isfinite(distance)
    distance[far] = cKDTree(others[:: max(1, len(others) // 5000)]).query(points[far], eps=0.02)[0]
    return distance


def _within(values: np.ndarray, region: Region) -> np.ndarray:
    return values if region is None else values[region]


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values, dtype=np.float64)) if values.size else float("nan")


def _inner_band(foreground: np.ndarray, width: int) -> np.ndarray:
    """Foreground no more than `width` pixels (chessboard distance) from what is none."""
    away = distance_transform_cdt(np.pad(foreground, 1), "chessboard")[1:-1, 1:-1]
    return foreground & (away <= width)


def _slope(alpha: np.ndarray, sigma: float = 1.4, cut: float = 0.01) -> np.ndarray:
    """Length of the Gaussian-smoothed gradient."""
    reach = int(np.ceil(sigma * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * sigma * cut))))
    x = np.arange(-reach, reach + 1)
    smooth = np.exp(-(x**2) / (2 * sigma**2))
    derive = x * smooth
    smooth, derive = smooth / np.linalg.norm(smooth), derive / np.linalg.norm(derive)
    alpha = alpha.astype(np.float64)
    along_x, along_y = (
        correlate1d(correlate1d(alpha, derive, axis, mode="nearest"), smooth, 1 - axis, mode="nearest")
        for axis in (1, 0)
    )
    return np.hypot(along_x, along_y)


def _largest_component(mask: np.ndarray) -> np.ndarray:
    labels, count = label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _window(image: np.ndarray) -> np.ndarray:
    x = np.arange(-5, 6)
    kernel = np.exp(-(x**2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    return correlate1d(correlate1d(image, kernel, 0, mode="reflect"), kernel, 1, mode="reflect")
