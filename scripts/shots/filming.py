"""Rendering a shot with its truth: plates, mattes, clean plates, cameras, mesh and coarse masks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from shots.detector import write_masks
from shots.files import write_cameras, write_grey, write_mesh
from shots.grading import Grade, apply_grade
from shots.materials import black

FIRST_FRAME = 1001
FOCAL_MM, SENSOR_MM = 32.0, 36.0
MATTE_SAMPLES = 64
MOST_DIFFERENCE = 0.05  # between the object in the plate and alone, in display values
Things = Sequence[bpy.types.Object]


@dataclass(frozen=True)
class Scene:
    """What is filmed, and how.

    build: makes everything on an empty file and returns what is the object, its closed surface first. path: the
    camera's matrices to the world (Blender's axes), one for each of so many frames. surface: the name of the mesh of
    truth, None for what moves. moves: for each part of an object that moves the same as path. focal: length in mm at a time
    in [0, 1]. shutter: share of the shot's length that it is open, centred on each frame. grade: how the picture of a time
    in [0, 1] is exposed and balanced. shadowed: also render clean plates in which the object's shadow and reflections stay.
    """

    build: Callable[[], list[bpy.types.Object]]
    path: Callable[[int], list[Matrix]]
    surface: str | None = "mesh.ply"
    moves: Callable[[int], list[list[Matrix]]] = lambda frames: []
    focal: Callable[[float], float] = lambda t: FOCAL_MM
    shutter: float = 0.0
    grade: Callable[[float], Grade] = lambda t: Grade()
    shadowed: bool = True


@dataclass(frozen=True)
class Look:
    """How a shot is rendered: size in pixels, Cycles samples (denoised), JPEG quality, threads (0: all)."""

    size: tuple[int, int]
    samples: int
    quality: int
    threads: int = 0


def make_shot(out: Path, scene: Scene, frames: int, look: Look, only: Iterable[int] = ()) -> None:
    """Build the scene, render every frame with its truth, write the camera model, the masks, and the mesh of what stands.

    only: numbers of the frames to render, where not all; no masks are written then.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    camera = _prepare(look)
    things = scene.build()
    path = scene.path(frames)
    names = [f"plate.{FIRST_FRAME + i}" for i in range(frames)]
    truth, only = out / "truth", set(only)
    cleans = ["clean", "shadowed"] if scene.shadowed else ["clean"]
    for folder in (out / "plates", truth / "matte", *(truth / name for name in cleans)):
        folder.mkdir(parents=True, exist_ok=True)
    if scene.surface is not None:
        write_mesh(truth / scene.surface, *_triangles(things[0]))
    lengths = [scene.focal(i / max(frames - 1, 1)) for i in range(frames)]
    focals = [length / SENSOR_MM * look.size[0] for length in lengths]
    write_cameras(truth / "cameras", [f"{n}.jpg" for n in names], [_pose(m) for m in path], look.size, focals)
    parts = dict(zip(things, scene.moves(frames), strict=False))
    place = _move({camera: path, **parts}, lengths, scene.shutter * (frames - 1))

    mattes = []
    with tempfile.TemporaryDirectory() as scratch:
        for i, name in enumerate(names):
            if only and FIRST_FRAME + i not in only:
                continue
            place(i)
            bpy.context.scene.cycles.seed = i
            apply_grade(scene.grade(i / max(frames - 1, 1)))
            _render(look.samples)
            _save(out / "plates" / f"{name}.jpg", look.quality)
            _save(Path(scratch) / "plate.png")
            for folder in cleans:
                with _gone(things, shadow=folder == "shadowed"):
                    _render(look.samples)
                _save(truth / folder / f"{name}.jpg", look.quality)
            mattes.append(_render_matte(things, Path(scratch)))
            write_grey(truth / "matte" / f"{name}.png", mattes[-1])
            if i % 8 == 0:
                _check_foreground(Path(scratch) / "plate.png", mattes[-1], things, look)
            print(f"{name}: {i + 1} of {frames}", flush=True)
    if not only:
        write_masks(out / "masks", names, mattes)


