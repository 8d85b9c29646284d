import io
import itertools
import logging
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from egodepth.data import video as video_module
from egodepth.data.images import as_rgb, read_rgb
from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.data.video import Video, is_video
from egodepth.foundation.errors import InputError

av = pytest.importorskip("av")

TICK = Fraction(1, 12800)


def picture(shade: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Grey with a red upper left, a green upper right, and a blue lower left corner."""
    image = np.full((*size, 3), shade, np.uint8)
    half = size[0] // 3
    image[:half, :half] = (230, 20, 20)
    image[:half, -half:] = (20, 230, 20)
    image[-half:, :half] = (20, 20, 230)
    return image


def write_clip(path: Path, times: list[int], size: tuple[int, int] = (48, 64)) -> Path:
    with video_writer(path, size, TICK, Fraction(25)) as writer:
        for number, pts in enumerate(times):
            writer.write(yuv_planes(picture(40 + 8 * number % 160, size), size), pts)
    return path


def write_any(path: Path, frames: int = 10, codec: str = "libx264", rotation: int = 0, flip: bool = False, **options):
    """A clip by PyAV alone, 25 frames a second."""
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        if rotation or flip:
            stream.set_display_rotation(rotation, hflip=flip)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(40 + number), "rgb24").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_frame_count_size_and_times_survive_the_round_trip(tmp_path):
    # Variable frame rate: the times are those of a telephone in bad light.
    times = [0, 512, 1024, 2100, 2612, 6000, 6001, 7000]
    video = Video.open(write_clip(tmp_path / "clip.mp4", times))
    frames = list(video.frames())
    assert (video.size, video.expected, video.pixel_aspect) == ((48, 64), len(times), 1)
    assert [frame.pts * video.time_base for frame in frames] == [pts * TICK for pts in times]
    for number, frame in enumerate(frames):
        assert frame.image.dtype == np.uint8
        assert np.abs(frame.image.astype(int) - picture(40 + 8 * number))[24:, 24:].mean() < 4


def test_the_file_is_what_players_play(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", [0, 512, 1024])
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, len(container.streams)) == ("h264", "yuv420p", 1)
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264")])
def test_other_containers_are_read_from_their_first_frame_on(tmp_path, name, codec):
    video = Video.open(write_any(tmp_path / name, codec=codec))
    frames = list(video.frames())
    seconds = [float(frame.pts * video.time_base) for frame in frames]
    np.testing.assert_allclose(seconds, np.arange(10) / 25, atol=6e-4)
    assert frames[0].image.shape == (48, 64, 3)


def test_a_stream_without_times_gets_those_of_its_rate(tmp_path):
    video = Video.open(write_any(tmp_path / "a.h264", format="h264"))
    times = [float(frame.pts * video.time_base) for frame in video.frames()]
    assert len(times) == 10
    np.testing.assert_allclose(np.diff(times), times[1] - times[0], rtol=1e-6)
    assert times[0] == 0
    assert times[1] > 0


@pytest.mark.parametrize(
    ("rotation", "flip", "turned"),
    [
        (90, False, lambda image: np.rot90(image, 1)),
        (-90, False, lambda image: np.rot90(image, -1)),
        (180, False, lambda image: np.rot90(image, 2)),
        (0, True, lambda image: image[:, ::-1]),
    ],
)
def test_frames_are_turned_upright(tmp_path, rotation, flip, turned):
    video = Video.open(write_any(tmp_path / "a.mp4", frames=2, rotation=rotation, flip=flip))
    expected = turned(picture(40))
    assert video.size == expected.shape[:2]
    image = next(video.frames()).image
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - expected).mean() < 8


def test_the_shape_of_pixels_is_kept(tmp_path):
    with video_writer(tmp_path / "a.mp4", (48, 64), TICK, Fraction(25), Fraction(4, 3)) as writer:
        writer.write(yuv_planes(picture(40), (48, 64)), 0)
    assert Video.open(tmp_path / "a.mp4").pixel_aspect == Fraction(4, 3)


def test_spread_frames_come_from_the_whole_video(tmp_path, monkeypatch):
    video = Video.open(write_clip(tmp_path / "clip.mp4", [512 * n for n in range(20)]))
    times = {frame.pts: frame.image for frame in video.frames()}
    chosen = list(video.spread(4))
    assert [frame.pts for frame in chosen] == [512 * n for n in (0, 5, 10, 15)]
    for frame in chosen:
        np.testing.assert_array_equal(frame.image, times[frame.pts])
    # As if it were too long to be decoded twice; this one has a single key frame.
    monkeypatch.setattr(video_module, "LINEAR_FRAMES", 10)
    sought = list(video.spread(4))
    assert [frame.pts for frame in sought] == [-1, 0, 512 * 3, 512 * 6, 512 * 9]
    np.testing.assert_array_equal(sought[0].image, times[0])


def test_a_long_video_is_looked_at_by_its_key_frames(tmp_path, monkeypatch):
    path = write_any(tmp_path / "a.mkv", frames=60, codec="mpeg4")
    monkeypatch.setattr(video_module, "LINEAR_FRAMES", 10)
    video = Video.open(path)
    times = [frame.image for frame in video.frames()]
    sought = list(video.spread(5))
    assert {frame.pts for frame in sought} == {-1}
    assert 2 <= len(sought) <= 5
    assert all(any(np.array_equal(frame.image, image) for image in times) for frame in sought)


def test_the_smallest_video_is_read_and_written(tmp_path):
    with video_writer(tmp_path / "a.mp4", (2, 2), TICK, Fraction(25)) as writer:
        writer.write(yuv_planes(np.zeros((1, 3, 3), np.uint8), (2, 2)), 0)
    assert next(Video.open(tmp_path / "a.mp4").frames()).image.shape == (2, 2, 3)


def test_a_video_that_is_cut_short_gives_what_is_there_and_says_so(tmp_path, caplog):
    path = write_clip(tmp_path / "clip.mp4", [512 * n for n in range(40)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with caplog.at_level(logging.WARNING, "egodepth"):
        count = len(list(Video.open(path).frames()))
    assert 5 < count < 40
    assert f"damaged or cut short; {count} of 40 frames could be decoded" in caplog.text


def test_a_damaged_stream_goes_on_after_the_damage(tmp_path, caplog):
    path = write_any(tmp_path / "a.ts", frames=200)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, "egodepth"):
        frames = list(Video.open(path).frames())
    assert 150 < len(frames) <= 200
    assert all(a.pts < b.pts for a, b in itertools.pairwise(frames))
    assert f"damaged or cut short; {len(frames)} frames" in caplog.text


def test_what_is_no_video_is_an_input_error(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4", [0, 512]).read_bytes()
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    contents = {
        "empty.mp4": b"",
        "noise.mp4": np.random.default_rng(0).bytes(5000),
        "headless.mp4": whole[whole.index(b"mdat") :],
        "beginning.mp4": whole[:300],
        "pictureless.mp4": whole[: whole.index(b"mdat") + 4],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            Video.open(tmp_path / name)
    with pytest.raises(InputError, match="no video stream"):
        Video.open(tmp_path / "sound.mp4")
    with pytest.raises(InputError, match=r"none\.mp4: no such video"):
        Video.open(tmp_path / "none.mp4")


def test_a_playlist_cannot_reach_the_network(tmp_path):
    (tmp_path / "a.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    with pytest.raises(InputError):
        Video.open(tmp_path / "a.mp4")


def test_frames_of_absurd_size_are_refused_unread(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", [0, 512])
    monkeypatch.setattr(video_module, "MAX_PIXELS", 48 * 64 - 1)
    with pytest.raises(InputError, match="megapixels"):
        Video.open(path)


def test_a_size_that_changes_on_the_way_is_an_input_error(tmp_path):
    parts = []
    for name, height in (("a", 48), ("b", 32)):
        with av.open(str(tmp_path / f"{name}.h264"), "w", format="h264") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = height, 64, "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture(90, (height, 64)), "rgb24").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append((tmp_path / f"{name}.h264").read_bytes())
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    with pytest.raises(InputError, match="frame 1 is 64x32 where the first is 64x48"):
        list(Video.open(tmp_path / "both.h264").frames())


@pytest.mark.parametrize("frames", [0, 3])
def test_an_error_while_writing_leaves_nothing(tmp_path, frames):
    def write_and_fail() -> None:
        with video_writer(tmp_path / "a.mp4", (48, 64), TICK, Fraction(25)) as writer:
            for number in range(frames):
                writer.write(yuv_planes(picture(90), (48, 64)), 512 * number)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(InputError, match="cannot be written"),
        video_writer(tmp_path / "file" / "a.mp4", (48, 64), TICK, Fraction(25)),
    ):
        pass


def test_a_missing_package_says_how_to_get_it(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", [0])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'egodepth\[video\]'"):
        Video.open(path)


def test_videos_are_known_by_name_or_by_what_is_in_them(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", [0])
    unnamed, text, photo = tmp_path / "clip.bin", tmp_path / "a.txt", tmp_path / "photo"
    unnamed.write_bytes(clip.read_bytes())
    text.write_text("no video")
    Image.fromarray(picture(90)).save(photo, format="png")
    cases = {clip: True, unnamed: True, text: False, photo: False, tmp_path / "none.MOV": True, tmp_path / "a": False}
    assert {path: is_video(path) for path in cases} == cases


def test_planes_hold_luma_then_chroma():
    planes = yuv_planes(np.full((8, 12, 3), 255, np.uint8), (4, 6))
    assert planes.shape == (6, 6)
    assert (planes[:4] == 235).all()
    assert (planes[4:] == 128).all()


def test_a_real_recording(real_data):
    video = Video.open(real_data / "video" / "solidWhiteRight.mp4")
    assert (video.size, video.expected, video.rate) == ((540, 960), 221, 25)
    assert sum(1 for _ in video.frames()) == 221


@pytest.mark.parametrize(("orientation", "upright"), [(1, (48, 64)), (3, (48, 64)), (6, (64, 48)), (8, (64, 48))])
def test_pictures_with_side_data_that_pyav_does_not_name_are_read_upright(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera", orientation
    jpeg = io.BytesIO()
    Image.fromarray(picture(90)).save(jpeg, "JPEG", quality=95, exif=exif)
    with av.open(str(tmp_path / "lapse.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=12)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for number in range(3):
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, number, number, True
            packet.time_base = Fraction(1, 12)
            container.mux(packet)
    frames = [frame.image for frame in Video.open(tmp_path / "lapse.avi").frames()]
    assert [frame.shape[:2] for frame in frames] == [upright] * 3
    expected = as_rgb(Image.open(jpeg))
    assert np.abs(frames[0].astype(int) - expected).mean() < 5


@pytest.mark.parametrize("cover", ["attached", "stream"])
def test_a_larger_cover_is_not_taken_for_the_video(tmp_path, cover):
    path = tmp_path / ("a.mp4" if cover == "attached" else "a.mkv")
    with av.open(str(path), "w") as container:
        still, moving = container.add_stream("mjpeg", rate=1), container.add_stream("libx264", rate=25)
        still.height, still.width, still.pix_fmt = 192, 256, "yuvj420p"
        moving.height, moving.width, moving.pix_fmt = 48, 64, "yuv420p"
        if cover == "attached":
            still.disposition = av.stream.Disposition.attached_pic
        for stream, count in ((still, 1), (moving, 5)):
            for number in range(count):
                size = (stream.height, stream.width)
                frame = av.VideoFrame.from_ndarray(picture(40 + number, size), "rgb24").reformat(format=stream.pix_fmt)
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    video = Video.open(path)
    assert video.size == (48, 64)
    assert sum(1 for _ in video.frames()) == 5


def test_of_two_streams_the_larger_is_read(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, size in zip(streams, ((24, 32), (48, 64)), strict=True):
            stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for number in range(3):
            for stream in streams:
                shown = picture(60, (stream.height, stream.width))
                frame = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(format="yuv420p")
                frame.pts = number
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    assert Video.open(tmp_path / "a.mkv").size == (48, 64)


def test_a_photograph_that_ffmpeg_opens_is_no_video(tmp_path):
    if not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    for name in ("photo.avif", "photo"):
        Image.fromarray(picture(90)).save(tmp_path / name, "AVIF")
        assert not is_video(tmp_path / name)
    with pytest.raises(InputError, match="convert it to JPEG or PNG"):
        read_rgb(tmp_path / "photo.avif")
