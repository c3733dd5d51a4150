"""A shot's folder as typed data."""

from pathlib import Path

import numpy as np
import pytest

from surface_sos_core import InputError, open_shot, result
from surface_sos_core.layers.exr import NO_DEPTH, FrameLayers, write_layers
from surface_sos_core.manifest import FootageEntry, FrameEntry, MadeEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.mesh.export import write_ply
from surface_sos_core.mesh.extract import Mesh

HEIGHT, WIDTH = 6, 8


def layers_of(number: int) -> FrameLayers:
    """Layers that differ in every pixel and every frame, all of values that a half holds."""
    count = HEIGHT * WIDTH
    foreground = (np.arange(4 * count, dtype=np.float32).reshape(HEIGHT, WIDTH, 4) + number % 10) / 256
    return FrameLayers(
        foreground,
        foreground[..., :3] / 2,
        (np.arange(count).reshape(HEIGHT, WIDTH) % 2).astype(np.float32),
        np.where(np.arange(count).reshape(HEIGHT, WIDTH) % 3 == 0, np.float32(NO_DEPTH), np.float32(2.5)),
        np.full((HEIGHT, WIDTH, 3), 0.5, np.float32),
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A shot of three frames, two of them with layers, and a mesh."""
    frames = [
        FrameEntry("plate.1001", 1001, "layers/plate.1001.exr", ["The fields see less than the mask."]),
        FrameEntry("plate.1002", 1002, doubts=["No camera."]),
        FrameEntry("plate.1003", 1003, "layers/plate.1003.exr"),
    ]
    for number in (1001, 1003):
        write_layers(tmp_path / f"layers/plate.{number}.exr", layers_of(number), number)
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    surface = Mesh(corners, np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]]))
    write_ply(tmp_path / "mesh/object.ply", surface, np.full((4, 3), 90, np.uint8))
    made = {"train": MadeEntry("0.1.0+aa", {"torch": "2.6"}, {"device": "cpu"})}
    write_manifest(
        tmp_path,
        Manifest(
            FootageEntry("plates", WIDTH, HEIGHT, "plate"),
            frames,
            mesh=MeshEntry("mesh/object.ply"),
            metrics={"matte": {"mean": {"miou": 0.9}}},
            warnings=["plate.1002 has no mask."],
            made=made,
        ),
    )
    return tmp_path


def test_frames_are_arrays(out):
    shot = open_shot(str(out))
    assert [(frame.number, frame.name) for frame in shot.frames] == [
        (1001, "plate.1001"),
        (1003, "plate.1003"),
    ]
    for frame in shot.frames:
        true = layers_of(frame.number)
        np.testing.assert_array_equal(frame.alpha, true.foreground[..., 3])
        for name in ("foreground", "clean", "seen", "depth", "normal"):
            array = getattr(frame, name)
            np.testing.assert_array_equal(array, getattr(true, name))
            assert array.dtype == np.float32 and not array.flags.writeable
        assert frame.layers.over(np.zeros(3)).shape == (HEIGHT, WIDTH, 3)


def test_what_else_is_known(out):
    shot = open_shot(out)
    assert shot.without_layers == ("plate.1002",)
    assert shot.doubts == {
        "plate.1001": ("The fields see less than the mask.",),
        "plate.1002": ("No camera.",),
    }
    assert shot.frames[0].doubts == ("The fields see less than the mask.",) and shot.frames[1].doubts == ()
    assert shot.warnings == ("plate.1002 has no mask.",) and shot.metrics == {
        "matte": {"mean": {"miou": 0.9}}
    }
    assert (shot.out, shot.manifest) == (out, out / "shot.json")
    assert shot.report is None and shot.cameras is None and shot.made["train"].code == "0.1.0+aa"
    mesh = shot.meshes["object"]
    assert mesh.vertices.shape == (4, 3) and mesh.faces.shape == (4, 3) and mesh.glb is None
    assert mesh.colours is not None and (mesh.colours == 90).all()


def test_a_frame_is_read_once_and_one_frame_at_a_time_is_kept(out, monkeypatch):
    read: list[str] = []
    real = result.read_layers
    monkeypatch.setattr(result, "read_layers", lambda path: read.append(path.name) or real(path))
    first, second = open_shot(out).frames
    assert read == []
    for frame in (first, second, first):
        assert frame.alpha.shape == frame.depth.shape == frame.seen.shape
    assert read == ["plate.1001.exr", "plate.1003.exr", "plate.1001.exr"]
    write_layers(first.path, layers_of(1009), 1001)  # made again meanwhile
    assert first.alpha[0, 0] == layers_of(1009).foreground[0, 0, 3]


def test_layers_that_are_gone_are_told(out):
    frame = open_shot(out).frames[0]
    frame.path.unlink()
    with pytest.raises(InputError, match="plate.1001.exr does not exist"):
        _ = frame.alpha


def test_a_folder_without_a_shot_is_told(tmp_path):
    with pytest.raises(InputError, match="holds no shot"):
        open_shot(tmp_path / "nothing")
