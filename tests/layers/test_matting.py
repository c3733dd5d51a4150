"""Matting of the open pixels alone, against pymatting's Laplacian of the whole picture."""

import numpy as np
import scipy.sparse
from pymatting import cf_laplacian
from scipy.sparse.linalg import spsolve

from surface_sos_core.layers.matting import closed_form, matting_laplacian
from surface_sos_core.settings import MattingSettings

HEIGHT, WIDTH = 18, 23
EPSILON = MattingSettings().epsilon


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, alpha and open pixels, some of them on the picture's edge."""
    random = np.random.default_rng(4)
    picture = random.uniform(0.0, 1.0, (HEIGHT, WIDTH, 3)).astype(np.float32)
    alpha = random.uniform(0.0, 1.0, (HEIGHT, WIDTH)).astype(np.float32)
    open_ = random.uniform(size=(HEIGHT, WIDTH)) < 0.4
    open_[:3], open_[-4:, -5:] = True, True
    return picture, alpha, open_


def test_rows_and_columns_of_the_open_pixels_are_those_of_the_whole_laplacian():
    picture, alpha, open_ = example()
    whole = cf_laplacian(picture.astype(np.float64), EPSILON).tocsr()
    at, off = np.flatnonzero(open_), np.flatnonzero(~open_)
    system, pull = matting_laplacian(picture, alpha, open_, EPSILON)
    np.testing.assert_allclose(system.toarray(), whole[at][:, at].toarray(), atol=1e-8)
    np.testing.assert_allclose(pull, -whole[at][:, off] @ alpha.ravel()[off], atol=1e-8)
    assert system.has_canonical_format


def test_alpha_is_the_least_of_the_sum_with_all_others_known():
    picture, alpha, open_ = example()
    hold = np.where(np.arange(WIDTH) % 2, 0.3, 0.01) * np.ones((HEIGHT, 1))
    weights = np.where(open_, hold, 1e9).ravel()
    system = cf_laplacian(picture.astype(np.float64), EPSILON) + scipy.sparse.diags(weights)
    least = spsolve(system.tocsc(), weights * alpha.ravel()).reshape(alpha.shape)
    np.testing.assert_allclose(closed_form(picture, alpha, hold, open_, EPSILON), least[open_], atol=1e-3)
