"""The consensus as a file: the coarse masks of all frames and what they agree on, in one .npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from surface_sos_core.arrays import DAMAGE, read_arrays, read_head
from surface_sos_core.cameras import Box
from surface_sos_core.errors import InputError
from surface_sos_core.files import write_atomically
from surface_sos_core.footage.frame_stack import FrameStack, let_go
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.settings.masks import MOST_EDGE, MOST_LOOK

_KEPT_BYTES = 1 << 28  # at most, of what is kept beside the masks
_AGREED = ("grid", "trust", "agreement", "centre", "half", "rotation")


def save_consensus(path: Path, probability: np.ndarray, consensus: Consensus) -> None:
    """Keep the coarse masks (frames, h, w) uint8 and what they agree on in one .npz."""
    box = consensus.box
    header = {"descr": "|u1", "fortran_order": False, "shape": probability.shape}
    with write_atomically(path) as partial:
        with partial.open("wb") as file:
            np.savez_compressed(
                file, grid=consensus.grid, trust=consensus.trust, agreement=consensus.agreement,
                centre=box.centre, half=box.half, rotation=box.rotation,
            )  # fmt: skip
        with (
            zipfile.ZipFile(partial, "a", zipfile.ZIP_DEFLATED) as archive,
            archive.open("probability.npy", "w", force_zip64=True) as member,
        ):
            np.lib.format.write_array_header_1_0(member, header)
            for frame in probability:  # one at a time, so that they need not be in memory together
                member.write(frame.tobytes())
                let_go(probability)


def read_consensus(path: Path, frames: int) -> Consensus:
    """What `save_consensus` was told that the masks of so many frames agree on; InputError for any other file."""
    try:
        kept = read_arrays(path, _KEPT_BYTES + frames * MOST_LOOK**2, _AGREED)
        trust, grid = kept["trust"], kept["grid"]
        if (
            (trust.dtype, trust.ndim, grid.dtype, grid.ndim) != (np.uint8, 3, np.float32, 3)
            or not len(trust) == len(kept["agreement"]) == frames
            or not np.issubdtype(kept["agreement"].dtype, np.floating)
            or len(set(grid.shape)) != 1
            or not np.isfinite(grid).all()
        ):
            raise ValueError("its arrays do not fit together")
        box = Box(kept["centre"], kept["half"], kept["rotation"])
        if (
            (box.centre.shape, box.half.shape, box.rotation.shape) != ((3,), (3,), (3, 3))
            or not np.isfinite(box.similarity).all()
            or not (box.half > 0).all()
        ):
            raise ValueError("its box is none")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    with _packed_masks(path, frames) as (_, pictures):
        for _ in pictures:  # to their checksum, so that damage shows before anything is made from them
            pass
    return Consensus(box, grid, trust, kept["agreement"])


def unpack_masks(path: Path, folder: Path, frames: int) -> FrameStack:
    """The coarse masks (frames, h, w) that `save_consensus` kept in `path`, to be read pixel by pixel from a temporary file
    in `folder`.

    Raises InputError for any other file.
    """
    with _packed_masks(path, frames) as (shape, pictures):
        stack = FrameStack(shape, folder)
        try:
            for i, picture in enumerate(pictures):
                stack[i] = picture
        except BaseException:
            stack.close()
            raise
        return stack


@dataclass(frozen=True)
class SolidMasks:
    """The coarse masks of all frames as where they hold the object, a bit a pixel, so that all of them stay in memory."""

    size: tuple[int, int]
    """Height and width."""
    bits: np.ndarray
    """(frames, bytes) uint8, row by row as `np.packbits` has them."""

    @staticmethod
    def read(path: Path, frames: int) -> SolidMasks:
        """Those that `save_consensus` kept in `path` of so many frames; raises InputError for any other file."""
        with _packed_masks(path, frames) as (shape, pictures):
            bits = np.stack([np.packbits(picture > 127) for picture in pictures])
        return SolidMasks((shape[1], shape[2]), bits)

    def __getitem__(self, frame: int) -> np.ndarray:
        """(h, w) bool of a frame."""
        height, width = self.size
        return np.unpackbits(self.bits[frame], count=height * width).reshape(self.size).view(bool)


@contextmanager
def _packed_masks(path: Path, frames: int) -> Iterator[tuple[tuple[int, ...], Iterator[np.ndarray]]]:
    """Shape (frames, h, w) of the coarse masks in `path`, and the masks one after the other, flat; InputError."""
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(path))
            packed = opened.enter_context(archive.open("probability.npy"))
            shape, by_columns, dtype = read_head(packed)
            if dtype != np.uint8 or len(shape) != 3 or shape[0] != frames or by_columns:
                raise ValueError(f"its masks are not those of {frames} frames")
            if not 0 < min(shape[1:]) <= max(shape[1:]) <= MOST_EDGE:
                raise ValueError("its masks have no size that masks have")
        except (OSError, ValueError, *DAMAGE) as error:
            raise _unreadable(path, error) from error
        yield shape, _pictures(path, packed, frames, shape[1] * shape[2])


def _pictures(path: Path, packed: IO[bytes], frames: int, size: int) -> Iterator[np.ndarray]:
    """(size,) uint8 of each frame; what goes wrong here is the file's, whoever writes the pictures elsewhere."""
    for wanted in (*(size for _ in range(frames)), 0):
        try:
            picture = packed.read(wanted or 1)  # past the last one, where the checksum is compared
            if len(picture) != wanted:
                raise EOFError("its masks are not as long as they claim")
        except (OSError, ValueError, *DAMAGE) as error:
            raise _unreadable(path, error) from error
        if wanted:
            yield np.frombuffer(picture, np.uint8)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read ({error}); run segment again with --overwrite.")
