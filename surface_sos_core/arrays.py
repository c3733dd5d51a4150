"""Arrays in an .npz as our own files hold them; anything else is refused before it takes memory.

An .npz is a zip of .npy files (numpy.lib.format). A few kilobytes of it can claim terabytes, or unpack to them.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Container
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

_BLOCK = 1 << 20
# What zipfile, zlib and numpy's reading of headers raise for broken ones, beside ValueError.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    tokenize.TokenError,
)


def read_arrays(path: Path, most_bytes: int, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of `path` by name, all or those in `names`. Raises ValueError for anything but such a file, or OSError.

    most_bytes: the arrays may not be larger together. Nothing is unpickled, and checksums are compared.
    """
    arrays: dict[str, np.ndarray] = {}
    left = most_bytes
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if names is not None and name not in names:
                    continue
                left -= member.file_size
                if left < 0:
                    raise ValueError(f"it unpacks to more than {most_bytes / 1e6:.0f} MB")
                with archive.open(member) as file:
                    arrays[name] = _read_array(file, member.file_size)
    except DAMAGE as error:
        raise ValueError(f"it is no archive of arrays, or a damaged one ({error})") from error
    return arrays


def read_array(path: Path) -> np.ndarray:
    """The array of an .npy file. Raises ValueError for anything but such a file, or OSError; nothing is unpickled."""
    with path.open("rb") as file:
        return _read_array(file, path.stat().st_size)


def read_head(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it goes by columns, and type of an .npy, up to where its data begin. Raises ValueError for others."""
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"an array is of version {version}")
        shape, by_columns, dtype = read(file)
    except DAMAGE as error:
        raise ValueError(f"an array's header is damaged ({error})") from error
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError("an array holds objects, or has no size that arrays have")
    return shape, by_columns, dtype


def _read_array(file: IO[bytes], size: int) -> np.ndarray:
    """One .npy of `size` bytes."""
    shape, by_columns, dtype = read_head(file)
    count = math.prod(shape)
    if count * dtype.itemsize != size - file.tell():
        raise ValueError(f"an array claims a size of {shape}, which the file does not hold")
    data = bytearray()
    while block := file.read(_BLOCK):  # to its end, where the checksum is compared
        data += block
    if len(data) != count * dtype.itemsize:
        raise ValueError("an array is cut short")
    flat = np.frombuffer(data, dtype)
    return flat.reshape(shape, order="F" if by_columns else "C")
