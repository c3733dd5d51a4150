"""The clip's own camera track as a COLMAP model: Blender solves real tracks, the core reads what is exported."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from surface_sos_core.cameras import Camera, Lens, read_model

WIDTH, HEIGHT, FRAMES = 64, 36, 8

SOLVE = """
from pathlib import Path
shot = json.loads(Path(sys.argv[-1]).read_text())
clip = bpy.data.movieclips.load(shot["first"])
width, height = clip.size
camera = clip.tracking.camera
camera.sensor_width = 36
camera.focal_length_pixels = shot["focal"]
centre = shot["cx"], height - shot["cy"]
if hasattr(camera, "principal_point_pixels"):
    camera.principal_point_pixels = centre
else:
    camera.principal = centre
for name, value in shot["lens"].items():
    setattr(camera, name, value)
for index, seen in enumerate(shot["tracks"]):
    track = clip.tracking.tracks.new(name=str(index), frame=1)
    for frame, (x, y) in enumerate(seen, start=1):
        track.markers.insert_frame(frame, co=(x / width, 1 - y / height))
clip.tracking.objects.active.keyframe_a, clip.tracking.objects.active.keyframe_b = 1, FRAMES
settings = bpy.context.scene.surface_sos
settings.footage_from, settings.clip, settings.cameras_from = "CLIP", clip, "CLIP"
settings.out = shot["out"]
request = part("job.shot_request")
tell(unsolved=request.obstacle(bpy.context, "new"))
window = bpy.context.window_manager.windows[0]
area = window.screen.areas[0]
area.type = "CLIP_EDITOR"
space = area.spaces.active
space.clip = clip
region = next(region for region in area.regions if region.type == "WINDOW")
with bpy.context.temp_override(window=window, area=area, region=region, space_data=space):
    bpy.ops.clip.solve_camera()
tell(error=clip.tracking.reconstruction.average_error, solved=request.obstacle(bpy.context, "new"))
tell(model=request.export(bpy.context, request.plan(bpy.context, "new")).cameras)
camera.distortion_model = "DIVISION"
tell(division=request.obstacle(bpy.context, "new"))
"""


def track_shot(folder: Path, cameras: list[Camera], lens: Lens, settings: dict[str, object]) -> Path:
    """Plates and a file with where each of some points is seen in each frame."""
    for number in range(1001, 1001 + FRAMES):
        cv2.imwrite(str(folder / f"plate.{number}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    points = np.random.default_rng(3).uniform(-0.8, 0.8, (40, 3))
    seen = np.stack([lens.project(points @ c.rotation.T + c.translation) for c in cameras], axis=1)
    shot = folder / "tracks.json"
    shot.write_text(
        json.dumps(
            {
                "first": str(folder / "plate.1001.png"),
                "focal": lens.focal,
                "cx": lens.principal_point[0],
                "cy": lens.principal_point[1],
                "lens": settings,
                "tracks": seen.tolist(),
                "out": str(folder / "shot"),
            }
        )
    )
    return shot


def aligned(of: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Points (N, 3) moved, turned (never mirrored) and scaled to lie on others as well as they can."""
    a, b = of - of.mean(axis=0), to - to.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    flip = np.diag([1.0, 1.0, np.linalg.det(u @ vt)])
    return (np.trace(np.diag(s) @ flip) / (a**2).sum()) * a @ (u @ flip @ vt).T + to.mean(axis=0)


@pytest.mark.parametrize(
    ("params", "settings"),
    [
        (
            (70.0, 34.0, 16.5, -0.06, 0.01, 0.0, 0.0),
            {"distortion_model": "POLYNOMIAL", "k1": -0.06, "k2": 0.01},
        ),
        (
            (70.0, 30.0, 19.0, 0.05, 0.0, 0.02, -0.03),
            {"distortion_model": "BROWN", "brown_k1": 0.05, "brown_p1": -0.03, "brown_p2": -0.02},
        ),
    ],
    ids=["polynomial", "brown"],
)
def test_the_core_sees_the_tracks_where_the_artist_sees_them(blender, makers, tmp_path, params, settings):
    focal, cx, cy, *distortion = params
    lens = Lens("OPENCV", WIDTH, HEIGHT, (focal, focal, cx, cy, *distortion))
    cameras = list(makers.ring(FRAMES, lens).values())
    shot = track_shot(tmp_path, cameras, lens, settings)
    facts = blender.facts(f"FRAMES = {FRAMES}\n" + SOLVE, tmp_path, shot)
    assert "not solved" in facts["unsolved"] and facts["solved"] is None and facts["error"] < 0.01
    assert "Division" in facts["division"]

    model = read_model(facts["model"])
    assert list(model.cameras) == [f"plate.{1001 + n}.png" for n in range(FRAMES)]
    centres = np.array([camera.centre for camera in model.cameras.values()])
    truth = np.array([camera.centre for camera in cameras])
    assert np.allclose(aligned(centres, truth), truth, atol=2e-3)
    seen = np.array(json.loads(shot.read_text())["tracks"])
    assert len(model.points) == len(seen) and (model.points.track_length == FRAMES).all()
    for n, camera in enumerate(model.cameras.values()):
        pixels = camera.lens.project(model.points.xyz @ camera.rotation.T + camera.translation)
        assert np.abs(pixels - seen[:, n]).max() < 0.02
