"""The two fields of the paper: FoCoR, the object's surface, and BaCo, everything else; both held by m^P."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import grid_sample

from surface_sos_core.fields import space_numba
from surface_sos_core.fields.colour_network import ColourNetwork
from surface_sos_core.fields.contraction import contract
from surface_sos_core.fields.engine import Engine
from surface_sos_core.fields.grid_spec import GridSpec
from surface_sos_core.fields.sdf_network import SdfNetwork, SdfSample
from surface_sos_core.settings import FieldSettings

_FIRST_SHARPNESS = 0.3  # v of a surface that training has not begun to sharpen


class Field(torch.nn.Module):
    """An SDF network, its colour network and b, the sharpness of its surface.

    b = max(e^{10 v}, floor) with v learnt (as in NeuS) and a floor that training raises: masks with wobbly outlines
    would keep the surface soft for ever, and a soft surface cannot be moved to where the colours change.
    """

    floor: torch.Tensor

    def __init__(
        self,
        settings: FieldSettings,
        engine: Engine,
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
            spec, engine, settings.hidden, settings.features, radius, outward, generator
        )
        self.colour = ColourNetwork(settings.features, settings.hidden)
        self.log_sharpness = torch.nn.Parameter(torch.tensor(_FIRST_SHARPNESS))
        self.register_buffer("floor", torch.tensor(0.0))

    @property
    def sharpness(self) -> torch.Tensor:
        return torch.maximum(torch.exp(10.0 * self.log_sharpness), self.floor)


class Scene(torch.nn.Module):
    """FoCoR over the box's [-1, 1]^3 and BaCo over contracted space.

    probability: m^P (R, R, R) over the box, which reaches to +-extent in its own coordinates. `hold` fades FoCoR out
    beyond m^P's border, `crop` says where BaCo is empty; between the two, colour decides. Buffers are indexed x, y, z.
    engine: what computes all that is asked of the scene and rendered of it.
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
        engine: Engine,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.engine = engine
        self.foreground = Field(settings, engine, settings.foreground_radius, True, generator)
        self.background = Field(settings, engine, settings.background_radius, False, generator)
        self.register_buffer("extent", torch.from_numpy(extent.astype(np.float32)))
        self.register_buffer("hold_grid", torch.from_numpy(_hold(probability, settings)))
        crop = _crop(probability, settings)
        if not settings.complete_background:
            crop = np.zeros_like(crop)
        self.register_buffer("crop_grid", torch.from_numpy(crop))
        self.register_buffer("core_grid", torch.from_numpy(_core(probability, settings)), persistent=False)

    def hold(self, x: torch.Tensor) -> torch.Tensor:
        """How much FoCoR may be opaque, 0..1 (...), at x (..., 3) in box coordinates."""
        # The weights of a cell's corners add up to more than 1 by rounding, and so would an opaque section's opacity.
        return self._lookup(self.hold_grid, x).clamp_(max=1.0)

    def hold_lookup(self, x: torch.Tensor) -> torch.Tensor:
        """`hold` (...) of the cell that x (..., 3) lies in: cheaper, for deciding where to sample."""
        size = self.hold_grid.shape[0]
        cell = ((x / self.extent + 1.0) * (0.5 * size)).long().clamp_(0, size - 1)
        return self.hold_grid.view(-1)[(cell[..., 0] * size + cell[..., 1]) * size + cell[..., 2]]

    def crop(self, x: torch.Tensor) -> torch.Tensor:
        """How surely the place belongs to the object, 0..1 (...), at x (..., 3) in box coordinates."""
        return self._lookup(self.crop_grid, x)

    def core(self, x: torch.Tensor) -> torch.Tensor:
        """As `crop`, so far inside that not even an error of the hull is likely."""
        return self._lookup(self.core_grid, x)

    def background_sample(self, x: torch.Tensor, normals: int = 0) -> tuple[SdfSample, torch.Tensor]:
        """BaCo at x (N, 3) in box coordinates: the network's answer, and its distance (N,) with the object cropped.

        Where m^P is sure of the object, the distance is 1.0: empty (Section III-B of the paper). The first `normals`
        points get normals.
        """
        sample = self.background.surface.sample(self.contract(x), normals)
        crop = self.crop(x)
        return sample, sample.sdf * (1.0 - crop) + crop

    @torch.no_grad()
    def background_distance(self, x: torch.Tensor) -> torch.Tensor:
        """BaCo's distance (N,) with the object cropped, alone and without gradients."""
        crop = self.crop(x)
        return self.background.surface.distance(self.contract(x)) * (1.0 - crop) + crop

    def contract(self, x: torch.Tensor) -> torch.Tensor:
        """`contraction.contract` of x (..., 3) float32 in box coordinates, which gets no gradient."""
        if self.engine is not Engine.NUMBA:
            return contract(x)
        out = torch.empty(x.shape)
        space_numba.contract(x.reshape(-1, 3).numpy(), out.view(-1, 3).numpy())
        return out

    def _lookup(self, grid: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        if self.engine is not Engine.NUMBA:
            return _lookup(grid, x, self.extent)
        out = torch.empty(x.shape[:-1])
        extent = self.extent.numpy()
        space_numba.lookup(grid.numpy(), x.reshape(-1, 3).numpy(), extent, out.view(-1).numpy())
        return out


def _lookup(grid: torch.Tensor, x: torch.Tensor, extent: torch.Tensor) -> torch.Tensor:
    """Trilinear values (...) of a grid over +-extent at x (..., 3); 0 outside."""
    # grid_sample wants (depth, height, width) addressed as (w, h, d), hence z, y, x.
    points = (x / extent).reshape(1, -1, 1, 1, 3).flip(-1)
    return grid_sample(grid[None, None], points, align_corners=False).view(x.shape[:-1])


def _hold(probability: np.ndarray, settings: FieldSettings) -> np.ndarray:
    away = ndimage.distance_transform_edt(probability <= settings.possible)
    return np.clip(1.0 + settings.hold_cells - away, 0.0, 1.0).astype(np.float32)


def _crop(probability: np.ndarray, settings: FieldSettings) -> np.ndarray:
    deep = ndimage.distance_transform_edt(probability > 0.5)
    return np.clip((deep - 1.0) / settings.crop_cells, 0.0, 1.0).astype(np.float32)


def _core(probability: np.ndarray, settings: FieldSettings) -> np.ndarray:
    deep = ndimage.distance_transform_edt(probability > 0.5)
    return np.clip((deep - settings.core_cells) / settings.core_fade, 0.0, 1.0).astype(np.float32)


def consensus_distance(probability: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Signed distance (R, R, R) float32 to m^P's border in box coordinates, negative inside."""
    inside = probability > 0.5
    cell = 2.0 * extent / probability.shape[0]
    outer = ndimage.distance_transform_edt(~inside, sampling=cell)
    return (outer - ndimage.distance_transform_edt(inside, sampling=cell)).astype(np.float32)
