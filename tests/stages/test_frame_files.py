"""What layer files tell of their making: kept with the pixels, believed only where it is whole and ours."""

from __future__ import annotations

import json

import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.layers.exr import FrameLayers, read_layers, write_layers
from surface_sos_core.provenance import software_versions
from surface_sos_core.stages.frame_files import ATTRIBUTE, FrameNote, read_chunk


@pytest.fixture
def layers() -> FrameLayers:
    random = np.random.default_rng(0).random((12, 16, 4), np.float32)
    return FrameLayers(random, random[..., :3], random[..., 0], random[..., 1], random[..., :3])


def test_a_note_comes_back(tmp_path, layers):
    note = FrameNote("0123", "0.1+ab", doubts=["12% of it", "Ünicode"])
    write_layers(tmp_path / "a.exr", layers, 1001, None, note.attributes())
    assert FrameNote.read(tmp_path / "a.exr") == note and note.software == software_versions()
    np.testing.assert_array_equal(read_layers(tmp_path / "a.exr").depth, layers.depth)


def test_the_same_layers_are_the_same_bytes(tmp_path, layers):
    for name in ("a.exr", "b.exr"):
        write_layers(tmp_path / name, layers, 1001, None, FrameNote("0123", "0.1+ab").attributes())
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


def test_a_file_that_is_cut_short_has_no_note(tmp_path, layers):
    write_layers(tmp_path / "a.exr", layers, 1001, None, FrameNote("0123", "0.1+ab").attributes())
    (tmp_path / "a.exr").write_bytes((tmp_path / "a.exr").read_bytes()[:-100])
    assert FrameNote.read(tmp_path / "a.exr") is None
    assert FrameNote.read(tmp_path / "none.exr") is None


@pytest.mark.parametrize(
    "text",
    [
        None, "", "[", "[1]", "{}", '{"inputs": "a"}', "[" * 5000,
        json.dumps({"inputs": 1, "code": "b"}),
        json.dumps({"inputs": "a", "code": "b", "doubts": "many"}),
        json.dumps({"inputs": "a", "code": "b", "doubts": [1]}),
        json.dumps({"inputs": "a", "code": "b", "software": {"torch": 2}}),
        json.dumps({"inputs": "a", "code": "b", "more": "c"}),
    ],
)  # fmt: skip
def test_what_others_wrote_is_no_note(text, tmp_path, layers):
    write_layers(tmp_path / "a.exr", layers, 1001, None, {} if text is None else {ATTRIBUTE: text})
    assert FrameNote.read(tmp_path / "a.exr") is None


def test_what_a_chunk_told_comes_back_and_damage_is_refused(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"seconds": 1.5, "warnings": ["It rains."]}')
    assert read_chunk(path) == (1.5, ["It rains."])
    for text in (
        "",
        "[]",
        "{}",
        '{"seconds": NaN, "warnings": []}',
        '{"seconds": 1, "warnings": [1]}',
        "[" * 5000,
    ):
        path.write_text(text)
        with pytest.raises(InputError, match="a.json is damaged"):
            read_chunk(path)
