"""Mask R-CNN (He, Gkioxari, Dollar and Girshick 2017), torchvision's, with weights from a file or torch's own cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import detection

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.instances import Instance
from surface_sos_core.masks.sources.network import Prompt
from surface_sos_core.masks.sources.ready import no_weights
from surface_sos_core.settings import NetworkSettings

_CACHED = (
    detection.MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
    detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1,
)


class MaskRcnn:
    """Instances of one class, or of all."""

    prompted = False
    pieces = False

    def __init__(self, weights: Path | None, pick: str | None, settings: NetworkSettings) -> None:
        """pick: a class by its COCO name, or its number; None: all. Raises InputError for weights of another network."""
        state = _read_state(weights or _cached())
        version_2 = "backbone.fpn.inner_blocks.0.1.weight" in state  # its pyramid has batch norms
        try:
            classes = len(state["roi_heads.box_predictor.cls_score.bias"])
            build = detection.maskrcnn_resnet50_fpn_v2 if version_2 else detection.maskrcnn_resnet50_fpn
            self._model = build(
                weights=None, weights_backbone=None, num_classes=classes, min_size=settings.maskrcnn_edge
            )
            self._model.load_state_dict(state)
        except (KeyError, TypeError, RuntimeError) as error:
            raise InputError(
                f"{weights} holds no state of torchvision's maskrcnn_resnet50_fpn or _v2; give such a file."
            ) from error
        self._model.eval()
        self._least_score = settings.maskrcnn_score
        self._label = None if pick is None else _label(pick, classes)

    @torch.inference_mode()
    def look(self, rgb: np.ndarray, prompt: Prompt | None) -> list[Instance]:
        """The instances of a frame, (H, W, 3) uint8, masks of its own size."""
        (seen,) = self._model([torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1) / 255.0])
        return [
            Instance((255 * mask[0]).byte().numpy(), float(score))
            for mask, score, label in zip(seen["masks"], seen["scores"], seen["labels"], strict=True)
            if score >= self._least_score and (self._label is None or int(label) == self._label)
        ]


def _cached() -> Path:
    for kept in _CACHED:
        path = Path(torch.hub.get_dir()) / "checkpoints" / kept.url.rpartition("/")[2]
        if path.is_file():
            return path
    raise no_weights("maskrcnn")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check --weights.") from error
    except Exception as error:  # a file of something else ends in errors of many kinds
        raise InputError(
            f"{path} is no file of PyTorch weights; give a state that torch.save wrote."
        ) from error
    if not isinstance(state, dict):
        raise InputError(f"{path} holds no state of a network; give a state that torch.save wrote.")
    return state


def _label(pick: str, classes: int) -> int:
    names = detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    known = names if len(names) == classes else []
    if pick in known:
        return int(known.index(pick))
    if pick.isdigit() and 0 < int(pick) < classes:
        return int(pick)
    told = ", ".join(name for name in known[1:] if name != "N/A") or f"numbers from 1 to {classes - 1}"
    raise InputError(f"--pick {pick} is no class of these weights; they know {told}.")
