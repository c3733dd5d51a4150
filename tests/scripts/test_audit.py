"""What the comparison with known advisories says, and that it never takes silence for safety."""

import importlib.util
import stat
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FINE = {"name": "numpy", "version": "2.2", "vulns": []}
BROKEN = {"name": "torch", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNKNOWN = {"name": "numba", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """scripts/audit.py."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([FINE, FINE], 0, "any of 2"),
        ([FINE, BROKEN], 1, "torch 1.0: PYSEC-1, fixed in 1.1"),
        ([FINE, UNKNOWN], 3, "1 of 2 dependencies could not be reached, so nothing is known of them: numba"),
        ([BROKEN, UNKNOWN], 3, "torch 1.0: PYSEC-1"),
        ([], 3, "could not be reached"),
        (None, 3, "could not be reached"),
    ],
)
def test_what_is_known_is_told(audit, dependencies, code, said):
    lines, ended = audit.verdict(dependencies)
    assert ended == code and said in "\n".join(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands for Python here")
@pytest.mark.parametrize("answers", [True, False])
def test_an_answer_is_told_from_a_failure_by_what_is_written(audit, answers, tmp_path):
    """pip-audit ends with 1 for both."""
    body = 'cp "$here/told.json" "$last"' if answers else ":"
    (tmp_path / "told.json").write_text('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}')
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nhere="$(dirname "$0")"\nfor last; do :; done\n{body}\nexit 1\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    found = audit.asked(str(python), [])
    assert found == ([{"name": "a", "version": "1", "vulns": []}] if answers else None)
