import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage
from surface_sos_core.footage.movie import MovieFile

COUNT = 80
CODECS = [("shot.avi", "MJPG"), ("shot.mp4", "mp4v")]


def write_movie(path, codec, count=COUNT):
    """Frames that tell their index: 7 grey bars are its bits."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 24, (112, 64))
    assert writer.isOpened()
    for index in range(count):
        bits = np.array([(index >> bit) & 1 for bit in range(7)], np.uint8)
        row = (40 + 160 * bits).repeat(16)
        writer.write(np.broadcast_to(row[None, :, None], (64, 112, 3)).copy())
    writer.release()
    return path


def index_of(picture):
    bits = picture[:, 8::16].mean(axis=(0, 2)) > 120
    return int(sum(1 << bit for bit in range(7) if bits[bit]))


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_random_access_equals_sequential(tmp_path, name, codec):
    footage = open_footage(write_movie(tmp_path / name, codec), warn=pytest.fail)
    assert [frame.number for frame in footage.frames] == list(range(1, COUNT + 1))
    assert (footage.width, footage.height, footage.title, footage.is_linear) == (112, 64, "shot", False)
    assert (footage.frames[0].name, footage.frames[0].file) == ("shot.0001", "shot.0001.png")
    sequential = [footage.read_display(index) for index in range(COUNT)]
    assert [index_of(picture) for picture in sequential] == list(range(COUNT))
    for index in [79, 0, 40, 39, 41, 3, 3, 78, 1]:
        assert (footage.read_display(index) == sequential[index]).all(), index


def test_a_seek_that_lands_elsewhere_is_made_good(tmp_path, monkeypatch):
    footage = open_footage(write_movie(tmp_path / "shot.avi", "MJPG"), warn=pytest.fail)
    movie = footage._pixels
    seek = MovieFile.seek
    monkeypatch.setattr(MovieFile, "seek", lambda self, pts: seek(self, pts + 10))
    assert [index_of(footage.read_display(index)) for index in (60, 2, 30)] == [60, 2, 30]
    assert not movie._can_seek


@pytest.mark.parametrize(("name", "codec"), CODECS)
def test_a_truncated_movie_is_refused(tmp_path, name, codec, capfd):
    path = write_movie(tmp_path / name, codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=name):
        open_footage(path, warn=pytest.fail)
    assert capfd.readouterr().err == ""


def test_what_is_left_of_a_movie_can_be_used(tmp_path):
    path = write_movie(tmp_path / "shot.avi", "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    warnings = []
    footage = open_footage(path, skip_bad=True, warn=warnings.append)
    assert 20 < len(footage.frames) < COUNT and "80 frames" in warnings[0]
    last = len(footage.frames) - 1
    assert index_of(footage.read_display(last)) == last


def test_not_a_movie(tmp_path):
    (tmp_path / "notes.mov").write_bytes(b"hello " * 100)
    (tmp_path / "none.mp4").write_bytes(b"")
    for name in ("notes.mov", "none.mp4"):
        with pytest.raises(InputError, match=name):
            open_footage(tmp_path / name)


def test_a_movie_of_one_frame(tmp_path):
    with pytest.raises(InputError, match="at least two"):
        open_footage(write_movie(tmp_path / "one.avi", "MJPG", count=1))


def test_export_for_the_solver(tmp_path):
    footage = open_footage(write_movie(tmp_path / "tür.avi", "MJPG", count=3), warn=pytest.fail)
    folder, names = footage.image_folder(tmp_path / "scratch")
    assert names == ["tür.0001.png", "tür.0002.png", "tür.0003.png"]
    picture = cv2.imdecode(np.fromfile(folder / names[2], np.uint8), cv2.IMREAD_COLOR_RGB)
    assert (picture == footage.read_display(2)).all()
