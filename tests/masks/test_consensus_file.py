"""The consensus as a file: what is saved is read, and nothing else is."""

import errno

import numpy as np
import pytest

from surface_sos_core.cameras import Box
from surface_sos_core.errors import InputError
from surface_sos_core.footage.frame_stack import FrameStack
from surface_sos_core.masks.consensus import Consensus
from surface_sos_core.masks.consensus_file import SolidMasks, read_consensus, save_consensus, unpack_masks


@pytest.fixture
def agreed() -> Consensus:
    """Of five frames."""
    generator = np.random.default_rng(0)
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return Consensus(
        box=Box(np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.0, 0.7]), turn),
        grid=generator.random((6,) * 3, np.float32),
        trust=generator.integers(0, 256, (5, 3, 4), np.uint8),
        agreement=np.array([0.9, np.nan, 0.4, 1.0, 0.8]),
    )


def test_what_is_saved_is_read(tmp_path, agreed):
    masks = np.random.default_rng(1).integers(0, 256, (5, 13, 17), np.uint8)
    save_consensus(tmp_path / "c.npz", masks, agreed)
    again = read_consensus(tmp_path / "c.npz", len(masks))
    for name in ("grid", "trust", "agreement"):
        np.testing.assert_array_equal(getattr(again, name), getattr(agreed, name))
    np.testing.assert_array_equal(again.box.similarity, agreed.box.similarity)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]
    with unpack_masks(tmp_path / "c.npz", tmp_path / "cache", len(masks)) as stack:
        assert stack.shape == masks.shape
        np.testing.assert_array_equal([stack[i] for i in range(len(stack))], masks)
    solid = SolidMasks.read(tmp_path / "c.npz", len(masks))
    np.testing.assert_array_equal([solid[i] for i in range(len(masks))], masks > 127)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no archive", lambda b: b""])
def test_a_damaged_file_is_bad_input(tmp_path, agreed, damage):
    path = tmp_path / "c.npz"
    save_consensus(path, np.zeros((2, 3, 4), np.uint8), agreed)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"c\.npz"):
        read_consensus(path, 2)
    with pytest.raises(InputError, match=r"c\.npz"):
        unpack_masks(path, tmp_path, 2)
    with pytest.raises(InputError, match=r"c\.npz"):
        SolidMasks.read(path, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["c.npz"]


def test_a_file_of_something_else_is_bad_input(tmp_path):
    np.savez(tmp_path / "c.npz", other=np.zeros(3))
    with pytest.raises(InputError, match=r"c\.npz"):
        read_consensus(tmp_path / "c.npz", 2)
    with pytest.raises(InputError, match="none"):
        read_consensus(tmp_path / "none.npz", 2)


def test_a_disk_that_is_full_is_not_taken_for_a_damaged_file(tmp_path, monkeypatch):
    """Masks are read from one file while they are written to another."""
    probability = np.zeros((3, 4, 5), np.uint8)
    agreed = Consensus(
        Box(np.zeros(3), np.ones(3), np.eye(3)), np.zeros((4,) * 3, np.float32), probability, np.ones(3)
    )
    save_consensus(tmp_path / "consensus.npz", probability, agreed)
    read_consensus(tmp_path / "consensus.npz", 3)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FrameStack, "__setitem__", full)
    with pytest.raises(OSError, match="No space"):
        unpack_masks(tmp_path / "consensus.npz", tmp_path / "cache", 3)
