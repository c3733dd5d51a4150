"""Bad inputs of the data sets of others, of what is drawn and painted for us, and of what we keep ourselves."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import math
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import torch
from garbage import Kind, archive, changed, cut, every_leaf, pickles

from surface_sos_core import settings
from surface_sos_core.datasets.dataset import check
from surface_sos_core.datasets.read import read_dataset
from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.exposure import read_gains
from surface_sos_core.layers.still_shadow import StillShadow
from surface_sos_core.masks.coarse import load_masks
from surface_sos_core.masks.sources.cryptomatte import Picker
from surface_sos_core.masks.sources.drawn import read_drawn
from surface_sos_core.settings import CoarseSettings
from surface_sos_core.train.checkpoint import load_trainer, save_trainer
from surface_sos_core.train.trainer import Trainer

WIDTH, HEIGHT = 16, 12
HUGE = 10**400
WRONG = ("x", None, float("nan"), [], {}, HUGE)
NO_JSON = (b"", b"{", b"null", b"7", b'"x"', b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 9000)
OUTSIDE = ("../../out.png", "/etc/passwd", "..", "missing.png", "a\0b", "x" * 300)


def picture(path: Path, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def claims(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    """An .npy that claims to be so large, and holds nothing."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def replaced(data: Any, allowed: Callable[[tuple, Any], bool]) -> Iterator[bytes]:
    """JSON with each leaf and branch replaced by each of the WRONG, but for what is allowed there."""
    for path in every_leaf(data):
        yield from (
            json.dumps(changed(data, path, value)).encode() for value in WRONG if not allowed(path, value)
        )


# Data sets


def of_set(kind: str, folder: Callable[[Path], Path]) -> Callable[[Path], None]:
    """As `surface-sos import` reads it before it writes anything; the set's folder by the file."""
    return lambda path: check(read_dataset(kind, folder(path)))


def poses(focal: float = 12.0) -> np.ndarray:
    """Two rows of poses_bounds.npy."""
    columns = np.array([[0.0, 1, 0, 5, HEIGHT], [0, 0, 1, 0, WIDTH], [1, 0, 0, 0, focal]])
    columns[:, :3] = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    return np.array([[*(columns + [[0, 0, 0, k, 0]] * 3).ravel(), 1.0, 9.0] for k in range(2)])


def good_llff(folder: Path) -> bytes:
    for k in range(2):
        picture(folder / "images" / f"{k}.png")
    return npy(poses())


def llffs(folder: Path) -> Iterator[bytes]:
    good = good_llff(folder)
    yield from cut(good)
    rows = poses()
    yield from map(npy, (rows[:1], rows[:, :16], rows.ravel(), np.zeros((3, 17)), np.zeros((2, 17))))
    yield from map(npy, (rows.astype(int), rows.astype("U9"), np.full((2, 17), np.nan), -rows, rows * np.inf))
    yield from map(npy, (poses(0.0), poses(-3.0), poses(np.nan)))
    yield from (
        claims((1 << 40, 17)),
        claims((2, 1 << 50)),
        claims((-1, 17)),
        claims((2, 17)),
        archive(a=rows),
    )
    file = io.BytesIO()
    np.save(file, np.array([[print] * 17] * 2, object))
    yield file.getvalue()
    yield from pickles()


def projections() -> dict[str, np.ndarray]:
    matrix = np.eye(4)
    matrix[:3, :3] = [[12, 0, 7.5], [0, 12, 5.5], [0, 0, 1]]
    return {f"world_mat_{k}": matrix + k * np.eye(4, k=3) for k in range(2)} | {"scale_mat_0": np.eye(4)}


def good_neus(folder: Path) -> bytes:
    for k in range(2):
        picture(folder / "image" / f"{k}.png")
    return archive(**projections())


def neuses(folder: Path) -> Iterator[bytes]:
    good = projections()
    yield from cut(good_neus(folder))
    for name, value in good.items():
        wrong = (np.full((4, 4), np.nan), np.zeros((3, 4)), np.zeros(0), value.astype("U8"), value * 1j)
        yield from (archive(**{**good, name: one}) for one in wrong)
    for name in ("world_mat_0", "world_mat_1"):
        yield archive(**{**good, name: np.zeros((4, 4))})
        yield archive(**{key: value for key, value in good.items() if key != name})
    yield from (npy(np.eye(4)), b"", b"PK" + bytes(40))
    yield from pickles()


