"""Blender's own projection of imported cameras against COLMAP's, in every Blender."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pycolmap
import pytest

from surface_sos_core.cameras import CameraModel, Lens, write_model

COUNT = 5
LENSES = {
    "landscape, off centre, fx != fy": ("PINHOLE", 640, 360, (520.0, 561.0, 290.5, 201.25)),
    "landscape, wide pixels": ("PINHOLE", 640, 360, (520.0, 470.0, 350.0, 170.0)),
    "portrait, off centre, fx != fy": ("PINHOLE", 360, 640, (505.0, 520.0, 200.0, 290.0)),
    "portrait, one focal length": ("SIMPLE_PINHOLE", 360, 640, (505.0, 170.0, 350.0)),
    "portrait by pixels, landscape by shape": ("PINHOLE", 500, 520, (500.0, 440.0, 251.0, 255.0)),
    "distorted": ("OPENCV", 640, 480, (500.0, 510.0, 330.0, 235.0, -0.08, 0.02, 1e-3, -2e-3)),
}

# Imports each model by the operator and tells where Blender puts the sparse points on each frame.
PROJECT = """
from pathlib import Path

def pixels(scene, camera, mesh):
    view = bpy.context.evaluated_depsgraph_get()
    render = scene.render
    window = camera.evaluated_get(view).calc_matrix_camera(
        view, x=render.resolution_x, y=render.resolution_y,
        scale_x=render.pixel_aspect_x, scale_y=render.pixel_aspect_y,
    )
    world = mesh.evaluated_get(view).matrix_world
    clip = window @ camera.evaluated_get(view).matrix_world.normalized().inverted()
    found = []
    for vertex in mesh.data.vertices:
        x, y, z, w = clip @ (world @ vertex.co).to_4d()
        assert w > 0
        found.append(((0.5 + x / w / 2) * render.resolution_x, (0.5 - y / w / 2) * render.resolution_y))
    return found

told = {}
for folder in map(Path, sys.argv[-1].split("|")):
    fresh_file()
    assert bpy.ops.surface_sos.import_cameras(
        directory=str(folder / "model"), footage=str(folder / "plates")
    ) == {"FINISHED"}
    scene = bpy.context.scene
    root = next(thing for thing in scene.objects if thing.type == "EMPTY")
    points = next(thing for thing in scene.objects if thing.type == "MESH")
    frames, turned = {}, {}
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        frames[frame] = pixels(scene, scene.camera, points)
    clips = [scene.camera.data.clip_start, scene.camera.data.clip_end]
    root.scale, root.location = (3.0, 3.0, 3.0), (5.0, -2.0, 1.0)
    root.rotation_euler.rotate_axis("X", 0.7)
    scene.frame_set(scene.frame_start + 1)
    view = bpy.context.evaluated_depsgraph_get()
    data = scene.camera.evaluated_get(view).data
    told[folder.name] = {
        "frames": frames,
        "turned": pixels(scene, scene.camera, points),
        "clips": clips,
        "turned_clips": [data.clip_start, data.clip_end],
        "error": scene.camera["surface_sos_corner_error_px"],
    }
tell(models=told)
"""


def straight(lens: Lens) -> pycolmap.Camera:
    """COLMAP's camera without its distortion."""
    (fx, fy), (cx, cy) = lens.focal_xy, lens.principal_point
    return pycolmap.Camera(model="PINHOLE", width=lens.width, height=lens.height, params=[fx, fy, cx, cy])


def write_plates(folder: Path, size: tuple[int, int], frames: range, suffix: str = ".png") -> None:
    folder.mkdir(parents=True)
    for frame in frames:
        file = str(folder / f"plate.{frame}{suffix}")
        if suffix == ".exr":
            with OpenEXR.File({}, {"RGB": np.ones((size[1], size[0], 3), np.float16)}) as exr:
                exr.write(file)
        else:
            cv2.imwrite(file, np.full((size[1], size[0], 3), frame % 256, np.uint8))


