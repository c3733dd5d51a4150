"""Every adapter loads a real file of weights, made here and small, by its real library, and refuses any other file."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from surface_sos_core.errors import InputError
from surface_sos_core.masks.sources.network import Prompt
from surface_sos_core.masks.sources.request import MaskRequest, open_source
from surface_sos_core.settings import NetworkSettings, Settings


def library(*names):
    """Skips, by name, where one is missing or cannot be loaded beside the others here."""
    for name in names:
        try:
            __import__(name)
        except (ImportError, RuntimeError) as error:
            pytest.skip(f"{name} does not work here: {' '.join(str(error).split())[:100]}")


@pytest.fixture
def other_weights(tmp_path):
    """PyTorch weights of something else."""
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    return tmp_path / "other.pth"


def find(name, weights, shot, **request):
    return open_source(
        MaskRequest(name, weights=weights, **request), shot.footage, Settings(), pytest.fail
    ).find(shot)


# Tiny models with the inputs and outputs of the real ones. The ball is red and yellow, all else is grey or blue.


class TinyRvm(torch.nn.Module):
    """RVM's signature: src, four memories and a ratio in; colour, matte and four memories out. Takes what is warm."""

    def forward(
        self,
        src: torch.Tensor,
        r1: torch.Tensor | None,
        r2: torch.Tensor | None,
        r3: torch.Tensor | None,
        r4: torch.Tensor | None,
        downsample_ratio: float,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        seen = torch.zeros(1, 1, 1, 1) if r1 is None else r1 + 1
        matte = torch.sigmoid(20 * (src[:, :1] - src[:, 2:] - 0.2))
        return src, matte, seen, seen, seen, seen


@pytest.fixture
def rvm_script(tmp_path):
    torch.jit.script(TinyRvm()).save(str(tmp_path / "rvm.torchscript"))
    return tmp_path / "rvm.torchscript"


def warm_onnx(path, inputs, source, outputs, weights, bias, extra=()):
    """A 1x1 convolution of the picture and a sigmoid, as `outputs[0]`; other outputs repeat the inputs in `extra`."""
    onnx = pytest.importorskip("onnx", reason="onnx makes the weights of this test")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Conv", [source, "w", "b"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], [outputs[0]]),
    ]
    nodes += [helper.make_node("Identity", [a], [b]) for a, b in zip(extra, outputs[1:], strict=True)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, dims) for name, dims in inputs.items()],
        [helper.make_tensor_value_info(name, kind, [None] * 4) for name in outputs],
        [
            helper.make_tensor("w", kind, (1, 3, 1, 1), weights),
            helper.make_tensor("b", kind, (1,), [bias]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def rvm_onnx(tmp_path):
    memory = [f"r{k}i" for k in range(1, 5)]
    inputs = {
        "src": [1, 3, None, None],
        **{name: [1, None, None, None] for name in memory},
        "downsample_ratio": [1],
    }
    outputs = ["pha", "r1o", "r2o", "r3o", "r4o"]
    return warm_onnx(tmp_path / "rvm.onnx", inputs, "src", outputs, [20, 0, -20], -4.0, memory)


@pytest.fixture
def u2net(tmp_path):
    # the picture comes normalised, so red and blue are about 4.4 times as far apart
    inputs = {"input.1": [1, 3, 320, 320]}
    return warm_onnx(tmp_path / "u2net.onnx", inputs, "input.1", ["d0"], [4.5, 0, -4.5], -5.0)


def test_rvm_as_torchscript(ball_shot, rvm_script, overlaps):
    library("onnxruntime")
    shot, mattes = ball_shot
    masks = find("rvm", rvm_script, shot)
    assert masks.known.all() and overlaps(masks.probability, mattes).min() > 0.9


def test_rvm_remembers_what_it_has_seen(rvm_script):
    from surface_sos_core.masks.sources.rvm import open_rvm

    network = open_rvm(rvm_script, NetworkSettings())
    for _ in range(3):
        network.look(np.zeros((8, 8, 3), np.uint8), None)
    assert float(network._memory[0]) == 2.0


def test_rvm_as_onnx_is_the_same(ball_shot, rvm_script, rvm_onnx):
    library("onnxruntime")
    shot, _ = ball_shot
    one, other = find("rvm", rvm_script, shot), find("rvm", rvm_onnx, shot)
    assert np.abs(one.probability.astype(int) - other.probability).max() <= 1


def test_rembg(ball_shot, u2net, overlaps):
    library("rembg", "onnxruntime")
    shot, mattes = ball_shot
    masks = find("rembg", u2net, shot)
    assert masks.known.all() and overlaps(masks.probability, mattes).min() > 0.9


def test_without_cameras_it_is_followed(slow_shot, rvm_script, overlaps):
    library("onnxruntime")
    shot, mattes = slow_shot
    masks = find("rvm", rvm_script, replace(shot, model=None, cameras=[None] * 10))
    assert masks.known.all() and overlaps(masks.probability, mattes).min() > 0.9


@pytest.mark.parametrize("name", ["rvm", "rembg", "sam2", "maskrcnn"])
def test_weights_are_asked_for_and_never_fetched(name, ball_shot, tmp_path, monkeypatch):
    library(
        {
            "rvm": "onnxruntime",
            "sam2": "transformers.models.sam2.modeling_sam2",
            "maskrcnn": "torchvision",
        }.get(name, name)
    )
    for variable in ("TORCH_HOME", "U2NET_HOME", "HF_HOME", "HF_HUB_CACHE", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "empty"))
    if name == "sam2":
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(InputError, match="never downloaded here: give --weights"):
        open_source(MaskRequest(name), ball_shot[0].footage, Settings(), pytest.fail)


def test_weights_of_another_model(ball_shot, other_weights, rvm_onnx, u2net, tmp_path):
    library("rembg", "onnxruntime")
    footage = ball_shot[0].footage
    for name, weights, told in (
        ("rvm", u2net, "ONNX model of another kind, with the inputs input.1"),
        ("rembg", rvm_onnx, "ONNX model of another kind"),
        ("rvm", other_weights, "no TorchScript"),
        ("rembg", other_weights, "no ONNX model"),
        ("rvm", tmp_path / "gone.onnx", "is no file"),
        ("rembg", tmp_path / "gone.onnx", "is no file"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            open_source(MaskRequest(name, weights=weights), footage, Settings(), pytest.fail)
        assert str(weights) in str(caught.value) and "\n" not in str(caught.value)


def test_torchscript_of_another_model(ball_shot, tmp_path):
    library("onnxruntime")
    torch.jit.script(torch.nn.Identity()).save(str(tmp_path / "other.pt"))
    with pytest.raises(InputError, match="of another model"):
        find("rvm", tmp_path / "other.pt", ball_shot[0])


@pytest.fixture
def sam2_folder(tmp_path):
    """SAM 2 with 107,000 weights for pictures of 64x64."""
    library("transformers.models.sam2.modeling_sam2", "safetensors")
    from transformers import Sam2Config, Sam2Model

    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model", "hidden_size": 8, "image_size": [64, 64],
                "embed_dim_per_stage": [8, 16, 32, 64], "blocks_per_stage": [1, 1, 1, 1],
                "num_attention_heads_per_stage": [1, 1, 1, 1], "global_attention_blocks": [],
                "window_size_per_stage": [4, 4, 2, 2], "window_positional_embedding_background_size": [4, 4],
            },
            "backbone_channel_list": [64, 32, 16, 8], "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 32,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16},
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 32,
        },
    )  # fmt: skip
    torch.manual_seed(0)
    model = Sam2Model(config)
    for parameter in model.mask_decoder.parameters():  # so that answers differ with what is asked
        parameter.data.normal_(0, 0.3)
    model.save_pretrained(tmp_path / "sam2")
    return tmp_path / "sam2"


