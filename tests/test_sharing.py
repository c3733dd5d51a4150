"""How tests are shared out among processes."""

import os
from pathlib import Path

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="tests run in one process")
def test_a_group_is_told_to_whoever_shares_tests_out(request):
    """pytest-xdist goes by the end of a test's name, which pytest 9.2 does not let it change: all groups were torn apart, and
    what their tests share was made in every process."""
    assert request.node.nodeid.endswith(f"@{Path(__file__).stem}")