def test_points_land_where_colmap_projects_them(blender, tmp_path, makers):
    models = {}
    for number, lens in enumerate(Lens(*values) for values in LENSES.values()):
        folder = tmp_path / f"model{number}"
        models[folder.name] = CameraModel(makers.ring(COUNT, lens), makers.sparse_points(30, COUNT))
        write_model(models[folder.name], folder / "model")
        write_plates(folder / "plates", (lens.width, lens.height), range(1001, 1001 + COUNT))
    zoom = [Lens("PINHOLE", 640, 360, (f, f * 1.08, 300.0 + f / 20, 190.0)) for f in (400.0, 470.0)]
    pulled = {
        camera.name: replace(camera, lens=zoom[n % 2])
        for n, camera in enumerate(makers.ring(COUNT, zoom[0]).values())
    }
    models["zoom"] = CameraModel(pulled, makers.sparse_points(30, COUNT))
    write_model(models["zoom"], tmp_path / "zoom" / "model")
    write_plates(tmp_path / "zoom" / "plates", (640, 360), range(1001, 1001 + COUNT))
    told = blender.facts(PROJECT, tmp_path, "|".join(str(tmp_path / name) for name in models))["models"]

    for name, model in models.items():
        images = list(pycolmap.Reconstruction(str(tmp_path / name / "model")).images.values())
        by_frame = {int(image.name.split(".")[1]): image for image in images}
        lenses = {frame: model.cameras[image.name].lens for frame, image in by_frame.items()}
        expected = {
            frame: straight(lenses[frame]).img_from_cam(image.cam_from_world() * model.points.xyz)
            for frame, image in by_frame.items()
        }
        assert sorted(map(int, told[name]["frames"])) == sorted(expected)
        for frame, pixels in told[name]["frames"].items():
            off = np.abs(np.array(pixels) - expected[int(frame)]).max()
            assert off < 0.1, f"{name}, frame {frame}: {off} px"
        # The empty may be scaled and turned: the picture stays, and so does what is clipped from it.
        assert np.abs(np.array(told[name]["turned"]) - expected[1002]).max() < 0.1
        np.testing.assert_allclose(told[name]["turned_clips"], 3 * np.array(told[name]["clips"]), rtol=1e-4)
        assert (told[name]["error"] > 1) == (lenses[1001].model == "OPENCV")


# Tells what the scene shows on each frame, and imports a second time.
INSPECT = """
folder = sys.argv[-1]
counts = []
for time in range(2):
    assert bpy.ops.surface_sos.import_cameras(
        directory=folder + "/model", footage=folder + "/plates/plate.####" + sys.argv[-2]
    ) == {"FINISHED"}
    counts.append({k: len(getattr(bpy.data, k)) for k in (
        "objects", "cameras", "meshes", "actions", "collections", "materials", "node_groups")})
scene = bpy.context.scene
camera = scene.camera
shown = camera.data.background_images[0]
user = shown.image_user
points = next(thing for thing in scene.objects if thing.get("surface_sos_points"))
view = bpy.context.evaluated_depsgraph_get()
drops = points.evaluated_get(view).to_mesh()
drop_colours = {tuple(round(255 * c) for c in value.color_srgb[:3]) for value in drops.attributes["Col"].data}
colours = [tuple(round(255 * c) for c in value.color_srgb) for value in points.data.attributes["Col"].data]
places = [tuple(v.co) for v in points.data.vertices]
tell(
    counts=counts, collection=[c.name for c in camera.users_collection], parent=camera.parent.type,
    range=[scene.frame_start, scene.frame_end], size=[scene.render.resolution_x, scene.render.resolution_y],
    background=[shown.image.source, shown.image.colorspace_settings.name, user.use_auto_refresh],
    file_of_first=scene.frame_start - user.frame_start + 1 + user.frame_offset,
    duration=user.frame_duration, shows=camera.data.show_background_images,
    keys=sorted({round(k.co[0]) for c in curves(camera.animation_data.action) for k in c.keyframe_points}),
    colours=colours, places=places, drops=len(drops.vertices), drop_colours=sorted(drop_colours), hidden=points.hide_render,
)
"""
CURVES = """
def curves(action):
    if hasattr(action, "fcurves"):
        return list(action.fcurves)
    return [c for l in action.layers for s in l.strips for b in s.channelbags for c in b.fcurves]
"""


