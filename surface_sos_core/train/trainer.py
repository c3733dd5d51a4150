"""The optimisation loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from surface_sos_core.device import on_device
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.scene import Scene, consensus_distance
from surface_sos_core.render.learn import render
from surface_sos_core.render.proposal import Proposals, learn_proposals
from surface_sos_core.settings import Settings
from surface_sos_core.train.batches import Batch, Batches
from surface_sos_core.train.losses import (
    area_loss,
    colour_loss,
    core_loss,
    depth_loss,
    eikonal_loss,
    mask_loss,
    point_loss,
    sparsity_loss,
)
from surface_sos_core.train.recorded_step import Losses, RecordedStep
from surface_sos_core.train.schedule import learning_rate, least_sharpness, mask_weight

_BETAS = (0.9, 0.99)  # of Adam, as for the hash grids of Müller et al. (2022)


@dataclass
class Trainer:
    """Both fields with their optimiser: what a checkpoint keeps."""

    settings: Settings
    scene: Scene
    proposals: Proposals
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    skipped: torch.Tensor
    """Steps not taken because their gradients were not finite: a count that stays on the device."""
    mask_weight: torch.Tensor
    """Of the mask loss in the step at hand."""
    step: int = 0
    history: list[tuple[int, float, float]] = field(default_factory=list)
    """(step, colour loss, mask loss), means over a while each."""
    recent: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    """Colour and mask loss of the steps after those."""

    @staticmethod
    def start(
        settings: Settings,
        probability: np.ndarray,
        extent: np.ndarray,
        device: torch.device,
        engine: Engine | None = None,
    ) -> Trainer:
        """Fresh fields around the consensus m^P (R, R, R), over a box that reaches to +-extent.

        engine: what computes all of it from here on; None: the fastest one of the device.
        """
        engine = Engine.fastest(device) if engine is None else engine
        generator = torch.Generator().manual_seed(settings.seed)
        with torch.random.fork_rng(devices=[]):  # some layers are filled from the one that all share
            torch.manual_seed(settings.seed)
            scene = Scene(settings.fields, probability, extent, engine, generator).to(device)
        proposals = Proposals.start(settings.render, device)
        train, rate = settings.train, settings.train.learning_rate
        tables = [scene.foreground.surface.grid.table, scene.background.surface.grid.table]
        sharpness = [scene.foreground.log_sharpness, scene.background.log_sharpness]
        apart = {id(p) for p in tables + sharpness}
        nets = [p for p in scene.parameters() if id(p) not in apart]
        groups = [
            {"params": params, "lr": torch.tensor(share * rate, device=device), "base": share * rate}
            for params, share in (
                (tables, 1.0),
                (nets, train.network_rate),
                (sharpness, train.sharpness_rate),
            )
        ]
        gpu = device.type == "cuda"
        optimiser = torch.optim.Adam(groups, betas=_BETAS, eps=1e-15, fused=True, capturable=gpu)
        draws = torch.Generator(device=device).manual_seed(settings.seed + 1)
        skipped = torch.zeros((), dtype=torch.int64, device=device)
        weight = torch.zeros((), device=device)
        return Trainer(settings, scene, proposals, optimiser, draws, skipped, weight)

    def fit_to_consensus(self, probability: np.ndarray, extent: np.ndarray) -> None:
        """Give FoCoR's surface the shape of the consensus before any ray is rendered.

        Half of the points are drawn near the border of m^P, the others anywhere in the box.
        """
        train, device = self.settings.train, self.scene.extent.device
        grid = consensus_distance(probability, extent)
        size = grid.shape[0]
        near = np.argwhere(np.abs(grid) < 2.0 * train.warm_up_reach / size)
        reach = torch.from_numpy(extent.astype(np.float32)).to(device)
        random = np.random.default_rng(self.settings.seed)
        surface = self.scene.foreground.surface
        optimiser = torch.optim.Adam(surface.parameters(), lr=train.warm_up_rate, eps=1e-15, fused=True)
        flat = torch.from_numpy(grid).to(device)
        for _ in range(train.warm_up):
            border = near[random.integers(0, len(near), train.warm_up_points)]
            anywhere = random.integers(0, size, (train.warm_up_points, 3))
            cells = np.stack([border, anywhere], axis=1).reshape(-1, 3)
            index = on_device(cells, device)
            x = ((index.float() + 0.5) * (2.0 / size) - 1.0) * reach
            sample = surface.sample(x, len(x) // train.warm_up_normals)
            away = torch.abs(sample.sdf - flat[index[:, 0], index[:, 1], index[:, 2]]).mean()
            loss = away + train.warm_up_eikonal * eikonal_loss(sample.normal)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()

    def run(self, batches: Batches, after_step: Callable[[int], None]) -> None:
        """Train until the settings' last step; `after_step(step)` is called after each one."""
        train = self.settings.train
        self.scene.foreground.surface.requires_grad_(train.learn_surface)
        advance: Callable[[Batch], Losses] = self._advance
        if self.skipped.is_cuda:
            advance = RecordedStep(self._advance, self.generator)
        while self.step < train.iterations:
            self._set_schedule(batches.pixel)
            self.recent.append(advance(batches.draw(self.step)))
            self.step += 1
            if self.step % train.look_every == 0:
                learn_proposals(self.scene, self.proposals, train.look_points, self.generator)
                colour, mask = (
                    torch.stack([torch.stack(losses) for losses in self.recent]).mean(dim=0).tolist()
                )
                self.history.append((self.step, colour, mask))
                self.recent.clear()
            after_step(self.step)

    def _set_schedule(self, pixel: float) -> None:
        """What changes with the step, put into the tensors that it is read from."""
        train = self.settings.train
        floor, factor = least_sharpness(self.step, pixel, train), learning_rate(self.step, train)
        self.scene.foreground.floor.fill_(floor)
        self.scene.background.floor.fill_(floor)
        self.mask_weight.fill_(mask_weight(self.step, train))
        for group in self.optimiser.param_groups:
            group["lr"].fill_(group["base"] * factor)

    def _advance(self, batch: Batch) -> Losses:
        """One step of the optimiser; the losses of colours and masks. Nothing here looks at a value on the device."""
        train = self.settings.train
        device, extent = batch.plate.device, self.scene.extent
        x = (torch.rand((train.box_points, 3), generator=self.generator, device=device) * 2.0 - 1.0) * extent
        seen = render(
            self.scene, self.proposals, batch.rays, train.foreground_samples, train.background_samples,
            self.generator, train.eikonal_share, torch.cat((x, batch.object_points)), batch.other_points,
        )  # fmt: skip
        colour = colour_loss(seen.colour, batch.plate)
        mask = mask_loss(seen.matte, batch.mask, batch.trust)
        eikonal = eikonal_loss(seen.front_normals, seen.front_counted) + eikonal_loss(seen.back_normals)
        sparsity = sparsity_loss(seen.front_sdf[: train.box_points], train.sparsity_tau)
        core = core_loss(seen.front_sdf[: train.box_points], self.scene.core(x))
        points = point_loss(seen.front_sdf[train.box_points :]) + point_loss(seen.back_sdf)
        loss = (
            colour
            + self.mask_weight * mask
            + train.area_weight * area_loss(seen.cover)
            + train.eikonal_weight * eikonal
            + train.sparsity_weight * sparsity
            + train.core_weight * core
            + train.point_weight * points
            + train.depth_weight * depth_loss(seen.depth, batch.depth)
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # A gradient that overflowed once would turn every weight into nan for good: such a step is left out, by the
        # optimiser itself, so that nobody waits for the device to tell.
        missed = ~torch.isfinite(_gradient_size(self.scene))
        self.optimiser.found_inf = missed.float()  # type: ignore[attr-defined]
        self.optimiser.step()
        self.skipped += missed
        return colour.detach(), mask.detach()


def _gradient_size(scene: Scene) -> torch.Tensor:
    """Sum of the gradients' norms, a scalar: not finite where one of them is not."""
    gradients = [p.grad for p in scene.parameters() if p.grad is not None]
    return torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]).sum()
