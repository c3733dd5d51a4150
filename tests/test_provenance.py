"""The version of code: it follows every file that shapes a result, and no other."""

import shutil
from pathlib import Path

import pytest

from surface_sos_core import provenance
from surface_sos_core.provenance import code_version, joined, package_version, software_versions, sources

STAGES = ("cameras", "masks", "training", "layers", "mesh", "report")


def names(stage: str) -> set[str]:
    return {name.removeprefix("surface_sos_core.") for name in sources(f"surface_sos_core.stages.{stage}")}


@pytest.mark.parametrize(
    ("stage", "shapes", "does_not"),
    [
        ("cameras", {"cameras.solve_worker", "cameras.triangulate", "footage.image"}, {"train.trainer", "masks.coarse"}),
        ("masks", {"masks.consensus", "cameras.lens"}, {"cameras.solve", "train.trainer"}),
        ("training", {"fields.hash_grid_cuda", "render.volume", "train.losses"}, {"cameras.solve", "layers.plate"}),
        ("layers", {"layers.seams", "footage.exposure", "render.volume"}, {"mesh.extract", "cameras.solve"}),
        ("mesh", {"mesh.extract", "mesh.export"}, {"layers.plate"}),
    ],
)  # fmt: skip
def test_a_stage_counts_the_files_that_shape_it(stage, shapes, does_not):
    """Those that a package passes on, that are imported within a function and that run as programs among them."""
    assert shapes <= names(stage) and not does_not & names(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_bookkeeping_shapes_nothing(stage):
    assert not {"errors", "events", "manifest", "settings.run", "stages.run", "shot_folder"} & names(stage)


def test_all_that_is_named_as_bookkeeping_exists():
    for name in provenance.BOOKKEEPING:
        assert provenance._file(name).is_file(), name


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """The package's sources, to be changed; nothing of them is remembered from before or afterwards."""
    root = tmp_path / "surface_sos_core"
    shutil.copytree(provenance._ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_ROOT", root)
    forget()
    yield root
    forget()


def forget() -> None:
    for remembered in (code_version, provenance._parsed, provenance._taken):
        remembered.cache_clear()


def versions() -> dict[str, str]:
    forget()
    return {stage: code_version(f"surface_sos_core.stages.{stage}") for stage in STAGES}


def test_a_change_counts_for_the_stages_that_it_reaches_and_no_other(copied):
    before = versions()
    assert all(version.startswith(f"{package_version()}+") for version in before.values())
    file = copied / "layers" / "seams.py"
    file.write_text(file.read_text() + "\n_MORE = 1\n")
    assert {stage for stage, version in versions().items() if version != before[stage]} == {"layers"}
    before = versions()
    file = copied / "errors.py"
    file.write_text(file.read_text() + "\n# more\n")
    assert versions() == before
    (copied / "masks" / "hull.py").unlink()
    assert {"masks", "training", "layers", "mesh"} <= {s for s, v in versions().items() if v != before[s]}


def test_line_ends_and_compiled_files_do_not_count(copied):
    before = versions()
    for file in copied.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (copied / "layers" / "__pycache__").mkdir()
    (copied / "layers" / "__pycache__" / "plate.cpython-311.pyc").write_bytes(b"compiled")
    assert versions() == before


def test_without_sources_the_version_is_the_packages(copied):
    shutil.rmtree(copied)
    assert set(versions().values()) == {package_version()}


def test_software_versions_name_what_shapes_results():
    found = software_versions()
    assert {"torch", "numpy", "surface-sos-core"} <= set(found) and found["numpy"] != "unknown"


def test_several_versions_are_listed_once_each():
    assert joined(["1.0", "1.1, 1.0", "2"]) == "1.0, 1.1, 2"
