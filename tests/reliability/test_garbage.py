"""Inputs that are broken in ways we thought of, and in ways that nobody did.

Each kind makes many distinct files that cannot be used; each has to be refused by the error that ends a run with one
sentence, within seconds and without taking memory. Then every parser gets random damage, which it may take or refuse.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
from garbage import Kind, archive, changed, cut, damaged, every_leaf, pickles
from garbage_of_sets import KINDS_OF_SETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blender_addon.errors import AddonError
from blender_addon.files import colmap as addon_colmap
from blender_addon.files import ply
from blender_addon.job import messages
from surface_sos_core.cameras import read_box, read_model
from surface_sos_core.errors import InputError
from surface_sos_core.events import parse_line
from surface_sos_core.footage import image, open_footage, parse_frames
from surface_sos_core.footage.movie import Movie
from surface_sos_core.layers.exr import FrameLayers, read_layers, write_layers
from surface_sos_core.manifest import ManifestError, read_manifest
from surface_sos_core.masks.consensus_file import read_consensus, unpack_masks
from surface_sos_core.mesh.read import read_ply
from surface_sos_core.settings import Settings, settings_from_dict
from surface_sos_core.shot_folder import ShotFolder
from surface_sos_core.train.checkpoint import read_history

REFUSED = (InputError, ManifestError, AddonError)
MOST_SECONDS, MOST_BYTES = 10.0, 1 << 30


# Pictures


def picture(suffix: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    pixels = noise.astype(np.float32) if suffix == ".exr" else noise
    return cv2.imencode(suffix, pixels)[1].tobytes() if suffix != ".exr" else EXR


def png(width: int, height: int, depth: int = 8, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def jpeg(width: int, height: int) -> bytes:
    content = bytearray(picture(".jpg"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def tiff(width: int, height: int) -> bytes:
    content = picture(".tiff")
    for tag, old, new in ((256, 32, width), (257, 24, height)):
        entry = struct.pack("<HHII", tag, 3, 1, old)
        if entry not in content:
            entry = struct.pack("<HHIHH", tag, 3, 1, old, 0)
        assert entry in content
        content = content.replace(entry, struct.pack("<HHII", tag, 4, 1, new))
    return content


def exr(width: int, height: int) -> bytes:
    window = struct.pack("<4i", 0, 0, 31, 23)
    assert EXR.count(window) == 2
    return EXR.replace(window, struct.pack("<4i", 0, 0, width - 1, height - 1))


SIZES = [(100_000, 100_000), (2**31 - 1, 1), (0, 24), (16_384, 60_000), (1, 65_535), (65_000, 65_000)]


def pictures(_: Path) -> Iterator[bytes]:
    for suffix in (".jpg", ".png", ".tiff", ".exr"):
        yield from cut(picture(suffix))
    for width, height in SIZES:
        yield png(width, height)
        yield jpeg(min(width, 65_535), min(height, 65_535))
        yield tiff(width, height)
        yield exr(width, height)
    for width, height in (
        (16_384, 16_384),
        (12_000, 9_000),
    ):  # within what may be, but there is no data for it
        yield png(width, height, 16)
        yield jpeg(width, height)
    yield from (
        b"GIF89a" + bytes(40),
        b"BM" + bytes(60),
        b"<svg/>",
        b"%PDF-1.7",
        b"RIFF0000WEBPVP8 ",
        b"\0" * 500,
    )
    yield from (
        magic + os.urandom(300) for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"v/1\x01")
    )


def movies(folder: Path) -> Iterator[bytes]:
    path = folder / "good.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (64, 48))
    for grey in range(8):
        writer.write(np.full((48, 64, 3), grey * 20, np.uint8))
    writer.release()
    yield from cut(path.read_bytes(), 8)
    yield from (
        b"ffconcat version 1.0\nfile good.mp4\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
        b"[playlist]\nFile1=good.mp4\n",
        bytes(3000),
    )


# Camera models

CAMERAS = "1 PINHOLE 64 48 60 60 32 24\n"
IMAGES = "1 1 0 0 0 0 0 4 1 a.png\n1 2 1\n2 0.9 0 0.1 0 0 0 4 1 b.png\n1 2 1\n"
POINTS = "1 0 0 1 9 9 9 0.5 1 0 2 0\n"
WORDS = ("", "x", "nan", "-inf", "1e999", "99999999999999999999999", "0x1", "-1", "\ud7ff", "1 2")


def each_word(text: str, at: range) -> Iterator[str]:
    """The text with one word of its first line replaced by each of the WORDS."""
    first, _, rest = text.partition("\n")
    for place in at:
        for word in WORDS:
            words = first.split()
            words[place] = word
            yield " ".join(words) + "\n" + rest


def broken_cameras(folder: Path) -> Iterator[bytes]:
    write_model_files(folder)
    for text in each_word(CAMERAS, range(2, 6)):
        if "99999" not in " ".join(text.split()[4:]):  # a lens parameter like any other
            yield text.encode()
    yield from (
        b"",
        b"1 NOLENS 64 48 60 60 32 24\n",
        b"1 PINHOLE 64 48 60\n",
        (CAMERAS * 2).encode(),
        b"\xff\xfe\0",
    )
    yield from (b"1 PINHOLE 0 48 60 60 32 24\n", b"1 PINHOLE 64 48 0 60 32 24\n", b"[" * 10_000)


def broken_images(folder: Path) -> Iterator[bytes]:
    write_model_files(folder)
    for text in each_word(IMAGES, range(1, 9)):
        fine = text.split("\n")[0].split()[1:8]
        with contextlib.suppress(ValueError):
            if len(fine) == 7 and np.isfinite(np.array(fine, float)).all() and text.split()[8] == "1":
                continue  # a number like any other
        yield text.encode()
    yield from (b"", b"1 0 0 0 0 0 0 4 1 a.png\n\n", IMAGES.replace("b.png", "a.png").encode())
    yield from (IMAGES.split("\n", 2)[0].encode(), b"\0" * 400, IMAGES.replace("1 2 1", "1 2 one").encode())


def broken_points(folder: Path) -> Iterator[bytes]:
    write_model_files(folder)
    for text in each_word(POINTS, range(1, 12)):
        words = text.split("\n")[0].split()
        with contextlib.suppress(ValueError, OverflowError, InputError):
            read_points(folder, text)
            assert len(words) == 12  # a number like any other
            continue
        yield text.encode()
    yield from (
        (POINTS * 2).encode(),
        b"1 0 0 1 9 9 9 0.5 1\n",
        b"1 0 0 1 999 9 9 0.5\n",
        b"1 0 0 1 9 9 9 1 7 0\n",
    )


def read_points(folder: Path, text: str) -> None:
    (folder / "points3D.txt").write_text(text, encoding="utf-8")
    read_model(folder)


def write_model_files(folder: Path) -> None:
    for name, text in (("cameras", CAMERAS), ("images", IMAGES), ("points3D", POINTS)):
        (folder / f"{name}.txt").write_text(text)


def binary(count: int = 2, observations: int = 1) -> dict[str, bytes]:
    images = struct.pack("<Q", count)
    for number, name in ((1, b"a.png\0"), (2, b"b.png\0")):
        images += struct.pack("<I7dI", number, 1, 0, 0, 0, 0, 0, number, 1) + name
        images += struct.pack("<Q", observations) + struct.pack("<ddq", 1, 2, 1)
    return {
        "cameras.bin": struct.pack("<Q", 1) + struct.pack("<IiQQ4d", 1, 1, 64, 48, 60, 60, 32, 24),
        "images.bin": images,
        "points3D.bin": struct.pack("<QQ3d3Bd", 1, 1, 0, 0, 1, 9, 9, 9, 0.5)
        + struct.pack("<Q4I", 2, 1, 0, 2, 0),
    }


def broken_binary(name: str) -> Callable[[Path], Iterator[bytes]]:
    def contents(folder: Path) -> Iterator[bytes]:
        good = binary()
        for file, content in good.items():
            (folder / file).write_bytes(content)
        assert len(read_model(folder).points) == 1
        yield from cut(good[name], 15)
        for count in (3, 1 << 20, 1 << 40, (1 << 64) - 1):
            yield struct.pack("<Q", count) + good[name][8:]
        yield good[name][:8] + b"\xff" * (len(good[name]) - 8)
        if name == "images.bin":
            yield from (binary(2, n)[name] for n in (2, 1 << 32, 1 << 60))

    return contents


# JSON


MANIFEST: dict[str, Any] = {
    "schema_version": 2, "settings": {}, "software": {"torch": "2"}, "cameras": "cameras",
    "made": {"train": {"code": "0.1.0+aa", "software": {"torch": "2"}, "ran": {}}}, "objects": {"object": "auto"},
    "footage": {"path": "plates", "width": 64, "height": 48, "title": "plate"},
    "frames": [{"name": "plate.1001", "frame": 1001, "layers": "layers/plate.1001.exr", "doubts": ["blurred"]}],
    "colour_space": "srgb_rec709_scene", "layers_space": "lin_rec709_scene",
    "box": {"centre": [0, 0, 0], "size": [1, 1, 1], "world_to_box": np.eye(4).tolist()},
    "mesh": {"ply": "mesh/object.ply", "glb": None}, "metrics": None, "timings": {"train": 1.5},
    "warnings": ["one"], "stages": ["footage"],
}  # fmt: skip
OUTSIDE = (
    "/etc/passwd", "../secret", "layers/../../x", "..", ".", "", "a//b", "./a", "C:\\x", "c:x", "a\\..\\b",
    "\\\\host\\share", "layers/\0x", "layers/", "//host/x",
)  # fmt: skip
FREE = ("settings", "metrics", "box.centre", "box.size", "made.train.ran")


def manifests(_: Path) -> Iterator[bytes]:
    yield from (b"", b"{", b"null", b"[]", b"7", b"\xff\xfe", b'{"a": ' * 5000, b"[" * 100_000, b"\0" * 64)
    for path in every_leaf(MANIFEST):
        name = ".".join(map(str, path))
        if name.startswith(FREE) or name == "mesh.glb":
            continue
        for value in (True, {"deep": [1]}, float("nan"), [[]]):
            if (name, value) == ("mesh", {"deep": [1]}):
                continue  # a mesh without files; what is unknown is left out
            yield json.dumps(changed(MANIFEST, path, value)).encode()
        if not isinstance(path[-1], int) and path[0] not in ("box", "made", "objects", "software", "timings") and path[-1] not in (
            "layers", "ply", "cameras", "colour_space", "layers_space", "mesh",
        ):  # fmt: skip
            yield json.dumps(changed(MANIFEST, path, KeyError)).encode()
    for path in (("frames", 0, "layers"), ("cameras",), ("mesh", "ply"), ("mesh", "glb")):
        yield from (json.dumps(changed(MANIFEST, path, place)).encode() for place in OUTSIDE)
    yield from (json.dumps(changed(MANIFEST, ("schema_version",), n)).encode() for n in (0, -1, 3, 10**30))


def every_setting(_: Path) -> Iterator[bytes]:
    good = Settings().as_dict()
    for path in every_leaf(good):
        own = good
        for key in path:
            own = own[key]
        for value in ("x" if not isinstance(own, str) else 7, [1], None, 1e300):
            yield json.dumps(changed(good, path, value)).encode()
    for path in (("fields", "log2_table"), ("train", "rays"), ("mesh", "resolution"), ("layers", "samples")):
        yield from (json.dumps(changed(good, path, n)).encode() for n in (0, -5, 10**8))


BOX: dict[str, Any] = {"centre": [0, 0, 1], "size": [2, 2, 2], "rotation": np.eye(3).tolist()}


def boxes(_: Path) -> Iterator[bytes]:
    yield from (b"", b"{", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"a":' * 9000)
    for path in every_leaf(BOX):
        for value in ("x", None, [], float("nan"), float("inf"), {}):
            yield json.dumps(changed(BOX, path, value)).encode()
    yield from (json.dumps({**BOX, "size": [0, 1, 1]}).encode(), json.dumps({**BOX, "more": 1}).encode())
    yield from (json.dumps({**BOX, "size": size}).encode() for size in ([-1, 1, 1], [1, 1], [1, 1, 1, 1]))
    for matrix in (np.zeros((4, 4)), np.ones((4, 4)), np.eye(3), 1e200 * np.eye(4), -np.eye(4), np.eye(5)):
        yield json.dumps({"matrix": matrix.tolist()}).encode()


# Archives and meshes


def good_consensus() -> dict[str, np.ndarray]:
    return {
        "probability": np.zeros((2, 4, 5), np.uint8), "trust": np.zeros((2, 4, 5), np.uint8),
        "grid": np.zeros((3, 3, 3), np.float32), "agreement": np.ones(2),
        "centre": np.zeros(3), "half": np.ones(3), "rotation": np.eye(3),
    }  # fmt: skip


def consensuses(folder: Path) -> Iterator[bytes]:
    good = good_consensus()
    (folder / "good.npz").write_bytes(archive(**good))
    read_consensus(folder / "good.npz", 2)
    yield from cut(archive(**good))
    for name, value in good.items():
        yield archive(**{key: kept for key, kept in good.items() if key != name})
        yield archive(**{**good, name: np.zeros(0)})
        yield archive(**{**good, name: np.full_like(value, "x", dtype="<U3")})
    yield archive(**{**good, "grid": np.full((3, 3, 3), np.nan, np.float32)})
    yield archive(**{**good, "half": np.array([1.0, 0, 1])})
    yield from pickles()


def histories(_: Path) -> Iterator[bytes]:
    yield from cut(archive(meta=np.frombuffer(b'{"history": []}' * 40, np.uint8)))
    for text in (b"", b"{", b"[]", b"{}", b'{"history": 3}', b'{"history": [[1, 2]]}', b"[" * 100_000):
        yield archive(meta=np.frombuffer(text, np.uint8))
    yield archive(meta=np.frombuffer(b'{"history": [[Infinity, 1, 1]]}', np.uint8))
    yield archive(other=np.zeros(3))
    yield from pickles()


PLY = (
    b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    b"element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    + struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    + struct.pack("<B3i", 3, 0, 1, 2)
)


def meshes(folder: Path) -> Iterator[bytes]:
    (folder / "good.ply").write_bytes(PLY)
    assert len(read_ply(folder / "good.ply")[0].faces) == 1
    yield from cut(PLY, 16)
    for count in (b"4", b"-1", b"x", b"999999999999", b"1e9"):
        yield PLY.replace(b"vertex 3", b"vertex " + count)
        yield (
            PLY.replace(b"face 1", b"face " + count) if count != b"-1" else PLY.replace(b"face 1", b"face 0")
        )
    yield from (
        PLY.replace(b"float x", b"list uchar float x"),
        PLY.replace(b"float", b"string"),
        b"ply\n" * 100,
    )
    yield from (PLY[:-4] + struct.pack("<i", n) for n in (3, -1, 1 << 30))
    yield PLY.replace(struct.pack("<f", 1), struct.pack("<f", float("nan")))


def broken_layers(folder: Path) -> Iterator[bytes]:
    yield from cut(LAYERS, 10)
    yield EXR
    yield from (exr(*size) for size in SIZES[:2])


def footage_of_one_frame(path: Path) -> None:
    """The file as a frame among others."""
    good = path.with_name("plate.1001.png")
    if not good.exists():
        good.write_bytes(picture(".png"))
    open_footage(path.parent, warn=lambda message: None).read_linear(1)


def read_votes(path: Path) -> None:
    """As a run does: what the masks agree on, then the masks themselves."""
    read_consensus(path, 2)
    unpack_masks(path, path.parent, 2).close()


KINDS = {
    "picture": Kind("plate.1002.png", pictures, image.decode),
    "frame of footage": Kind("plate.1002.png", pictures, footage_of_one_frame),
    "movie": Kind("clip.mp4", movies, lambda path: Movie(path, False, lambda message: None)),
    "cameras.txt": Kind("cameras.txt", broken_cameras, lambda path: read_model(path.parent)),
    "images.txt": Kind("images.txt", broken_images, lambda path: read_model(path.parent)),
    "points3D.txt": Kind("points3D.txt", broken_points, lambda path: read_model(path.parent)),
    **{
        name: Kind(name, broken_binary(name), lambda path: read_model(path.parent))
        for name in ("cameras.bin", "images.bin", "points3D.bin")
    },
    "manifest": Kind("shot.json", manifests, lambda path: read_manifest(path.parent)),
    "settings": Kind("s.json", every_setting, lambda path: settings_from_dict(json.loads(path.read_text()))),
    "box": Kind("box.json", boxes, read_box),
    "consensus": Kind("c.npz", consensuses, read_votes),
    "checkpoint": Kind("f.npz", histories, read_history),
    "mesh": Kind("mesh.ply", meshes, read_ply),
    "layers": Kind("plate.1001.exr", broken_layers, read_layers),
    **KINDS_OF_SETS,
}
EXR, LAYERS = b"", b""


@pytest.fixture(scope="module", autouse=True)
def real_exrs(tmp_path_factory) -> None:
    """An EXR as others write them, and one of our layers."""
    global EXR, LAYERS
    folder = tmp_path_factory.mktemp("exr")
    random = np.random.default_rng(0).random((24, 32, 4)).astype(np.float32)
    colour, plane = random[..., :3].copy(), random[..., 3].copy()
    with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, {"RGB": colour}) as file:
        file.write(str(folder / "a.exr"))
    write_layers(folder / "b.exr", FrameLayers(random, colour, plane, plane, colour), 1001)
    EXR, LAYERS = (folder / "a.exr").read_bytes(), (folder / "b.exr").read_bytes()


def largest_memory() -> int:
    """Bytes that this process has held at most; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", KINDS)
