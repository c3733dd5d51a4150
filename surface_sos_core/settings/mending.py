"""Settings of the stage masks: masks mended by each other, and what colours and edges tell."""

from __future__ import annotations

from typing import ClassVar

from surface_sos_core.settings.setting import Group, setting


class MendingSettings(Group):
    """Masks mended by what the other frames' masks say of the same places."""

    NAME: ClassVar[str] = "mending"

    few: float = setting(
        0.5,
        "Where a smaller share of the frames has a mask, the others get one.",
        0, 1, "of the frames",
    )  # fmt: skip
    edge: int = setting(
        256, "Frames are looked at with so many pixels along the longer edge.", 16, 4096, "pixels"
    )
    voters: int = setting(60, "At most so many frames with a mask are asked.", 1, 100_000, "frames")
    sure: float = setting(0.9, "A mask's pixels teach colours from this value on.", 0.5, 1)
    colour_weight: float = setting(0.5, "How much colours count beside the votes.", 0, 100)
    hull_weight: float = setting(
        0.5, "How much the hull counts against what no frame with a mask sees.", 0, 100
    )
    contradicted: float = setting(
        0.5, "Log odds of the votes against a mask from which on it is wrong.", 0, 100, "log odds"
    )
    heard: int = setting(3, "So many frames have to see a place to mend a mask there.", 1, 100_000, "frames")
    # What is put in may be small; what is taken out is large, since the depth of thin parts is that of what is behind
    # them, and so are their votes.
    lost: float = setting(
        5 / 256,
        "Width of the disc that fits into what is put in, as a share of the longer edge.",
        0,
        1,
        "of the edge",
    )
    grabbed: float = setting(
        11 / 256, "Width of the disc that fits into what is taken out.", 0, 1, "of the edge"
    )
    least_seen: float = setting(
        0.2,
        "Share of the hull that frames with a mask have to see in a frame without one, or it stays without.",
        0, 1, "of the hull",
    )  # fmt: skip
    consensus_resolution: int = setting(
        96, "Cells along the box's longest side of the hull for frames without a mask.", 8, 1024, "cells"
    )


class VoteSettings(Group):
    """Votes of the frames that see the very same place of a surface."""

    NAME: ClassVar[str] = "votes"

    same: float = setting(2.0, "Steps of disparity that are the same place.", 0, 1000, "steps")
    prior: float = setting(
        0.25,
        "Votes for the object, and against it, that nobody gave: one frame alone may be wrong.",
        0.001, 1000, "votes",
    )  # fmt: skip
    most: float = setting(3.5, "How much votes can tell.", 0, 100, "log odds")


class ColourSettings(Group):
    """What a pixel's colour tells by how often the object and all else have it."""

    NAME: ClassVar[str] = "colours"

    bins: int = setting(24, "Bins of each of L, a and b.", 2, 64, "bins")
    smooth: float = setting(0.8, "Standard deviation that frequencies are smoothed with.", 0.01, 100, "bins")
    most: float = setting(3.0, "How much a colour can tell.", 0, 100, "log odds")
    telling: float = setting(
        0.8,
        "Object and rest differ so much, as a total variation, where colours are wholly trusted.",
        0.01,
        1,
    )
    steepness: float = setting(8.0, "The power by which trust falls where they differ less.", 0, 100)
    finer: int = setting(
        3,
        "Times as many bins of a and of b for what is told nearby, where a hardly different tint may be another thing.",
        1, 16, "times",
    )  # fmt: skip
    smooth_light: float = setting(0.8, "Standard deviation in L for what is told nearby.", 0.01, 100, "bins")
    smooth_tint: float = setting(
        0.6, "Standard deviation in a and b for what is told nearby.", 0.01, 100, "finer bins"
    )
    alike: float = setting(
        2.5, "As far apart bins still count for each other there.", 0, 10, "standard deviations"
    )
    window: float = setting(
        0.12,
        "How far away pixels tell of a colour's meaning, a standard deviation as a share of the longer edge.",
        0.001, 10, "of the edge",
    )  # fmt: skip
    seen: float = setting(
        5.0,
        "Pixels of a colour seen nearby that say as much of it as all others in general.",
        0.001,
        1e6,
        "pixels",
    )
    general: float = setting(
        50.0,
        "Pixels that what is told of the colour in general counts for beside those nearby.",
        0.001,
        1e6,
        "pixels",
    )


class EdgeSettings(Group):
    """How edges of the picture, and jumps in depth, part pixels next to each other."""

    NAME: ClassVar[str] = "edges"

    smoothness: float = setting(
        4.0,
        "What an outline costs for each pixel of its length where the picture is flat.",
        0,
        1000,
        "log odds",
    )
    same: float = setting(1.0, "Step of disparity that is no jump yet.", 0, 1000, "steps")
    jump: float = setting(2.0, "Further steps that make one.", 0.001, 1000, "steps")
    most_jumps: float = setting(2.0, "Jumps that count as one such, at most.", 0, 1000, "jumps")
    walk_contrast: float = setting(
        1.0, "How much less points spread over a step of the picture's mean square contrast.", 0, 1000, "log"
    )
    walk_jump: float = setting(2.0, "How much less they spread over a jump in depth.", 0, 1000, "log")
    walk_least: float = setting(
        1e-3, "What they spread over any edge, against 1 where the picture is flat.", 1e-9, 1
    )
