"""Settings of what clean plates show where no frame saw the background."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class FillSettings(Group):
    """How background that no frame saw is made, in a few key frames, and carried from there to the others."""

    NAME: ClassVar[str] = "fill"

    key_frames: int = setting(
        3,
        "Most frames that background nobody saw is made in; the others take it from there.",
        0,
        100,
        "frames",
    )
    candidates: int = setting(
        32, "Frames, evenly over the shot, that may become key frames.", 1, 100_000, "frames"
    )
    key_edge: int = setting(48, "Longer edge of the pictures that tell what no frame saw.", 4, 4096, "pixels")
    key_angle: float = setting(
        1.0,
        "Angle between two views of a place at which a key frame suits a third as well.",
        0.001,
        10,
        "radians",
    )
    key_gain: float = setting(
        0.05, "Share of what no frame saw that another key frame has to show better.", 0, 1
    )
    ray_steps: int = setting(
        6, "Steps that find where a ray meets the surface that a key frame sees.", 1, 1000, "steps"
    )
    ray_miss: float = setting(
        0.02, "Distance from that surface up to which it was met.", 0, 10, "of the depth"
    )
    plane_edge: int = setting(
        512, "Longer edge of the pictures square onto planes, in which what nobody saw of them is made.", 16, 8192, "pixels"
    )
    plane_near: float = setting(
        0.006, "How near to a plane a place must be to show what was made of it.", 0, 1, "of the cameras' distance"
    )
    plane_least: float = setting(
        0.05, "Share of what no frame saw that a plane must have to be filled by itself.", 0, 1
    )
    depth: float = setting(
        1.0,
        "What a step in depth counts against one across the picture; less where the depth behind the object is wrong.",
        0,
        100,
    )
    probes: int = setting(600, "Places that tell how alike two views are, about.", 1, 1_000_000, "places")
    depth_edge: int = setting(
        96, "Longer edge of the depth that tells which places are near each other.", 4, 4096, "pixels"
    )
    patch: int = setting(3, "Radius of the patches that texture is put together from.", 1, 20, "pixels")
    apart: int = setting(8, "Holes further apart are filled each by itself.", 0, 10_000, "pixels")
    exemplars: int = setting(
        16,
        "Patches that there must be at the coarsest size, or it is not so coarse.",
        1,
        1_000_000,
        "patches",
    )
    guess: float = setting(0.05, "Trust in the first guess at a hole, which is fog.", 0, 1)
    reach: float = setting(2.0, "How far around a hole texture is looked for.", 0, 100, "times its radius")
    least_reach: int = setting(24, "How far at least.", 1, 10_000, "pixels")
    rounds: int = setting(4, "How often a hole is filled and looked at again, at each size.", 1, 100, "times")
    sweeps: int = setting(4, "How often all its patches look for a better one, each time.", 1, 100, "times")
    searched: int = setting(
        100_000, "Patches of a hole up to which they look everywhere; more only go on from half the size.",
        1, 100_000_000, "patches",
    )  # fmt: skip
    fade: float = setting(
        1.1, "Factor by which trust in what was filled falls, for each pixel into the hole.", 1, 10
    )
    near: float = setting(
        0.0002,
        "What it costs to take texture from as far as the hole's radius, as a squared difference of colours.",
        0,
        100,
    )
    near_square: float = setting(
        0.03,
        "The same in pictures square onto planes, where texture is as large everywhere, but not the same: a rug ends.",
        0,
        100,
    )
    repeat: float = setting(
        0.001,
        "What it costs to take a patch that is taken already, as a squared difference of colours.",
        0,
        100,
    )
