"""Segment Anything 2 (Ravi et al. 2024), as transformers has it, with the weights of a folder or of its own cache."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from transformers import Sam2Config, Sam2Model
from transformers.utils import logging

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.instances import Instance
from surface_sos_core.masks.sources.network import Prompt
from surface_sos_core.masks.sources.ready import no_weights

CACHED = ("facebook/sam2.1-hiera-large", "facebook/sam2.1-hiera-small", "facebook/sam2.1-hiera-tiny")
# ImageNet's
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)


class Sam2:
    """The masks that SAM proposes for a prompt, each with the IoU that it expects."""

    prompted = True
    pieces = False

    def __init__(self, weights: Path | None) -> None:
        """weights: a folder with config.json and model.safetensors. Raises InputError for one of another model."""
        logging.disable_progress_bar()  # it would write into our own output
        self._model = _load(weights) if weights is not None else _load_cached()
        self._model.eval()
        self._edge = int(self._model.config.vision_config.backbone_config.image_size[0])

    @torch.inference_mode()
    def look(self, rgb: np.ndarray, prompt: Prompt | None) -> list[Instance]:
        """The proposals for a frame, (H, W, 3) uint8, at the network's own size of masks with the frame's aspect."""
        assert prompt is not None
        height, width = rgb.shape[:2]
        image = cv2.resize(rgb, (self._edge, self._edge), interpolation=cv2.INTER_AREA)
        pixels = torch.from_numpy((image / np.float32(255) - _MEAN) / _SPREAD).permute(2, 0, 1)[None]
        scale = self._edge / np.array([width, height])
        asked: dict[str, torch.Tensor] = {}
        if len(prompt.points):
            points = torch.from_numpy((prompt.points * scale).astype(np.float32))
            asked = {
                "input_points": points[None, None],
                "input_labels": torch.ones((1, 1, len(points)), dtype=torch.int32),
            }
        if prompt.box is not None:
            corners = (prompt.box * np.tile(scale, 2)).astype(np.float32)
            asked["input_boxes"] = torch.from_numpy(corners)[None, None]
        said = self._model(pixel_values=pixels, multimask_output=True, **asked)
        shown = max(said.pred_masks.shape[-2:])
        size = (
            (shown, max(1, round(shown * height / width)))
            if width >= height
            else (max(1, round(shown * width / height)), shown)
        )
        return [
            Instance(
                cv2.resize((255 * mask.sigmoid()).byte().numpy(), size, interpolation=cv2.INTER_AREA),
                float(score),
            )
            for mask, score in zip(said.pred_masks[0, 0], said.iou_scores[0, 0].clamp(0, 1), strict=True)
        ]


def _load(folder: Path) -> Sam2Model:
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        raise InputError(
            f"{folder} holds no config.json and model.safetensors; give the folder of a SAM 2 model."
        )
    try:
        config = Sam2Config.from_pretrained(folder, local_files_only=True)
        if config.architectures != ["Sam2Model"] and config.model_type not in ("sam2", "sam2_video"):
            raise InputError(f"{folder} is a {config.model_type} model; give the folder of a SAM 2 model.")
        model, told = Sam2Model.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except InputError:
        raise
    except Exception as error:  # transformers and safetensors raise anything for a file they cannot use
        raise InputError(
            f"{folder} cannot be loaded as a SAM 2 model ({' '.join(str(error).split())[:200]})."
        ) from error
    if told["missing_keys"]:
        raise InputError(
            f"{folder} lacks {len(told['missing_keys'])} weights of a SAM 2 model, such as {min(told['missing_keys'])}; "
            "give the folder of a whole one."
        )
    return model


def _load_cached() -> Sam2Model:
    """The largest that transformers' own cache holds."""
    for name in CACHED:
        try:
            return Sam2Model.from_pretrained(name, local_files_only=True)
        except OSError:
            continue
    raise no_weights("sam2")
