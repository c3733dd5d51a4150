"""shot.json: round trip, types, versions, paths that must not lead out of OUT."""

import ast
import copy
import json
import sys
from pathlib import Path

import pytest

from surface_sos_core import manifest as module
from surface_sos_core.manifest import (
    FootageEntry,
    FrameEntry,
    MadeEntry,
    Manifest,
    ManifestError,
    MeshEntry,
    read_manifest,
    write_manifest,
)


def shot() -> Manifest:
    return Manifest(
        footage=FootageEntry("/plates/cup", 1920, 1080, "cup"),
        frames=[
            FrameEntry("cup.1001", 1001, "layers/cup.1001.exr"),
            FrameEntry("cup.1002", 1002, doubts=["blurred"]),
        ],
        settings={"preset": "default", "train": {"iterations": 100}},
        made={"train": MadeEntry("0.1.0+aa", {"torch": "2.6"}, {"iterations": 9, "device": "cpu"})},
        software={"torch": "2.6"},
        colour_space="srgb_rec709_scene",
        objects={"object": "roto"},
        box={"centre": [0, 1, 2], "world_to_box": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]]},
        cameras="cameras",
        mesh=MeshEntry("mesh/object.ply", None),
        metrics={"matte": {"miou": 0.97}},
        timings={"solve": 12.5, "train": 3},
        warnings=["frame 7: café"],
        stages=["solve", "train"],
    )


def test_round_trip(tmp_path):
    path = write_manifest(tmp_path / "out", shot())
    assert path == tmp_path / "out" / "shot.json"
    assert read_manifest(tmp_path / "out") == shot()
    assert read_manifest(path) == shot()
    assert [item.name for item in path.parent.iterdir()] == ["shot.json"]
    assert json.loads(path.read_text())["schema_version"] == 2


def test_the_least_there_can_be(tmp_path):
    least = Manifest(FootageEntry("plates", 4, 3, "a"), [])
    write_manifest(tmp_path, least)
    assert read_manifest(tmp_path) == least


def test_unknown_fields_are_left_out(tmp_path):
    path = write_manifest(tmp_path, shot())
    data = json.loads(path.read_text())
    data["future"] = 1
    data["frames"][0]["future"] = 1
    path.write_text(json.dumps(data))
    assert read_manifest(tmp_path) == shot()


def test_a_file_of_schema_1_has_nothing_in_what_it_does_not_know(tmp_path):
    data = json.loads(write_manifest(tmp_path, shot()).read_text())
    data["schema_version"] = 1
    for name in ("made", "colour_space", "objects"):
        del data[name]
    for frame in data["frames"]:
        del frame["doubts"]
    (tmp_path / "shot.json").write_text(json.dumps(data))
    read = read_manifest(tmp_path)
    assert (read.made, read.colour_space, read.objects, read.frames[1].doubts) == ({}, None, {}, [])
    assert read.settings == shot().settings and read.frames[0] == shot().frames[0]


def test_a_newer_schema_is_refused(tmp_path):
    path = write_manifest(tmp_path, shot())
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 3'))
    with pytest.raises(ManifestError, match="schema_version 3 is newer"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "bad",
    ["/etc/passwd", "../other.exr", "layers/../../x.exr", "C:/x.exr", "c:x.exr", "layers\\x.exr", "\\\\host\\x",
     "", "//host/x", "layers//x.exr", "./x.exr", ".."],
)  # fmt: skip
@pytest.mark.parametrize("field", ["frames[1].layers", "mesh.ply", "mesh.glb", "cameras"])
def test_paths_that_lead_out_are_refused(tmp_path, bad, field):
    data = json.loads(write_manifest(tmp_path, shot()).read_text())
    if field == "cameras":
        data["cameras"] = bad
    elif field.startswith("mesh"):
        data["mesh"][field[-3:]] = bad
    else:
        data["frames"][1]["layers"] = bad
    (tmp_path / "shot.json").write_text(json.dumps(data))
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path)
    assert field in str(caught.value) and "shot.json" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "value", "named"),
    [
        (("schema_version",), "1", "schema_version"),
        (("schema_version",), True, "schema_version"),
        (("frames",), {}, "frames"),
        (("frames", 0), 3, "frames[0]"),
        (("frames", 0, "frame"), 1001.5, "frames[0].frame"),
        (("frames", 1, "name"), None, "frames[1].name"),
        (("footage", "width"), "1920", "footage.width"),
        (("footage",), None, "footage"),
        (("box", "world_to_box"), [[1, 0, 0]], "box.world_to_box"),
        (("box", "world_to_box"), [[1, 0, 0, "0"]] * 4, "box.world_to_box"),
        (("timings", "solve"), "long", "timings.solve"),
        (("warnings",), [1], "warnings[0]"),
        (("mesh",), "mesh/object.ply", "mesh"),
        (("software", "torch"), 2, "software.torch"),
        (("made", "train", "code"), 2, "made.train.code"),
        (("made", "train", "software", "torch"), 2, "made.train.software.torch"),
        (("made", "train"), "0.1.0", "made.train"),
        (("colour_space",), 1, "colour_space"),
        (("objects", "object"), None, "objects.object"),
        (("frames", 1, "doubts"), "blurred", "frames[1].doubts"),
        (("frames", 1, "doubts", 0), 3, "frames[1].doubts[0]"),
    ],
)
def test_wrong_types_are_named(tmp_path, keys, value, named):
    data = json.loads(write_manifest(tmp_path, shot()).read_text())
    inner = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (tmp_path / "shot.json").write_text(json.dumps(data))
    with pytest.raises(ManifestError) as caught:
        read_manifest(tmp_path)
    assert f"shot.json: {named}" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["schema_version", "frames", "footage", "settings", "timings", "warnings", "made", "objects"]
)
def test_missing_fields_are_named(tmp_path, name):
    data = json.loads(write_manifest(tmp_path, shot()).read_text())
    del data[name]
    (tmp_path / "shot.json").write_text(json.dumps(data))
    with pytest.raises(ManifestError, match=f"{name}: is missing"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_broken_files_are_named(tmp_path, content):
    (tmp_path / "shot.json").write_bytes(content)
    with pytest.raises(ManifestError, match=r"shot\.json"):
        read_manifest(tmp_path)


def test_a_folder_without_a_shot(tmp_path):
    with pytest.raises(ManifestError, match="does not exist"):
        read_manifest(tmp_path)


def test_what_cannot_be_read_is_never_written(tmp_path):
    write_manifest(tmp_path, shot())
    for change in (
        {"cameras": "../cameras"},
        {"metrics": {"psnr": float("nan")}},
        {"settings": {"a": object()}},
    ):
        broken = copy.deepcopy(shot())
        for name, value in change.items():
            setattr(broken, name, value)
        with pytest.raises(ManifestError):
            write_manifest(tmp_path, broken)
    assert read_manifest(tmp_path) == shot()
    assert [item.name for item in tmp_path.iterdir()] == ["shot.json"]


def test_only_the_standard_library_is_imported():
    tree = ast.parse(Path(module.__file__).read_text())
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None
            names = [node.module]
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
