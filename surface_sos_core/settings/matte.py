"""Settings of mattes: what rays find of the object, and what the plate's own edges make of it."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class MatteSettings(Group):
    """From rays to alpha, before any plate is looked at."""

    NAME: ClassVar[str] = "matte"

    stride: int = setting(
        4, "Pixels between the rays of the first look, which finds where the object is.", 1, 64, "pixels"
    )
    certain: float = setting(0.02, "Alpha nearer than this to 0 or 1 is taken as such.", 0, 0.2)
    solid: float = setting(
        0.9,
        "Where the first look finds alpha above this all around, only the surface's depth is looked for.",
        0,
        1,
    )
    surface_off: float = setting(
        0.5,
        "A traced point is on the surface if it is this near, in widths 1 / b of the surface.",
        0,
        100,
        "widths",
    )
    surface_near: float = setting(
        0.1,
        "A traced point is the surface that the first look saw if it is this near to it.",
        0,
        10,
        "half the box's side",
    )
    outline_step: float = setting(
        0.2, "Pixels among whose neighbours alpha differs by more than this get the sub-pixel rays.", 0, 1
    )
    hole_alpha: float = setting(0.25, "A hole with no pixel of less alpha than this is none.", 0, 1)
    hole_width: float = setting(
        4.0,
        "Half the width up to which a hole may be real though no pixel of it is clear.",
        0,
        1000,
        "pixels",
    )
    hole_begins: float = setting(
        5.0, "A hole begins where so many times as much as `certain` is missing.", 0, 50, "times"
    )
    speck: float = setting(
        0.003, "Parts on their own smaller than this share of the largest one are noise.", 0, 1, "of its area"
    )
    shared_cells: int = setting(
        64, "Cells a side of the grid that says what several cameras look at.", 2, 512, "cells"
    )
    shared_cameras: int = setting(
        60, "Cameras asked what they look at, spread evenly over the shot.", 1, 100_000, "cameras"
    )
    shared_least: int = setting(
        3,
        "Cameras that must look at a place before background there may hide the object.",
        1,
        1000,
        "cameras",
    )


class RedrawSettings(Group):
    """The outline that matting found, moved to where the picture's colours and edges want it."""

    NAME: ClassVar[str] = "redraw"

    least_band: int = setting(
        5,
        "Where the band's radius is less, in small pictures, the outline stays as matting found it: details are as small as the "
        "band then.",
        1, 1000, "pixels",
    )  # fmt: skip
    opinion: float = setting(
        3.0, "What the alpha so far counts at most beside the colours nearby.", 0, 100, "log odds"
    )
    smoothness: float = setting(
        0.25,
        "What an outline costs for each pixel of its length where the picture is flat, times the pixels of the band's radius: "
        "what counts as a small bay grows with the picture.",
        0, 1000, "log odds",
    )  # fmt: skip
    around: float = setting(
        6.0, "How far around the band colours are learnt.", 1, 1000, "of the band's radius"
    )


