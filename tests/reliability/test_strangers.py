"""Files from strangers: nothing in them is executed or leads out of the shot, and any name is a name."""

from __future__ import annotations

import ast
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from surface_sos_core.cameras import CameraModel, Points, read_model, write_model
from surface_sos_core.evaluate.report import ContactFrame, ReportData, write_report
from surface_sos_core.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("surface_sos_core", "blender_addon", "scripts")
ODD = '-o d\'d "q" $HOME `id`\nzweite Größe 日本 %d #'
HOSTILE = "<script>alert(1)</script>\"'><img src=http://127.0.0.1/x onerror=alert(1)>&amp;"


# Names


@pytest.fixture(scope="module")
def odd_shot(small_shot, tmp_path_factory) -> Path:
    """A folder of an odd name, with footage, masks and model of odd names that begin with a dash."""
    home = tmp_path_factory.mktemp("odd") / ODD
    for name in ("plates", "masks"):
        (home / f"-{name}").mkdir(parents=True)
        for path in (small_shot.folder / name).iterdir():
            shutil.copyfile(path, home / f"-{name}" / path.name.replace("plate", "pl 'ä\"\n;te"))
    shutil.copyfile(small_shot.folder / "small.toml", home / "-small.toml")
    model = read_model(small_shot.folder / "model")
    write_model(
        model.renamed({n: n.replace("plate", "pl 'ä\"\n;te") for n in model.cameras}), home / "-model"
    )
    return home


def test_every_command_takes_every_path(odd_shot, nursery, tally):
    """All of them begin with a dash, and lie in a folder with spaces, quotes, a line end and letters of all kinds."""
    there = f"os.chdir({str(odd_shot)!r})"
    given = ("--preset=preview", "--config=-small.toml", "--masks=-masks", "--cameras=-model", "--device=cpu")
    commands = [
        ("segment", *given, "--frames", "1001-1002", "--out=-out", "--", "-plates"),
        ("segment", *given, "--frames", "1001-1003", "--out=-out", "--resume", "--", "-plates"),
        ("train", "--", "-out"),
        ("layers", "--frames", "1004", "--", "-out"),
        ("mesh", "--", "-out"),
        ("eval", "--truth=-masks", "--", "-out"),
        ("render", "--cameras=-out/cameras", "--out=-seen", "--", "-out"),
        ("segment", *given, "--frames", "1001", "--out=./-other", "./-plates/pl 'ä\"\n;te.####.png"),
    ]
    for words in commands:
        with tally.trying("odd paths taken", words[0]):
            ended = nursery.run(*words, extra=there)
            assert ended.code == 0, (words, ended.err)
    manifest = read_manifest(odd_shot / "-out")
    made = [entry.frame for entry in manifest.frames if entry.layers]
    assert made == [1001, 1002, 1003, 1004] and manifest.metrics["matte"]["frames"] == 4
    assert all((odd_shot / "-out" / e.layers).is_file() for e in manifest.frames if e.layers)
    assert len(read_manifest(odd_shot / "-seen").frames) == 12
    with tally.trying(
        "odd paths taken", "solve"
    ):  # a ball of squares is no scene to solve; its path is read all the same
        ended = nursery.run("solve", "--out=-solved", "--", "-plates", extra=there)
        assert ended.code in (0, 4) and ended.err.count("\n") <= 1


def test_a_path_after_an_option_that_begins_with_a_dash_says_how_to_write_it(odd_shot, nursery):
    ended = nursery.run("segment", "plates", "--out", "-out")
    assert ended.code == 2 and "./-" in ended.err


def test_names_of_images_lead_nowhere(small_shot, finished, nursery, tally, tmp_path):
    cameras = list(read_model(small_shot.folder / "model").cameras.values())
    names = ["../../up/a.png", "b/a.png", "/tmp/abs/c.png", "d\\..\\e.png", "x" * 300 + ".png", "..", "A.png"]
    seven = CameraModel({camera.name: camera for camera in cameras[: len(names)]}, Points.empty())
    write_model(seven.renamed(dict(zip(seven.cameras, names, strict=True))), tmp_path / "model")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with tally.trying("strangers' names that lead nowhere", "images of a model"):
        ended = nursery.run("render", "--cameras", tmp_path / "model", "--out", tmp_path / "to", finished)
        assert ended.code == 0, ended.err
        layers = [entry.layers for entry in read_manifest(tmp_path / "to").frames]
        assert len({name.lower() for name in layers}) == len(names)
        made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
        assert all(path.is_relative_to(tmp_path / "to") for path in made)
        assert sorted(p.name for p in (tmp_path / "to" / "layers").iterdir()) == sorted(
            Path(name).name for name in layers
        )


# The report


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}


def test_the_report_shows_names_and_runs_none(tally, tmp_path):
    grey = np.full((8, 8, 3), 90, np.uint8)
    data = ReportData(
        title=HOSTILE,
        summary=HOSTILE,
        frames=[ContactFrame(HOSTILE + "\udcff", grey, grey, grey)],
        losses={HOSTILE: [(1, 0.5), (2, 0.4)]},
        metrics={
            "matte": {"frames": HOSTILE, "mean": {HOSTILE: HOSTILE}, "worst": {"name": HOSTILE}, "gain": HOSTILE},
            "clean": HOSTILE, "mesh": [HOSTILE], "notes": [HOSTILE, 3], "skipped": {HOSTILE: 1},
        },
        warnings=[HOSTILE],
        settings={HOSTILE: {HOSTILE: HOSTILE}},
        timings={HOSTILE: 1.0},
        software={HOSTILE: HOSTILE},
    )  # fmt: skip
    with tally.trying("strangers' names that lead nowhere", "report"):
        page = write_report(tmp_path / "report.html", data).read_text()
        seen = Tags()
        seen.feed(page)
        assert not seen.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
        assert not [name for name, _ in seen.attributes if name.startswith("on")]
        sources = [value for name, value in seen.attributes if name in ("src", "href", "srcset", "data")]
        assert sources and all(value.startswith("data:") for value in sources)
        assert page.count("alert(1)") > 15 and "<script" not in page


# The code itself


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles_or_runs_what_a_file_says(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not imported & {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "yaml"}
    for call in calls(tree):
        name = ast.unparse(call.func)
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name not in ("eval", "exec", "os.system", "torch.save", "os.popen"), name
        assert options.get("shell", "False") == "False", name
        if name == "torch.load":
            assert options.get("weights_only") == "True"
        if name in ("np.load", "numpy.load"):
            assert options.get("allow_pickle") == "False"
