"""Factors of systems that leaving small entries out makes indefinite."""

import numpy as np
import scipy.sparse

from surface_sos_core.layers.factors import incomplete_factors


def test_a_system_that_has_to_be_shifted_is_factored_without_a_word(capfd):
    """The Laplacian of a path: all that its factors are made of is below what is discarded but for the diagonal."""
    random = np.random.default_rng(0).normal(size=(60, 60))
    system = scipy.sparse.csc_matrix(random @ random.T + 1e-6 * np.eye(60))
    factors = incomplete_factors(system, 5.0)
    assert capfd.readouterr().out == ""
    assert np.isfinite(factors(np.ones(60))).all()


def test_factors_of_which_nothing_is_left_out_solve_the_system():
    random = np.random.default_rng(1).normal(size=(20, 20))
    system, wanted = random @ random.T + np.eye(20), np.arange(20.0)
    found = incomplete_factors(scipy.sparse.csc_matrix(system), 0.0)(wanted)
    np.testing.assert_allclose(system @ found, wanted, atol=1e-8)
