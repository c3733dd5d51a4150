"""A farm that is measured: on real cores, and as a table."""

import os
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from measure.documents import SECTIONS
from measure.farm import farm_entries
from measure.results import Results
from measure.stamp import stamp

TINY = ["train.iterations=10", "layers.samples=8", "mesh.resolution=32"]


def test_workers_without_a_core_are_refused(tmp_path):
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system does not tell which cores a process may use")
    with pytest.raises(RuntimeError, match="want a core each"):
        next(farm_entries(1, [1, 4096], "1001", TINY, tmp_path))


@pytest.mark.long
def test_one_worker_and_two_make_the_same_shots(tmp_path):
    pytest.importorskip("ray", reason='Ray is an extra: pip install "surface-sos-core[ray]"')
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two workers want a core each")
    one, two = ({**entry, "stamp": stamp()} for entry in farm_entries(2, [1, 2], "1001,1002", TINY, tmp_path))
    assert (one["name"], two["name"], one["efficiency"]) == ("1 worker", "2 workers", 1.0)
    for entry in (one, two):
        assert entry["tasks"] >= 14 and 0.1 < entry["busy"] <= 1.0 and 0 < entry["efficiency"] < 1.5
        assert entry["shots_an_hour"] == pytest.approx(7200 / entry["seconds"])
    for folder in (tmp_path / "1", tmp_path / "2"):
        assert len(list(folder.glob("shot*/layers/*.exr"))) == 4
    told = SECTIONS["farm"]([Results("farm", "sample", "preview", [one, two])])
    assert "| 2 workers |" in told and "2 shots of the sample, frames 1001,1002." in told
    assert "preset preview, train.iterations = 10" in told
