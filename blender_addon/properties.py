"""What the panel asks for, kept with the scene, and how a job is going, kept with the window manager."""

from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .files import plates
from .scene import timing

ADDON = __package__ or ""  # as Blender knows the add-on
_MASK_SOURCES = (
    ("NONE", "None", "The object is what the cameras look at", 0),
    ("FOLDER", "Folder", "White is the object; all frames or a few", 1),
    ("MASK", "Blender Mask", "A mask drawn here, on the frames where it has keys", 2),
    ("BOX", "Drawn Outline", "A mask drawn roughly around the object, on one frame or more", 3),
    ("ANNOTATION", "Annotation", "Drawn around the object with the Annotate tool in the clip editor", 8),
    ("maskrcnn", "Mask R-CNN", "Things of a class, found by a network", 4),
    ("sam2", "Segment Anything 2", "The object, found by a network where the cameras look", 5),
    ("rvm", "Robust Video Matting", "People, found by a network", 6),
    ("rembg", "rembg", "Whatever stands out, found by a network", 7),
)
_ALWAYS = 5  # of these need nothing but the core


def _mask_sources(_: bpy.types.PropertyGroup, context: bpy.types.Context | None) -> list[tuple]:
    """Only what will work: of the networks, those that Check found."""
    own = preferences(bpy.context)
    found = own.mask_sources.split(",") if own is not None else []
    return [item for place, item in enumerate(_MASK_SOURCES) if place < _ALWAYS or item[0] in found]


def _footage_chosen(settings: Any, _: bpy.types.Context) -> None:
    pattern = plates.sequence_of(settings.footage)
    if pattern != settings.footage:
        settings.footage = pattern


def _clip_chosen(settings: Any, _: bpy.types.Context) -> None:
    if settings.clip is not None:
        timing.use_clip(settings.id_data, settings.clip)


class SurfaceSosSettings(bpy.types.PropertyGroup):
    """Scene.surface_sos: one shot."""

    footage_from: EnumProperty(
        name="Footage",
        items=[
            ("FILES", "Files", "A folder of frames, a pattern such as plate.####.exr, or a movie"),
            ("CLIP", "Clip", "A clip that is loaded here"),
        ],
    )
    footage: StringProperty(
        name="Footage",
        description="Folder, pattern such as plate.####.exr, or movie; a frame stands for its sequence",
        subtype="FILE_PATH",
        update=_footage_chosen,
    )
    clip: PointerProperty(name="Clip", type=bpy.types.MovieClip, update=_clip_chosen)
    masks_from: EnumProperty(name="Coarse Masks", items=_mask_sources)
    masks: StringProperty(name="Masks", description="Folder of coarse masks", subtype="DIR_PATH")
    mask: PointerProperty(name="Mask", type=bpy.types.Mask)
    weights: StringProperty(
        name="Weights", description="File or folder of the network's weights", subtype="FILE_PATH"
    )
    pick: StringProperty(
        name="Pick", description="A class of Mask R-CNN, or an object of Cryptomatte, by its name"
    )
    subject: EnumProperty(
        name="Subject",
        items=[
            ("auto", "Automatic", "What the shot shows tells, within the first minute"),
            ("still", "Stands Still", "The camera goes around it; it gets a surface"),
            ("moving", "Moves", "Other times show what is behind it; it gets no surface"),
        ],
    )
    camera_move: EnumProperty(
        name="Camera Move",
        items=[
            ("auto", "Automatic", "What the shot shows tells, within the first minute"),
            ("free", "Travels", "It changes its place"),
            ("turning", "Turns", "It turns or zooms on the spot"),
            ("locked", "Locked", "It stands still"),
        ],
    )
    painted: StringProperty(
        name="Painted Masks",
        description="Folder of masks painted again for some frames, which correct the result; empty: by strokes",
        subtype="DIR_PATH",
    )
    cameras_from: EnumProperty(
        name="Cameras",
        items=[
            ("SOLVE", "Solve", "Find the cameras from the footage"),
            ("MODEL", "COLMAP", "A COLMAP model, text or binary"),
            ("CLIP", "Clip's Track", "The solved camera track of the clip"),
        ],
    )
    cameras: StringProperty(name="COLMAP Model", description="Folder of a COLMAP model", subtype="DIR_PATH")
    box: PointerProperty(
        name="Scene Box",
        description="Box around the object: where the surface is looked for",
        type=bpy.types.Object,
    )
    preset: EnumProperty(
        name="Preset",
        items=[
            ("preview", "Preview", "A look at whether cameras, masks and box are right"),
            ("default", "Default", "Work on a CPU"),
            ("quality", "Quality", "The paper's scale; for a GPU"),
        ],
        default="default",
    )
    device: EnumProperty(
        name="Device",
        items=[
            ("auto", "Automatic", "A GPU where one can be used"),
            ("cpu", "CPU", "The processor"),
            ("cuda", "CUDA", "An NVIDIA GPU"),
        ],
    )
    frames: StringProperty(
        name="Frames", description="Which frames get layers, such as 1001-1040x2,1055; empty for all"
    )
    out: StringProperty(name="Output", description="Folder of the shot", subtype="DIR_PATH")
    overwrite: BoolProperty(name="Overwrite", description="Begin the shot in the output folder anew")


class SurfaceSosRun(bpy.types.PropertyGroup):
    """WindowManager.surface_sos_run: the job as the panel shows it."""

    title: StringProperty()
    running: BoolProperty()
    cancelling: BoolProperty()
    stage: StringProperty()
    stage_index: IntProperty()
    stage_count: IntProperty()
    done: IntProperty()
    total: IntProperty()
    unit: StringProperty()
    percent: FloatProperty(
        subtype="PERCENTAGE", precision=0, min=0.0, max=100.0, get=lambda run: run.share * 100.0
    )
    rate: FloatProperty()
    eta_s: FloatProperty(default=-1.0)
    message: StringProperty(description="How the last job ended, where it was not done")
    success: StringProperty(description="How the last job ended, where it was done")
    warnings: StringProperty(description="All of them, a line each")
    inputs: StringProperty(description="What was read of the shot's files, a line for each kind")
    preview_icon: IntProperty()
    picture_icon: IntProperty(description="Of the picture of a frame with its mask")
    picture_frame: IntProperty()
    out: StringProperty(description="Folder that the job writes to")

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


def preferences(context: bpy.types.Context) -> Any:
    """The add-on's own (interface/preferences.py); None where it was registered by a script and is not enabled."""
    addon: Any = context.preferences.addons.get(ADDON)
    return addon.preferences if addon is not None else None


def shot_settings(context: bpy.types.Context) -> SurfaceSosSettings:
    """The scene's own; the stubs of bpy do not know what add-ons put there."""
    return context.scene.surface_sos  # type: ignore[attr-defined]


def run_state() -> SurfaceSosRun:
    """The one job's state; it belongs to the window manager, so no scene is changed by it."""
    return bpy.context.window_manager.surface_sos_run  # type: ignore[attr-defined]


_CLASSES = (SurfaceSosSettings, SurfaceSosRun)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    _register_classes()
    bpy.types.Scene.surface_sos = PointerProperty(type=SurfaceSosSettings)  # type: ignore[attr-defined]
    bpy.types.WindowManager.surface_sos_run = PointerProperty(type=SurfaceSosRun)  # type: ignore[attr-defined]


def unregister() -> None:
    del bpy.types.WindowManager.surface_sos_run  # type: ignore[attr-defined]
    del bpy.types.Scene.surface_sos  # type: ignore[attr-defined]
    _unregister_classes()
