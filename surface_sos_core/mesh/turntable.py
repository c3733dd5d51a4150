"""Still pictures of the mesh for the report, by a small z-buffer rasteriser."""

from __future__ import annotations

import numpy as np
from numba import njit

from surface_sos_core.cameras.planes import across
from surface_sos_core.mesh.extract import Mesh, vertex_normals

BACKGROUND = (58, 60, 64)
_SUPERSAMPLING = 2
_ELEVATION = np.radians(20)


def render_turntable(
    mesh: Mesh,
    colours: np.ndarray | None,
    up: np.ndarray,
    size: tuple[int, int] = (480, 360),
    views: int = 1,
    towards: np.ndarray | None = None,
) -> np.ndarray:
    """(views, height, width, 3) uint8 stills from around the mesh, evenly turned about `up`.

    `colours` is (V, 3) uint8, or None for plain clay; `up` a world direction; `size` is (width, height). The
    first still looks from `towards` (a direction from the object to the viewer, e.g. to the first camera).
    Parallel projection, a light at the viewer.
    """
    width, height = size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING
    stills = np.empty((views, size[1], size[0], 3), np.uint8)
    stills[:] = BACKGROUND
    if not len(mesh):
        return stills
    paint = np.full((len(mesh.vertices), 3), 190.0) if colours is None else colours.astype(np.float64)
    normals = vertex_normals(mesh)
    centre = (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    radius = np.linalg.norm(mesh.vertices - centre, axis=1).max() or 1.0
    scale = 0.47 * min(width, height) / radius
    for view in range(views):
        right, above, viewer = _axes(up, towards, 2 * np.pi * view / views)
        axes = np.stack([right, -above, viewer], axis=1)
        local = (mesh.vertices - centre) @ axes  # [vertices, x y nearness]
        screen = local * scale + (width / 2, height / 2, 0)
        shade = 0.25 + 0.75 * np.abs(normals @ viewer)
        image = np.empty((height, width, 3), np.float32)
        image[:] = BACKGROUND
        _rasterise(screen, mesh.faces, paint * shade[:, None], image)
        blocks = image.reshape(size[1], _SUPERSAMPLING, size[0], _SUPERSAMPLING, 3)
        stills[view] = np.clip(np.round(blocks.mean(axis=(1, 3))), 0, 255)
    return stills


def _axes(
    up: np.ndarray, towards: np.ndarray | None, turn: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right, above and to-viewer unit vectors of a camera turned by `turn` radians about `up`."""
    up = np.asarray(up, float) / np.linalg.norm(up)
    front = np.eye(3)[np.argmin(np.abs(up))] if towards is None else np.asarray(towards, float)
    front = front - up * (front @ up)
    if np.linalg.norm(front) < 1e-6:
        front = across(up)[0]
    front /= np.linalg.norm(front)
    side = np.cross(up, front)
    level = np.cos(turn) * front + np.sin(turn) * side
    viewer = np.cos(_ELEVATION) * level + np.sin(_ELEVATION) * up
    right = np.cross(up, level)
    return right, np.cross(viewer, right), viewer


@njit(cache=True)
def _rasterise(screen: np.ndarray, faces: np.ndarray, paint: np.ndarray, image: np.ndarray) -> None:
    """Draw triangles into `image` (H, W, 3); `screen` is (V, 3): x, y in pixels and nearness."""
    height, width = image.shape[0], image.shape[1]
    nearest = np.full((height, width), -np.inf)
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay, bx, by, cx, cy = (
            screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1],
        )  # fmt: skip
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        left = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0)
        right = min(int(np.floor(max(ax, bx, cx) - 0.5)), width - 1)
        top = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0)
        bottom = min(int(np.floor(max(ay, by, cy) - 0.5)), height - 1)
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                # Barycentric coordinates; both windings are drawn.
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1.0 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                near = u * screen[a, 2] + v * screen[b, 2] + w * screen[c, 2]
                if near > nearest[row, column]:
                    nearest[row, column] = near
                    for k in range(3):
                        image[row, column, k] = u * paint[a, k] + v * paint[b, k] + w * paint[c, k]