def test_sam2_is_asked_in_plate_pixels_and_answers_in_the_plate_s_shape(sam2_folder):
    from surface_sos_core.masks.sources.sam2 import Sam2

    network = Sam2(sam2_folder)
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    wide = cv2.resize(square, (192, 128), interpolation=cv2.INTER_NEAREST)
    for prompt, same in (
        (Prompt(np.array([[32.0, 16], [40, 24]]), None), Prompt(np.array([[96.0, 32], [120, 48]]), None)),
        (
            Prompt(np.zeros((0, 2)), np.array([8.0, 8, 40, 60])),
            Prompt(np.zeros((0, 2)), np.array([24.0, 16, 120, 120])),
        ),
    ):
        asked, again = network.look(square, prompt), network.look(wide, same)
        assert len(asked) == len(again) == 3
        for one, other in zip(asked, again, strict=True):
            assert one.mask.shape == (16, 16) and other.mask.shape == (11, 16)
            assert other.score == pytest.approx(one.score, abs=0.05)
            squeezed = cv2.resize(one.mask, (16, 11), interpolation=cv2.INTER_AREA).astype(int)
            assert np.abs(squeezed - other.mask).mean() < 8
    elsewhere = network.look(square, Prompt(np.array([[60.0, 60]]), None))
    assert any(abs(a.score - b.score) > 1e-4 for a, b in zip(asked, elsewhere, strict=True))