def test_what_cannot_be_used_is_refused(name, tally, tmp_path):
    kind = KINDS[name]
    path = tmp_path / kind.file
    seen: set[bytes] = set()
    before = largest_memory()
    for content in kind.contents(tmp_path):
        if content in seen:
            continue
        seen.add(content)
        path.write_bytes(content)
        start = time.monotonic()
        with tally.trying("bad inputs refused", name):
            try:
                kind.read(path)
            except REFUSED as error:
                assert str(error) and "\n" not in str(error).strip()
            else:
                pytest.fail(f"{name}: taken: {content[:600]!r} ({len(content)} bytes)")
            assert time.monotonic() - start < MOST_SECONDS
    assert len(seen) >= 9
    assert largest_memory() - before < MOST_BYTES


FRAMES = [
    "", ",", "-", "x", "1001-", "-1001", "1001--1004", "1001-1004x", "1001-1004x0", "1004-1001", "1001..1004", "1001,",
    "1 001", "1001-1004x-1", "99", "1001;1002", "0x3e9", "1e3", "٣", "1001-1004x2x2", "NaN", "10" * 200, "1,2,3",
    "1001\n1002", "1001-10\x0004", "--", "*", "all", "1001.5", "²",
]  # fmt: skip


@pytest.mark.parametrize("text", FRAMES)
def test_frames_that_cannot_be_chosen(text, tally):
    with tally.trying("bad inputs refused", "--frames"), pytest.raises(InputError, match="--frames"):
        parse_frames(text, [1001, 1002, 1003, 1004])


