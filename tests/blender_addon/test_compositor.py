"""What Blender's compositor makes of the group against the same maths outside, in every Blender."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core.footage.colour import KNOWN_SPACES, srgb_encode
from surface_sos_core.layers.exr import FrameLayers, write_layers
from surface_sos_core.manifest import read_manifest, write_manifest

# A half holds 11 bits.
HALF = 2.0**-10

# Loads a shot, applies changes to the composite node, and renders it: {"name": {"Edge": .., "background": [r, g, b]}}.
RENDER = """
from pathlib import Path
out, folder, changes = Path(sys.argv[-3]), Path(sys.argv[-2]), json.loads(sys.argv[-1])
for name, change in changes.items():
    fresh_file()
    scene = bpy.context.scene
    loaded = part("load_result").load(bpy.context, out)
    scene.view_settings.view_transform = "Standard"
    tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
    node = next(node for node in tree.nodes if node.type == "GROUP")
    if "background" in change:
        colour = tree.nodes.new("CompositorNodeRGB")
        colour.outputs[0].default_value = (*change.pop("background"), 1.0)
        tree.links.new(colour.outputs[0], node.inputs["Background"])
        loaded = part("load_result").load(bpy.context, out)  # keeps what the artist has connected
    for socket, value in change.items():
        node.inputs[socket].default_value = value
    stems = {frame: path.stem for frame, path in loaded.layers.items()}
    rendered = list(part("composite_render").render_composites(scene, stems, folder / name, loaded.space))
    assert rendered == list(loaded.layers)
tell(ok=True)
"""


def composite(layers: FrameLayers, gain: float = 1.0, edge: float = 0.0, background=None) -> np.ndarray:
    """(a'/a) F + (1 - a') B with a' = min(gain a^(2^-edge), 1); light without alpha stays."""
    foreground, alpha = layers.foreground[..., :3], layers.foreground[..., 3:].astype(np.float64)
    matte = np.minimum(gain * alpha ** (2.0**-edge), 1.0)
    change = np.divide(matte, alpha, out=np.ones_like(alpha), where=alpha > 0)
    under = layers.clean if background is None else np.array(background)
    return change * foreground + (1 - matte) * under


def read_rgb(path) -> np.ndarray:
    with OpenEXR.File(str(path)) as file:
        pixels = file.channels()["RGBA"].pixels.astype(np.float32)
    assert (pixels[..., 3] == 1).all()
    return pixels[..., :3]


def test_composites_are_foreground_over_background(blender, tmp_path, tiny_shot):
    cases = {
        "as it is": {},
        "thin": {"Matte Gain": 0.6},
        "solid": {"Matte Gain": 1.7},
        "outwards": {"Edge": 0.8},
        "inwards": {"Edge": -1.3, "Matte Gain": 1.2},
        "new background": {"background": [0.25, 2.0, 0.0]},
    }
    blender.facts(RENDER, tmp_path, tiny_shot.out, tmp_path / "comp", json.dumps(cases), timeout=120)
    for name, case in cases.items():
        for frame in tiny_shot.frames:
            expected = composite(
                tiny_shot.layers[frame],
                case.get("Matte Gain", 1.0),
                case.get("Edge", 0.0),
                case.get("background"),
            )
            found = read_rgb(tmp_path / "comp" / name / f"plate.{frame}.exr")
            # Alphas below a thousandth are left out where they are divided by: the group keeps 0 / 0 away.
            seen = (tiny_shot.layers[frame].foreground[..., 3] > 1e-3) | (
                tiny_shot.layers[frame].foreground[..., 3] == 0
            )
            off = np.abs(found - expected) / np.maximum(expected, 1.0)
            assert off[seen].max() < 2 * HALF, f"{name}, frame {frame}: {off[seen].max()}"
            assert found.max() > 1.5, "values above 1 are kept"


