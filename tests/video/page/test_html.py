import base64
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egodepth.foundation.errors import InputError
from egodepth.video.page import Figure, FigureGroup, Finding, PageContent, Plot, Segment, Series, write_page
from page_sample import NASTY, page_frames, sample_content

pytest.importorskip("plotly")
LOADING = ("src", "srcset", "href", "poster", "data", "action", "background")


class Elements(HTMLParser):
    """Elements of a page with their attributes, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))

    def handle_data(self, data):
        if self.found:
            self.found[-1][2].append(data)

    def named(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(text)) for name, attributes, text in self.found if name == tag]


def written(path: Path, content: PageContent) -> Elements:
    write_page(path, content)
    return Elements(path.read_text(encoding="utf-8"))


def nasty_content() -> PageContent:
    seconds = np.arange(3.0)
    places = np.stack([seconds] * 3, 1)
    frames = (replace(page_frames()[0], label=NASTY),)
    return sample_content(
        title=NASTY,
        summary=(Finding(text=NASTY), Finding(text=NASTY, warning=True)),
        figures=(FigureGroup(name=NASTY, figures=(Figure(name=NASTY, value=NASTY, note=NASTY),)),),
        frames=frames,
        plots=(Plot(name=NASTY, axis=NASTY, series=(Series(name=NASTY, seconds=seconds, values=seconds),)),),
        segments=(Segment(name=NASTY, seconds=seconds, positions=places),),
        unit=NASTY,
        video=NASTY,
        files=((NASTY, NASTY),),
    )


def test_the_page_is_one_file_that_loads_nothing_but_the_video(tmp_path):
    page = written(tmp_path / "report.html", sample_content(video="depth.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    addresses = {value for _, attributes, _ in page.found for name, value in attributes.items() if name in LOADING}
    assert addresses == {"data:,", "./depth.mp4", "./depth.mp4#t=0.001", "./cloud.ply"}
    (style,) = [text for _, text in page.named("style")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_browser_is_told_to_load_nothing(tmp_path):
    page = written(tmp_path / "report.html", sample_content())
    (policy,) = [attributes["content"] for attributes, _ in page.named("meta") if "http-equiv" in attributes]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_texts_with_html_in_them_change_nothing_but_the_texts(tmp_path):
    plain = written(tmp_path / "plain.html", sample_content(segments=sample_content().segments[:1], video="a.mp4"))
    nasty = written(tmp_path / "nasty.html", nasty_content())
    for tag in ("script", "img", "section", "video"):
        assert len(nasty.named(tag)) == len(plain.named(tag)), tag
    assert not [attributes for _, attributes, _ in nasty.found if "onerror" in attributes]
    assert next(text for _, text in nasty.named("h1")).strip() == NASTY
    for attributes, text in nasty.named("script"):
        if attributes.get("type") == "application/json":
            json.loads(text)


@pytest.mark.parametrize(
    "name", ["//elsewhere.example/x.mp4", "javascript:alert(1)", "https://elsewhere.example/", NASTY]
)
def test_a_file_beside_the_page_is_linked_as_such_whatever_its_name(tmp_path, name):
    page = written(tmp_path / "report.html", sample_content(files=((name, "a file"),)))
    (address,) = [attributes["href"] for attributes, _ in page.named("a")]
    assert re.fullmatch(r"\./[\w/.%~-]*", str(address))


def test_warnings_are_flagged_in_words(tmp_path):
    page = written(tmp_path / "report.html", sample_content())
    flagged = [attributes.get("class") for attributes, _ in page.named("li")]
    assert flagged == [None, "warning", None]
    assert [text.strip() for _, text in page.named("strong")] == ["Warning: It is up to scale."]


def test_what_is_empty_leaves_no_trace(tmp_path):
    none = np.zeros((0, 3))
    empty = sample_content(
        figures=(), frames=(), plots=(), reliability=(), segments=(), files=(), cloud_xyz=none.astype(np.float32),
        cloud_rgb=none.astype(np.uint8),
    )  # fmt: skip
    page = written(tmp_path / "report.html", empty)
    assert not page.named("section")


def test_frames_are_in_the_page_with_place_and_time(tmp_path):
    page = written(tmp_path / "report.html", sample_content())
    (frames,) = [json.loads(text) for attributes, text in page.named("script") if attributes.get("id") == "frames"]
    assert [frame["seconds"] for frame in frames] == [0, 0.5, 1, 1.5]
    assert [frame["place"][2] for frame in frames] == [0, 1.5, 3, 4.5]
    picture = Image.open(io.BytesIO(base64.b64decode(frames[3]["image"].partition(",")[2])))
    assert picture.size == (32, 20)
    assert abs(np.asarray(picture.convert("RGB")).mean() - 120) < 3


def test_without_plotly_an_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(InputError, match=r"pip install 'egodepth\[report\]'"):
        write_page(tmp_path / "report.html", sample_content())
    assert not list(tmp_path.iterdir())
