"""How soon the viewer shows a scene in Chromium, and how soon its slider shows another frame.

    taskset -c 0,1 python benchmarks/viewer.py OUT/NAME

The viewer runs in a process of its own, Chromium draws without a graphics card. The first picture is the first one that
looks like the last: less than 2 % of its blocks of 8x8 pixels differ. It counts from the start of the navigation, with
an empty cache. A move of the slider counts from the event to the animation frame after the new image is in the panel.
It needs playwright and a Chromium.
"""

import argparse
import base64
import contextlib
import io
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

_OPTIONS = ("--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_SIZE: Any = {"width": 1280, "height": 720}
_NOTE = 200 // 8
"""Height of the area at the top in which viser says that there is no graphics card."""
_PANEL = (360 // 8, 945 // 8)
"""Lower and left end of the panel with its pictures, like `_NOTE` in blocks of 8 pixels."""
_DIFFERING, _LEVELS = 0.02, 16
_SETTLED_S = 3.0
_MOVE = """async ([share, key]) => {
    const picture = () => document.querySelector('img[src^=blob]');
    const before = picture().src, thumb = document.querySelector('[role=slider]'), track = thumb.parentElement;
    const box = track.getBoundingClientRect(), started = performance.now();
    if (key) thumb.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    else {
        const place = {clientX: box.x + share * box.width, clientY: box.y + box.height / 2, bubbles: true};
        track.dispatchEvent(new MouseEvent('mousedown', place));
        document.dispatchEvent(new MouseEvent('mouseup', place));
    }
    while (picture()?.src === before || !picture()?.complete) {
        if (performance.now() - started > 5000) return -1;
        await new Promise((next) => requestAnimationFrame(next));
    }
    await new Promise((next) => requestAnimationFrame(next));
    return performance.now() - started;
}"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("scene", help="folder that egodepth video wrote for a clip")
    arguments.add_argument("--repeats", type=int, default=5, help="number of page loads")
    arguments.add_argument("--moves", type=int, default=20, help="number of moves of the slider, of either kind")
    given = arguments.parse_args()
    words = [sys.executable, "-m", "egodepth", "view", given.scene, "--port", "0"]
    started = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[0]
            print(f"the command prints its address after {time.perf_counter() - started:.2f} s")
            _measure(address, given.repeats, given.moves)
        finally:
            server.terminate()


def _measure(address: str, repeats: int, moves: int) -> None:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        first = []
        for _ in range(repeats):
            with playwright.chromium.launch(executable_path=path, args=list(_OPTIONS)) as browser:
                first.append(_first_picture(browser.new_page(viewport=_SIZE), address))
        _print("first image in the panel, new browser", [panel for panel, _ in first], "s", 2)
        _print("first picture of all, new browser", [whole for _, whole in first], "s", 2)
        with playwright.chromium.launch(executable_path=path, args=list(_OPTIONS)) as browser:
            page = browser.new_page(viewport=_SIZE)
            page.goto(address)
            page.wait_for_selector("img[src^=blob]")
            page.wait_for_timeout(1000 * _SETTLED_S)
            shares = np.random.default_rng(0).permutation(np.linspace(0.02, 0.98, moves)).tolist()
            _print("slider to any frame", [_moved(page, share, None) for share in shares], "ms", 0)
            _moved(page, 0.3, None)
            _print("slider to the next frame", [_moved(page, 0, "ArrowRight") for _ in range(moves)], "ms", 0)


def _first_picture(page: Any, address: str) -> tuple[float, float]:
    """Return the seconds from the start of the navigation to when the panel, and the page, look as in the end."""
    from playwright.sync_api import Error

    pictures: list[tuple[float, str]] = []
    session = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        pictures.append((event["metadata"]["timestamp"], event["data"]))
        with contextlib.suppress(Error):  # the page is closed
            session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    page.goto("about:blank")
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 60, "maxWidth": 640})
    page.goto(address, wait_until="commit")
    page.wait_for_selector("img[src^=blob]")
    page.wait_for_timeout(1000 * _SETTLED_S)
    session.send("Page.stopScreencast")
    begun = page.evaluate("performance.timeOrigin") / 1000
    decoded = [(seconds - begun, _pixels(data)) for seconds, data in pictures if seconds > begun]
    panel = [(seconds, picture[: _PANEL[0], _PANEL[1] :]) for seconds, picture in decoded]
    return _like_the_last(panel), _like_the_last([(seconds, picture[_NOTE:]) for seconds, picture in decoded])


def _like_the_last(pictures: list[tuple[float, np.ndarray]]) -> float:
    last = pictures[-1][1]
    for seconds, picture in pictures:
        if picture.shape == last.shape and np.mean(np.abs(picture - last).max(-1) > _LEVELS) < _DIFFERING:
            return seconds
    raise AssertionError("no picture")


def _pixels(data: str) -> np.ndarray:
    """Return means of 8x8 pixels of the page, of which a picture has half the width and height.

    Viser lowers the resolution after some slow frames, which changes single pixels.
    """
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").reduce(4)).astype(int)


def _moved(page: Any, share: float, key: str | None) -> float:
    milliseconds = page.evaluate(_MOVE, [share, key])
    assert milliseconds > 0, "the picture did not change"
    page.wait_for_timeout(150)
    return milliseconds


def _print(name: str, values: list[float], unit: str, digits: int) -> None:
    low, high = min(values), max(values)
    print(f"{name}: {median(values):.{digits}f} {unit} ({low:.{digits}f} to {high:.{digits}f}, {len(values)} times)")


if __name__ == "__main__":
    main()
