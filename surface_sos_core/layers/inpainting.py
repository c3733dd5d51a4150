"""An inpainting network the user has, as an ONNX file: image (1, 3, H, W) and mask (1, 1, H, W) in, image (1, 3, H, W) out.

As LaMa is exported (Suvorov et al., "Resolution-robust large mask inpainting with Fourier convolutions", WACV 2022).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from surface_sos_core.errors import InputError

_MULTIPLE = 8  # of pixels that such networks want along an edge
_TRIAL = 64  # pixels along an edge of a picture that tells what a network does


class Inpainting:
    """The network in a file; one that was exported for a single size gets pictures of that size.

    Raises InputError for a file that is none or of another kind, ImportError where onnxruntime is missing.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._path = path
        try:
            self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common kind
            raise InputError(f"{path} is no ONNX model that can be loaded; check --fill.") from error
        inputs = {_channels(one.shape): one for one in self._session.get_inputs()}
        if set(inputs) != {3, 1} or len(self._session.get_inputs()) != 2:
            shapes = ", ".join(f"{one.name} {one.shape}" for one in self._session.get_inputs())
            raise InputError(
                f"{path} takes {shapes}; an inpainting network for --fill takes an image (1, 3, H, W) and a mask (1, 1, H, W)."
            )
        self._image, self._mask = inputs[3].name, inputs[1].name
        sizes = [edge for edge in inputs[3].shape[2:] if isinstance(edge, int)]
        self._size = (sizes[0], sizes[1]) if len(sizes) == 2 else None
        height, width = self._size or (_TRIAL, _TRIAL)
        mask = np.zeros((height, width), np.float32)
        mask[: height // 2] = 1.0
        trial = self._run(np.full((height, width, 3), 0.5, np.float32), mask)
        self._white = 255.0 if trial.max() > 2.0 else 1.0  # some were exported to give 8-bit steps

    def fill(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """The picture (H, W, 3) float32 display values with its hole (H, W) bool as the network has it."""
        height, width = hole.shape
        given, mask = np.clip(np.where(hole[..., None], 0.0, picture), 0.0, 1.0), hole.astype(np.float32)
        if self._size is None:
            more = [(0, -edge % _MULTIPLE) for edge in hole.shape]
            given, mask = np.pad(given, [*more, (0, 0)], mode="edge"), np.pad(mask, more, mode="edge")
            made = self._run(given, mask)[:height, :width]
        else:
            size = self._size[::-1]
            given = cv2.resize(given, size, interpolation=cv2.INTER_AREA)
            mask = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0).astype(np.float32)
            made = cv2.resize(self._run(given, mask), (width, height), interpolation=cv2.INTER_CUBIC)
        return np.where(hole[..., None], made / self._white, picture).astype(np.float32)

    def _run(self, picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(H, W, 3) what the network makes; InputError where it fails or gives something else."""
        given = {
            self._image: np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32),
            self._mask: np.ascontiguousarray(mask[None, None], np.float32),
        }
        try:
            made = np.asarray(self._session.run(None, given)[0], np.float32)
        except Exception as error:  # as above
            raise InputError(
                f"{self._path} fails on a picture of {mask.shape[1]} x {mask.shape[0]} pixels; give --fill another network."
            ) from error
        if made.shape != given[self._image].shape or not np.isfinite(made).all():
            raise InputError(
                f"{self._path} gives {made.shape} for a picture {given[self._image].shape}; --fill wants a picture of the "
                "same size."
            )
        return made[0].transpose(1, 2, 0)


def _channels(shape: list[int | str | None]) -> int | None:
    return shape[1] if len(shape) == 4 and isinstance(shape[1], int) else None
