"""Networks as ONNX files, small ones made here."""

from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.layers.fill import network_of, open_fills
from surface_sos_core.layers.inpainting import Inpainting
from surface_sos_core.settings import PlateSettings, Settings

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write_network(
    path: Path, image=(1, 3, "h", "w"), mask=(1, 1, "h", "w"), white: float = 1.0, blind: bool = False
) -> Path:
    """A network that paints the masked part green: image * (1 - mask) + green * mask, all of it times `white`."""
    from onnx import TensorProto, helper

    green = helper.make_tensor("green", TensorProto.FLOAT, (1, 3, 1, 1), [0.0, 1.0, 0.0])
    one = helper.make_tensor("one", TensorProto.FLOAT, (), [1.0])
    scale = helper.make_tensor("white", TensorProto.FLOAT, (), [white])
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["open"]),
        helper.make_node("Mul", ["image", "open"], ["kept"]),
        helper.make_node("Mul", ["green", "mask"], ["painted"]),
        helper.make_node("Add", ["kept", "painted"], ["sum"]),
        helper.make_node("Mul", ["sum" if not blind else "mask", "white"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "paint",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, image),
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, mask),
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [green, one, scale],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.2, 0.8, (37, 45, 3)).astype(np.float32)


@pytest.fixture
def hole() -> np.ndarray:
    mask = np.zeros((37, 45), bool)
    mask[10:20, 12:30] = True
    return mask


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_network_fills_the_hole_and_nothing_else(tmp_path, picture, hole, white):
    filled = Inpainting(write_network(tmp_path / "net.onnx", white=white)).fill(picture, hole)
    np.testing.assert_allclose(filled[hole], [[0.0, 1.0, 0.0]] * hole.sum(), atol=1e-5)
    np.testing.assert_array_equal(filled[~hole], picture[~hole])


def test_one_of_a_single_size_gets_that_size(tmp_path, picture, hole):
    path = write_network(tmp_path / "net.onnx", (1, 3, 64, 64), (1, 1, 64, 64))
    filled = Inpainting(path).fill(picture, hole)
    assert filled.shape == picture.shape
    np.testing.assert_allclose(filled[13:17, 16:26], np.broadcast_to([0.0, 1.0, 0.0], (4, 10, 3)), atol=0.05)


def test_files_that_are_no_such_network_end_in_a_sentence(tmp_path):
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"no network")
    with pytest.raises(InputError, match=r"garbage\.onnx is no ONNX model"):
        Inpainting(garbage)
    other = write_network(tmp_path / "other.onnx", (1, 3, "h", "w"), (1, 3, "h", "w"))
    with pytest.raises(InputError, match=r"takes image .*, mask .*; an inpainting network"):
        Inpainting(other)
    with pytest.raises(InputError, match="wants a picture of the same size"):
        Inpainting(write_network(tmp_path / "blind.onnx", blind=True))


def test_the_setting_names_a_way_or_a_file(tmp_path):
    assert network_of("texture") is network_of("smooth") is None
    with pytest.raises(InputError, match="fog is none; give texture, smooth or"):
        network_of("fog")
    with pytest.raises(InputError, match=r"lost\.onnx is no file"):
        network_of(str(tmp_path / "lost.onnx"))


def test_a_network_fills_key_frames_and_texture_the_rest(tmp_path, picture, hole):
    path = write_network(tmp_path / "net.onnx")
    fills = open_fills(Settings(plate=PlateSettings(fill=str(path))))
    filled, left = fills.key(picture, hole, ~hole, None)
    assert filled[12, 15, 1] == pytest.approx(1.0) and not left.any()
    filled, left = fills.frame(picture, hole, ~hole, None)
    assert filled[hole].max() < 0.81 and not left.any()
    smooth = open_fills(Settings(plate=PlateSettings(fill="smooth")))
    assert smooth.square is None and smooth.key is None and smooth.frame is None