# Damage that nobody thought of

FUZZ = settings(
    settings.get_profile("garbage"),  # of tests/conftest.py: more examples with --long
    deadline=MOST_SECONDS * 1000,
    suppress_health_check=list(HealthCheck),
    database=None,
)
EDITS = st.lists(
    st.tuples(st.sampled_from("xid"), st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)),
    max_size=5,
)


@pytest.mark.parametrize("name", KINDS)
def test_any_damage_is_taken_or_refused(name, tally, tmp_path):
    kind = KINDS[name]
    path = tmp_path / kind.file
    good = {
        "picture": picture(".jpg"), "frame of footage": EXR, "manifest": json.dumps(MANIFEST).encode(),
        "settings": json.dumps(Settings().as_dict()).encode(), "box": json.dumps(BOX).encode(), "mesh": PLY,
        "layers": LAYERS, "consensus": archive(**good_consensus()),
        "checkpoint": archive(meta=np.frombuffer(b'{"history": [[16, 0.5, 0.1]]}', np.uint8)), **binary(),
        "cameras.txt": CAMERAS.encode(), "images.txt": IMAGES.encode(), "points3D.txt": POINTS.encode(),
    }.get(name)  # fmt: skip
    if kind.good is not None:
        good = kind.good(tmp_path)
    if good is None:
        first = next(iter(kind.contents(tmp_path)))  # writes a good one beside
        good = (tmp_path / "good.mp4").read_bytes() or first
    if name.endswith(".txt"):
        write_model_files(tmp_path)
    for file, content in binary().items() if name.endswith(".bin") else ():
        (tmp_path / file).write_bytes(content)
    suffixes = (".jpg", ".png", ".tiff") if name == "picture" else (None,)

    @FUZZ
    @given(st.sampled_from(suffixes), EDITS)
    def fuzz(suffix: str | None, edits: list) -> None:
        path.write_bytes(damaged(picture(suffix) if suffix else good, edits))
        with tally.trying("random damage taken or refused", name):
            try:
                kind.read(path)
            except json.JSONDecodeError:
                assert name == "settings"  # the manifest's parser stands before it
            except UnicodeDecodeError:
                assert name == "settings"
            except AttributeError:
                assert name == "settings" and not isinstance(json.loads(path.read_text()), dict)
            except TypeError:
                assert name == "settings" and not isinstance(json.loads(path.read_text()), dict)
            except REFUSED as error:
                assert str(error)

    fuzz()