MVSNET = (
    "extrinsic\n1 0 0 0\n0 1 0 0\n0 0 1 4\n0 0 0 1\n\nintrinsic\n12 0 7.5\n0 12 5.5\n0 0 1\n\n1 0.1 128 9\n"
)


def good_blended(folder: Path) -> bytes:
    for k in range(2):
        picture(folder / "blended_images" / f"{k}.png")
    (folder / "cams").mkdir(exist_ok=True)
    (folder / "cams" / "1_cam.txt").write_text(MVSNET)
    return MVSNET.encode()


def blendeds(folder: Path) -> Iterator[bytes]:
    good_blended(folder)
    words = MVSNET.split()
    for place in range(27):
        yield from (
            " ".join([*words[:place], wrong, *words[place + 1 :]]).encode() for wrong in ("x", "nan", "1e999")
        )
    yield from (" ".join(words[:count]).encode() for count in range(0, 27, 3))
    yield from (MVSNET.replace("12", focal).encode() for focal in ("0", "-12"))
    yield from (MVSNET.replace("1 0 0 0", "2 1 0 0").encode(), b"\xff" * 300)


TRUTH = "1.00 0 0 0 0 0 0 1\n1.05 1 0 0 0 0 0 1\n1.10 2 0 0 0 0 0 1\n"
RGB = "1.02 rgb/0.png\n1.07 rgb/1.png\n"


def good_tum(folder: Path, file: str = "groundtruth.txt") -> bytes:
    for k in range(2):
        picture(folder / "freiburg3" / "rgb" / f"{k}.png", 640, 480)
    for name, text in (("groundtruth.txt", TRUTH), ("rgb.txt", RGB)):
        (folder / "freiburg3" / name).write_text(text)
    return TRUTH.encode() if file == "groundtruth.txt" else RGB.encode()


def tums(folder: Path) -> Iterator[bytes]:
    good_tum(folder)
    first, rest = TRUTH.split("\n", 1)
    words = first.split()
    for place in range(8):
        for wrong in ("x", "nan", "inf", "", "1 2"):
            yield f"{' '.join([*words[:place], wrong, *words[place + 1 :]])}\n{rest}".encode()
    yield from (b"", b"# nothing\n", first.encode(), (first + "\n").encode() * 3, b"\xff" * 99)
    yield from (TRUTH.replace("0 0 0 1\n", f"{q}\n").encode() for q in ("0 0 0 0", "1e-9 0 0 0"))
    yield from (TRUTH.replace("1.", "9.").encode(), TRUTH.replace("1.0", "1").encode())  # times of no image


def tum_lists(folder: Path) -> Iterator[bytes]:
    good_tum(folder)
    yield from (
        f"{RGB}1.05 {name}\n".encode() for name in (*OUTSIDE[:3], "groundtruth.txt", "rgb/0.png rgb/1.png")
    )
    yield from (f"{time} rgb/0.png\n{RGB}".encode() for time in ("x", "nan", "1e999", ""))
    yield from (b"", b"1.02 rgb/0.png\n", b"\xff" * 99, RGB.replace("1.0", "99").encode())


def annotations() -> list[dict[str, Any]]:
    return [
        {
            "sequence_name": "1", "frame_number": k + 1,
            "image": {"path": f"dog/1/images/{k}.png", "size": [HEIGHT, WIDTH]},
            "mask": {"path": f"dog/1/masks/{k}.png"},
            "viewpoint": {
                "R": np.eye(3).tolist(), "T": [0.5 * k, 0.0, 4.0], "focal_length": [2.0, 2.0],
                "principal_point": [0.0, 0.0], "intrinsics_format": "ndc_isotropic",
            },
        }
        for k in range(2)
    ]  # fmt: skip


def good_co3d(folder: Path) -> bytes:
    for k in range(2):
        for kind in ("images", "masks"):
            picture(folder / "dog" / "1" / kind / f"{k}.png")
    return gzip.compress(json.dumps(annotations()).encode())


def co3ds(folder: Path) -> Iterator[bytes]:
    def allowed(path: tuple, value: Any) -> bool:
        if path[1:] in (("mask",), ("mask", "path")):
            return not value
        return path[-1] == "intrinsics_format" or (path[-1] == "frame_number" and value == HUGE)

    yield from cut(good_co3d(folder))
    yield json.dumps(annotations()).encode()
    yield from map(gzip.compress, NO_JSON)
    for content in replaced(annotations(), allowed):
        yield gzip.compress(content)
    for path in ((0, "image", "path"), (0, "mask", "path")):
        yield from (
            gzip.compress(json.dumps(changed(annotations(), path, name)).encode()) for name in OUTSIDE
        )


