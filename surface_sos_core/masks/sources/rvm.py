"""Robust Video Matting (Lin, Yang, Saleemi and Sengupta 2021): mattes of people, each frame helped by those before.

As its authors publish it: TorchScript, or ONNX with the inputs src, r1i to r4i, downsample_ratio.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.instances import Instance
from surface_sos_core.masks.sources.network import Prompt
from surface_sos_core.masks.sources.ready import no_weights
from surface_sos_core.settings import NetworkSettings


def open_rvm(weights: Path | None, settings: NetworkSettings) -> Rvm:
    """The model in a file. Raises InputError for a file of another model."""
    if weights is None:
        raise no_weights("rvm")
    if not weights.is_file():
        raise InputError(f"{weights} is no file; check --weights.")
    kind = _Onnx if weights.suffix.lower() == ".onnx" else _Script
    return kind(weights, settings.rvm_edge)


class Rvm:
    """What both kinds share; `_step` runs the network and keeps what it remembers."""

    prompted = False
    pieces = True
    _edge: int

    def _step(self, rgb: np.ndarray, ratio: float) -> np.ndarray:
        """(H, W) float32 matte of a frame (1, 3, H, W) float32 in [0, 1]."""
        raise NotImplementedError

    def look(self, rgb: np.ndarray, prompt: Prompt | None) -> list[Instance]:
        """One matte, for a frame (H, W, 3) uint8."""
        source = np.ascontiguousarray(rgb.transpose(2, 0, 1)[None]).astype(np.float32) / 255
        matte = self._step(source, min(1.0, self._edge / max(rgb.shape[:2])))
        return [Instance(np.rint(255 * np.clip(matte, 0, 1)).astype(np.uint8), 1.0)]


class _Script(Rvm):
    def __init__(self, weights: Path, edge: int) -> None:
        self._weights, self._edge = weights, edge
        try:
            self._model = torch.jit.load(str(weights), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{weights} is no TorchScript file; give an RVM model, .torchscript or .onnx."
            ) from error
        self._memory: list[torch.Tensor | None] = [None] * 4

    @torch.inference_mode()
    def _step(self, rgb: np.ndarray, ratio: float) -> np.ndarray:
        try:
            _, matte, *memory = self._model(torch.from_numpy(rgb), *self._memory, ratio)
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"{self._weights} is TorchScript of another model; give one of RVM.") from error
        self._memory = list(memory)
        return matte[0, 0].float().numpy()


class _Onnx(Rvm):
    def __init__(self, weights: Path, edge: int) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common kind
            raise InputError(f"{weights} is no ONNX model that can be loaded; give an RVM model.") from error
        names = {one.name for one in self._session.get_inputs()}
        if names != {"src", "r1i", "r2i", "r3i", "r4i", "downsample_ratio"}:
            raise InputError(
                f"{weights} is an ONNX model of another kind, with the inputs {', '.join(sorted(names))}."
            )
        self._edge = edge
        self._memory = [np.zeros((1, 1, 1, 1), np.float32)] * 4

    def _step(self, rgb: np.ndarray, ratio: float) -> np.ndarray:
        given = {"src": rgb, "downsample_ratio": np.array([ratio], np.float32)}
        given |= {f"r{k}i": memory for k, memory in enumerate(self._memory, start=1)}
        matte, *self._memory = self._session.run(["pha", "r1o", "r2o", "r3o", "r4o"], given)
        return np.asarray(matte[0, 0], np.float32)
