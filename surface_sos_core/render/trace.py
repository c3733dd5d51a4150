"""FoCoR's surface on rays that are known to meet it."""

from __future__ import annotations

import torch

from surface_sos_core.fields.scene import Scene
from surface_sos_core.render.rays import Rays

_CHUNK = 8192  # points at once


@torch.no_grad()
def surface_normals(scene: Scene, points: torch.Tensor) -> torch.Tensor:
    """Unit gradients (N, 3) of FoCoR's distance at points (N, 3), all in box coordinates."""
    parts = [scene.foreground.surface.sdf_and_normal(x)[2] for x in points.split(_CHUNK)]
    return torch.nn.functional.normalize(torch.cat(parts) if parts else points, dim=1)


@torch.no_grad()
def trace_surface(
    scene: Scene, rays: Rays, guess: torch.Tensor, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Depths (rays,) of FoCoR's surface near guesses (rays,), and how far off it (rays,) they are, in box units.

    The distance says how far to go at first, then so many steps of the secant method.
    """
    speed = torch.linalg.vector_norm(rays.direction, dim=1)
    before, sdf_before = guess, _distance_at(scene, rays, guess)
    depth = guess + sdf_before / speed
    sdf = _distance_at(scene, rays, depth)
    for _ in range(steps):
        change = sdf - sdf_before
        step = torch.where(change.abs() > 1e-9, -sdf * (depth - before) / change, torch.zeros_like(sdf))
        before, sdf_before = depth, sdf
        depth = depth + step.clamp(-sdf.abs() * 4 / speed, sdf.abs() * 4 / speed)
        sdf = _distance_at(scene, rays, depth)
    return depth, sdf.abs()


def _distance_at(scene: Scene, rays: Rays, depth: torch.Tensor) -> torch.Tensor:
    return scene.foreground.surface.distance(rays.at(depth[:, None])[:, 0])
