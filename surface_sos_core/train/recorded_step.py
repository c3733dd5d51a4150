"""A training step as a recording of what the GPU was asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch

from surface_sos_core.render.rays import Rays
from surface_sos_core.train.batches import Batch

Losses = tuple[torch.Tensor, torch.Tensor]

_AS_IT_IS = 3  # steps before one is recorded: they load, compile and allocate, which no recording may


class RecordedStep:
    """Takes a step on a GPU by playing it (a CUDA graph): a thousand small kernels cost the processor one launch.

    step: takes a batch and gives tensors; what it does must depend on no value that the processor looks at, and what
    changes from step to step must lie in tensors that stay. generator: what it draws from. All batches are of one shape.
    """

    def __init__(self, step: Callable[[Batch], Losses], generator: torch.Generator) -> None:
        self._step, self._generator = step, generator
        self._taken = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, batch: Batch) -> Losses:
        """What the step gives for this batch."""
        if self._taken < _AS_IT_IS:
            self._taken += 1
            return self._beside(batch)
        if self._graph is None:
            self._record(batch)
            assert self._graph is not None
        for known, new in zip(tensors_of(self._batch), tensors_of(batch), strict=True):
            known.copy_(new)
        self._graph.replay()
        colour, mask = self._losses
        return colour.clone(), mask.clone()

    def _beside(self, batch: Batch) -> Losses:
        """The step as it is, in a stream of its own as recordings are: what it leaves behind belongs to no other stream."""
        here, stream = torch.cuda.current_stream(), torch.cuda.Stream()
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            losses = self._step(batch)
        here.wait_stream(stream)
        return losses

    def _record(self, batch: Batch) -> None:
        """Record the step, which does not take it."""
        self._batch = batch
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        # Kernels that numba launches ask CUDA for more than a strict recording allows, none of it on the GPU.
        with torch.cuda.graph(graph, capture_error_mode="relaxed"):
            self._losses = self._step(batch)
        self._graph = graph


def tensors_of(batch: Batch) -> list[torch.Tensor]:
    """All tensors of a batch, in order."""
    values = [getattr(batch, field.name) for field in fields(batch)]
    groups = ((v.origin, v.direction, v.near) if isinstance(v, Rays) else (v,) for v in values)
    return [tensor for group in groups for tensor in group]
