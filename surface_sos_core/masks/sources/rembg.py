"""rembg's session for U^2-Net (Qin et al. 2020) models: whatever is salient in a frame, as one matte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image
from rembg.sessions.u2net import U2netSession
from rembg.sessions.u2net_custom import U2netCustomSession

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.instances import Instance
from surface_sos_core.masks.sources.network import Prompt
from surface_sos_core.masks.sources.ready import no_weights

CACHED = ("u2net.onnx", "u2netp.onnx", "u2net_human_seg.onnx")


class Rembg:
    """What rembg takes for foreground."""

    prompted = False
    pieces = True

    def __init__(self, weights: Path | None) -> None:
        """weights: a U^2-Net model in ONNX. Raises InputError for a file of another model."""
        path = weights or _cached()
        if not path.is_file():
            raise InputError(f"{path} is no file; check --weights.")
        try:
            self._session = _OwnFile(
                "own", onnxruntime.SessionOptions(), providers=["CPUExecutionProvider"], model_path=path
            )
        except Exception as error:  # onnxruntime's errors have no common kind
            raise InputError(f"{path} is no ONNX model that can be loaded; give one of U^2-Net.") from error
        inputs = self._session.inner_session.get_inputs()
        if len(inputs) != 1 or list(inputs[0].shape[1:]) != [3, 320, 320]:
            shapes = "; ".join(f"{one.name} {one.shape}" for one in inputs)
            raise InputError(
                f"{path} is an ONNX model of another kind (its inputs are {shapes}); give one of U^2-Net."
            )

    def look(self, rgb: np.ndarray, prompt: Prompt | None) -> list[Instance]:
        """One matte, of the frame's size."""
        (matte,) = self._session.predict(Image.fromarray(rgb))[:1]
        return [Instance(np.asarray(matte.convert("L")), 1.0)]


class _OwnFile(U2netCustomSession):
    """rembg's session of a file that lies anywhere; its own wants it in its cache, or fetches it."""

    @classmethod
    def download_models(cls, *args: Any, **kwargs: Any) -> str:
        return str(kwargs["model_path"])


def _cached() -> Path:
    places = [Path(os.environ.get("U2NET_HOME", Path.home() / ".u2net"))]
    for kind in CACHED:
        if hasattr(U2netSession, "rembg_home"):  # since 2.0.80
            places.append(Path(U2netSession.rembg_home()) / "models" / Path(kind).stem)
    for place in places:
        for kind in CACHED:
            if (place / kind).is_file():
                return place / kind
    raise no_weights("rembg")
