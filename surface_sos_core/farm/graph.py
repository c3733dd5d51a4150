"""The tasks of a shot, and what each waits for. Standard library only: the command line's options name them."""

from __future__ import annotations

from typing import Literal

Name = Literal["inspect", "cameras", "masks", "train", "layers", "mesh", "report"]
AFTER: dict[Name, tuple[Name, ...]] = {
    "inspect": (),
    "cameras": ("inspect",),
    "masks": ("cameras",),
    "train": ("masks",),
    "layers": ("train",),
    "mesh": ("train",),
    "report": ("layers", "mesh"),
}
"""In the order in which one machine would do them; layers come in chunks of frames."""

ON_GPU: tuple[Name, ...] = ("train", "layers", "mesh", "report")
"""What computes on a GPU where there is one; masks do so where a network finds them."""

CHUNK_S = 300
"""Seconds that a chunk should take: each begins with a look at the whole shot, and one is lost with a machine."""
