"""The page in Chromium, as a reader without a network and without a graphics card has it."""

import io
import shutil
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from egodepth.data.media.video_writer import video_writer, yuv_planes
from egodepth.video.page import write_page
from page_sample import NASTY, page_frames, sample_content

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("plotly")

SOFTWARE_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
WITHOUT_WEBGL = ("--disable-3d-apis",)
FIRST_FRAME = (
    "document.getElementById('time').value = 0, document.getElementById('time').dispatchEvent(new Event('input'))"
)
LOCAL = ("file:", "data:", "blob:")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[..., Any]]:
    """Starts a browser with the options given."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        yield lambda *options: playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *options])


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Any]) -> Iterator[Any]:
    with chromium(*SOFTWARE_WEBGL) as browser:
        yield browser


def opened(browser: Any, path: Path, **options: object) -> Any:
    """The page of a file; what goes wrong in it, and what it asks of a network, is kept in its `wrong`."""
    page = browser.new_context(**{"viewport": {"width": 800, "height": 600}, **options}).new_page()
    page.wrong = wrong = []
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("request", lambda request: request.url.startswith(LOCAL) or wrong.append(f"asked: {request.url}"))
    page.goto(path.as_uri())
    wait_until(page, "plots.length === document.querySelectorAll('[data-plot]').length")
    return page


def wait_until(page: Any, expression: str, seconds: float = 30) -> None:
    """Wait for an expression to be true; playwright's own way is what the page forbids scripts to do."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} is not true after {seconds} s; {page.wrong}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_page(path, sample_content(title=NASTY, video="depth.mp4"))
    with video_writer(path.with_name("depth.mp4"), (48, 64), Fraction(1, 10), Fraction(10)) as writer:
        for number in range(10):
            writer.write(yuv_planes(np.full((48, 64, 3), 20 * number, np.uint8), (48, 64)), number)
    return path


@pytest.fixture(scope="module")
def opened_report(browser: Any, report: Path) -> Any:
    return opened(browser, report)


@pytest.fixture
def page(opened_report: Any) -> Iterator[Any]:
    """The report, at its first frame; opened once, as that takes seconds. Nothing may go wrong in it."""
    opened_report.evaluate(FIRST_FRAME)
    yield opened_report
    assert opened_report.wrong == []