def frames_of_transforms() -> dict[str, Any]:
    frames = []
    for k in range(2):
        matrix = np.eye(4)
        matrix[0, 3] = k
        frames.append({"file_path": f"images/{k}.png", "transform_matrix": matrix.tolist()})
    return {"fl_x": 12, "cx": 8, "cy": 6, "w": WIDTH, "h": HEIGHT, "frames": frames}


def good_transforms(folder: Path) -> bytes:
    for k in range(2):
        picture(folder / "images" / f"{k}.png")
    return json.dumps(frames_of_transforms()).encode()


def many_transforms(folder: Path) -> Iterator[bytes]:
    def allowed(path: tuple, value: Any) -> bool:  # the last row says nothing
        return path[-3:-1] == ("transform_matrix", 3) and (value is None or is_nan(value))

    good_transforms(folder)
    data = frames_of_transforms()
    yield from NO_JSON
    yield from replaced(data, allowed)
    yield from (json.dumps(changed(data, ("frames", 0, "file_path"), name)).encode() for name in OUTSIDE)
    yield json.dumps(changed(data, ("frames", 0), data["frames"][0] | {"mask_path": "no.png"})).encode()
    for more in (
        {"camera_model": "FOV"},
        {"camera_model": {}},
        {"k1": "x"},
        {"k4": 1},
        {"fl_x": 0},
        {"w": 17},
        {"fl_y": -1},
    ):
        yield json.dumps(data | more).encode()


# What is drawn and painted for us

DRAWN: list[dict[str, Any]] = [
    {"frame": 1001, "box": [4, 3, 12, 9]},
    {"frame": "plate.1002", "outline": [[2, 2], [13, 3], [8, 10]]},
]


def good_drawn(folder: Path) -> bytes:
    for frame in (1001, 1002):
        picture(folder / "plates" / f"plate.{frame}.png")
    return json.dumps(DRAWN).encode()


def drawns(folder: Path) -> Iterator[bytes]:
    good_drawn(folder)
    yield from NO_JSON
    yield from replaced(DRAWN, lambda path, value: False)
    for path in every_leaf(DRAWN):
        if len(path) > 1:
            yield json.dumps(changed(DRAWN, path, KeyError)).encode()
    for box in (
        [12, 3, 4, 9],
        [0, 0, WIDTH, HEIGHT],
        [100, 100, 120, 120],
        [1, 1, 2, 2],
        [1e300, 0, 2e300, 9],
        [[1]] * 4,
    ):
        yield json.dumps({"frame": 1001, "box": box}).encode()
    for frame in (True, 1003, -1, 1.5, "plate.1003", "", [1001]):
        yield json.dumps({"frame": frame, "box": DRAWN[0]["box"]}).encode()


def plates_beside(path: Path) -> Any:
    return open_footage(path.parent / "plates", warn=lambda message: None)


def matte(manifest: str | None = '{"car": "40490fdb"}', lacking: str = "", **header: Any) -> bytes:
    """An EXR of Cryptomatte, read back as bytes. lacking: a channel left out."""
    plane = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    planes = {f"crypto00.{c}": plane for c in "RGBA" if c != lacking}
    told = {
        "cryptomatte/1/name": "crypto",
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
    }
    if manifest is not None:
        told["cryptomatte/1/manifest"] = manifest
    path = _scratch() / "matte.exr"
    with OpenEXR.File({**told, **header}, planes) as file:
        file.write(str(path))
    return path.read_bytes()


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="garbage"))


def mattes(_: Path) -> Iterator[bytes]:
    good = matte()
    yield from cut(good)
    for manifest in (
        "{",
        "[]",
        "7",
        '"x"',
        '{"car": 3}',
        '{"car": "xyz"}',
        '{"car": null}',
        "[" * 100_000,
        '{"bus": "1"}',
        "{}",
    ):
        yield matte(manifest)
    for lacking in "RGBA":
        yield matte(lacking=lacking)
    for place in ("missing.json", "../../etc/passwd", "/etc/passwd", ".", ""):
        yield matte(None, **{"cryptomatte/1/manif_file": place})
    yield matte(**{"cryptomatte/1/name": "other"})
    window = struct.pack("<4i", 0, 0, WIDTH - 1, HEIGHT - 1)
    for right, bottom in ((99_999, 99_999), (2**31 - 2, 0), (-5, 11), (16_383, 59_999)):
        yield good.replace(window, struct.pack("<4i", 0, 0, right, bottom))


