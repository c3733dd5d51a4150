"""What Blender's compositor makes of the group against the same maths outside, in every Blender."""

import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import OpenEXR
import pytest

from surface_sos_core.footage.colour import KNOWN_SPACES, srgb_decode, srgb_encode
from surface_sos_core.layers.exr import FrameLayers, write_layers
from surface_sos_core.manifest import read_manifest, write_manifest

# A half holds 11 bits.
HALF = 2.0**-10

# Loads a shot, applies changes to the composite node, and renders it: {"name": {"Edge": .., "Background": [r, g, b, a]}}.
RENDER = """
from pathlib import Path
out, folder, changes = Path(sys.argv[-3]), Path(sys.argv[-2]), json.loads(sys.argv[-1])
for name, change in changes.items():
    fresh_file()
    scene = bpy.context.scene
    loaded = part("scene.load_result").load(bpy.context, out)
    part("comp.compositor").mute_rendering(scene)  # there is no engine that draws everywhere, and no CG
    tree = getattr(scene, "compositing_node_group", None) or scene.node_tree
    node = next(node for node in tree.nodes if node.type == "GROUP")
    for socket, value in change.items():
        if isinstance(value, list):
            colour = tree.nodes.new("CompositorNodeRGB")
            colour.outputs[0].default_value = value
            tree.links.new(colour.outputs[0], node.inputs[socket])
        else:
            node.inputs[socket].default_value = value
    loaded = part("scene.load_result").load(bpy.context, out)  # keeps what the artist has connected
    stems = {frame: path.stem for frame, path in loaded.layers.items()}
    rendered = list(part("comp.composite_render").render_composites(scene, stems, folder / name, loaded.space))
    assert rendered == list(loaded.layers)
tell(ok=True)
"""