def pixels(element: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB")).astype(int)


def shown(page: Any) -> tuple[float, float]:
    """Mean levels of the left and the right quarter of the frame viewer."""
    picture = pixels(page.locator("#stage"))
    height, width = picture.shape[:2]
    middle = slice(height // 4, -height // 4)
    return picture[middle, 8 : width // 4].mean(), picture[middle, -width // 4 : -8].mean()


def test_the_time_slider_changes_the_picture_and_marks_time_and_place(page):
    before = shown(page)
    page.locator("#time").focus()
    page.keyboard.press("End")
    wait_until(page, "document.querySelector('[data-plot=trajectory]').data.at(-1).y[0] === 4.5")
    after = shown(page)
    frames = page_frames()
    assert before == pytest.approx((frames[0].image.mean(), frames[0].depth.mean()), abs=4)
    assert after == pytest.approx((frames[3].image.mean(), frames[3].depth.mean()), abs=4)
    assert page.locator("#when").text_content() == "frame 3, 1.50 s"
    assert page.evaluate("document.querySelector('[data-plot=time]').layout.shapes[0].x0") == 1.5


def test_map_and_mode_choose_what_lies_over_the_picture(page):
    page.get_by_label("confidence", exact=True).check()
    assert shown(page) == pytest.approx((0, 250), abs=4)
    page.get_by_label("blend", exact=True).check()
    assert shown(page) == pytest.approx((125, 125), abs=4)
    page.locator("#mix").focus()
    page.keyboard.press("Home")
    assert shown(page) == pytest.approx((250, 250), abs=4)


def test_play_goes_through_the_frames_and_stops(page):
    play = page.get_by_role("button", name="Play")
    play.click()
    wait_until(page, "document.getElementById('time').value === '2'")
    page.get_by_role("button", name="Pause").click()
    stopped = page.locator("#time").input_value()
    page.wait_for_timeout(600)
    assert page.locator("#time").input_value() == stopped


def test_a_mouse_turns_the_cloud(page):
    canvas = page.locator("#cloud canvas")
    canvas.scroll_into_view_if_needed()
    before, view = pixels(canvas), page.evaluate("({...cloud.view})")
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 90, middle[1] + 30)
    page.mouse.up()
    turned, after = page.evaluate("({...cloud.view})"), pixels(canvas)
    assert (turned["yaw"], turned["pitch"]) == pytest.approx((view["yaw"] + 0.6, view["pitch"] + 0.2))
    assert turned["distance"] == view["distance"]
    assert (np.abs(after - before).sum(2) > 60).mean() > 0.02


def test_the_wheel_zooms_only_after_a_click(page):
    canvas = page.locator("#cloud canvas")
    canvas.scroll_into_view_if_needed()
    page.evaluate("document.activeElement.blur()")
    far = page.evaluate("cloud.view.distance")
    canvas.hover()
    page.mouse.wheel(0, -100)
    assert page.evaluate("cloud.view.distance") == far
    canvas.click()
    page.mouse.wheel(0, -100)
    wait_until(page, f"cloud.view.distance < {0.95 * far}")
    canvas.dblclick()
    wait_until(page, f"cloud.view.distance === {far}")


def test_the_cloud_is_upright_and_not_mirrored(browser, tmp_path):
    corners = {"red": (-1, -1), "lime": (1, -1), "blue": (1, 1), "yellow": (-1, 1)}
    colours = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    rng = np.random.default_rng(0)
    xyz = [np.append(rng.normal(corners[name], 0.1, (400, 2)), rng.normal(5, 0.1, (400, 1)), 1) for name in corners]
    rgb = np.repeat([colours[name] for name in corners], 400, 0).astype(np.uint8)
    write_page(
        tmp_path / "report.html",
        sample_content(cloud_xyz=np.concatenate(xyz).astype(np.float32), cloud_rgb=rgb, segments=(), frames=()),
    )
    page = opened(browser, tmp_path / "report.html")
    page.evaluate("Object.assign(cloud.view, { yaw: 0, pitch: 0 }); cloud.redraw()")
    picture = pixels(page.locator("#cloud canvas"))
    height, width = picture.shape[:2]
    for name, (right, down) in corners.items():
        rows, columns = np.nonzero((picture == colours[name]).all(2))
        assert len(rows) > 50, name
        assert np.sign(columns.mean() - width / 2) == right, name
        assert np.sign(rows.mean() - height / 2) == down, name


def test_the_depth_video_plays(page):
    page.evaluate("document.querySelector('video').play()")
    wait_until(page, "document.querySelector('video').currentTime > 0.3")
    assert page.evaluate("document.querySelector('video').videoWidth") == 64
    assert page.evaluate("document.querySelector('video').error") is None


def test_a_phone_shows_everything_without_scrolling_sideways_light_or_dark(browser, report):
    phone = opened(browser, report, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    for scheme, darkest, lightest in (("light", 200, 255), ("dark", 0, 60)):
        phone.emulate_media(color_scheme=scheme)
        assert darkest <= pixels(phone.locator("h1"))[0, 0].mean() <= lightest
        ink = phone.evaluate("document.querySelector('[data-plot=time] .xtitle').style.fill")
        assert (ink == "rgb(228, 232, 237)") == (scheme == "dark")
    assert phone.wrong == []


def test_without_webgl_the_page_says_so_and_the_rest_works(chromium, report):
    with chromium(*WITHOUT_WEBGL) as browser:
        page = opened(browser, report)
        assert "WebGL" in page.locator("#cloud").text_content()
        assert page.locator("#cloud canvas").count() == 0
        page.locator("#time").focus()
        page.keyboard.press("End")
        wait_until(page, "document.querySelector('[data-plot=trajectory]').data.at(-1).y[0] === 4.5")
        assert page.wrong == []


def test_no_plot_offers_to_send_anything_away(page):
    page.locator("[data-plot=time]").hover()
    offered = page.locator(".modebar-btn").evaluate_all("buttons => buttons.map(button => button.dataset.title)")
    assert offered
    assert not [title for title in offered if "loud" in title or "hart" in title]
