from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from bag_files import encoded, jpegs, message, uncompressed
from egodepth.data.bags import image_messages
from egodepth.data.bags.image_messages import image_of
from egodepth.foundation.errors import InputError
from footage_scenes import street

PICTURE = street([30.0])[0]
GREY = PICTURE.mean(-1).astype(np.uint8)


def decoded(image: np.ndarray, encoding: str, padding: int = 0, /, **changed: object) -> np.ndarray:
    return image_of(SimpleNamespace(**uncompressed(image, encoding, padding) | changed), "x.bag: /image")


@pytest.mark.parametrize("padding", [0, 5])
def test_colours_arrive_in_their_order_whatever_the_padding_of_the_rows(padding: int) -> None:
    alpha = np.full((*GREY.shape, 1), 200, np.uint8)
    assert (decoded(PICTURE, "rgb8", padding) == PICTURE).all()
    for encoding in ("bgr8", "8UC3"):
        assert (decoded(PICTURE[..., ::-1], encoding, padding) == PICTURE).all()
    assert (decoded(np.concatenate([PICTURE, alpha], -1), "rgba8", padding) == PICTURE).all()
    for encoding in ("bgra8", "8UC4"):
        assert (decoded(np.concatenate([PICTURE[..., ::-1], alpha], -1), encoding, padding) == PICTURE).all()
    for encoding in ("mono8", "8UC1"):
        assert (decoded(GREY, encoding, padding) == GREY[..., None]).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_of_twelve_bits_in_sixteen_is_scaled_to_eight(order: str) -> None:
    deep = (GREY.astype(f"{order}u2") << 4) + 3
    deep[0, 0] = 4095
    found = decoded(deep.astype(f"{order}u2"), "mono16", 4, is_bigendian=int(order == ">"))
    assert (found[1:] == GREY[1:, :, None]).all()


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer_patterns_give_the_colours_that_they_were_made_of(pattern: str, bits: int) -> None:
    smooth = cv2.GaussianBlur(PICTURE, (0, 0), 6)
    mosaic = np.empty(GREY.shape, np.uint16)
    for place, name in enumerate(pattern):
        rows, columns = slice(place // 2, None, 2), slice(place % 2, None, 2)
        mosaic[rows, columns] = smooth[rows, columns, "rgb".index(name)]
    mosaic = mosaic << (bits - 8)
    mosaic[0, 0] = (1 << bits) - 1  # so that 16 bits are known to be in use
    found = decoded(mosaic.astype(f"u{bits // 8}"), f"bayer_{pattern}{bits}")
    assert np.abs(found[4:-4, 4:-4].astype(int) - smooth[4:-4, 4:-4]).max() <= 4


@pytest.mark.parametrize(("encoding", "luma"), [("yuv422", 1), ("uyvy", 1), ("yuyv", 0), ("yuv422_yuy2", 0)])
def test_yuv_of_a_video_camera_becomes_rgb(encoding: str, luma: int) -> None:
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., luma] = 126  # of 16 to 235
    assert (decoded(pixels, encoding) == 128).all()
    pixels[:, 1::2, 1 - luma] = 200  # V, of red
    red, green, blue = decoded(pixels, encoding)[0, 0].tolist()
    assert red == pytest.approx(128 + 1.596 * 72, abs=1.5)
    assert green == pytest.approx(128 - 0.813 * 72, abs=1.5)
    assert blue == 128


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("ros", ["ros1", "ros2"])
def test_compressed_images_are_decoded_as_files_are(kind: str, ros: str) -> None:
    entry = jpegs([PICTURE], kind=kind)[0]
    found = image_of(message(ros, entry), "x.bag: /image")
    assert np.abs(found.astype(int) - PICTURE).mean() < (0.01 if kind == "png" else 6)
    foxglove = entry._replace(type="foxglove_msgs/CompressedImage")
    assert (image_of(message(ros, foxglove), "x.bag: /image") == found).all()


BROKEN = {
    "a depth image": ({"encoding": "32FC1"}, "encoding '32FC1'"),
    "an unknown encoding": ({"encoding": "\x1b[31m\n"}, "are no pictures"),
    "rows that are too short": ({"step": 100}, "rows of 100 bytes"),
    "more rows than data": ({"height": 109}, "192x109"),
    "no rows": ({"height": 0}, "192x0"),
    "80 gigapixels": ({"height": 1 << 20, "width": 1 << 20, "step": 3 << 20}, "record it again"),
    "half a pixel of 4:2:2": ({"width": 191, "encoding": "yuv422"}, "cannot have the encoding yuv422"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_image_that_contradicts_itself_is_one_line(what: str) -> None:
    changed, said = BROKEN[what]
    with pytest.raises(InputError, match=said) as caught:
        decoded(PICTURE, "rgb8", 0, **changed)
    assert str(caught.value).startswith("x.bag: /image: ")
    assert str(caught.value).isprintable()


def test_damaged_empty_or_bayer_compressed_images_are_one_line() -> None:
    whole = encoded(PICTURE)
    for data in (whole[:900], whole[:0], np.zeros(50, np.uint8)):
        with pytest.raises(InputError, match=r"x\.bag: /image: not a readable image"):
            image_of(SimpleNamespace(format="jpeg", data=data), "x.bag: /image")
    bayer = SimpleNamespace(format="bayer_rggb8; jpeg compressed bayer_rggb8", data=whole)
    with pytest.raises(InputError, match="Bayer"):
        image_of(bayer, "x.bag: /image")


@pytest.mark.parametrize("kind", ["16UC1; png compressed ", "16UC1; compressedDepth", "32FC1; compressedDepth png"])
def test_compressed_depth_is_no_picture(kind: str) -> None:
    depth = SimpleNamespace(format=kind, data=encoded(GREY, "png"))
    with pytest.raises(InputError, match=f"format '{kind}' are depth"):
        image_of(depth, "x.bag: /image")
    assert image_of(SimpleNamespace(format="mono8; png compressed ", data=depth.data), "x.bag: /image").shape == (
        *GREY.shape,
        3,
    )


def test_pictures_are_limited_like_those_of_files(monkeypatch) -> None:
    monkeypatch.setattr(image_messages, "MAX_PIXELS", 108 * 192 - 1)
    with pytest.raises(InputError, match="an image of 192x108 pixels"):
        decoded(PICTURE, "rgb8")