ADDON = {
    "add-on cameras.txt": ("cameras.txt", lambda path: addon_colmap.read_model(path.parent)),
    "add-on images.txt": ("images.txt", lambda path: addon_colmap.read_model(path.parent)),
    "add-on points3D.txt": ("points3D.txt", lambda path: addon_colmap.read_model(path.parent)),
    "add-on images.bin": ("images.bin", lambda path: addon_colmap.read_model(path.parent)),
    "add-on points3D.bin": ("points3D.bin", lambda path: addon_colmap.read_model(path.parent)),
    "add-on mesh": ("object.ply", ply.read_ply),
}


@pytest.mark.parametrize("name", ADDON)
def test_the_add_on_takes_or_refuses_any_damage(name, tally, tmp_path):
    file, read = ADDON[name]
    if file.endswith(".bin"):
        for other, content in binary().items():
            (tmp_path / other).write_bytes(content)
    else:
        write_model_files(tmp_path)
    path = tmp_path / file
    good = path.read_bytes() if path.exists() else PLY

    @FUZZ
    @given(EDITS)
    def fuzz(edits: list) -> None:
        path.write_bytes(damaged(good, edits))
        with tally.trying("random damage taken or refused", name), contextlib.suppress(AddonError):
            read(path)

    fuzz()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LINES = st.text() | st.builds(
    lambda kind, rest: json.dumps({**rest, "event": kind}),
    st.sampled_from(["stage", "progress", "preview", "warning", "error", "done", "doctor", "other"]),
    st.dictionaries(
        st.sampled_from(["stage", "index", "count", "done", "total", "unit", "rate", "message"]), JSON
    ),
)


