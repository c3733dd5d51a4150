import av
import cv2
import numpy as np
import pytest

from surface_sos_core.errors import InputError
from surface_sos_core.footage import open_footage, timecode
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


def write_by_av(path, pixels, codec="libx264", pixel_format="yuv420p", rate=24, **settings):
    """A movie of one picture (H, W, 3), as FFmpeg's library writes it; settings: of its codec and stream."""
    options = settings.pop("options", {})
    metadata = settings.pop("metadata", {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], pixel_format
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        stream.metadata.update(metadata)
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("transfer", "word"), [(16, "PQ"), (18, "HLG")])
def test_hdr_movies_are_refused_by_name(tmp_path, picture, transfer, word):
    path = write_by_av(
        tmp_path / "hdr.mp4", picture(width=64, height=64), color_trc=transfer, color_primaries=9
    )
    with pytest.raises(InputError, match=f"hdr.mp4 is an HDR movie, {word}.*convert it to Rec.709"):
        open_footage(path)


def test_ten_bits_are_kept(tmp_path, picture):
    pixels = picture(width=64, height=64)
    path = write_by_av(tmp_path / "a.mkv", pixels, "ffv1", "yuv444p10le")
    footage = open_footage(path, warn=pytest.fail)
    assert footage._pixels.read(0).dtype == np.uint16 and not footage.is_linear
    assert np.abs(footage.read_display(0).astype(int) - pixels).max() <= 3


def test_rate_time_code_and_pixel_aspect(tmp_path, picture):
    path = write_by_av(
        tmp_path / "a.mov", picture(width=64, height=64), "mpeg4", rate=25, sample_aspect_ratio=2,
        metadata={"timecode": "10:00:00:23"},
    )  # fmt: skip
    footage = open_footage(path, warn=pytest.fail)
    tags = [footage.tags(index) for index in (0, 3)]
    assert (tags[0].fps, tags[0].pixel_aspect) == (25, 2.0)
    if tags[0].timecode is not None:  # where FFmpeg was built to write them
        assert [timecode.fields(tag.timecode) for tag in tags] == [[10, 0, 0, 23], [10, 0, 1, 1]]


def test_high_definition_is_read_by_its_own_matrix(tmp_path):
    colour = np.zeros((64, 64, 3), np.uint8)
    colour[:] = (200, 60, 40)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace = 1  # Rec.709
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    footage = open_footage(tmp_path / "a.mp4", warn=pytest.fail)
    assert np.abs(footage.read_display(0).astype(int) - colour).max() <= 4
