"""doctor: what it tells where all is well, and where something is missing, broken or too old."""

import json
import sys
import types
from importlib import metadata

import pytest

from surface_sos_core import cli, doctor
from surface_sos_core.device import choose_device, cuda_obstacle
from surface_sos_core.errors import InputError, SetupError
from surface_sos_core.fields import hash_grid_cuda
from surface_sos_core.fields.engine import Engine

torch = pytest.importorskip("torch")
WITHOUT_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="tells of a machine without CUDA")


@pytest.fixture(scope="module")
def diagnosis() -> doctor.Diagnosis:
    return doctor.examine()


def values(diagnosis: doctor.Diagnosis) -> dict[str, str]:
    return {check.name: check.value for check in diagnosis.checks}


def test_names_every_library_with_its_version(diagnosis):
    told = values(diagnosis)
    for name in ("torch", "numpy", "numba", "pycolmap", "opencv-python-headless", "OpenEXR", "rich"):
        assert told[name] == metadata.version(name)
    assert "pytest" not in told  # extras are no requirement
    assert told["Python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert diagnosis.missing == [] and diagnosis.pip_line is None


def test_tells_device_backend_and_threads(diagnosis):
    assert diagnosis.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert diagnosis.backend in (("cuda", "torch") if torch.cuda.is_available() else ("numba",))
    assert values(diagnosis)["hash grid"].startswith(f"{diagnosis.backend} backend on {diagnosis.device}")
    assert values(diagnosis)["numba threads"].split(",")[0] in ("omp", "tbb", "workqueue")
    last = diagnosis.table().splitlines()[-1]
    assert last == f"device: {diagnosis.device}, because {diagnosis.why}" and diagnosis.why


@pytest.mark.parametrize("obstacle", [None, "NvvmSupportError: no libNVVM"])
def test_a_gpu_s_backend_comes_with_its_reason(monkeypatch, obstacle):
    monkeypatch.setattr(hash_grid_cuda, "obstacle", lambda: obstacle)
    backend = Engine.fastest("cuda")
    told = doctor._grid_backend(backend, "cuda")
    assert backend == ("torch" if obstacle else "cuda") and told.startswith(f"{backend} backend on cuda: ")
    assert obstacle is None or obstacle in told


def test_sources_of_masks_are_listed_with_what_is_missing(monkeypatch):
    find_spec = doctor.importlib.util.find_spec
    monkeypatch.setattr(
        doctor.importlib.util,
        "find_spec",
        lambda name: None if name == "torchvision" else find_spec(name),
    )
    diagnosis = doctor.examine()
    assert {"auto", "box", "folder", "movie"} <= set(diagnosis.mask_sources)
    assert "maskrcnn" not in diagnosis.mask_sources
    advice = {check.name: check.advice for check in diagnosis.checks}
    assert advice["masks: box"] == "" and "surface-sos-core[maskrcnn]" in advice["masks: maskrcnn"]
    assert diagnosis.as_event()["mask_sources"] == diagnosis.mask_sources and not diagnosis.missing


def test_memory_and_disk_are_numbers(diagnosis):
    told = values(diagnosis)
    assert 0.2 < float(told["memory"].split()[0]) < 1e5
    assert float(told["disk, this folder"].split()[0]) > 0


def test_event_is_json(diagnosis):
    event = json.loads(json.dumps(diagnosis.as_event(), allow_nan=False))
    assert (event["event"], event["can_run"], event["pip"]) == ("doctor", True, None)
    assert {check["name"] for check in event["checks"]} == set(values(diagnosis))


def test_a_missing_and_an_old_library_are_named_with_the_way_out(monkeypatch):
    version = metadata.version

    def pretend(name: str) -> str:
        if name == "pymatting":
            raise metadata.PackageNotFoundError(name)
        return "3.99.1" if name == "pycolmap" else version(name)

    monkeypatch.setattr(metadata, "version", pretend)
    found = doctor.examine()
    assert {check.name: check.value for check in found.missing} == {
        "pycolmap": "3.99.1",
        "pymatting": "not installed",
    }
    assert sys.executable in found.pip_line
    assert '"pymatting>=1.1.13"' in found.pip_line and "pycolmap" in found.pip_line
    assert found.as_event()["can_run"] is False
    missing = [line for line in found.table().splitlines() if line.startswith("MISSING")]
    assert len(missing) == 2


def test_exit_code_and_error_where_something_is_missing(monkeypatch, capsys):
    check = doctor.Check("trimesh", "not installed", True, "needs trimesh>=4.5", "trimesh>=4.5")
    monkeypatch.setattr(doctor, "examine", lambda device: doctor.Diagnosis([check], why="PyTorch says so"))
    assert cli.main(["doctor"]) == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "device: cpu, because PyTorch says so"
    assert err.count("\n") == 1 and "trimesh" in err and '-m pip install "trimesh>=4.5"' in err


def test_a_package_that_was_never_installed(monkeypatch):
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    (check,) = doctor._libraries()
    assert check.missing and "pip install" in check.advice


@pytest.mark.parametrize(
    ("version", "bounds", "within"),
    [
        ("4.2.1", ">=4.0,<5", True),
        ("5.0", ">=4.0,<5", False),
        ("4", ">=4.0", True),
        ("2.13.0+cpu", ">=2.6", True),
        ("2.5.1", ">=2.6", False),
        ("2.10", ">=2.9", True),
        ("1.0rc1", "", True),
    ],
)
def test_version_bounds(version, bounds, within):
    assert doctor._within(version, bounds) is within


def test_torch_that_cannot_be_loaded(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # import raises ImportError
    found = doctor.examine()
    assert [check.name for check in found.missing] == ["torch build"]
    assert found.backend is None and found.why == "PyTorch cannot be loaded"


def test_tiny_cuda_nn_that_raises_on_import_is_only_told(monkeypatch, tmp_path):
    package = tmp_path / "tinycudann"
    package.mkdir()
    (package / "__init__.py").write_text("raise EnvironmentError('Unknown compute\\ncapability.')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tinycudann", raising=False)
    check = doctor._tiny_cuda_nn()
    assert not check.missing
    assert check.value == "installed (optional), but cannot be used: OSError: Unknown compute capability."


@WITHOUT_GPU
def test_tiny_cuda_nn_without_a_gpu_is_only_told(monkeypatch, tmp_path):
    package = tmp_path / "tinycudann"
    package.mkdir()
    (package / "__init__.py").write_text("def Encoding(*args):\n    return lambda points: points\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tinycudann", raising=False)
    check = doctor._tiny_cuda_nn()
    assert not check.missing and "cannot be used" in check.value
    monkeypatch.delitem(sys.modules, "tinycudann")


def test_numba_without_a_place_for_compiled_code(monkeypatch):
    import numba

    def njit(**options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function 'total': no locator available")
        return numba_njit(**options)

    numba_njit = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    _, cache = doctor._numba()
    assert not cache.missing and "NUMBA_CACHE_DIR" in cache.advice


def test_little_disk_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=2**20))
    assert "make room" in doctor._disk("disk", tmp_path).advice


def test_device():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="'mps'"):
        choose_device("mps")


@WITHOUT_GPU
def test_cuda_without_a_gpu_says_why_and_what_works():
    assert torch.__version__ in cuda_obstacle()
    with pytest.raises(SetupError, match="--device cpu works"):
        choose_device("cuda")


def test_an_old_driver_is_told_in_its_own_words(monkeypatch):
    def is_available() -> bool:
        import warnings

        warnings.warn("The NVIDIA driver on your\nsystem is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "12.6")
    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    assert cuda_obstacle() == "The NVIDIA driver on your system is too old"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no NVIDIA GPU" in cuda_obstacle()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")


def test_command_line(capsys):
    assert cli.main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("device: ") and err == ""
    assert cli.main(["doctor", "--json", "--device", "cpu"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["why"] == "--device cpu asks for it"


def test_events_on_the_command_line(capfd):
    assert cli.main(["doctor", "--events", "jsonl"]) == 0
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["event"] == "doctor"