def read_matte(path: Path) -> None:
    picker = Picker("car")
    picker.read(path)
    picker.check(path.parent)


def good_mask(folder: Path) -> bytes:
    good_drawn(folder)
    (folder / "masks").mkdir(exist_ok=True)
    return (folder / "plates" / "plate.1001.png").read_bytes()


def masks(folder: Path) -> Iterator[bytes]:
    good = good_mask(folder)
    yield from cut(good)
    for size in ((12, 16), (64, 12), (1, 1), (1600, 12)):
        yield cv2.imencode(".png", np.zeros((size[1], size[0]), np.uint8))[1].tobytes()
    yield from (b"GIF89a" + bytes(40), b"\0" * 500, b"<svg/>", good.replace(b"IHDR", b"JHDR"))


def movies_of_masks(folder: Path) -> Iterator[bytes]:
    good = good_movie(folder)
    yield from cut(good, 8)
    yield from (
        b"ffconcat version 1.0\nfile good.mp4\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
        bytes(3000),
        b"\xff\xd8\xff",
    )


def good_movie(folder: Path) -> bytes:
    good_drawn(folder)
    path = folder / "good.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
    for grey in (40, 200):
        writer.write(np.full((HEIGHT, WIDTH, 3), grey, np.uint8))
    writer.release()
    return path.read_bytes()


def read_movie(path: Path) -> None:
    from surface_sos_core.masks.sources.movie import movie_masks

    movie_masks(path, plates_beside(path), None, CoarseSettings(), print)


# What we keep ourselves


def gains(*_: Path) -> bytes:
    return archive(gains=np.ones((3, 3), np.float32))


def many_gains(_: Path) -> Iterator[bytes]:
    yield from cut(gains(), 20)
    for value in (0, -1, np.nan, np.inf, -np.inf, 1e9, 1e-9, 800):
        yield archive(gains=np.full((3, 3), value, np.float32))
    for shape in ((2, 3), (3, 4), (9,), (0, 3), (3, 3, 1), ()):
        yield archive(gains=np.ones(shape, np.float32))
    yield from (archive(gains=np.ones((3, 3), kind)) for kind in (np.float64, np.int32, "U4", complex, bool))
    yield from (
        archive(other=np.ones((3, 3), np.float32)),
        archive(gains=np.ones((4000, 3), np.float32)),
        b"PK",
    )
    yield from pickles()


def shadow() -> dict[str, np.ndarray]:
    return {
        "corner": np.zeros(3), "axes": np.eye(2, 3), "normal": np.array([0.0, 0.0, 1.0]),
        "left": np.full((4, 4, 3), 0.5, np.float16), "height": np.float64(0.1),
        "doubt": np.zeros(0, np.uint8), "stamp": np.frombuffer(b"these", np.uint8),
    }  # fmt: skip


def shadows(_: Path) -> Iterator[bytes]:
    good = shadow()
    yield from cut(archive(**good))
    for name, value in good.items():
        yield archive(**{key: kept for key, kept in good.items() if key != name})
        if name != "doubt":
            yield archive(**{**good, name: np.full_like(value, "x", dtype="<U3")})
            yield archive(**{**good, name: np.zeros((2, 7))})
        if value.dtype.kind == "f":
            yield archive(**{**good, name: np.full_like(value, np.nan)})
    yield archive(**{**good, "doubt": np.full(3, 255, np.uint8)})
    yield archive(**{**good, "stamp": np.frombuffer(b"others", np.uint8)})
    yield from (archive(**{**good, "left": good["left"] * share}) for share in (0, -1, 3))
    yield from (archive(**{**good, "height": np.float64(value)}) for value in (0, -1, np.inf))
    yield archive(**{**good, "axes": np.zeros((2, 3))})
    yield from pickles()


def read_shadow(path: Path) -> None:
    """A run makes it again where there is none that it can use, without a word."""
    if StillShadow.read(path, "these") is None:
        raise InputError("No shadow is kept there.")


