"""The viewer in Chromium, without a graphics card."""

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from egodepth.foundation.ply_files import read_ply
from egodepth.video.viewer.settings import ViewerSettings
from egodepth.video.viewer.viewing import viewing
from video.scene_files import image_of, write_scene_folder
from video.viewer.viewer_model import tiny_model

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("viser")

# With a graphics card that is emulated, Chromium would draw the panel by it, too, which takes ten times as long.
OPTIONS = ("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PICTURES = "img[src^=blob]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright, playwright.chromium.launch(
        executable_path=path, args=list(OPTIONS)
    ) as browser:  # fmt: skip
        yield browser


def opened(browser: Any, address: str) -> Any:
    """The page; what goes wrong in it, and what it asks of other hosts, is kept in its `wrong`."""
    page = browser.new_context(viewport={"width": 800, "height": 600}).new_page()
    page.wrong = wrong = []
    own = (address, "data:", f"blob:{address}")
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: request.url.startswith(own) or wrong.append(f"asked: {request.url}"))
    page.goto(address)
    page.wait_for_selector("canvas")
    return page


@pytest.fixture(scope="module")
def scene_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    scene = write_scene_folder(tmp_path_factory.mktemp("scene"))
    with viewing(str(scene), ViewerSettings(port=0)) as address:
        page = opened(browser, address)
        page.wait_for_selector(PICTURES)
        yield page
        assert page.wrong == []


@pytest.fixture(scope="module")
def model_page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    model = tmp_path_factory.mktemp("viewer") / "model"
    tiny_model().save(model)
    with viewing(str(model), ViewerSettings(port=0, upload_mb=1)) as address:
        page = opened(browser, address)
        page.wait_for_selector("input[type=file]", state="attached")
        yield page
        assert page.wrong == []


def pixels(element: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def green(page: Any) -> float:
    """Mean level of green in the first picture of the panel; -1 while it is exchanged."""
    return page.evaluate(
        """() => {
            const picture = document.querySelector('img[src^=blob]');
            if (!picture || !picture.complete || !picture.naturalWidth) return -1;
            const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0);
            const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((_, place) => place % 4 === 1).reduce((sum, level) => sum + level, 0) * 4 / data.length;
        }"""
    )


def coloured(page: Any) -> int:
    """Number of pixels of the canvas, left of the panel, that show something."""
    picture = pixels(page.locator("canvas").first)[100:, :400]
    return int((np.ptp(picture, axis=-1) > 20).sum())


def until(page: Any, condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within 10 s; {page.wrong}")


def choose(page: Any, label: str, value: str) -> None:
    """Type a value beside a slider."""
    row = page.locator(f"xpath=//*[normalize-space(text())='{label}']/ancestor::*[.//input][1]")
    row.locator("input").last.fill(value)
    row.locator("input").last.press("Enter")


def test_the_slider_moves_the_frame_and_its_pictures(scene_page):
    page = scene_page
    until(page, lambda: coloured(page) > 1000)
    before = pixels(page.locator("canvas").first)
    until(page, lambda: green(page) == pytest.approx(image_of(0)[..., 1].mean(), abs=4))
    page.get_by_role("slider").first.press("End")
    page.get_by_text("Image at 0.50 s").wait_for()
    until(page, lambda: green(page) == pytest.approx(image_of(5)[..., 1].mean(), abs=4))
    until(page, lambda: (np.abs(pixels(page.locator("canvas").first) - before) > 40).any(-1).sum() > 500)


def test_play_goes_through_the_frames_and_stops_at_the_end(scene_page):
    page = scene_page
    page.get_by_role("slider").first.press("Home")
    page.get_by_text("Image at 0.00 s").wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_text("Image at 0.50 s").wait_for()
    page.get_by_role("button", name="Play").wait_for()


def test_the_threshold_hides_points_and_saves_the_others(scene_page, tmp_path: Path):
    page = scene_page
    choose(page, "Confidence", "0")
    until(page, lambda: coloured(page) > 1000)
    before = coloured(page)
    choose(page, "Confidence", "0.5")
    until(page, lambda: coloured(page) < 0.8 * before)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PLY").click()
    download.value.save_as(tmp_path / "saved.ply")
    saved = read_ply(tmp_path / "saved.ply")
    assert (download.value.suggested_filename, len(saved)) == ("clip.ply", 6 * 48 * 48)
    assert saved["confidence"].min() >= 0.5


def drop(page: Any, name: str, content: bytes) -> None:
    """Drop a file onto the page, as a hand would."""
    page.evaluate(
        """([name, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name));
            const place = [...document.querySelectorAll('div')].find((each) => each.ondrop);
            place.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        [name, base64.b64encode(content).decode()],
    )


def shown(page: Any, level: int) -> None:
    """Wait until an upload is shown, and the next can come."""
    until(page, lambda: green(page) == pytest.approx(level, abs=4))
    page.get_by_text("Predicting depth").wait_for(state="detached")


def png(level: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 100, (64, 128, 3), np.uint8)
    pixels[..., 1] = level
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def test_a_dropped_image_is_shown_with_its_depth_and_cloud(model_page):
    page = model_page
    drop(page, "picture.png", png(200))
    shown(page, 200)
    assert page.locator(PICTURES).count() == 2
    until(page, lambda: coloured(page) > 1000)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("..\\..\\evil.png", png(90), "rename the file"),
        ("notes.png", b"no image", "not a readable image"),
        ("page.html", b"<script>alert(1)</script>", "give an image"),
        ("long.mp4", bytes(1_000_001), "larger than 1 MB"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_the_next_is_shown(name, content, said, model_page):
    page = model_page
    drop(page, name, content)
    page.get_by_text(said).first.wait_for()
    level = 100 + 5 * len(said)
    drop(page, "next.png", png(level))
    shown(page, level)


def test_what_one_visitor_uploads_no_other_sees(browser, model_page):
    drop(model_page, "picture.png", png(150))
    shown(model_page, 150)
    other = opened(browser, model_page.url.rstrip("/"))
    other.wait_for_selector("input[type=file]", state="attached")
    other.wait_for_timeout(300)
    assert other.locator(PICTURES).count() == 0
    assert other.wrong == []
