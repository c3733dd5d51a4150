"""Whose an output folder is, what is cleared of it, and which stages count as finished."""

from pathlib import Path

import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.shot_folder import ShotFolder, fingerprint, folder_stamp, software_versions


def write_shot(out: Path) -> ShotFolder:
    """A shot folder in which every file holds its own name."""
    write_manifest(
        out,
        Manifest(
            FootageEntry("plates", 64, 48, "plate"),
            [FrameEntry("plate.1001", 1001, "layers/plate.1001.exr"), FrameEntry("plate.1002", 1002)],
            cameras="cameras",
            mesh=MeshEntry("mesh/object.ply", "mesh/object.glb"),
        ),
    )
    for name in (
        "layers/plate.1001.exr", "mesh/object.ply", "mesh/object.glb", "cameras/images.txt",
        "checkpoint/fields.npz", "report.html",
    ):  # fmt: skip
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(name)
    return ShotFolder(out)


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


# Whose it is


def test_a_new_and_an_empty_folder_are_fine_for_a_new_shot(tmp_path):
    for out in (tmp_path / "new" / "deep", tmp_path):
        ShotFolder(out).check("new")
        ShotFolder(out).check("overwrite")
        with pytest.raises(InputError, match="no shot to resume"):
            ShotFolder(out).check("resume")
    assert list(tmp_path.iterdir()) == []


def test_a_shot_wants_resume_or_overwrite(tmp_path):
    folder = write_shot(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"--resume .* --overwrite"):
        folder.check("new")
    folder.check("resume")
    folder.check("overwrite")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("mode", ["new", "resume", "overwrite"])
def test_what_is_not_ours_is_refused(tmp_path, mode):
    (tmp_path / "holiday.jpg").write_text("mine")
    (tmp_path / "file").write_text("mine")
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "shot.json").write_text('{"take": 3}')
    before = contents(tmp_path)
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "below", strange):
        with pytest.raises(InputError, match=out.name):
            ShotFolder(out).check(mode)
    assert contents(tmp_path) == before


# Clearing


def test_clear_takes_what_a_run_has_written_and_nothing_else(tmp_path):
    folder = write_shot(tmp_path)
    mine = {"layers/graded.1001.exr", "mesh/sculpted.blend", "notes.txt", "shot.json"}
    for name in mine - {"shot.json"}:
        (tmp_path / name).write_text("mine")
    folder.clear()
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left - {"shot.json"} == mine - {"shot.json"}


def test_clear_of_a_shot_that_was_half_done(tmp_path):
    folder = write_shot(tmp_path)
    (tmp_path / "layers" / "plate.1001.exr").unlink()
    (tmp_path / "report.html").unlink()
    folder.clear()
    assert not folder.layers.exists() and not folder.checkpoint.exists() and not folder.cameras.exists()


# What is finished


def test_a_stage_is_finished_with_the_inputs_that_it_had(tmp_path):
    folder = ShotFolder(tmp_path)
    assert not folder.finished("cameras", {"seed": 1})
    folder.finish("cameras", {"seed": 1})
    folder.finish("masks", [1, 2])
    assert folder.finished("cameras", {"seed": 1}) and folder.finished("masks", [1, 2])
    assert not folder.finished("cameras", {"seed": 2}) and not folder.finished("layers", {"seed": 1})
    folder.finish("cameras", {"seed": 2})
    assert folder.finished("cameras", {"seed": 2}) and not folder.finished("cameras", {"seed": 1})


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"a"'])
def test_a_damaged_state_means_that_nothing_is_finished(tmp_path, text):
    folder = ShotFolder(tmp_path)
    folder.checkpoint.mkdir()
    folder.state.write_text(text)
    assert not folder.finished("cameras", 1)
    folder.finish("cameras", 1)
    assert folder.finished("cameras", 1)


def test_fingerprints_depend_on_values_and_not_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": [2.5, None]}) == fingerprint({"b": [2.5, None], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint(Path("a")) == fingerprint(Path("a"))


def test_a_stamp_changes_with_the_files(tmp_path):
    assert folder_stamp(None) == []
    nothing = folder_stamp(tmp_path / "nothing")
    folder = tmp_path / "masks"
    folder.mkdir()
    stamps = [nothing, folder_stamp(folder)]
    (folder / "a.png").write_text("1")
    stamps.append(folder_stamp(folder))
    assert stamps[-1] == folder_stamp(folder)
    (folder / "a.png").write_text("22")
    stamps.append(folder_stamp(folder))
    (folder / "a.png").rename(folder / "b.png")
    stamps.append(folder_stamp(folder))
    stamps.append(folder_stamp(folder / "b.png"))
    assert len({fingerprint(stamp) for stamp in stamps}) == len(stamps)


def test_the_manifest_of_no_shot_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        ShotFolder(tmp_path).manifest()
    assert write_shot(tmp_path).manifest().footage.title == "plate"


def test_software_versions_name_what_shapes_results():
    versions = software_versions()
    assert {"torch", "numpy", "surface-sos-core"} <= set(versions)
    assert versions["numpy"] != "unknown"
