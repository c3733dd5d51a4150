"""What bad inputs are made of: a kind of file with its reader, and ways to break a good one."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kind:
    """Files that cannot be used: their contents, and what reads them from a folder where they are called `file`.

    good: the content of one that can be used, where it is easier told than looked for; puts what it needs beside it.
    """

    file: str
    contents: Callable[[Path], Iterator[bytes]]
    read: Callable[[Path], Any]
    good: Callable[[Path], bytes] | None = None


def cut(content: bytes, count: int = 12) -> Iterator[bytes]:
    """The file, cut short at so many places."""
    for share in np.linspace(0, 1, count, endpoint=False):
        yield content[: int(share * len(content))]


def damaged(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """The content with some bytes written over (x), put in (i), or taken out (d)."""
    for kind, share, new in edits:
        at = int(share * len(content))
        content = (
            content[:at] + (new if kind != "d" else b"") + content[at + (len(new) if kind != "i" else 0) :]
        )
    return content


def every_leaf(data: Any, path: tuple = ()) -> Iterator[tuple]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from every_leaf(value, (*path, key))


def changed(data: Any, path: tuple, value: Any) -> Any:
    data = copy.deepcopy(data)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


def archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def pickles() -> Iterator[bytes]:
    """Arrays of objects, which only unpickling could read: it would run what they say."""
    file = io.BytesIO()
    np.savez(file, meta=np.array([{"a": 1}], object), probability=np.array([print], object))
    yield file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name in ("meta.npy", "probability.npy", "grid.npy", "trust.npy"):
            zipped.writestr(name, b"cos\nsystem\n(S'exit 1'\ntR.")
    yield file.getvalue()