@FUZZ
@given(LINES)
def test_any_line_of_a_child_is_read(tally, line):
    with tally.trying("random damage taken or refused", "events"):
        event = parse_line(line)
        assert event is None or isinstance(event["event"], str)
        messages.from_line(line)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"event": ' * 5000, "1" * 5000, "NaN", '"\\ud800"', "{}\0"])
def test_a_line_that_is_no_event(line, tally):
    with tally.trying("bad inputs refused", "events"):
        assert parse_line(line) is None


@FUZZ
@given(st.text(alphabet="0123456789-,x +eE.", max_size=24), st.lists(st.integers(0, 3000), max_size=6))
def test_any_list_of_frames_is_chosen_or_refused(tally, text, numbers):
    with tally.trying("random damage taken or refused", "--frames"):
        try:
            chosen = parse_frames(text, numbers)
        except InputError:
            return
        assert chosen == sorted(set(chosen)) and set(chosen) <= set(range(len(numbers))) and chosen


@FUZZ
@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["cameras", "train"]), JSON, max_size=4))
def test_any_note_of_stages_is_read(tally, tmp_path, stages):
    folder = ShotFolder(tmp_path)
    folder.checkpoint.mkdir(exist_ok=True)
    folder.state.write_text(json.dumps(stages))
    with tally.trying("random damage taken or refused", "state.json"):
        changes = folder.changes("train", {"seed": 1})
        assert changes is None or changes
