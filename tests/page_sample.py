"""A small report."""

import numpy as np

from egodepth.video.page import Figure, FigureGroup, Finding, PageContent, PageFrame, Plot, Reliability, Segment, Series

NASTY = '</script><img src=x onerror=alert(1)> & "it\'s" {$title}'


def grey(level: int) -> np.ndarray:
    return np.full((20, 32, 3), level, np.uint8)


def page_frames(count: int = 4) -> tuple[PageFrame, ...]:
    return tuple(
        PageFrame(
            label=f"frame {number}",
            seconds=number / 2,
            image=grey(40 * number),
            depth=grey(200),
            confidence=grey(250),
        )
        for number in range(count)
    )


def sample_content(**changes: object) -> PageContent:
    rng = np.random.default_rng(0)
    seconds = np.arange(8) / 4
    positions = np.stack([0.1 * seconds**2, 0 * seconds, 3 * seconds], 1)
    parts: dict = {
        "title": "street.mp4",
        "summary": (Finding(text="The depth is of use."), Finding(text="It is up to scale.", warning=True)),
        "figures": (FigureGroup(name="Footage", figures=(Figure(name="Cuts", value="1", note="at 1 s"),)),),
        "frames": page_frames(),
        "plots": (
            Plot(name="Flicker", axis="%", series=(Series(name="before", seconds=seconds, values=seconds + 1),)),
        ),
        "segments": (
            Segment(name="to the cut", seconds=seconds[:4], positions=positions[:4]),
            Segment(name="from the cut", seconds=seconds[4:], positions=positions[4:]),
        ),
        "cloud_xyz": rng.uniform((-3, -2, 0), (3, 1, 9), (1500, 3)).astype(np.float32),
        "cloud_rgb": rng.integers(0, 255, (1500, 3), np.uint8),
        "unit": "metres",
        "reliability": (Reliability(name="within 10%", said=(0.2, 0.9), found=(0.3, 0.8)),),
        "files": (("cloud.ply", "the points"),),
    }
    return PageContent(**{**parts, **changes})
