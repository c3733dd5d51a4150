"""What is installed here, which backend and device a run will use, and why.

Every library is looked at on its own and none has to be there: telling what is missing is what this is for.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from surface_sos_core.events import VERSION
from surface_sos_core.masks.sources.ready import KINDS, Kind

DISTRIBUTION = "surface-sos-core"
LEAST_PYTHON = (3, 11)
LEAST_DISK = 2 * 2**30  # bytes; a shot's layers and checkpoint take more than that at times


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    value: str
    missing: bool = False
    """Nothing runs without it."""
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""
    requirement: str = ""
    """What to hand to pip where that helps."""


@dataclass
class Diagnosis:
    """All checks, and what follows from them."""

    checks: list[Check] = field(default_factory=list)
    device: str = "cpu"
    why: str = ""
    backend: str | None = None
    """Hash grid backend; None where PyTorch cannot be loaded."""
    mask_sources: list[str] = field(default_factory=list)
    """Sources of coarse masks that work here, some of them with --weights."""

    @property
    def missing(self) -> list[Check]:
        return [check for check in self.checks if check.missing]

    @property
    def pip_line(self) -> str | None:
        """The command that installs what is missing, or None."""
        wanted = [check.requirement for check in self.missing if check.requirement]
        python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
        return f"{python} -m pip install " + " ".join(f'"{name}"' for name in wanted) if wanted else None

    def as_event(self) -> dict[str, Any]:
        """The diagnosis for a program: one more kind of event (`checks` hold the fields of Check)."""
        return {
            "event": "doctor",
            "version": VERSION,
            "can_run": not self.missing,
            "device": self.device,
            "why": self.why,
            "backend": self.backend,
            "pip": self.pip_line,
            "mask_sources": self.mask_sources,
            "checks": [asdict(check) for check in self.checks],
        }

    def table(self) -> str:
        """The diagnosis for a person; its last line tells the device."""
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{'MISSING' if check.missing else '':8}{check.name:{width}}  {check.value}")
            if check.advice:
                lines.append(f"{'':8}{'':{width}}  -> {check.advice}")
        return "\n".join([*lines, f"device: {self.device}, because {self.why}"])


def examine(device: str = "auto") -> Diagnosis:
    """Look at this machine for a run on `device`. Raises SetupError for cuda where there is none."""
    diagnosis = Diagnosis()
    diagnosis.checks += [_python(), _platform(), Check("CPU cores", str(_cores())), _memory()]
    diagnosis.checks += _libraries()
    _torch(diagnosis, device)
    diagnosis.checks += [_tiny_cuda_nn(), *_numba()]
    for kind in KINDS:
        obstacle = kind.obstacle or kind.broken
        diagnosis.checks.append(_mask_source(kind, obstacle))
        if obstacle is None:
            diagnosis.mask_sources.append(kind.name)
    diagnosis.checks += [
        _disk("disk, this folder", Path.cwd()),
        _disk("disk, scratch", Path(tempfile.gettempdir())),
    ]
    return diagnosis


def _python() -> Check:
    too_old = sys.version_info < LEAST_PYTHON
    least = ".".join(map(str, LEAST_PYTHON))
    return Check(
        "Python",
        f"{platform.python_version()} at {sys.executable}",
        too_old,
        f"make the environment with Python {least} or newer" if too_old else "",
    )


def _platform() -> Check:
    return Check("platform", f"{platform.system()} {platform.release()} {platform.machine()}")


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> Check:
    size = _memory_bytes()
    return Check("memory", _gigabytes(size) if size else "unknown")


def _memory_bytes() -> int | None:
    """Memory of the machine, or of the container where that is less."""
    if sys.platform == "win32":
        status = (
            ctypes.c_uint64 * 8
        )()  # MEMORYSTATUSEX: two 32-bit fields (own size first), then 64-bit ones
        status[0] = ctypes.sizeof(status)
        found = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1]) if found else None
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    try:
        text = limit.read_text().strip()
    except OSError:
        return size
    return min(size, int(text)) if text.isdigit() else size


def _libraries() -> list[Check]:
    """The package's own declared requirements against what is installed, by metadata alone."""
    try:
        own, wanted = metadata.version(DISTRIBUTION), metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        advice = "install it into this environment: pip install ."
        return [Check(DISTRIBUTION, "not installed, so what it needs is not known", True, advice)]
    checks = [Check(DISTRIBUTION, own)]
    for requirement in wanted:
        if "extra ==" not in requirement:
            checks.append(_library(requirement.partition(";")[0].strip()))
    return checks


def _library(requirement: str) -> Check:
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    bounds = requirement[len(name) :]
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "not installed", True, f"needs {requirement}", requirement)
    if not _within(version, bounds):
        return Check(name, version, True, f"needs {requirement}", requirement)
    return Check(name, version)


def _within(version: str, bounds: str) -> bool:
    """Whether a version keeps to bounds such as ">=4.0,<5", by its numbers alone."""
    ours = _numbers(version)
    for operator, bound in re.findall(r"(>=|<)\s*([0-9][0-9.]*)", bounds):
        theirs = _numbers(bound)
        length = max(len(ours), len(theirs))
        left, right = (side + (0,) * (length - len(side)) for side in (ours, theirs))
        if (left < right) == (operator == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in release.group().split(".")) if release else ()


