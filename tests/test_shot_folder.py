"""Whose an output folder is, what is cleared of it, and which stages count as finished."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.manifest import FootageEntry, FrameEntry, Manifest, MeshEntry, write_manifest
from surface_sos_core.shot_folder import ContentStamps, ShotFolder, file_stamps, fingerprint


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


# Whose turn it is


def test_a_folder_belongs_to_one_run_at_a_time(tmp_path):
    folder = ShotFolder(tmp_path / "out")
    with folder.locked():
        (tmp_path / "out" / "shot.json").write_text("mine")
        with pytest.raises(InputError, match=r"Another run.*out"), ShotFolder(tmp_path / "out").locked():
            pass
    with folder.locked():
        pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["shot.json"]


def test_a_lock_leaves_no_folder_that_it_made(tmp_path):
    with ShotFolder(tmp_path / "out").locked():
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from surface_sos_core.shot_folder import ShotFolder\n"
        "with ShotFolder(Path(sys.argv[1])).locked(): print('mine', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "mine\n"
    folder = ShotFolder(tmp_path)
    with pytest.raises(InputError, match="Another run"), folder.locked():
        pass
    holder.kill()
    holder.communicate()
    assert list(tmp_path.glob(".lock.all.*")) and not folder.contents()
    folder.check("new")
    with folder.locked():
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_half_written_is_removed(tmp_path):
    folder = write_shot(tmp_path)
    for name in ("", "layers/", "checkpoint/", "mesh/", "cameras/"):
        (tmp_path / f"{name}.plate.1001.0a1b2c3d.exr").write_text("half")
    (folder.checkpoint / "solve_x1" / "images").mkdir(parents=True)
    (folder.checkpoint / "solve_x1" / "images" / "000000.jpg").symlink_to(__file__)
    mine = {"layers/.notes", ".shot.json.swp", "layers/plate.0a1b2c3d.exr"}
    for name in mine:
        (tmp_path / name).write_text("mine")
    before = set(contents(tmp_path))
    with folder.locked():
        pass
    gone = before - set(contents(tmp_path))
    assert {name for name in gone if not name.startswith("checkpoint/solve_x1")} == {
        f"{name}.plate.1001.0a1b2c3d.exr" for name in ("", "layers/", "checkpoint/", "mesh/", "cameras/")
    }
    assert not list(folder.checkpoint.glob("solve_*"))


@pytest.mark.parametrize("name", ["layers", "checkpoint", "mesh/object.ply", "layers/deep"])
def test_links_that_lead_out_are_refused(tmp_path, name):
    out, other = tmp_path / "out", tmp_path / "other"
    folder = write_shot(out)
    other.mkdir()
    (other / ".plate.0a1b2c3d.exr").write_text("not ours")
    link = out / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(other)
    with pytest.raises(InputError, match=f"{name}.*link"), folder.locked():
        pass
    assert len(list(other.iterdir())) == 1


def test_links_within_the_folder_and_the_folder_as_a_link_are_fine(tmp_path):
    write_shot(tmp_path / "real")
    (tmp_path / "real" / "latest.exr").symlink_to(tmp_path / "real" / "layers" / "plate.1001.exr")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with ShotFolder(tmp_path / "out").locked():
        assert list((tmp_path / "real").glob(".lock.all.*"))


# What is finished


def test_a_stage_is_finished_with_the_inputs_that_it_had(tmp_path):
    folder = ShotFolder(tmp_path)
    assert folder.changes("cameras", {"seed": 1}) is None
    folder.note("cameras", {"seed": 1, "settings": {"train": {"rays": 8, "lr": 0.1}}})
    folder.note("masks", {"files": [1, 2]})
    assert folder.changes("cameras", {"seed": 1, "settings": {"train": {"rays": 8, "lr": 0.1}}}) == []
    assert folder.changes("cameras", {"seed": 1, "settings": {"train": {"rays": 9, "lr": 0.1}}}) == [
        "settings.train.rays"
    ]
    assert folder.changes("masks", {"files": [1, 2], "box": None}) == ["box"]
    assert folder.changes("masks", {}) == ["files"]
    folder.forget("cameras")
    assert folder.changes("cameras", {"seed": 1}) is None and folder.changes("masks", {"files": [1, 2]}) == []


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"a"', '{"cameras": 3}', "[" * 100_000])
def test_a_damaged_state_means_that_nothing_is_finished(tmp_path, text):
    folder = ShotFolder(tmp_path)
    folder.checkpoint.mkdir()
    folder.state.write_text(text)
    assert folder.changes("cameras", {"a": 1}) is None
    folder.note("cameras", {"a": 1})
    assert folder.changes("cameras", {"a": 1}) == []


def test_fingerprints_depend_on_values_and_not_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": [2.5, None]}) == fingerprint({"b": [2.5, None], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint(Path("a")) == fingerprint(Path("a"))


def test_stamps_change_with_the_files_and_not_with_their_neighbours(tmp_path):
    file = tmp_path / "a.png"
    file.write_text("1")
    first = file_stamps([file])
    (tmp_path / "b.png").write_text("1")
    assert file_stamps([file]) == first
    stamps = [first, file_stamps([]), file_stamps([file, tmp_path / "b.png"])]
    file.write_text("22")
    stamps.append(file_stamps([file]))
    assert len({fingerprint(stamp) for stamp in stamps}) == len(stamps)


def test_the_content_of_a_file_is_hashed_once_until_it_is_written_again(tmp_path, monkeypatch):
    file, stamps = tmp_path / "consensus.npz", ContentStamps()
    file.write_bytes(b"one")
    first = stamps.of(file)
    assert first == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert stamps.of(file) == first
    file.write_bytes(b"other")
    assert stamps.of(file) == hashlib.sha256(b"other").hexdigest()


def test_the_manifest_of_no_shot_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        ShotFolder(tmp_path).manifest()
    assert write_shot(tmp_path).manifest().footage.title == "plate"


def test_a_mode_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="'again'.*overwrite"):
        ShotFolder(tmp_path).check("again")