class MattingSettings(Group):
    """Closed-form matting: the matte's last pixels by the plate's own edges, and the foreground's own colour."""

    NAME: ClassVar[str] = "matting"

    epsilon: float = setting(
        1e-5,
        "Colours that differ by less than its square root, which is what noise leaves, tell little of alpha.",
        1e-9, 1, "display values squared",
    )  # fmt: skip
    hold: float = setting(
        0.001, "Weight of the alpha by rays in the band, against the matting Laplacian.", 0, 1000
    )
    hold_thin: float = setting(
        0.3,
        "Weight of the alpha by rays on thin parts and narrow gaps, which the Laplacian alone lets sink into what is around them.",
        0,
        1000,
    )
    drawn_in: float = setting(
        0.75,
        "Factor on the odds of alpha by rays outside of thin parts: surfaces start from hulls, which are too large.",
        0.01,
        100,
    )
    unsure: float = setting(
        0.4, "Thin parts whose alpha by rays is within this of 0.5 are open, wherever they are.", 0, 0.5
    )
    thin: float = setting(
        0.4, "Parts of at most this share of the band's radius, either side of their middle, are thin.", 0, 10
    )
    thin_pixels: int = setting(
        3,
        "Parts of at most so many pixels are thin, whatever the radius: the Laplacian loses what is not much wider than 3.",
        1,
        100,
        "pixels",
    )
    haze: float = setting(
        0.1,
        "Alpha that the solver leaves as a veil on plain colours, taken off it; 0.5 stays where it is.",
        0,
        0.49,
    )
    second_band: float = setting(0.6, "Radius of the second, narrower band.", 0.01, 1, "of the first's")
    hold_by_plate: float = setting(
        2.0, "Weight of the alpha so far once the clean plate has its say as well.", 0, 1000
    )
    plate_say: float = setting(
        8.0,
        "Weight of what the clean plate tells where object and background are of very different colours.",
        0,
        1000,
    )
    alike: float = setting(
        0.3,
        "Colours nearer than about this hardly tell object and background apart.",
        0.001,
        10,
        "display values",
    )
    misfit: float = setting(
        0.1,
        "Mixtures of object and background so far off the plate hardly tell alpha.",
        0.001,
        10,
        "display values",
    )
    solid: float = setting(0.9, "Alpha below this within the object is a hole.", 0, 1)
    hole_contrast: float = setting(
        0.04,
        "How much a hole's colours must differ from those around it, times its least alpha, to be real.",
        0, 10, "display values",
    )  # fmt: skip
    hole_rim: int = setting(4, "Pixels around a hole that it is compared with.", 1, 100, "pixels")
    island: float = setting(
        0.001,
        "What stands by itself in a finished matte, smaller than this share of the largest, is clutter, unless a mask holds it.",
        0, 1, "of its area",
    )  # fmt: skip
    island_alpha: float = setting(0.2, "It stands by itself where alpha is no more than this around it.", 0, 1)
    freedom: float = setting(
        0.6,
        "Share by which the clean plate may change the foreground's estimated colour; its mistakes would shine in haze.",
        0,
        100,
    )
    dark: float = setting(
        0.05,
        "Added to the foreground's colour before `freedom` is taken of it, so that dark ones have room as well.",
        0,
        10,
        "scene-linear",
    )


class CheckSettings(Group):
    """Mattes beside what masks say: what nearly all masks hold stays in, and what strongly differs is told."""

    NAME: ClassVar[str] = "check"

    uphold: bool = setting(
        True,
        "Put back what a frame's mask and all masks together hold, take out what neither holds, and let colours decide where "
        "mask and matte differ.",
    )
    sure: float = setting(
        0.8, "The hull is certain where m^P is above this, and where it is below 1 minus this.", 0.5, 1
    )
    blob: float = setting(
        0.02,
        "Width from which on a difference from the masks is more than an outline, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    outline: float = setting(
        0.02,
        "How far in from the outline of what masks hold every hole is filled, however small it is.",
        0, 1, "of the edge",
    )  # fmt: skip
    differ: float = setting(
        0.0075,
        "Width from which on the frame's colours decide where mask and matte differ, as a share of the longer edge.",
        0, 1, "of the edge",
    )  # fmt: skip
    differ_pixels: float = setting(
        4.0,
        "That width is no less than this, since outlines of small pictures differ by pixels.",
        0, 1000, "pixels",
    )  # fmt: skip
    opinion: float = setting(
        1.5,
        "What mask, hull and matte each count beside the frame's colours where they differ.",
        0, 100, "log odds",
    )  # fmt: skip
    agreed: float = setting(
        4.0,
        "What mask and matte count where they say the same, more than colours can tell.",
        0, 100, "log odds",
    )  # fmt: skip
    edge: int = setting(
        512, "Frames are solved again with so many pixels along the longer edge.", 16, 4096, "pixels"
    )
    doubt: float = setting(
        0.05,
        "A frame is named where its matte differs from its mask by more than this share of the object.",
        0, 10, "of the object",
    )  # fmt: skip
    doubt_by_hull: float = setting(
        0.2,
        "The same for a frame without a mask, by the hull of the others' masks.",
        0, 10, "of the hull",
    )  # fmt: skip
