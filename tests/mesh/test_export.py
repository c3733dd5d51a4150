"""PLY and GLB, read back by another library."""

import json
import struct

import numpy as np
import pytest
import trimesh

from surface_sos_core.mesh import Mesh, vertex_normals
from surface_sos_core.mesh.export import write_glb, write_ply


@pytest.fixture
def shape():
    vertices = np.array([[0, 0, 0], [1.5, 0, 0], [0, -2, 0], [0, 0.1, 3]], float)
    mesh = Mesh(vertices, np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]]))
    return mesh, np.array([[255, 0, 0], [128, 128, 128], [0, 0, 255], [10, 20, 30]], np.uint8)


def test_ply_read_back(tmp_path, shape):
    mesh, colours = shape
    path = tmp_path / "mesh" / "object.ply"
    write_ply(path, mesh, colours)
    back = trimesh.load(path, process=False)
    np.testing.assert_array_equal(back.vertices, mesh.vertices.astype(np.float32))
    np.testing.assert_array_equal(back.faces, mesh.faces)
    np.testing.assert_array_equal(back.visual.vertex_colors[:, :3], colours)
    np.testing.assert_allclose(back.vertex_normals, vertex_normals(mesh), atol=1e-6)
    header = path.read_bytes().split(b"end_header")[0].decode()
    assert "format binary_little_endian 1.0" in header
    for line in ("float x", "float nz", "uchar red", "list uchar int vertex_indices"):
        assert f"property {line}\n" in header
    assert [item.name for item in path.parent.iterdir()] == ["object.ply"]


def test_glb_read_back(tmp_path, shape):
    mesh, colours = shape
    path = tmp_path / "object.glb"
    write_glb(path, mesh, colours)
    back = trimesh.load(path, process=False).to_geometry()
    np.testing.assert_array_equal(back.vertices, mesh.vertices.astype(np.float32))  # nothing is turned
    np.testing.assert_array_equal(back.faces, mesh.faces)


def test_glb_colours_are_linear_and_the_file_is_whole(tmp_path, shape):
    path = tmp_path / "object.glb"
    write_glb(path, *shape)
    data = path.read_bytes()
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data)) and len(data) % 4 == 0
    text_length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + text_length])
    body = data[20 + text_length + 8 :]
    assert document["buffers"][0]["byteLength"] == len(body)
    attributes = document["meshes"][0]["primitives"][0]["attributes"]

    def values(name, kind, width):
        accessor = document["accessors"][attributes[name]]
        start = document["bufferViews"][accessor["bufferView"]]["byteOffset"]
        return np.frombuffer(body, kind, width * accessor["count"], start).reshape(-1, width)

    np.testing.assert_allclose(values("NORMAL", "<f4", 3), vertex_normals(shape[0]), atol=1e-6)
    colours = values("COLOR_0", "<u2", 4) / 65535
    np.testing.assert_allclose(colours[0], (1, 0, 0, 1), atol=1e-4)
    np.testing.assert_allclose(colours[1, :3], 0.21586, atol=1e-4)  # sRGB 128
    np.testing.assert_allclose(colours[3, 0], 10 / 255 / 12.92, atol=1e-4)


def test_an_empty_mesh_can_be_written(tmp_path):
    empty, none = Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64)), np.zeros((0, 3), np.uint8)
    write_ply(tmp_path / "object.ply", empty, none)
    assert b"element vertex 0" in (tmp_path / "object.ply").read_bytes()


def test_colours_of_another_kind_are_refused(tmp_path, shape):
    mesh, colours = shape
    for wrong in (colours[:-1], colours.astype(float)):
        for write in (write_ply, write_glb):
            with pytest.raises(ValueError, match="colours"):
                write(tmp_path / "object.ply", mesh, wrong)
    assert list(tmp_path.iterdir()) == []