@pytest.mark.parametrize(("suffix", "spaces"), [(".png", ["sRGB"]), (".exr", ["Linear", "Linear Rec.709"])])
def test_one_camera_with_keys_its_plate_and_coloured_points(blender, tmp_path, makers, suffix, spaces):
    lens = Lens("PINHOLE", 64, 36, (60.0, 66.0, 30.5, 19.0))
    cameras = makers.ring(COUNT, lens, suffix=".jpg")
    del cameras["plate.1003.jpg"]  # a frame that could not be solved
    model = CameraModel(cameras, makers.sparse_points(9, len(cameras)))
    write_model(model, tmp_path / "model")
    write_plates(tmp_path / "plates", (128, 72), range(1001, 1001 + COUNT), suffix)
    write_plates(tmp_path / "plates" / "proxies", (64, 36), range(1001, 1003))
    told = blender.facts(CURVES + INSPECT, tmp_path, suffix, tmp_path)

    assert told["counts"][0] == told["counts"][1]
    assert told["counts"][0]["cameras"] in (1, 2)  # one may be of the start-up file
    assert told["collection"] == ["Surface-SOS: plate"] and told["parent"] == "EMPTY"
    assert told["keys"] == [1001, 1002, 1004, 1005]
    assert told["range"] == [1001, 1005] and told["size"] == [128, 72]
    assert told["background"][0::2] == ["SEQUENCE", True] and told["shows"]
    assert told["background"][1] in spaces
    assert told["file_of_first"] == 1001 and told["duration"] == COUNT
    np.testing.assert_allclose(told["places"], model.points.xyz, atol=1e-6)
    assert [c[:3] for c in told["colours"]] == model.points.rgb.tolist() and told["hidden"]
    # Each is drawn as a small solid in its colour, which a viewport shows as well.
    assert told["drops"] == 6 * len(model.points)
    assert told["drop_colours"] == sorted(map(list, {tuple(rgb) for rgb in model.points.rgb.tolist()}))


# Each is (directory, footage); tells the result and keeps what Blender printed.
REFUSED = """
results = []
for directory, footage in json.loads(sys.argv[-1]):
    before = len(bpy.data.objects)
    try:
        results.append([sorted(bpy.ops.surface_sos.import_cameras(directory=directory, footage=footage)), ""])
    except RuntimeError as error:  # what a script sees of an error report
        results.append([[], str(error)])
    assert len(bpy.data.objects) == before
tell(results=results)
"""


def test_bad_input_gets_one_sentence_and_changes_nothing(blender, tmp_path, makers):
    lens = Lens("PINHOLE", 64, 36, (60.0, 66.0, 30.5, 19.0))
    write_model(CameraModel(makers.ring(COUNT, lens), makers.sparse_points(9, COUNT)), tmp_path / "model")
    write_model(CameraModel(makers.ring(COUNT, lens), makers.sparse_points(9, COUNT)), tmp_path / "imageless")
    (tmp_path / "imageless" / "images.txt").write_text("# no images\n")
    (tmp_path / "empty").mkdir()
    write_plates(tmp_path / "other" / "plates", (64, 36), range(1, 3))
    write_plates(tmp_path / "square", (64, 64), range(1001, 1001 + COUNT))
    asked = {
        (tmp_path / "empty", ""): "holds no COLMAP model",
        (tmp_path / "imageless", ""): "holds no images",
        (tmp_path / "nowhere", ""): "is not a folder",
        (tmp_path / "model", tmp_path / "nowhere"): "does not exist",
        (tmp_path / "model", tmp_path / "other" / "plates"): "No image of the camera model is a frame",
        (tmp_path / "model", tmp_path / "square"): "another shape",
    }
    run = blender.run(REFUSED, tmp_path, json.dumps([[str(a), str(b)] for a, b in asked]))
    assert run.code == 0 and "Traceback" not in run.output, run.output
    for (result, sentence), expected in zip(run.facts["results"], asked.values(), strict=True):
        assert result == [] and expected in sentence, sentence
        assert "\n" not in sentence.strip()


@pytest.mark.parametrize("blender", ["program"], indirect=True)
def test_a_movie_is_shown_too(blender, tmp_path, makers):
    lens = Lens("PINHOLE", 64, 48, (60.0, 60.0, 32.0, 24.0))
    movie = cv2.VideoWriter(str(tmp_path / "shot.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 24, (64, 48))
    for frame in range(COUNT):
        movie.write(np.full((48, 64, 3), 40 * frame, np.uint8))
    movie.release()
    cameras = {}
    for number, camera in enumerate(makers.ring(COUNT, lens).values(), start=1):
        name = f"shot.{number:04d}.png"
        cameras[name] = type(camera)(name, lens, camera.rotation, camera.translation)
    write_model(CameraModel(cameras, makers.sparse_points(9, COUNT)), tmp_path / "model")
    script = """
bpy.ops.surface_sos.import_cameras(directory=sys.argv[-1] + "/model", footage=sys.argv[-1] + "/shot.avi")
shown = bpy.context.scene.camera.data.background_images[0]
tell(source=shown.image.source, duration=shown.image_user.frame_duration, start=shown.image_user.frame_start,
     offset=shown.image_user.frame_offset, range=[bpy.context.scene.frame_start, bpy.context.scene.frame_end])
"""
    told = blender.facts(script, tmp_path, tmp_path)
    assert told == {"source": "MOVIE", "duration": COUNT, "start": 1, "offset": 0, "range": [1, COUNT]}
