"""The GPU's grid kernels against plain PyTorch: on the GPU where there is one, and everywhere on numba's simulator.

The simulator must be asked for before numba is imported, so this file is run as a program of its own for it.
"""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.hash_grid import HashGrid
from surface_sos_core.fields.sdf_network import SdfNetwork

SPECS = {
    "dense": (GridSpec(2, 2, 12, 3, 9), 2),
    "hashed": (GridSpec(2, 2, 6, 16, 300), 2),
    "mixed, one level off": (GridSpec(4, 2, 9, 5, 60), 3),
    "no level": (GridSpec(2, 2, 9, 5, 20), 0),
}


def points(count: int) -> torch.Tensor:
    """Random points, the cube's corners, and some outside of it."""
    inner = torch.rand(count, 3, generator=torch.Generator().manual_seed(1))
    corners = torch.tensor([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)], dtype=torch.float32)
    return torch.cat((inner, corners, inner[: count // 4] * 4.0 - 2.0))


def compare_grids(device: torch.device, count: int) -> None:
    """Encoding, J^T u, and all gradients of both, of the kernels and of plain PyTorch."""
    for name, (spec, active) in SPECS.items():
        generator = torch.Generator().manual_seed(2)
        x = points(count)
        table = torch.randn(spec.entries, 2, generator=generator)
        u = torch.randn(len(x), spec.width, generator=generator)
        g = torch.randn(len(x), 3, generator=generator)
        results = []
        for engine in (Engine.CUDA, Engine.TORCH):
            grid = HashGrid(spec, engine).to(device)
            grid.active_levels = active
            with torch.no_grad():
                grid.table.copy_(table)
            leaf = u.to(device).requires_grad_()
            encoded, v = grid.encode(x.to(device)), grid.vjp(x.to(device), leaf)
            # the last two terms let gradients that no level touches exist
            loss = (
                (encoded * u.to(device)).sum()
                + (v * g.to(device)).sum()
                + 0 * grid.table.sum()
                + 0 * leaf.sum()
            )
            results.append((encoded, v, *torch.autograd.grad(loss, (grid.table, leaf))))
        for got, expected in zip(*results, strict=True):
            scale = float(expected.detach().abs().max())
            torch.testing.assert_close(
                got, expected, rtol=1e-3, atol=1e-4 * scale + 1e-9, msg=lambda m, n=name: f"{n}: {m}"
            )


def compare_networks(device: torch.device, count: int) -> None:
    """Distances, features, normals and the gradients of all parameters of an SDF network."""
    x = points(count) * 2.0 - 1.0
    results = []
    for engine in (Engine.CUDA, Engine.TORCH):
        network = SdfNetwork(GridSpec(3, 2, 9, 4, 40), engine, 8, 3)
        generator = torch.Generator().manual_seed(3)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        network = network.to(device)
        sample = network.sample(x.to(device), len(x) // 2)
        loss = sample.sdf.sum() + sample.feature.square().sum() + (sample.normal**3).sum()
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        results.append((sample.sdf, sample.feature, sample.normal, *gradients))
    for got, expected in zip(*results, strict=True):
        scale = float(expected.detach().abs().max())
        torch.testing.assert_close(got, expected, rtol=2e-3, atol=2e-4 * scale)


def test_kernels_on_the_simulator():
    run = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["grids", "networks"]


@pytest.mark.gpu
def test_kernels_on_the_gpu_are_plain_torch():
    compare_grids(torch.device("cuda"), 20_000)


@pytest.mark.gpu
def test_an_sdf_network_on_the_gpu_is_that_of_plain_torch():
    compare_networks(torch.device("cuda"), 20_000)


@pytest.mark.gpu
def test_training_runs_on_the_gpu(ball, tiny, make_batches):
    """Some steps with the kernels and with plain torch end at the same losses."""
    import numpy as np

    from surface_sos_core.fields import scene as scene_module
    from surface_sos_core.train.trainer import Trainer

    plates = np.full((len(ball.cameras), 36, 48, 3), 90, np.uint8)
    masks = np.stack([255 * (ball.cover(camera, 24, 18) > 0.5).astype(np.uint8) for camera in ball.cameras])
    losses = []
    for engine in (Engine.CUDA, Engine.TORCH):
        settings = replace(tiny, device="cuda", train=replace(tiny.train, iterations=32))
        device = torch.device("cuda")
        trainer = Trainer.start(settings, ball.probability(48), ball.box.extent, device, engine)
        batches = make_batches(plates, masks)
        batches.device = batches.caster.device = torch.device("cuda")
        trainer.run(batches, lambda step: None)
        assert isinstance(trainer.scene, scene_module.Scene) and trainer.skipped == 0
        losses.append(trainer.history[-1][1:])
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


if __name__ == "__main__":
    compare_grids(torch.device("cpu"), 24)
    print("grids")
    compare_networks(torch.device("cpu"), 16)
    print("networks")
