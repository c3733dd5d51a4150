"""The zero level set of a signed distance function as a triangle mesh.

The box is walked through in slabs, so memory grows with a slice of the grid and not with the grid; only
blocks that a coarse pass found near the surface are evaluated at full resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from surface_sos_core.settings import MeshSettings

STRIDE = 4
"""Full-resolution cells along an edge of a coarse cell."""

Field = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Mesh:
    """Triangles, counter-clockwise seen from outside."""

    vertices: np.ndarray
    """(V, 3) float64."""
    faces: np.ndarray
    """(F, 3) int64 indices into `vertices`."""

    def __len__(self) -> int:
        return len(self.faces)


EMPTY = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))


def extract_surface(
    sdf: Field,
    extent: np.ndarray,
    settings: MeshSettings,
    inside: Callable[[np.ndarray], np.ndarray] | None = None,
    chunk: int = 1 << 16,
) -> Mesh:
    """Marching cubes of `sdf` = 0 in the box [-extent, extent], in box coordinates.

    `sdf` maps (N, 3) float32 points to (N,) distances, negative within the object; it is called with at most
    `chunk` points. It should be close to a distance (gradient length about 1) near its zero set, since the
    coarse pass keeps cells whose value is below their diagonal. `extent` is (3,), half sizes. Where `inside` ((N, 3) -> (N,) bool) is False there is no
    object whatever `sdf` says.

    Shells whose area is below the settings' share of the largest shell's are dropped, and so are closed shells that
    face inward: cavities, which no camera can have seen. Returns an empty mesh where there is no surface.
    """
    grid = _Grid.over(np.asarray(extent, float), settings.resolution)

    def distance(points: np.ndarray) -> np.ndarray:
        values = np.asarray(sdf(points), np.float32)
        if inside is None:
            return values
        # Just outside rather than far outside, so that the cut stays within a cell of the boundary.
        return np.where(inside(points), values, np.maximum(values, grid.spacing.min()))

    coarse = _coarse_values(distance, grid, chunk)
    near = _cells_near_zero(coarse, float(np.linalg.norm(grid.spacing)) * STRIDE)
    mesh = _join_slabs(_slabs(distance, grid, coarse, near, chunk))
    mesh = Mesh(mesh.vertices * grid.spacing + grid.origin, mesh.faces)
    return _largest_shells(_without_degenerate(mesh), settings.smallest_shell)


def vertex_normals(mesh: Mesh) -> np.ndarray:
    """(V, 3) float64 unit normals, area-weighted means of the faces'; 0 for a vertex without area."""
    across = _face_cross(mesh)
    normals = np.zeros((len(mesh.vertices), 3))
    for axis in range(3):
        for corner in range(3):
            normals[:, axis] += np.bincount(mesh.faces[:, corner], across[:, axis], len(mesh.vertices))
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)


@dataclass(frozen=True)
class _Grid:
    """Full-resolution nodes: origin + index * spacing; cell counts are multiples of STRIDE."""

    cells: np.ndarray
    spacing: np.ndarray
    origin: np.ndarray

    @staticmethod
    def over(extent: np.ndarray, resolution: int) -> _Grid:
        wanted = resolution * extent / extent.max()
        cells = STRIDE * np.maximum(np.round(wanted / STRIDE), 2).astype(int)
        return _Grid(cells, 2 * extent / cells, -extent)

    def points(self, indices: np.ndarray) -> np.ndarray:
        return (self.origin + indices * self.spacing).astype(np.float32)


