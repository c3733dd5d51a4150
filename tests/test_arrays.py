"""Arrays of an .npz are read where they are what they claim, and refused before they take memory."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from surface_sos_core.arrays import read_arrays

MOST = 1 << 20


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_numpy_saves_is_read(tmp_path_factory, data):
    kinds = st.sampled_from([np.uint8, np.int64, np.float32, np.float64, np.bool_])
    shapes = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    stored = {
        name: data.draw(arrays_of.arrays(data.draw(kinds), data.draw(shapes))) for name in ("a", "b/c.d")
    }
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    data.draw(st.sampled_from([np.savez, np.savez_compressed]))(path, **stored)
    found = read_arrays(path, MOST)
    assert found.keys() == stored.keys()
    for name, value in stored.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype and found[name].shape == value.shape


def test_only_the_names_that_are_asked_for_are_read(tmp_path):
    np.savez(tmp_path / "x.npz", small=np.arange(3), large=np.zeros(MOST))
    assert read_arrays(tmp_path / "x.npz", 1000, {"small"}).keys() == {"small"}
    with pytest.raises(ValueError, match="unpacks to more"):
        read_arrays(tmp_path / "x.npz", 1000)


def write(path, header: bytes, body: bytes = b"") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header + body)


def header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        header("(1000000000000,)"),
        header("(-4,)") + bytes(16),
        header("(2,)") + bytes(4),
        header("(2,)") + bytes(12),
        header("(1,)", "'|O'") + bytes(8),
        header("(((", "'<f4'"),
        header("(10**9,)"),
        header("(3,)", "'<U99999999999999'"),
        b"\x93NUMPY\x09\x00" + bytes(80),
        b"",
        b"(" * 9000,
    ],
)
def test_what_claims_too_much_or_is_damaged_takes_no_memory(tmp_path, content):
    write(tmp_path / "x.npz", content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"."):
        read_arrays(tmp_path / "x.npz", MOST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MOST


def test_a_bomb_is_not_unpacked(tmp_path):
    write(tmp_path / "x.npz", header("(25000000,)"), bytes(100_000_000))
    assert (tmp_path / "x.npz").stat().st_size < 200_000
    with pytest.raises(ValueError, match="unpacks to more"):
        read_arrays(tmp_path / "x.npz", MOST)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_anywhere_is_told(tmp_path_factory, data):
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(50.0), b=np.ones((3, 4), np.uint8))
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read = read_arrays(path, MOST)
    except ValueError:
        return
    np.testing.assert_array_equal(read["a"], np.arange(50.0))  # damage that nothing depends on
    np.testing.assert_array_equal(read["b"], np.ones((3, 4)))
