"""The command line: what it takes, where it writes, and with which code and words it ends.

Runs that end before training are real; what would take long is replaced by functions that end as runs do.
"""

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import cv2
import numpy as np
import pytest

import surface_sos_core
from surface_sos_core import cli, terminal
from surface_sos_core.cli import commands
from surface_sos_core.errors import Cancelled, InputError, SetupError, SolveError, SurfaceSosError
from surface_sos_core.events import Events
from surface_sos_core.manifest import (
    FootageEntry,
    FrameEntry,
    Manifest,
    ManifestError,
    MeshEntry,
    write_manifest,
)

ROOT = Path(__file__).resolve().parents[1]
WIDTH, HEIGHT, COUNT = 64, 48, 6


def run(*words: object, **options: object) -> subprocess.CompletedProcess:
    """The real command line in a process of its own."""
    command = [sys.executable, "-m", "surface_sos_core", *map(str, words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=120, **options
    )


# Footage, cameras and masks that are good, each to be broken in one place


def plate(index: int) -> np.ndarray:
    """A textured picture that drifts from frame to frame."""
    noise = np.random.default_rng(5).integers(0, 256, (HEIGHT // 4, WIDTH // 4 + COUNT, 3), np.uint8)
    return cv2.resize(noise[:, index : index + WIDTH // 4], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def write_footage(folder: Path, count: int = COUNT) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        cv2.imwrite(str(folder / f"plate.{1001 + index}.png"), plate(index))
    return folder


def write_masks(folder: Path, name: str = "plate.{}.png", size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    folder.mkdir(parents=True)
    mask = np.zeros((size[1], size[0]), np.uint8)
    mask[size[1] // 4 : -size[1] // 4, size[0] // 4 : -size[0] // 4] = 255
    for index in range(COUNT):
        cv2.imwrite(str(folder / name.format(1001 + index)), mask)
    return folder


def write_cameras(folder: Path, name: str = "plate.{}.png", radius: float = 4.0) -> Path:
    """A text model: cameras on an arc that look at its centre (all at one place for radius 0)."""
    folder.mkdir(parents=True)
    (folder / "cameras.txt").write_text(f"1 PINHOLE {WIDTH} {HEIGHT} 60 60 32 24\n")
    lines = []
    for index in range(COUNT):
        half = np.pi / 4 * index / COUNT
        # world to camera: turned about y by 2 * half, the centre of the world `radius` ahead
        lines.append(
            f"{index + 1} {np.cos(half)} 0 {np.sin(half)} 0 0 0 {radius} 1 {name.format(1001 + index)}\n\n"
        )
    (folder / "images.txt").write_text("".join(lines))
    (folder / "points3D.txt").write_text("")
    return folder


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def write_shot(out: Path) -> Path:
    """A shot folder with a manifest and the files it names."""
    (out / "layers").mkdir(parents=True)
    (out / "layers" / "plate.1001.exr").write_bytes(b"layers")
    (out / "mesh").mkdir()
    (out / "mesh" / "object.ply").write_bytes(b"ply")
    (out / "cameras").mkdir()
    (out / "report.html").write_text("report")
    write_manifest(
        out,
        Manifest(
            FootageEntry("plates", WIDTH, HEIGHT, "plate"),
            [FrameEntry("plate.1001", 1001, "layers/plate.1001.exr"), FrameEntry("plate.1002", 1002)],
            settings=surface_sos_core.preset("preview", "cpu", 7).as_dict(),
            cameras="cameras",
            mesh=MeshEntry("mesh/object.ply"),
        ),
    )
    return out


# What may be typed


def test_help_and_version_need_no_library():
    code = (
        "import sys; from surface_sos_core import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'numba', 'cv2', 'rich', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for words in (["--help"], ["segment", "--help"], ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], check=False, capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_help_comes_at_once():
    def seconds() -> float:
        start = time.monotonic()
        assert run("--help").returncode == 0
        return time.monotonic() - start

    assert min(seconds() for _ in range(3)) < 1.0  # the least of three: the machine may be busy


def test_every_command_has_help(capsys):
    for command in ("segment", "solve", "train", "layers", "mesh", "render", "eval", "doctor"):
        with pytest.raises(SystemExit) as end:
            cli.main([command, "--help"])
        assert end.value.code == 0
        assert "--events" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"surface-sos {surface_sos_core.__version__}\n"


def test_importing_the_package_costs_nothing_and_gives_its_names():
    code = (
        "import sys, surface_sos_core as core\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "assert core.preset('preview', seed=3) == core.preset('preview', seed=3)\n"
        "assert isinstance(core.preset('default'), core.Settings)\n"
        "try: core.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "else: raise SystemExit('no AttributeError')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["segmnt", "plates"], "segmnt"),
        (["segment", "plates"], "--out"),
        (["segment", "plates", "--out", "o", "--preset", "best"], "--preset"),
        (["segment", "plates", "--out", "o", "--device", "tpu"], "--device"),
        (["segment", "plates", "--out", "o", "--seed", "-1"], "--seed"),
        (["segment", "plates", "--out", "o", "--seed", "1.5"], "--seed"),
        (["segment", "plates", "--out", "o", "--seed", str(2**31)], "--seed"),
        (["segment", "plates", "--out", "o", "--resume", "--overwrite"], "--overwrite"),
        (["segment", "plates", "--out", "o", "--events", "xml"], "--events"),
        (["segment", "plates", "--out", "o", "--over"], "--over"),
        (["segment", "plates", "--out", ""], "--out"),
        (["solve", "plates", "--out", "o", "--masks", "m"], "--masks"),
        (["layers", "o", "--preset", "best"], "--preset"),
        (["render", "o", "--out", "p"], "--cameras"),
        (["eval", "o"], "--truth"),
        (["eval", "o", "--truth", "t", "--radius", "wide"], "--radius"),
        (["doctor", "--device", "tpu"], "--device"),
    ],
)
def test_bad_options_are_one_line_that_names_them(words, named, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and named in err and "--help" in err


def test_a_bad_option_is_an_event_too(capfd):
    assert cli.main(["segment", "plates", "--out", "o", "--preset", "best", "--events", "jsonl"]) == 2
    out, err = capfd.readouterr()
    event = json.loads(out)
    assert (event["event"], event["exit_code"]) == ("error", 2) and "--preset" in event["message"]
    assert err.count("\n") == 1 and event["message"] in err


# What each command calls


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """A pipeline that notes how it is called; its functions can be replaced."""
    noted: list[tuple] = []
    module = types.ModuleType("surface_sos_core.pipeline")

    def note(name: str, result: object = None):
        def called(*args: object, **options: object) -> object:
            noted.append((name, *(arg for arg in args if not callable(arg)), *options.items()))
            return result

        return called

    for name in ("segment", "solve", "train_fields", "make_layers", "make_mesh", "render_views", "measure"):
        setattr(module, name, note(name))
    module.Mode = str
    module.Shot = lambda *args, **options: (args, options)
    module.noted = noted
    monkeypatch.setitem(sys.modules, "surface_sos_core.pipeline", module)
    monkeypatch.setattr(surface_sos_core, "pipeline", module, raising=False)
    return module


def test_segment_hands_everything_over(calls, tmp_path, capsys):
    out = write_shot(tmp_path / "out")
    words = ["segment", "plates", "--out", str(out), "--masks", "m", "--cameras", "c", "--box", "b.json"]
    words += ["--preset", "preview", "--frames", "1001-1010x2", "--device", "cpu", "--seed", "3"]
    words += ["--subject", "moving", "--camera-move", "locked"]
    assert cli.main([*words, "--resume", "--skip-bad-frames"]) == 0
    options = {
        "masks": "m",
        "cameras": Path("c"),
        "box": Path("b.json"),
        "frames": "1001-1010x2",
        "skip_bad_frames": True,
        "weights": None,
        "pick": None,
        "layer": None,
        "subject": "moving",
        "camera_move": "locked",
        "colour_space": None,
        "ocio": None,
    }
    shot = (("plates", out), options)
    assert calls.noted == [("segment", shot, surface_sos_core.preset("preview", "cpu", 3), "resume")]
    printed = capsys.readouterr().out
    for made in ("layers", "mesh/object.ply", "cameras", "report.html", "shot.json"):
        assert str(out / made) in printed
    assert "1 of 2 frames" in printed


@pytest.mark.parametrize(
    ("option", "mode"), [([], "new"), (["--overwrite"], "overwrite"), (["--resume"], "resume")]
)
def test_mode(calls, tmp_path, option, mode):
    out = write_shot(tmp_path / "out")
    assert cli.main(["segment", "plates", "--out", str(out), *option]) == 0
    assert calls.noted[0][-2:] == (surface_sos_core.preset("default", "auto", 0), mode)


def test_stages(calls, tmp_path, capsys):
    out = write_shot(tmp_path / "out")
    assert cli.main(["solve", "plates", "--out", "model", "--seed", "2", "--overwrite"]) == 0
    assert cli.main(["train", str(out)]) == 0
    assert cli.main(["layers", str(out), "--frames", "1001"]) == 0
    assert cli.main(["mesh", str(out), "--seed", "9"]) == 0
    assert cli.main(["train", str(out), "--preset", "default"]) == 0
    assert cli.main(["layers", str(out), "--fill", "smooth"]) == 0
    assert cli.main(["render", str(out), "--cameras", "others", "--out", str(out), "--overwrite"]) == 0
    own = surface_sos_core.preset("preview", "cpu", 9)
    assert calls.noted == [
        (
            "solve",
            "plates",
            Path("model"),
            surface_sos_core.preset("default", seed=2),
            ("skip_bad_frames", False),
            ("overwrite", True),
            ("layer", None),
            ("colour_space", None),
            ("ocio", None),
        ),
        ("train_fields", out, None),
        ("make_layers", out, None, "1001"),
        ("make_mesh", out, own),
        ("train_fields", out, surface_sos_core.preset("default", "cpu", 7)),
        (
            "make_layers",
            out,
            surface_sos_core.preset("preview", "cpu", 7).with_values({"plate.fill": "smooth"}),
            None,
        ),
        ("render_views", out, Path("others"), out, True),
    ]
    assert "cameras  model" in capsys.readouterr().out


def test_eval_prints_the_table(calls, monkeypatch, capsys):
    monkeypatch.setattr("surface_sos_core.evaluate.table.table", lambda measured: f"mIoU {measured['miou']}")
    calls.measure = lambda out, truth, on_event, region, radius, masks: {"miou": f"{radius} {masks}"}
    assert cli.main(["eval", "o", "--truth", "t", "--radius", "4", "--masks", "m"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "mIoU 4 m" and second.endswith(str(Path("o") / "evaluation"))


# How a run ends

OUT_OF_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("plate.1003.exr is cut off: replace it."), 2, "plate.1003.exr is cut off: replace it."),
        (ManifestError("out/shot.json cannot be read"), 2, "out/shot.json"),
        (SetupError("cuda is missing"), 3, "cuda is missing"),
        (SolveError("3 of 24 frames registered:\nfilm more"), 4, "3 of 24 frames registered: film more"),
        (SurfaceSosError("lost"), 1, "Internal error: lost"),
        (
            ZeroDivisionError("division\nby zero"),
            1,
            "ZeroDivisionError: division by zero; run again with --debug",
        ),
        (FileNotFoundError(2, "No such file", "plate.9.exr"), 2, "plate.9.exr: No such file"),
        (PermissionError(13, "denied", "/plates/out"), 3, "/plates/out may not be read or written"),
        (OSError(errno.EROFS, "Read-only file system", "/cd/out"), 3, "/cd/out may not be read or written"),
        (OUT_OF_SPACE, 3, "The disk of o is full"),
        (OSError("a library says so"), 1, "OSError: a library says so"),
        (MemoryError(), 3, "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
            3,
            "not enough memory",
        ),
        (
            type("error", (Exception,), {})("(-4:Insufficient memory) Failed to allocate"),
            3,
            "not enough memory",
        ),
        (type("error", (Exception,), {})("std::bad_alloc"), 3, "not enough memory"),
        (RuntimeError("can't start new thread"), 3, "not enough memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), 3, "not enough memory"),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), 3, "surface-sos doctor"),
        (ModuleNotFoundError("No module named 'x'", name="surface_sos_core.x"), 1, "Internal error"),
        (KeyboardInterrupt(), 130, "Cancelled"),
        (Cancelled(), 130, "Cancelled"),
    ],
)
@pytest.mark.parametrize("events", [[], ["--events", "jsonl"]])
def test_every_end_has_its_code_and_one_line(calls, error, code, said, events, capfd):
    def ends(*_: object) -> None:
        raise error

    calls.segment = ends
    assert cli.main(["segment", "plates", "--out", "o", *events]) == code
    out, err = capfd.readouterr()
    assert err.count("\n") == 1 and said in err
    if events:
        event = json.loads(out)
        assert (event["event"], event["exit_code"]) == ("error", code)
        assert event["message"] in err
    else:
        assert out == ""


def test_out_of_memory_of_torch_itself(calls, capsys):
    torch = pytest.importorskip("torch")
    calls.segment = lambda *_: torch.empty(2**60, dtype=torch.uint8)
    assert cli.main(["segment", "plates", "--out", "o"]) == 3
    assert "not enough memory" in capsys.readouterr().err


def test_debug_adds_the_traceback(calls, capsys):
    calls.segment = lambda *_: 1 / 0
    assert cli.main(["segment", "plates", "--out", "o", "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and err.splitlines()[-1].startswith("Internal error: ZeroDivisionError")


def test_a_cancelled_run_says_what_is_kept(calls, tmp_path, capsys):
    def ends(*_: object) -> None:
        raise KeyboardInterrupt

    calls.segment = ends
    assert cli.main(["segment", "plates", "--out", str(tmp_path)]) == 130
    assert "nothing is left half written" in capsys.readouterr().err
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.npz").write_bytes(b"state")
    assert cli.main(["segment", "plates", "--out", str(tmp_path)]) == 130
    err = capsys.readouterr().err
    assert f"a checkpoint is kept in {tmp_path}" in err and "--resume" in err


def test_an_object_cut_in_its_making_is_not_told(calls, tmp_path, capsys, monkeypatch):
    class HalfMade:
        def __init__(self) -> None:
            raise KeyboardInterrupt

        def __del__(self) -> None:
            self.handle.close()

    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    calls.segment = lambda *_: HalfMade()
    assert cli.main(["segment", "plates", "--out", str(tmp_path)]) == 130
    gc.collect()
    assert capsys.readouterr().err.count("\n") == 1


FAKE = """
import signal, subprocess, sys, time, types
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
fake = types.ModuleType("surface_sos_core.pipeline")
fake.Shot = lambda *args, **options: None
fake.Mode = str
from surface_sos_core.events import Events
{body}
fake.segment = segment
sys.modules["surface_sos_core.pipeline"] = fake
from surface_sos_core.cli import main
sys.exit(main())
"""


def start(body: str, *words: str) -> subprocess.Popen:
    """The command line in a process of its own, with `segment` as in `body`."""
    return subprocess.Popen(
        [sys.executable, "-c", FAKE.format(body=body), "segment", "plates", "--out", "o", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


LONG = """
def segment(shot, settings, on_event, mode):
    events = Events(on_event)
    events.stage("train", 1, 1)
    for step in range(1200):
        events.progress(step, 1200, "steps")
        time.sleep(0.05)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal that it could handle")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("events", [[], ["--events", "jsonl"]])
def test_signals_cancel(name, events):
    process = start(LONG, *events)
    assert "train" in process.stdout.readline()  # it is at work
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.startswith("Cancelled: ") and err.count("\n") == 1
    if events:
        assert json.loads(out.splitlines()[-1])["exit_code"] == 130


def test_stdout_holds_events_and_nothing_else():
    body = """
def segment(shot, settings, on_event, mode):
    events = Events(on_event)
    events.stage("train", 1, 1)
    print("a library talks")
    subprocess.run([sys.executable, "-c", "print('a child talks')"], check=True)
    __import__("os").write(1, b"C code talks\\n")
    events.warning("caf\\u00e9")
    raise SystemExit(0)
"""
    out, err = start(body, "--events", "jsonl").communicate(timeout=30)
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["stage", "warning"]
    assert {"a library talks", "a child talks", "C code talks"} <= set(err.splitlines())


def test_events_come_at_once():
    process = start(LONG, "--events", "jsonl")
    start_time = time.monotonic()
    for _ in range(5):
        assert json.loads(process.stdout.readline())["version"] == 1
    assert time.monotonic() - start_time < 20  # of the minute that the run takes
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise on Windows")
def test_a_reader_of_events_that_goes_stops_the_run():
    process = start(LONG, "--events", "jsonl")
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.count("\n") == 1 and "has gone" in err


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise on Windows")
def test_a_reader_of_lines_that_goes_does_not_matter():
    body = """
def segment(shot, settings, on_event, mode):
    events = Events(on_event)
    time.sleep(0.5)
    for step in range(3):
        events.warning(f"{step}")
    print("more")
    raise SystemExit(5)
"""
    process = start(body)
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (5, "")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell's pipe")
def test_help_into_a_closed_pipe():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "surface_sos_core", "segment", "--help"]
    done = subprocess.run(command, check=False, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


# What a person sees


def tell(listener: terminal.Display) -> None:
    events = Events(listener)
    events.stage("train", 2, 5)
    events.progress(0, 400, "steps")
    events.progress(100, 400, "steps", rate=10.0)
    events.warning("plate.1003 [bold] has no mask")
    events.preview(Path("out/preview.png"), 1001, 100)
    events.preview(Path("out/preview.png"), 1001, 200)
    for _ in range(3):  # a solver's retries
        events.progress(400, 400, "steps", rate=10.0)
    events.stage("layers", 3, 5)
    events.progress(24, 24, "frames", rate=2.0)
    events.progress(1, 24, "frames", rate=2.0)  # a second pass
    events.progress(24, 24, "frames", rate=2.0)
    events.done(Path("out/shot.json"), None, 2.0)
    listener.close()


def test_lines(tmp_path):
    path = tmp_path / "log.txt"
    with path.open("w") as stream:
        tell(terminal.Lines(stream))
    assert path.read_text().splitlines() == [
        "[2/5] train",
        "Warning: plate.1003 [bold] has no mask",
        "      preview: out/preview.png",
        "      400/400 steps, 10 steps/s",
        "[3/5] layers",
        "      24/24 frames, 2 frames/s",
        "      24/24 frames, 2 frames/s",
    ]


def test_words():
    event = {"done": 100, "total": 400, "unit": "steps", "rate": 0.25, "eta_s": 1200.4}
    assert terminal.describe(event) == "100/400 steps, 0.25 steps/s, 20:00 left"
    assert terminal.describe(event | {"rate": None, "eta_s": None}) == "100/400 steps"
    assert [terminal.clock(seconds) for seconds in (7.4, 59.6, 3723)] == ["0:07", "1:00", "1:02:03"]


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_bars_on_a_terminal(tmp_path):
    import pty
    import select

    parent, child = pty.openpty()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import time; from pathlib import Path\n"
        "from surface_sos_core import terminal; from surface_sos_core.events import Events\n"
        "listener = terminal.display(); events = Events(listener)\n"
        "events.stage('train', 2, 5); events.progress(100, 400, 'steps', rate=10.0); time.sleep(0.3)\n"
        "events.warning('plate.1003 [bold] has no mask')\n"
        "events.progress(400, 400, 'steps', rate=10.0); events.stage('layers', 3, 5); time.sleep(0.2)\n"
        "events.done(Path('out/shot.json'), None, 2.0); listener.close(); listener.close()\n"
        "assert isinstance(listener, terminal.Bars)\n"
    )
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(ROOT)],
        stdout=child,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    )
    os.close(child)
    shown = b""
    while select.select([parent], [], [], 30)[0]:
        try:
            shown += os.read(parent, 4096)
        except OSError:  # the other end is closed
            break
    os.close(parent)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    text = shown.decode()
    for words in ("2/5 train", "100/400 steps, 10 steps/s, 0:30 left", "400/400 steps", "3/5 layers"):
        assert words in text
    assert "Warning: plate.1003 [bold] has no mask" in text


# What bad input gets (each is one fault in a shot that is good)


class Bad:
    """A shot to break: its paths, and the words that `segment` gets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.footage: Path = write_footage(folder / "plates")
        self.out = folder / "out"
        self.options: list[str] = []

    def frame(self, index: int) -> Path:
        return self.footage / f"plate.{1001 + index}.png"

    def give(self, *options: object) -> None:
        self.options += [str(option) for option in options]

    def give_cameras(self) -> None:
        self.give("--cameras", write_cameras(self.folder / "model"))

    def give_all(self) -> None:
        self.give_cameras()
        self.give("--masks", write_masks(self.folder / "masks"))


def missing_folder(bad: Bad) -> None:
    bad.footage = bad.folder / "nowhere"


def missing_pattern(bad: Bad) -> None:
    bad.footage = bad.footage / "shot.####.exr"


def empty_folder(bad: Bad) -> None:
    bad.footage = bad.folder / "empty"
    bad.footage.mkdir()


def folder_without_images(bad: Bad) -> None:
    bad.footage = bad.folder / "texts"
    bad.footage.mkdir()
    (bad.footage / "notes.txt").write_text("no image")


def one_frame(bad: Bad) -> None:
    bad.footage = write_footage(bad.folder / "single", 1)


def not_a_movie(bad: Bad) -> None:
    bad.footage = bad.folder / "clip.mp4"
    bad.footage.write_bytes(b"no movie at all" * 100)


def frames_of_two_sizes(bad: Bad) -> None:
    cv2.imwrite(str(bad.frame(3)), np.zeros((HEIGHT, WIDTH + 2, 3), np.uint8))


def truncated_frame(bad: Bad) -> None:
    bad.frame(3).write_bytes(bad.frame(3).read_bytes()[:-400])


def frame_that_is_no_image(bad: Bad) -> None:
    bad.frame(3).write_text("<html>404</html>")


def all_frames_bad(bad: Bad) -> None:
    for index in range(COUNT):
        bad.frame(index).write_bytes(b"")
    bad.give("--skip-bad-frames")


def no_camera_model(bad: Bad) -> None:
    bad.give("--cameras", bad.folder / "nomodel")


def folder_without_model(bad: Bad) -> None:
    bad.give("--cameras", bad.footage)


def broken_text_model(bad: Bad) -> None:
    bad.give_cameras()
    (bad.folder / "model" / "images.txt").write_text("1 0.5 what 0 0 0 0 4 1 plate.1001.png\n\n")


def broken_binary_model(bad: Bad) -> None:
    folder = bad.folder / "model"
    folder.mkdir()
    for name in ("cameras.bin", "images.bin", "points3D.bin"):
        (folder / name).write_bytes(b"\xff" * 37)
    bad.give("--cameras", folder)


def foreign_model(bad: Bad) -> None:
    bad.give("--cameras", write_cameras(bad.folder / "model", "other.{}.jpg"))


def model_of_another_shape(bad: Bad) -> None:
    bad.give_cameras()
    (bad.folder / "model" / "cameras.txt").write_text("1 PINHOLE 200 48 60 60 100 24\n")


def no_mask_folder(bad: Bad) -> None:
    bad.give_cameras()
    bad.give("--masks", bad.folder / "nomasks")


def empty_mask_folder(bad: Bad) -> None:
    bad.give_cameras()
    (bad.folder / "masks").mkdir()
    bad.give("--masks", bad.folder / "masks")


def foreign_masks(bad: Bad) -> None:
    bad.give_cameras()
    bad.give("--masks", write_masks(bad.folder / "masks", "shape_9{}.png"))


def masks_of_another_shape(bad: Bad) -> None:
    bad.give_cameras()
    bad.give("--masks", write_masks(bad.folder / "masks", size=(HEIGHT, HEIGHT)))


def broken_mask(bad: Bad) -> None:
    bad.give_all()
    (bad.folder / "masks" / "plate.1004.png").write_bytes(b"no image")


def malformed_frames(bad: Bad) -> None:
    bad.give_all()
    bad.give("--frames", "1001..1004")


def backward_frames(bad: Bad) -> None:
    bad.give_all()
    bad.give("--frames", "1004-1001")


def unknown_frames(bad: Bad) -> None:
    bad.give_all()
    bad.give("--frames", "1,2")


def unknown_preset(bad: Bad) -> None:
    bad.give_all()
    bad.give("--preset", "best")


def missing_box(bad: Bad) -> None:
    bad.give_all()
    bad.give("--box", bad.folder / "box.json")


def box_that_is_no_json(bad: Bad) -> None:
    bad.give_all()
    (bad.folder / "box.json").write_text("centre 0 0 0")
    bad.give("--box", bad.folder / "box.json")


def box_without_size(bad: Bad) -> None:
    bad.give_all()
    (bad.folder / "box.json").write_text('{"centre": [0, 0, 0], "size": [1, 0, 1]}')
    bad.give("--box", bad.folder / "box.json")


def out_that_is_not_ours(bad: Bad) -> None:
    bad.give_all()
    bad.out.mkdir()
    (bad.out / "holiday.txt").write_text("mine")


def out_that_is_not_ours_with_overwrite(bad: Bad) -> None:
    out_that_is_not_ours(bad)
    bad.give("--overwrite")


def out_that_is_not_ours_with_resume(bad: Bad) -> None:
    out_that_is_not_ours(bad)
    bad.give("--resume")


def out_with_another_manifest(bad: Bad) -> None:
    bad.give_all()
    bad.give("--overwrite")
    bad.out.mkdir()
    (bad.out / "shot.json").write_text('{"take": 3, "director": "me"}')


def out_that_is_a_file(bad: Bad) -> None:
    bad.give_all()
    bad.out.write_text("mine")


def out_in_a_file(bad: Bad) -> None:
    bad.give_all()
    (bad.folder / "file").write_text("mine")
    bad.out = bad.folder / "file" / "out"


def out_that_is_the_footage(bad: Bad) -> None:
    bad.give_all()
    bad.out = bad.footage


def out_with_a_shot(bad: Bad) -> None:
    bad.give_all()
    write_shot(bad.out)


def nothing_to_resume(bad: Bad) -> None:
    bad.give_all()
    bad.give("--resume")


BAD_INPUT = [
    (missing_folder, "nowhere"),
    (missing_pattern, "shot.####.exr"),
    (empty_folder, "empty"),
    (folder_without_images, "texts"),
    (one_frame, "one frame"),
    (not_a_movie, "clip.mp4"),
    (frames_of_two_sizes, "plate.1004.png"),
    (truncated_frame, "plate.1004.png"),
    (frame_that_is_no_image, "plate.1004.png"),
    (all_frames_bad, "plates"),
    (no_camera_model, "nomodel"),
    (folder_without_model, "plates"),
    (broken_text_model, "images.txt"),
    (broken_binary_model, "cameras.bin"),
    (foreign_model, "other.1001.jpg"),
    (model_of_another_shape, "200x48"),
    (no_mask_folder, "nomasks"),
    (empty_mask_folder, "masks"),
    (foreign_masks, "shape_91001.png"),
    (masks_of_another_shape, "plate.1001.png"),
    (broken_mask, "plate.1004.png"),
    (malformed_frames, "1001..1004"),
    (backward_frames, "1004-1001"),
    (unknown_frames, "1001-1006"),
    (unknown_preset, "--preset"),
    (missing_box, "box.json"),
    (box_that_is_no_json, "box.json"),
    (box_without_size, "box.json"),
    (out_that_is_not_ours, "out"),
    (out_that_is_not_ours_with_overwrite, "out"),
    (out_that_is_not_ours_with_resume, "out"),
    (out_with_another_manifest, "out"),
    (out_that_is_a_file, "out"),
    (out_in_a_file, "file"),
    (out_that_is_the_footage, "plates"),
    (out_with_a_shot, "--overwrite"),
    (nothing_to_resume, "out"),
]


@pytest.fixture
def no_training(monkeypatch):
    """Bad input must be found before the fields are made."""
    pytest.importorskip("torch")
    from surface_sos_core.train.trainer import Trainer

    def begins(*_: object, **__: object) -> None:
        raise AssertionError("training begins")

    monkeypatch.setattr(Trainer, "start", begins)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(("fault", "named"), BAD_INPUT, ids=[fault.__name__ for fault, _ in BAD_INPUT])
def test_bad_input(fault, named, tmp_path, capfd):
    bad = Bad(tmp_path)
    fault(bad)
    before = snapshot(tmp_path)
    code = cli.main(["segment", str(bad.footage), "--out", str(bad.out), "--device", "cpu", *bad.options])
    err = capfd.readouterr().err
    assert code == 2, err
    assert err.count("\n") == 1 and err.startswith("Error: ") and named in err
    after = snapshot(tmp_path)
    assert {name: after.get(name) for name in before} == before  # nothing of the user's has changed


@pytest.mark.usefixtures("no_training")
def test_masks_of_another_size_are_resized_with_a_warning(tmp_path, capfd):
    """The run gets as far as training, which the fixture ends as a fault."""
    bad = Bad(tmp_path)
    bad.give_cameras()
    bad.give("--masks", write_masks(tmp_path / "masks", size=(2 * WIDTH, 2 * HEIGHT)))
    code = cli.main(["segment", str(bad.footage), "--out", str(bad.out), "--device", "cpu", *bad.options])
    out, err = capfd.readouterr()
    assert code == 1 and "training begins" in err
    assert "Warning:" in out and "plate.1001.png 128x96" in out


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("command", ["segment", "solve"])
def test_cameras_that_cannot_be_solved(command, tmp_path, capfd):
    """Frames that show different things: says how many of how many registered, and what helps."""
    footage = tmp_path / "plates"
    footage.mkdir()
    for index in range(COUNT):
        noise = np.random.default_rng(index).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        cv2.imwrite(str(footage / f"plate.{index}.png"), noise)
    assert cli.main([command, str(footage), "--out", str(tmp_path / "out")]) == 4
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and f"of {COUNT}" in err


@pytest.mark.usefixtures("no_training")
def test_a_static_camera_needs_parallax(tmp_path, capfd):
    footage = tmp_path / "plates"
    footage.mkdir()
    picture = cv2.resize(plate(0), (320, 240), interpolation=cv2.INTER_NEAREST)
    for index in range(COUNT):
        cv2.imwrite(str(footage / f"plate.{index}.png"), picture)
    assert cli.main(["segment", str(footage), "--out", str(tmp_path / "out"), "--subject", "still"]) == 4
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "parallax" in err


@pytest.mark.usefixtures("no_training")
def test_a_given_model_without_parallax(tmp_path, capfd):
    bad = Bad(tmp_path)
    bad.give("--cameras", write_cameras(tmp_path / "model", radius=0.0))
    bad.give("--masks", write_masks(tmp_path / "masks"))
    code = cli.main(["segment", str(bad.footage), "--out", str(bad.out), "--device", "cpu", *bad.options])
    err = capfd.readouterr().err
    assert code in (2, 4), err
    assert err.count("\n") == 1 and "parallax" in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["train", "{0}/nothing"], "nothing"),
        (["layers", "{0}/nothing"], "nothing"),
        (["mesh", "{0}/nothing"], "nothing"),
        (["train", "{0}/nothing", "--seed", "3"], "nothing"),
        (["layers", "{0}/out", "--frames", "5-"], "5-"),
        (["render", "{0}/nothing", "--cameras", "{0}/model", "--out", "{0}/to"], "nothing"),
        (["render", "{0}/out", "--cameras", "{0}/nothing", "--out", "{0}/to"], "nothing"),
        (["eval", "{0}/nothing", "--truth", "{0}/plates"], "nothing"),
        (["eval", "{0}/out", "--truth", "{0}/nothing"], "nothing"),
        (["solve", "{0}/nothing", "--out", "{0}/to"], "nothing"),
        (["solve", "{0}/plates", "--out", "{0}/plates"], "plates"),
    ],
)
def test_bad_input_of_single_stages(words, named, tmp_path, capfd):
    write_footage(tmp_path / "plates")
    write_cameras(tmp_path / "model")
    write_shot(tmp_path / "out")
    before = snapshot(tmp_path)
    assert cli.main([word.format(tmp_path) for word in words]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and named in err
    assert snapshot(tmp_path) == before


def test_a_real_process_ends_with_the_code(tmp_path):
    done = run("segment", tmp_path / "nowhere", "--out", tmp_path / "out", "--events", "jsonl")
    assert done.returncode == 2
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "error" and "nowhere" in events[-1]["message"]
    assert done.stderr == f"Error: {events[-1]['message']}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(
    not Path("/sys/kernel").exists(), reason="/sys stands for what root may not write to either"
)
def test_an_out_without_permission(tmp_path, capfd):
    bad = Bad(tmp_path)
    bad.give_all()
    locked = Path("/sys")
    code = cli.main(["segment", str(bad.footage), "--out", str(locked / "out"), *bad.options])
    err = capfd.readouterr().err
    assert code == 3 and err.count("\n") == 1 and str(locked / "out") in err


@pytest.fixture
def typed(capsys):
    """The command line in this process: exit code, stdout and stderr."""

    def run_here(*words: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_here


def test_masks_from_a_box_are_written_and_never_over_other_files(tmp_path, typed):
    footage = write_footage(tmp_path / "plates")
    drawn = tmp_path / "box.json"
    drawn.write_text(json.dumps({"frame": 1003, "box": [16, 12, 48, 36]}))
    asked = ("masks", footage, "--from", f"box:{drawn}", "--out")
    code, out, _ = typed(*asked, tmp_path / "masks")
    assert code == 0 and str(tmp_path / "masks") in out
    mask = cv2.imread(str(tmp_path / "masks" / "plate.1003.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (HEIGHT, WIDTH) and mask.max() > 127 and not mask[:8].any()
    code, _, told = typed(*asked, tmp_path / "masks")
    assert code == 2 and "--overwrite" in told
    code, _, told = typed(*asked, tmp_path, "--overwrite")
    assert code == 2 and "no mask of this footage" in told


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ("box:{}/gone.json", (), "gone.json cannot be read"),
        ("box:{}/outside.json", (), "outside the frame"),
        ("box:{}/noframe.json", (), "has no frame 9999"),
        ("box:{}/empty.json", (), "holds no box and no outline"),
        ("auto", ("--weights", "w.pth"), "needs none"),
        ("{}/gone", (), "is not a folder"),
    ],
)
def test_a_source_that_cannot_be_used_leaves_nothing(tmp_path, typed, source, options, told):
    footage = write_footage(tmp_path / "plates")
    (tmp_path / "outside.json").write_text(json.dumps({"frame": 1001, "box": [900, 900, 950, 950]}))
    (tmp_path / "noframe.json").write_text(json.dumps({"frame": 9999, "box": [16, 12, 48, 36]}))
    (tmp_path / "empty.json").write_text("[]")
    refused(typed, footage, tmp_path, source.format(tmp_path), options, 2, told)


def refused(typed, footage, folder, source, options, expected, told):
    """Both commands that take a source end with this code and these words in their last line, and leave nothing."""
    for command in (("masks", footage, "--from"), ("segment", footage, "--masks")):
        before = sorted(folder.iterdir())
        code, _, said = typed(*command, source, *options, "--out", folder / "out")
        assert code == expected and told in said.splitlines()[-1]
        assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["maskrcnn", "sam2", "rvm", "rembg"])
def test_a_network_whose_library_is_missing(tmp_path, typed, name, monkeypatch):
    footage = write_footage(tmp_path / "plates")
    monkeypatch.setattr("surface_sos_core.masks.sources.ready.importlib.util.find_spec", lambda module: None)
    refused(typed, footage, tmp_path, name, (), 3, f"pip install 'surface-sos-core[{name}]'")


def test_weights_of_another_model(tmp_path, typed):
    pytest.importorskip("onnxruntime")
    footage = write_footage(tmp_path / "plates")
    (tmp_path / "other.onnx").write_bytes(b"no model")
    refused(typed, footage, tmp_path, "rvm", ("--weights", tmp_path / "other.onnx"), 2, "no ONNX model")


def test_import_of_a_folder_that_is_no_such_set(tmp_path, typed):
    code, _, told = typed("import", "llff", tmp_path, "--out", tmp_path / "shot")
    assert code == 2 and "poses_bounds.npy is missing" in told
    assert not (tmp_path / "shot").exists()
    assert typed("import", "mvs", tmp_path, "--out", tmp_path / "shot")[0] == 2


@pytest.mark.parametrize("raised", [Cancelled, KeyboardInterrupt])
def test_a_signal_within_compiled_code_is_told_as_one(raised, capsys, monkeypatch):
    """numba's dispatcher hands on what a signal raises in it as the cause of a SystemError."""

    def dispatch(*_):
        raise SystemError("CPUDispatcher returned a result with an exception set") from raised()

    monkeypatch.setattr(commands, "doctor", dispatch)
    assert cli.main(["doctor"]) == 130
    assert "Cancelled" in capsys.readouterr().err


def test_a_signal_while_a_class_is_made_is_told_as_one(capsys, monkeypatch):
    """What a signal raises in __set_name__, as while PyTorch is imported, Python 3.11 hands on as the cause of a RuntimeError."""

    class Named:
        def __set_name__(self, *_):
            raise Cancelled

    monkeypatch.setattr(commands, "doctor", lambda *_: type("Holds", (), {"it": Named()}))
    assert cli.main(["doctor"]) == 130
    assert "Cancelled" in capsys.readouterr().err


def test_a_system_error_of_its_own_is_not_taken_for_a_signal(capsys, monkeypatch):
    def fail(*_):
        raise SystemError("bad call") from ValueError("of something else")

    monkeypatch.setattr(commands, "doctor", fail)
    assert cli.main(["doctor"]) == 1
    assert "SystemError: bad call" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "train.iteration=3"], "did you mean train.iterations?"),
        (["--set", "train.iterations=0"], "from 1 to 10000000"),
        (["--set", "train.iterations"], "stage.name=value"),
        (["--config", "nowhere.toml"], "check the path of --config"),
        (["--fill", "fog"], "give texture, smooth or an inpainting network"),
        (["--fill", "nowhere.onnx"], "nowhere.onnx is no file"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_read(words, message, tmp_path, capsys):
    out = tmp_path / "shot"
    assert cli.main(["segment", str(tmp_path / "no plates"), "--out", str(out), *words]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_the_settings_are_listed(capsys):
    assert cli.main(["settings"]) == 0
    assert "train.iterations = 400 / 1500 / 40000" in capsys.readouterr().out
    assert cli.main(["settings", "--json"]) == 0
    assert "train.iterations" in {row["name"] for row in json.loads(capsys.readouterr().out)}
