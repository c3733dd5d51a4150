"""Which sources of coarse masks work here, told without importing a library unless that is asked for."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

from surface_sos_core.errors import InputError, SetupError


@dataclass(frozen=True)
class Kind:
    """A source. modules: libraries it needs; extra: of this package, which installs them; weights: what file it takes;
    part: of a library that loads its parts when they are asked for, the one that is needed."""

    name: str
    text: str
    modules: tuple[str, ...] = ()
    extra: str = ""
    weights: str = ""
    part: str = ""

    @property
    def obstacle(self) -> str | None:
        """What is missing and how to get it, in one line; None where the source can be used."""
        lacking = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if not lacking:
            return None
        return f"{' and '.join(lacking)} missing: pip install 'surface-sos-core[{self.extra}]'"

    @property
    def broken(self) -> str | None:
        """What goes wrong when the libraries, which are there, are loaded, in one line; None where nothing does."""
        for name in (*self.modules, *([self.part] if self.part else [])):
            try:
                importlib.import_module(name)
            # a library that does not fit its neighbours raises anything
            except (Exception, SystemExit) as error:  # noqa: BLE001
                first = " ".join(str(error).split())[:120]
                return f"{name} cannot be loaded ({first}): pip install --force-reinstall 'surface-sos-core[{self.extra}]'"
        return None


KINDS = (
    Kind("auto", "what the cameras look at, without any input"),
    Kind("box", "a box or outline drawn on a frame (box:FILE)"),
    Kind("folder", "mask images, EXR mattes, Cryptomatte"),
    Kind("movie", "a movie of masks, or one with alpha"),
    Kind(
        "maskrcnn", "Mask R-CNN; --pick names the class", ("torchvision",), "maskrcnn",
        "a torchvision maskrcnn_resnet50_fpn or _v2 state (.pth)",
    ),
    Kind(
        "sam2", "Segment Anything 2, prompted by the box or the sparse points", ("transformers", "safetensors"), "sam2",
        "a folder of a SAM 2 model as transformers saves it (config.json, model.safetensors)",
        "transformers.models.sam2.modeling_sam2",
    ),
    Kind(
        "rvm", "Robust Video Matting, of people", ("onnxruntime",), "rvm",
        "an RVM model, .onnx or TorchScript",
    ),
    Kind("rembg", "rembg's models of whatever is salient", ("rembg", "onnxruntime"), "rembg", "a U^2-Net model (.onnx)"),
)  # fmt: skip


def require(name: str) -> None:
    """Raises SetupError where a library of the source is missing."""
    (kind,) = (kind for kind in KINDS if kind.name == name)
    if (obstacle := kind.obstacle or kind.broken) is not None:
        raise SetupError(f"Masks from {name}: {obstacle}.")


def no_weights(name: str) -> InputError:
    """What to say where a source has no weights and finds none that its library keeps."""
    (kind,) = (kind for kind in KINDS if kind.name == name)
    return InputError(
        f"Masks from {name} need weights, which are never downloaded here: give --weights, {kind.weights}."
    )