def test_sam2_refuses_other_folders(ball_shot, sam2_folder, tmp_path):
    from transformers import ViTConfig, ViTModel

    footage = ball_shot[0].footage
    small = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=16, image_size=32
    )
    ViTModel(small).save_pretrained(tmp_path / "vit")
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "config.json").write_bytes((sam2_folder / "config.json").read_bytes())
    (torn / "model.safetensors").write_bytes((sam2_folder / "model.safetensors").read_bytes()[:5000])
    for folder, told in (
        (tmp_path / "vit", "is a vit model"),
        (tmp_path / "gone", "holds no config.json"),
        (torn, "cannot be loaded"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            open_source(MaskRequest("sam2", weights=folder), footage, Settings(), pytest.fail)
        assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def maskrcnn_state(tmp_path_factory):
    """torchvision's network with random weights that takes every proposal for class 1, wherever it is."""
    library("torchvision")
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    torch.manual_seed(0)
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3)
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.weight.zero_()
        model.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor([-4.0, 4.0, -4.0]))
        model.roi_heads.mask_predictor.mask_fcn_logits.weight.zero_()
        model.roi_heads.mask_predictor.mask_fcn_logits.bias.fill_(4.0)
    path = tmp_path_factory.mktemp("maskrcnn") / "maskrcnn.pth"
    torch.save(model.state_dict(), path)
    return path


def test_maskrcnn(maskrcnn_state, ball_shot):
    from surface_sos_core.masks.sources.maskrcnn import MaskRcnn

    rgb = ball_shot[0].footage.read_display(0)
    found = MaskRcnn(maskrcnn_state, "1", NetworkSettings(maskrcnn_edge=96)).look(rgb, None)
    assert found and all(one.mask.shape == (96, 128) and one.score > 0.9 for one in found)
    assert all(one.mask.dtype == np.uint8 and (one.mask > 200).any() for one in found)
    assert MaskRcnn(maskrcnn_state, "2", NetworkSettings(maskrcnn_edge=96)).look(rgb, None) == []
    assert len(MaskRcnn(maskrcnn_state, None, NetworkSettings(maskrcnn_edge=96)).look(rgb, None)) == len(
        found
    )
    with pytest.raises(
        InputError, match="--pick dog is no class of these weights; they know numbers from 1 to 2"
    ):
        MaskRcnn(maskrcnn_state, "dog", NetworkSettings())


def test_maskrcnn_refuses_other_weights(other_weights, tmp_path):
    library("torchvision")
    from surface_sos_core.masks.sources.maskrcnn import MaskRcnn

    (tmp_path / "text.pth").write_text("nothing of the kind")
    for path, told in (
        (other_weights, "no state of torchvision's maskrcnn"),
        (tmp_path / "text.pth", "no file of PyTorch weights"),
        (tmp_path / "gone.pth", "cannot be read"),
    ):
        with pytest.raises(InputError, match=told):
            MaskRcnn(path, None, NetworkSettings())