def _torch(diagnosis: Diagnosis, device: str) -> None:
    """PyTorch's build, the GPU, the device and the hash grid's backend."""
    try:
        import torch
    except Exception as error:  # noqa: BLE001 (a broken install raises anything, and all of it is told)
        diagnosis.why = "PyTorch cannot be loaded"
        if not any(check.name == "torch" for check in diagnosis.missing):
            advice = "install it again: pip install --force-reinstall torch"
            diagnosis.checks.append(Check("torch build", _line(error), True, advice))
        return
    from surface_sos_core.device import choose_device, cuda_obstacle
    from surface_sos_core.fields.engine import Engine

    cuda = torch.version.cuda
    diagnosis.checks.append(Check("torch build", f"CUDA {cuda}" if cuda else "CPU only"))
    obstacle = cuda_obstacle()
    if obstacle is None:
        gpu = torch.cuda.get_device_properties(0)
        diagnosis.checks.append(Check("GPU", f"{gpu.name}, {_gigabytes(gpu.total_memory)}"))
    else:
        diagnosis.checks.append(Check("GPU", "none that PyTorch can use"))
    diagnosis.device = choose_device(device).type
    diagnosis.backend = Engine.fastest(diagnosis.device).value
    diagnosis.checks.append(Check("hash grid", _grid_backend(diagnosis.backend, diagnosis.device)))
    if diagnosis.device == "cuda":
        diagnosis.why = f"PyTorch can use {gpu.name}"
    elif device == "cpu":
        diagnosis.why = "--device cpu asks for it"
    else:
        diagnosis.why = obstacle or ""


def _grid_backend(backend: str, device: str) -> str:
    """The hash grid's backend, and on a GPU why it is that one."""
    from surface_sos_core.fields.engine import cuda_obstacle

    told = f"{backend} backend on {device}"
    if device != "cuda":
        return told
    obstacle = cuda_obstacle()
    if obstacle is None:
        return f"{told}: kernels compiled by numba, whose step forward and back is that of PyTorch"
    return f"{told}: numba's kernels cannot be used ({obstacle})"


def _tiny_cuda_nn() -> Check:
    """The optional tiny-cuda-nn: whatever it does is only told. Its grid has another layout than all others here, so that
    fields trained with it could not be read where it is missing."""
    name = "tinycudann"
    if importlib.util.find_spec(name) is None:
        return Check(name, "not installed (optional)")
    try:
        _try_tiny_cuda_nn()
    except Exception as error:  # noqa: BLE001 (import: EnvironmentError without a GPU; kernels: anything)
        return Check(name, f"installed (optional), but cannot be used: {_line(error)}")
    return Check(
        name, "installed (optional), forward and backward work; not used, its grid has another layout"
    )


def _try_tiny_cuda_nn() -> None:
    """One step forward and back through a small grid; raises where that fails."""
    import tinycudann
    import torch

    grid = tinycudann.Encoding(3, {"otype": "HashGrid", "n_levels": 2, "log2_hashmap_size": 8})
    value = grid(torch.rand(128, 3, device="cuda")).float()
    value.square().sum().backward()
    if not (torch.isfinite(value).all() and torch.isfinite(grid.params.grad).all()):
        raise RuntimeError("its self-check gives numbers that are not finite")


def _mask_source(kind: Kind, obstacle: str | None) -> Check:
    """Nothing needs it, so what is missing is only told."""
    name = f"masks: {kind.name}"
    if obstacle is not None:
        return Check(name, f"{kind.text}; not usable (optional)", advice=obstacle)
    return Check(name, f"{kind.text}; with --weights, {kind.weights}" if kind.weights else kind.text)


def _numba() -> list[Check]:
    """Compiles and runs a small parallel loop: that numba works, on which threads, where code is kept."""
    try:
        import numba

        layer, folder = _compile(numba.njit)
    except ImportError as error:
        return [
            Check(
                "numba threads",
                _line(error),
                True,
                "install numba again: pip install --force-reinstall numba",
            )
        ]
    except Exception as error:  # noqa: BLE001 (whatever its compiler meets on this machine is told)
        return [
            Check(
                "numba threads",
                f"its self-check fails: {_line(error)}",
                True,
                "pip install -U numba llvmlite",
            )
        ]
    threads = Check("numba threads", f"{layer}, {numba.get_num_threads()} threads")
    if folder is None:
        advice = "set NUMBA_CACHE_DIR to a folder of yours, or every run compiles anew (a minute)"
        return [threads, Check("numba cache", "no folder that can be written", advice=advice)]
    return [threads, Check("numba cache", f"{folder} can be written")]


def _compile(njit: Callable[..., Any]) -> tuple[str, Path | None]:
    """The threading layer in use, and the folder of compiled code (None where there is none to write to)."""
    import numba

    def total(count: int) -> int:
        result = 0
        for number in numba.prange(count):
            result += number
        return result

    try:
        compiled = njit(parallel=True, cache=True)(total)
        folder = Path(compiled.stats.cache_path)
    except RuntimeError:  # numba's word for "no place to cache"
        compiled, folder = njit(parallel=True)(total), None
    if compiled(10) != 45:
        raise ValueError("a parallel sum comes out wrong")
    return numba.threading_layer(), folder


def _disk(name: str, folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    advice = "a shot can need more: make room, or choose --out on another disk" if free < LEAST_DISK else ""
    return Check(name, f"{_gigabytes(free)} free in {folder}", advice=advice)


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f} GB"


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