def _coarse_values(distance: Field, grid: _Grid, chunk: int) -> np.ndarray:
    """`distance` at every STRIDE-th node, (X, Y, Z) float32."""
    shape = tuple(grid.cells // STRIDE + 1)
    values = np.empty(int(np.prod(shape)), np.float32)
    for start in range(0, len(values), chunk):
        flat = np.arange(start, min(start + chunk, len(values)))
        indices = np.stack(np.unravel_index(flat, shape), axis=-1) * STRIDE
        values[flat] = distance(grid.points(indices))
    return values.reshape(shape)


def _cells_near_zero(coarse: np.ndarray, diagonal: float) -> np.ndarray:
    """Coarse cells that the surface may pass through: a change of sign or a value below its diagonal."""

    def over_corners(filtered: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
        return filtered(values, size=2, origin=-1)[:-1, :-1, :-1]

    low, high = over_corners(minimum_filter, coarse), over_corners(maximum_filter, coarse)
    nearest = over_corners(minimum_filter, np.abs(coarse))
    return ((low < 0) & (high >= 0)) | (nearest < diagonal)


def _slabs(
    distance: Field, grid: _Grid, coarse: np.ndarray, near: np.ndarray, chunk: int
) -> Iterator[tuple[int, np.ndarray]]:
    """(first x index, values (STRIDE + 1, Y, Z)) of every slab that may hold surface, in order along x.

    Neighbours share their border plane, and its values are computed once: two evaluations that differ in the
    last bit would tear the mesh.
    """
    last_plane: tuple[int, np.ndarray] | None = None
    for layer in np.flatnonzero(near.any(axis=(1, 2))):
        first = int(layer) * STRIDE
        # A node is evaluated if any coarse cell that touches it is near the surface; the others only need the
        # right sign.
        values = np.repeat(np.repeat(coarse[layer], STRIDE, axis=0), STRIDE, axis=1)
        values = np.repeat(values[None, : grid.cells[1] + 1, : grid.cells[2] + 1], STRIDE + 1, axis=0)
        shared = last_plane is not None and last_plane[0] == first
        if shared and last_plane is not None:
            values[0] = last_plane[1]
        wanted = np.empty(values.shape, bool)
        wanted[:] = _nodes_of(near[layer])
        if layer + 1 < len(near):
            wanted[-1] |= _nodes_of(near[layer + 1])
        if layer > 0:
            wanted[0] |= _nodes_of(near[layer - 1])
        if shared:
            wanted[0] = False
        indices = np.argwhere(wanted)
        for start in range(0, len(indices), chunk):
            part = indices[start : start + chunk]
            values[tuple(part.T)] = distance(grid.points(part + (first, 0, 0)))
        last_plane = (first + STRIDE, values[-1])
        yield first, values


def _nodes_of(cells: np.ndarray) -> np.ndarray:
    """(Y, Z) full-resolution nodes on or in the coarse cells (y, z) that are True."""
    fine = np.repeat(np.repeat(cells, STRIDE, axis=0), STRIDE, axis=1)
    nodes = np.zeros((fine.shape[0] + 1, fine.shape[1] + 1), bool)
    for y, z in np.ndindex(2, 2):
        nodes[y : y + fine.shape[0], z : z + fine.shape[1]] |= fine
    return nodes


def _join_slabs(slabs: Iterator[tuple[int, np.ndarray]]) -> Mesh:
    """One mesh, in index coordinates, of the slabs' surfaces, with the vertices on shared planes made one."""
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    count = 0
    border, border_ids, border_x = np.zeros((0, 3)), np.zeros(0, np.int64), -1
    for first, values in slabs:
        if not values.min() < 0 <= values.max():
            continue
        points, triangles, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
        points = points.astype(np.float64) + (first, 0, 0)
        ids = np.arange(count, count + len(points))
        if border_x == first and len(border):
            on_plane = np.flatnonzero(points[:, 0] < first + 1e-4)
            gap, match = cKDTree(border).query(points[on_plane], distance_upper_bound=1e-3)
            same = np.isfinite(gap)
            ids[on_plane[same]] = border_ids[match[same]]
        vertices.append(points)
        faces.append(ids[triangles])
        border_x = first + STRIDE
        top = points[:, 0] > border_x - 1e-4
        border, border_ids = points[top], ids[top]
        count += len(points)
    if not faces:
        return EMPTY
    return Mesh(np.concatenate(vertices), np.concatenate(faces).astype(np.int64))


def _face_cross(mesh: Mesh) -> np.ndarray:
    """(F, 3) normals of twice the faces' areas."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a)


def _without_degenerate(mesh: Mesh) -> Mesh:
    """Drop faces without area; ends of edges shrunk to a point become one vertex, so no gap is left."""
    if not len(mesh):
        return EMPTY
    size = float(np.ptp(mesh.vertices, axis=0).max()) or 1.0
    edges = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    short = np.linalg.norm(mesh.vertices[edges[:, 0]] - mesh.vertices[edges[:, 1]], axis=1) < 1e-7 * size
    _, group = connected_components(_graph(edges[short], len(mesh.vertices)), directed=False)
    _, first = np.unique(group, return_index=True)
    merged = first[group][mesh.faces]
    distinct = np.all(merged != np.roll(merged, 1, axis=1), axis=1)
    return _compact(mesh.vertices, merged[distinct])


def _largest_shells(mesh: Mesh, smallest: float) -> Mesh:
    if not len(mesh):
        return EMPTY
    edges = mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    count, label = connected_components(_graph(edges, len(mesh.vertices)), directed=False)
    face_label = label[mesh.faces[:, 0]]
    across = _face_cross(mesh)
    area = np.bincount(face_label, np.linalg.norm(across, axis=1), count)
    # Signed volume by the divergence theorem: six times the sum of the tetrahedra to the origin.
    volume = np.bincount(face_label, np.einsum("fi,fi->f", mesh.vertices[mesh.faces[:, 0]], across), count)
    _, edge_id, uses = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True, return_counts=True)
    open_edges = np.bincount(np.repeat(face_label, 3), uses[edge_id.ravel()] == 1, count)
    cavity = (volume < 0) & (open_edges == 0)
    if cavity.all():
        return EMPTY
    keep = ~cavity & (area >= smallest * area[~cavity].max())
    return _compact(mesh.vertices, mesh.faces[keep[face_label]])


def _graph(edges: np.ndarray, count: int) -> coo_array:
    return coo_array((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), shape=(count, count))


def _compact(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """The mesh without the vertices that no face uses."""
    used, faces_of_used = np.unique(faces, return_inverse=True)
    return Mesh(vertices[used], faces_of_used.reshape(-1, 3).astype(np.int64))