def composite(
    layers: FrameLayers,
    gain: float = 1.0,
    edge: float = 0.0,
    background=None,
    cg=None,
    before=None,
    shadow=1.0,
) -> np.ndarray:
    """F' + (1 - a') (C + (1 - C.a) B s), F' = a' D + (1 - D.a) (a'/a) F, a' = min(gain a^(2^-edge), 1); light without alpha stays."""
    foreground, alpha = layers.foreground[..., :3], layers.foreground[..., 3:].astype(np.float64)
    matte = np.minimum(gain * alpha ** (2.0**-edge), 1.0)
    change = np.divide(matte, alpha, out=np.ones_like(alpha), where=alpha > 0)
    under = (layers.clean if background is None else np.array(background[:3])) * shadow
    cg, before = (np.zeros(4) if colour is None else np.array(colour) for colour in (cg, before))
    front = matte * before[:3] + (1 - before[3]) * change * foreground
    return front + (1 - matte) * (cg[:3] + (1 - cg[3]) * under)


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
        "new background": {"Background": [0.25, 2.0, 0.0, 1.0]},
        "CG behind": {"CG": [0.5, 0.0, 1.5, 0.75]},
        "CG behind and before": {
            "CG": [0.5, 0.0, 1.5, 0.75],
            "CG Before": [0.25, 0.125, 1.0, 0.5],
            "Matte Gain": 0.8,
        },
    }
    blender.facts(RENDER, tmp_path, tiny_shot.out, tmp_path / "comp", json.dumps(cases), timeout=120)
    for name, case in cases.items():
        for frame in tiny_shot.frames:
            expected = composite(
                tiny_shot.layers[frame],
                case.get("Matte Gain", 1.0),
                case.get("Edge", 0.0),
                case.get("Background"),
                case.get("CG"),
                case.get("CG Before"),
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
    blender.facts(
        RENDER, tmp_path, tmp_path / "shot", tmp_path / "comp", json.dumps({"own": {}}), timeout=120
    )
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


def test_the_shadow_goes_from_the_clean_plate_and_onto_another(blender, tmp_path, tiny_shot):
    """A shot with a shadow layer: clean / shadow without it, and a new background times it."""
    shot = tmp_path / "shot"
    shutil.copytree(tiny_shot.out, shot)
    random = np.random.default_rng(3)
    shadows = {}
    for entry in read_manifest(shot).frames:
        shadow = random.uniform(0.25, 1, (36, 64, 3)).astype(np.float16).astype(np.float32)
        shadows[entry.frame] = shadow
        write_layers(shot / entry.layers, replace(tiny_shot.layers[entry.frame], shadow=shadow), entry.frame)
    cases = {
        "kept": {},
        "out": {"Use Shadow": -1},
        "on": {"Use Shadow": 1, "Background": [0.25, 2.0, 0.5, 1.0]},
    }
    blender.facts(RENDER, tmp_path, shot, tmp_path / "comp", json.dumps(cases), timeout=120)
    for frame, layers in tiny_shot.layers.items():
        seen = (layers.foreground[..., 3] > 1e-3) | (layers.foreground[..., 3] == 0)
        for name, case in cases.items():
            factor = shadows[frame].astype(np.float64) ** case.get("Use Shadow", 0)
            expected = composite(layers, background=case.get("Background"), shadow=factor)
            found = read_rgb(tmp_path / "comp" / name / f"plate.{frame}.exr")
            off = np.abs(found - expected) / np.maximum(expected, 1.0)
            assert off[seen].max() < 2 * HALF, f"{name}, frame {frame}: {off[seen].max()}"


PLAIN = """
from pathlib import Path
fresh_file()
scene = bpy.context.scene
before = [scene.view_settings.view_transform, scene.use_nodes]
loaded = part("scene.load_result").load(bpy.context, Path(sys.argv[-2]))
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
part("comp.formats").as_png(scene.render.image_settings)
for frame in loaded.layers:
    scene.frame_set(frame)
    scene.render.filepath = sys.argv[-1] + f"/f12.{frame}.png"
    bpy.ops.render.render(write_still=True)
tell(before=before, after=scene.view_settings.view_transform, notices=loaded.notices)
"""


def test_an_untouched_plate_leaves_as_it_came(blender, tmp_path, tiny_shot):
    """F12 in a new file, whose tone curve would change it, and the EXR files of the File Output node."""
    shot = tmp_path / "shot"
    shutil.copytree(tiny_shot.out, shot)
    plates = {}
    for entry in read_manifest(shot).frames:
        plates[entry.frame] = cv2.imread(str(tiny_shot.plates / f"{entry.name}.png"))[..., ::-1]
        linear = srgb_decode(plates[entry.frame] / 255).astype(np.float32)
        nothing = np.zeros((36, 64, 4), np.float32)
        write_layers(
            shot / entry.layers,
            replace(tiny_shot.layers[entry.frame], foreground=nothing, clean=linear),
            entry.frame,
        )
    told = blender.facts(PLAIN, tmp_path, shot, tmp_path, timeout=120)
    assert told["before"][0] in ("Filmic", "AgX") and told["after"] == "Standard" and told["notices"] == []
    for frame, plate in plates.items():
        found = cv2.imread(str(tmp_path / f"f12.{frame}.png"))[..., ::-1]
        assert np.abs(found.astype(int) - plate).max() <= 1, frame
        linear = read_rgb(tmp_path / "shot.comp" / f"plate.{frame}.exr")
        assert np.abs(linear - srgb_decode(plate / 255)).max() < HALF / 2, frame


WITH_CG = """
from pathlib import Path
from mathutils import Vector
scene = bpy.context.scene
loaded = part("scene.load_result").load(bpy.context, Path(sys.argv[-2]))
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 16, False
material = bpy.data.materials.new("glow")
tree = material.node_tree or (setattr(material, "use_nodes", True), material.node_tree)[1]
tree.nodes.clear()
glow, out = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
glow.inputs["Color"].default_value, glow.inputs["Strength"].default_value = (1, 0, 0.5, 1), 2.0
tree.links.new(glow.outputs[0], out.inputs["Surface"])
for thing in [thing for thing in scene.objects if thing.name in ("Cube", "Light")]:
    bpy.data.objects.remove(thing)
scene.frame_set(1001)
bpy.context.view_layer.update()
eye, middle = loaded.camera.matrix_world.translation, loaded.mesh.matrix_world.translation
bpy.ops.mesh.primitive_uv_sphere_add(radius=1.0)
ball = bpy.context.object
ball.data.materials.append(material)
stems = {1001: "plate"}
for name, share in json.loads(sys.argv[-1]).items():
    ball.location = eye.lerp(middle, share)
    ball.scale = [0.2 * share] * 3
    list(part("comp.composite_render").render_composites(scene, stems, Path(sys.argv[-2]).parent / name, loaded.space))
tell(layers=[layer.name for layer in scene.view_layers], role=[loaded.mesh.is_holdout, scene.render.film_transparent])
"""


def test_cg_is_behind_and_before_the_object(blender, tmp_path, tiny_shot):
    """A ball that glows before, behind and within the object, an octahedron of radius .5, 4 units from the camera."""
    shutil.copytree(tiny_shot.out, tmp_path / "shot")
    places = {"before": 0.7, "within": 1.0, "behind": 1.3}
    told = blender.facts(WITH_CG, tmp_path, tmp_path / "shot", json.dumps(places), timeout=180)
    assert told == {"layers": ["ViewLayer", "plate without object"], "role": [True, True]}
    check_cg({name: read_rgb(tmp_path / name / "plate.exr") for name in places}, tiny_shot.layers[1001])


def check_cg(found: dict[str, np.ndarray], layers: FrameLayers) -> None:
    """What the balls of WITH_CG made of a frame, by their places."""
    glow = 2.0, 0.0, 1.0, 1.0
    expected = {
        "before": composite(layers, cg=glow, before=glow),
        "within": composite(layers, cg=glow),
        "behind": composite(layers, cg=glow),
    }
    seen = (layers.foreground[..., 3] > 1e-3) | (layers.foreground[..., 3] == 0)
    (lit,) = [np.abs(found["before"] - glow[:3]).max(axis=2) < 4 * HALF]
    rows, columns = np.nonzero(lit)
    row, column = round(rows.mean()), round(columns.mean())
    middle = np.zeros_like(lit)
    middle[row - 1 : row + 2, column - 1 : column + 2] = (
        True  # where the object is, and the ball in all three
    )
    for name, value in expected.items():
        off = np.abs(found[name] - value) / np.maximum(value, 1.0)
        assert off[middle & seen].max() < 4 * HALF, name
    corner = np.zeros_like(lit)
    corner[1:4, 1:4] = True  # no CG there
    for name in expected:
        off = np.abs(found[name] - composite(layers)) / np.maximum(composite(layers), 1.0)
        assert off[corner & seen].max() < 2 * HALF, name


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
frame = tree.nodes.new("NodeFrame")
mine = tree.nodes.new("CompositorNodeRGB")
viewer = tree.nodes.new("CompositorNodeViewer")
frame.location, sink.location, viewer.location = (300, -500), (400, 100), (400, -100)
mine.parent = frame
mine.location = (0, -100)
tree.links.new(mine.outputs[0], sink.inputs[0])
own = list(tree.nodes)
scene.view_settings.view_transform = "Raw"
scene.view_settings.exposure = 1.0
said = []
for time in range(2):
    said.append(part("scene.load_result").load(bpy.context, Path(sys.argv[-1])).notices)
tell(
    still=sink.inputs[0].links[0].from_node == mine,
    kinds=sorted(node.type for node in tree.nodes if node not in own),
    groups=[g.name for g in bpy.data.node_groups if g.name.startswith("Surface-SOS Comp")],
    places=[list(node.location) for node in tree.nodes if node not in own],
    said=said, exposure=scene.view_settings.exposure,
)
"""


def test_an_artists_own_compositing_is_left_alone(blender, tmp_path, tiny_shot):
    """Our nodes stand in a free place, each in its own, and what to link is said once."""
    told = blender.facts(OWN_NODES, tmp_path, tiny_shot.out)
    assert told["still"] and told["groups"] == ["Surface-SOS Comp"] and told["exposure"] == 1.0
    assert told["kinds"] == ["GROUP", "IMAGE", "OUTPUT_FILE", "R_LAYERS", "R_LAYERS"]
    assert len({tuple(place) for place in told["places"]}) == 5
    assert min(x for x, _ in told["places"]) == 300 and max(y for _, y in told["places"]) < -900
    (advice,), again = told["said"]
    assert "link the output Image of 'plate composite'" in advice and again == []


@pytest.mark.parametrize("blender", ["newest"], indirect=True)
def test_the_group_has_the_promised_sockets(blender, tmp_path, tiny_shot):
    script = """
group = part("comp.comp_group").comp_group()
tell(sockets=[[i.in_out, i.name] for i in group.interface.items_tree])
"""
    told = blender.facts(script, tmp_path)
    assert sorted(map(tuple, told["sockets"])) == sorted(
        [
            ("INPUT", n)
            for n in (
                *("Foreground", "Background", "Shadow", "CG", "CG Before"),
                *("Matte Gain", "Edge", "Use Shadow"),
            )
        ]
        + [("OUTPUT", n) for n in ("Image", "Matte")]
    )
