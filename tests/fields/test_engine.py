"""Which engine a device gets."""

import pytest
import torch

from surface_sos_core.fields import hash_grid_cuda
from surface_sos_core.fields.engine import Engine


def test_the_cpu_gets_the_compiled_loops():
    assert Engine.fastest("cpu") is Engine.NUMBA and Engine.fastest(torch.device("cpu")) is Engine.NUMBA


def test_without_a_gpu_the_reason_is_told():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert hash_grid_cuda.obstacle()
    assert Engine.fastest("cuda") is Engine.TORCH


@pytest.mark.gpu
def test_kernels_pass_their_self_check_on_the_gpu():
    assert hash_grid_cuda.obstacle() is None
    assert Engine.fastest("cuda") is Engine.CUDA