@pytest.mark.parametrize("name", ["ACEScg", "ACES2065-1"])
def test_other_primaries_come_back_as_they_are(blender, tmp_path, tiny_shot, name):
    """Layers in ACES through Blender, whose own space is Rec.709: the composite is the plate, its PNG what it looks like."""
    space = next(space for space in KNOWN_SPACES if space.name == name)
    shutil.copytree(tiny_shot.out, tmp_path / "shot")
    manifest = read_manifest(tmp_path / "shot")
    write_manifest(tmp_path / "shot", replace(manifest, layers_space=space.interop_id))
    for entry in manifest.frames:
        labelled = replace(tiny_shot.layers[entry.frame], space=space)
        write_layers(tmp_path / "shot" / entry.layers, labelled, entry.frame)
    blender.facts(RENDER, tmp_path, tmp_path / "shot", tmp_path / "comp", json.dumps({"own": {}}), timeout=120)
    for frame in tiny_shot.frames:
        layers = tiny_shot.layers[frame]
        expected, seen = composite(layers), layers.foreground[..., 3] > 1e-3
        found = read_rgb(tmp_path / "comp" / "own" / f"plate.{frame}.exr")
        off = np.abs(found - expected) / np.maximum(expected, 1.0)
        assert off[seen | (layers.foreground[..., 3] == 0)].max() < 2 * HALF, f"frame {frame}: {off.max()}"
        png = cv2.imread(str(tmp_path / "comp" / "own" / f"plate.{frame}.png"))[..., ::-1]
        shown = 255 * srgb_encode(np.clip(space.in_rec709(expected), 0, 1))
        assert np.abs(png - shown).max() < 3  # Blender's transform is a table


def test_pngs_are_what_a_plate_would_look_like(blender, tmp_path, tiny_shot):
    blender.facts(RENDER, tmp_path, tiny_shot.out, tmp_path / "comp", json.dumps({"comp": {}}))
    linear = np.clip(composite(tiny_shot.layers[1002]), 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    png = cv2.imread(str(tmp_path / "comp" / "comp" / "plate.1002.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert png.dtype == np.uint8 and np.abs(png - 255 * srgb).max() < 2.5  # Blender's transform is a table
    names = {path.name for path in (tmp_path / "comp" / "comp").iterdir()}
    assert names == {f"plate.{frame}.{kind}" for frame in tiny_shot.frames for kind in ("exr", "png")}


OWN_NODES = """
from pathlib import Path
scene = bpy.context.scene
if hasattr(scene, "compositing_node_group"):
    tree = bpy.data.node_groups.new("Mine", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    scene.compositing_node_group = tree
    sink = tree.nodes.new("NodeGroupOutput")
else:
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    sink = tree.nodes.new("CompositorNodeComposite")
mine = tree.nodes.new("CompositorNodeRGB")
tree.links.new(mine.outputs[0], sink.inputs[0])
for time in range(2):
    part("load_result").load(bpy.context, Path(sys.argv[-1]))
tell(
    still=sink.inputs[0].links[0].from_node == mine,
    kinds=sorted(node.type for node in tree.nodes),
    groups=[g.name for g in bpy.data.node_groups if g.name.startswith("Surface-SOS Composite")],
)
"""


def test_an_artists_own_compositing_is_left_alone(blender, tmp_path, tiny_shot):
    told = blender.facts(OWN_NODES, tmp_path, tiny_shot.out)
    assert told["still"] and told["groups"] == ["Surface-SOS Composite"]
    assert sorted(set(told["kinds"]) - {"COMPOSITE", "GROUP_OUTPUT"}) == ["GROUP", "IMAGE", "RGB"]
    assert len(told["kinds"]) == 4


@pytest.mark.parametrize("blender", ["bpy50"], indirect=True)
def test_the_group_has_the_promised_sockets(blender, tmp_path, tiny_shot):
    script = """
compositor = part("compositor")
group = compositor.composite_group()
tell(sockets=[[i.in_out, i.name] for i in group.interface.items_tree])
"""
    told = blender.facts(script, tmp_path)
    assert sorted(map(tuple, told["sockets"])) == sorted(
        [("INPUT", n) for n in ("Foreground", "Background", "Matte Gain", "Edge")]
        + [("OUTPUT", n) for n in ("Image", "Matte")]
    )