def _prepare(look: Look) -> bpy.types.Object:
    """Set up Cycles on an empty file; returns the camera."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 4
    scene.render.resolution_x, scene.render.resolution_y = look.size
    scene.render.resolution_percentage = 100
    if look.threads:
        scene.render.threads_mode, scene.render.threads = "FIXED", look.threads
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    lens = bpy.data.cameras.new("Camera")
    lens.sensor_fit, lens.lens, lens.sensor_width = "HORIZONTAL", FOCAL_MM, SENSOR_MM
    camera = bpy.data.objects.new("Camera", lens)
    bpy.context.collection.objects.link(camera)
    scene.camera = camera
    return camera


def _move(
    paths: dict[bpy.types.Object, list[Matrix]], lengths: Sequence[float], shutter: float
) -> Callable[[int], None]:
    """What brings the camera, first in paths, and all else that moves to a frame.

    With an open shutter all of it is animated, so that it blurs. lengths: focal lengths in mm.
    """
    lens = next(iter(paths)).data

    def place(i: int) -> None:
        for thing, path in paths.items():
            thing.matrix_world = path[i]
        lens.lens = lengths[i]

    if shutter == 0:
        return place
    scene = bpy.context.scene
    scene.render.use_motion_blur, scene.render.motion_blur_shutter = True, shutter
    scene.render.motion_blur_position = "CENTER"
    for thing, path in paths.items():
        thing.rotation_mode = "QUATERNION"
        before = None
        for i, matrix in enumerate(path):
            at, turn, _ = matrix.decompose()
            if before is not None:
                turn.make_compatible(before)
            thing.location, thing.rotation_quaternion, before = at, turn, turn
            thing.keyframe_insert("location", frame=FIRST_FRAME + i)
            thing.keyframe_insert("rotation_quaternion", frame=FIRST_FRAME + i)
    for i, length in enumerate(lengths):
        lens.lens = length
        lens.keyframe_insert("lens", frame=FIRST_FRAME + i)
    return lambda i: scene.frame_set(FIRST_FRAME + i)


def _pose(to_world: Matrix) -> list[float]:
    """COLMAP's quaternion and translation of a camera: y down, z forward."""
    to_camera = Matrix.Diagonal((1, -1, -1, 1)) @ to_world.inverted()
    return [*to_camera.to_quaternion(), *to_camera.to_translation()]


def _triangles(thing: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N, 3) in the world, and their triangles (M, 3)."""
    mesh = thing.data
    mesh.calc_loop_triangles()
    vertices = np.array([thing.matrix_world @ v.co for v in mesh.vertices])
    return vertices, np.array([t.vertices[:] for t in mesh.loop_triangles])


def _render(samples: int, denoise: bool = True, transparent: bool = False) -> None:
    """Render the scene as it stands; _save then writes the picture."""
    scene = bpy.context.scene
    scene.cycles.samples, scene.cycles.use_denoising = samples, denoise
    scene.render.film_transparent = transparent
    bpy.ops.render.render()


def _save(file: Path, quality: int = 95, colours: str = "RGB") -> None:
    """Write the last render as PNG or JPEG, by the file's ending."""
    settings = bpy.context.scene.render.image_settings
    settings.file_format = "PNG" if file.suffix == ".png" else "JPEG"
    settings.color_mode, settings.quality = colours, quality
    bpy.data.images["Render Result"].save_render(str(file))


@contextmanager
def _gone(things: Things, shadow: bool) -> Iterator[None]:
    """The scene as if the things, and with them their shadows unless these stay, had never been there."""
    attribute, gone = ("visible_camera", False) if shadow else ("hide_render", True)
    for thing in things:
        setattr(thing, attribute, gone)
    yield
    for thing in things:
        setattr(thing, attribute, not gone)


def _render_matte(things: Things, scratch: Path) -> np.ndarray:
    """The object's antialiased coverage (H, W) in [0, 1]: all the rest is cut out of a transparent film."""
    others = _others_than(things)
    for other in others:
        other.is_holdout = True
    # How things look is of no account, and takes most of the time.
    bounces, bpy.context.scene.cycles.max_bounces = bpy.context.scene.cycles.max_bounces, 0
    bpy.context.view_layer.material_override = black("Cover")
    _render(MATTE_SAMPLES, denoise=False, transparent=True)
    bpy.data.materials.remove(bpy.context.view_layer.material_override)
    bpy.context.scene.cycles.max_bounces = bounces
    for other in others:
        other.is_holdout = False
    _save(scratch / "matte.png", colours="RGBA")
    return _read_pixels(scratch / "matte.png")[..., 3]


def _others_than(things: Things) -> list[bpy.types.Object]:
    return [o for o in bpy.context.scene.objects if o not in things and o.type in ("MESH", "FONT", "CURVES")]


def _check_foreground(plate: Path, matte: np.ndarray, things: Things, look: Look) -> None:
    """Rendered alone in the room's light, the object must look as in the plate where the matte is full."""
    with _gone(_others_than(things), shadow=True):
        _render(look.samples, transparent=True)
    alone = plate.with_name("alone.png")
    _save(alone, colours="RGBA")
    difference = np.abs(_read_pixels(alone)[..., :3] - _read_pixels(plate)[..., :3])
    error = float(difference[matte > 0.999].mean())
    print(f"the object alone differs from the plate by {error:.4f}")
    if error > MOST_DIFFERENCE:
        raise RuntimeError(f"the object rendered alone differs from the plate by {error:.3f}")


def _read_pixels(file: Path) -> np.ndarray:
    """An image as (H, W, 4) float32, top row first, as encoded in the file."""
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "CHANNEL_PACKED"
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1]
