from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from egodepth.data.tone import HLG, PQ, hlg_nits, is_hdr, pq_nits, tone_mapped
from egodepth.data.video import Video


def test_code_values_are_the_light_that_the_standards_say():
    # ITU-R BT.2408: paper white of 203 nits is 58 % of PQ's signal and 75 % of HLG's.
    np.testing.assert_allclose(pq_nits(np.array([0.0, 0.5807, 1.0])), [0.0, 203.0, 10_000.0], rtol=2e-3)
    np.testing.assert_allclose(hlg_nits(np.array([0.0, 0.75, 1.0])), [0.0, 203.0, 1000.0], rtol=2e-3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_brighter_stays_brighter_and_white_is_reached(transfer: int):
    ramp = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, 2)
    mapped = tone_mapped(ramp, transfer)[:, 0, 0].astype(int)
    assert mapped[0] == 0
    assert (np.diff(mapped) >= 0).all()
    assert mapped[-1] == 255


@pytest.mark.parametrize(("transfer", "paper"), [(PQ, 148), (HLG, 191), (1, 188)])
def test_a_video_says_that_it_is_hdr_and_looks_like_others_then(tmp_path: Path, transfer: int, paper: int):
    path = tmp_path / "phone.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p10le"
        stream.time_base = Fraction(1, 25)
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        image = np.full((64, 96, 3), paper, np.uint8)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p10le")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shown = next(iter(Video.open(path).frames())).image
    # Paper white: light 1, which Reinhard's curve makes a little more than half, that is, 188 after the gamma.
    assert abs(float(shown.mean()) - 188) < 4
    assert is_hdr(transfer) == (transfer != 1)