@cache
def trainer() -> Trainer:
    """A trainer that is only there to be small, after a step of its optimiser."""
    own = settings.preset("preview", "cpu")
    tiny = settings.Settings(
        device="cpu",
        fields=settings.FieldSettings(levels=2, log2_table=8, max_resolution=16, hidden=16, features=4),
        train=own.train,
    )
    made = Trainer.start(tiny, np.full((8, 8, 8), 0.5, np.float32), np.ones(3), torch.device("cpu"))
    for group in made.optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    made.optimiser.step()
    return made


def checkpoint(*_: Path) -> bytes:
    path = _scratch() / "fields.npz"
    save_trainer(path, trainer())
    return path.read_bytes()


def checkpoints(_: Path) -> Iterator[bytes]:
    good = checkpoint()
    with np.load(io.BytesIO(good)) as stored:
        arrays = dict(stored)
    yield from cut(good)
    names = [name for part in ("scene/", "foreground/", "background/", "optimiser/") for name in
             [one for one in arrays if one.startswith(part)][:3]]  # fmt: skip
    for name in (*names, "generator", "meta"):
        if arrays[name].shape != (3,):
            yield archive(**{**arrays, name: np.zeros(3, np.float32)})
        yield archive(**{**arrays, name: np.zeros(0)})
        yield archive(**{**arrays, name: np.array(["x"])})
        yield archive(**{key: value for key, value in arrays.items() if key != name})
    for name in ("optimiser/999/step", "optimiser/x/step", "optimiser/0", "optimiser/0/a/b"):
        yield archive(**{**arrays, name: np.zeros(1, np.float32)})
    meta = json.loads(arrays["meta"].tobytes())
    for content in (
        *NO_JSON,
        *replaced({**meta, "history": [[16, 0.5, 0.1]], "recent": [[0.5, 0.1]]}, may_be_meta),
    ):
        yield archive(**{**arrays, "meta": np.frombuffer(content, np.uint8)})
    yield from pickles()


def may_be_meta(path: tuple, value: Any) -> bool:
    if path in (("history",), ("recent",)):
        return value in ([], {})
    return (
        (path[-1] in ("step", "skipped") and value == HUGE)
        or (path[0] in ("history", "recent") and is_nan(value))
        or (path[:1] == ("history",) and path[-1] == 0 and len(path) == 3 and value == HUGE)
    )


def read_checkpoint(path: Path) -> None:
    load_trainer(path, trainer())


KINDS_OF_SETS = {
    "LLFF": Kind("poses_bounds.npy", llffs, of_set("llff", lambda path: path.parent), good_llff),
    "NeuS": Kind("cameras_sphere.npz", neuses, of_set("neus", lambda path: path.parent), good_neus),
    "BlendedMVS": Kind("cams/0_cam.txt", blendeds, of_set("blendedmvs", lambda path: path.parents[1]), good_blended),
    "TUM poses": Kind("freiburg3/groundtruth.txt", tums, of_set("tum", lambda path: path.parent), good_tum),
    "TUM images": Kind("freiburg3/rgb.txt", tum_lists, of_set("tum", lambda path: path.parent), lambda folder: good_tum(folder, "rgb.txt")),
    "CO3D": Kind("dog/frame_annotations.jgz", co3ds, of_set("co3d", lambda path: path.parent / "1"), good_co3d),
    "transforms": Kind("transforms.json", many_transforms, of_set("transforms", lambda path: path), good_transforms),
    "drawn": Kind("drawn.json", drawns, lambda path: read_drawn(path, plates_beside(path), CoarseSettings()), good_drawn),
    "EXR matte": Kind("plate.1001.exr", mattes, read_matte, lambda _: matte()),
    "mask": Kind(
        "masks/plate.1001.png", masks, lambda path: load_masks(path.parent, plates_beside(path.parent), CoarseSettings(), print), good_mask
    ),
    "exposure": Kind("exposure.npz", many_gains, lambda path: read_gains(path, 3), gains),
    "shadow kept": Kind("shadow.npz", shadows, read_shadow, lambda _: archive(**shadow())),
    "weights kept": Kind("fields.npz", checkpoints, read_checkpoint, checkpoint),
}  # fmt: skip
if importlib.util.find_spec("av") is not None:
    KINDS_OF_SETS["movie of masks"] = Kind("masks.mp4", movies_of_masks, read_movie, good_movie)
