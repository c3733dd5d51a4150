"""The two fields of the paper: FoCoR, the object's surface, and BaCo, everything else; both held by m^P."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import grid_sample

from surface_sos_core.fields import hash_grid, space_numba
from surface_sos_core.fields.colour_network import ColourNetwork
from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.sdf_network import SdfNetwork, SdfSample
from surface_sos_core.settings import FieldSettings

_POSSIBLE = 0.02  # m^P from which on FoCoR may be there: thin parts that wobbly masks half agree on
_HOLD_CELLS = 1.5  # and how far it may reach beyond that
_CROP_CELLS = 2  # how far inside m^P's border BaCo is surely empty
_CORE_CELLS = (
    6,
    8,
)  # from how far inside on the place is the object's for sure: hulls are too large here and there


class Field(torch.nn.Module):
    """An SDF network, its colour network and b, the sharpness of its surface.

    b = max(e^{10 v}, floor) with v learnt (as in NeuS) and a floor that training raises: masks with wobbly outlines
    would keep the surface soft for ever, and a soft surface cannot be moved to where the colours change.
    """

    floor: torch.Tensor

    def __init__(
        self,
        settings: FieldSettings,
        backend: str,
        radius: float,
        outward: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        spec = GridSpec(
            settings.levels,
            2,
            settings.log2_table,
            settings.base_resolution,
            settings.max_resolution,
        )
        self.surface = SdfNetwork(
            spec, backend, settings.hidden, settings.features, radius, outward, generator
        )
        self.colour = ColourNetwork(settings.features, settings.hidden)
        self.log_sharpness = torch.nn.Parameter(torch.tensor(0.3))
        self.register_buffer("floor", torch.tensor(0.0))

    @property
    def sharpness(self) -> torch.Tensor:
        return torch.maximum(torch.exp(10.0 * self.log_sharpness), self.floor)


class Scene(torch.nn.Module):
    """FoCoR over the box's [-1, 1]^3 and BaCo over contracted space.

    probability: m^P (R, R, R) over the box, which reaches to +-extent in its own coordinates. `hold` fades FoCoR out beyond m^P's border, `crop` says where BaCo is
    empty; between the two, colour decides. Buffers are indexed x, y, z.
    """

    hold_grid: torch.Tensor
    crop_grid: torch.Tensor
    core_grid: torch.Tensor
    extent: torch.Tensor

    def __init__(
        self,
        settings: FieldSettings,
        probability: np.ndarray,
        extent: np.ndarray,
        backend: str,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.foreground = Field(settings, backend, 0.5, True, generator)
        self.background = Field(settings, backend, 0.8, False, generator)
        self.register_buffer("extent", torch.from_numpy(extent.astype(np.float32)))
        self.register_buffer("hold_grid", torch.from_numpy(_hold(probability)))
        crop = _crop(probability) if settings.complete_background else np.zeros_like(probability, np.float32)
        self.register_buffer("crop_grid", torch.from_numpy(crop))
        self.register_buffer("core_grid", torch.from_numpy(_core(probability)), persistent=False)

    def hold(self, x: torch.Tensor) -> torch.Tensor:
        """How much FoCoR may be opaque, 0..1 (...), at x (..., 3) in box coordinates."""
        # The weights of a cell's corners add up to more than 1 by rounding, and so would an opaque section's opacity.
        return _lookup(self.hold_grid, x, self.extent).clamp_(max=1.0)

    def hold_lookup(self, x: torch.Tensor) -> torch.Tensor:
        """`hold` (...) of the cell that x (..., 3) lies in: cheaper, for deciding where to sample."""
        size = self.hold_grid.shape[0]
        cell = ((x / self.extent + 1.0) * (0.5 * size)).long().clamp_(0, size - 1)
        return self.hold_grid.view(-1)[(cell[..., 0] * size + cell[..., 1]) * size + cell[..., 2]]

    def crop(self, x: torch.Tensor) -> torch.Tensor:
        """How surely the place belongs to the object, 0..1 (...), at x (..., 3) in box coordinates."""
        return _lookup(self.crop_grid, x, self.extent)

    def core(self, x: torch.Tensor) -> torch.Tensor:
        """As `crop`, so far inside that not even an error of the hull is likely."""
        return _lookup(self.core_grid, x, self.extent)

    def background_sample(self, x: torch.Tensor, normals: int = 0) -> tuple[SdfSample, torch.Tensor]:
        """BaCo at x (N, 3) in box coordinates: the network's answer, and its distance (N,) with the object cropped.

        Where m^P is sure of the object, the distance is 1.0: empty (Section III-B of the paper). The first `normals`
        points get normals.
        """
        sample = self.background.surface.sample(contract(x), normals)
        crop = self.crop(x)
        return sample, sample.sdf * (1.0 - crop) + crop

    @torch.no_grad()
    def background_distance(self, x: torch.Tensor) -> torch.Tensor:
        """BaCo's distance (N,) with the object cropped, alone and without gradients."""
        crop = self.crop(x)
        return self.background.surface.distance(contract(x)) * (1.0 - crop) + crop


def _lookup(grid: torch.Tensor, x: torch.Tensor, extent: torch.Tensor) -> torch.Tensor:
    """Trilinear values (...) of a grid over +-extent at x (..., 3); 0 outside."""
    if hash_grid.default_backend(x.device) == "numba":
        out = torch.empty(x.shape[:-1])
        space_numba.lookup(grid.numpy(), x.reshape(-1, 3).numpy(), extent.numpy(), out.view(-1).numpy())
        return out
    return _lookup_torch(grid, x, extent)


def _lookup_torch(grid: torch.Tensor, x: torch.Tensor, extent: torch.Tensor) -> torch.Tensor:
    # grid_sample wants (depth, height, width) addressed as (w, h, d), hence z, y, x.
    points = (x / extent).reshape(1, -1, 1, 1, 3).flip(-1)
    return grid_sample(grid[None, None], points, align_corners=False).view(x.shape[:-1])


def _hold(probability: np.ndarray) -> np.ndarray:
    away = ndimage.distance_transform_edt(probability <= _POSSIBLE)
    return np.clip(1.0 + _HOLD_CELLS - away, 0.0, 1.0).astype(np.float32)


def _crop(probability: np.ndarray) -> np.ndarray:
    deep = ndimage.distance_transform_edt(probability > 0.5)
    return np.clip((deep - 1.0) / _CROP_CELLS, 0.0, 1.0).astype(np.float32)


def _core(probability: np.ndarray) -> np.ndarray:
    deep = ndimage.distance_transform_edt(probability > 0.5)
    near, far = _CORE_CELLS
    return np.clip((deep - near) / (far - near), 0.0, 1.0).astype(np.float32)


def consensus_distance(probability: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Signed distance (R, R, R) float32 to m^P's border in box coordinates, negative inside."""
    inside = probability > 0.5
    cell = 2.0 * extent / probability.shape[0]
    outer = ndimage.distance_transform_edt(~inside, sampling=cell)
    return (outer - ndimage.distance_transform_edt(inside, sampling=cell)).astype(np.float32)
