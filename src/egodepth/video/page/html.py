"""The report as one HTML file with its pictures, plots and code inside. It works offline."""

import base64
import io
import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from egodepth.foundation.files import write_text
from egodepth.video.page.cloud_scene import cloud_scene
from egodepth.video.page.content import FigureGroup, Finding, PageContent, PageFrame
from egodepth.video.page.plots import plotly, reliability_plot, time_plot, trajectory_plot


def write_page(path: Path, content: PageContent) -> None:
    """Write the page: some 5 MB of plotly.js and up to 5 MB of pictures and points.

    Raises:
        InputError: plotly is missing, or the file cannot be written.
    """
    sections = [
        _viewer(content),
        _video(content),
        _trajectory(content),
        _cloud(content),
        *(_section(plot.name, _plot("time", time_plot(plot))) for plot in content.plots),
        _reliability(content),
        *map(_figures, content.figures),
        _files(content),
    ]
    page = _template("page.html").substitute(
        title=escape(content.title),
        style=_part("page.css"),
        summary="\n".join(map(_finding, content.summary)),
        sections="\n".join(filter(None, sections)),
        frames=_inside_script(json.dumps([_frame(frame, content) for frame in content.frames])),
        plotly=plotly("offline").get_plotlyjs(),
        code=_part("steer.js") + _part("cloud.js") + _part("page.js"),
    )
    write_text(path, page)


def _finding(finding: Finding) -> str:
    if finding.warning:
        return f'<li class="warning"><strong>Warning:</strong> {escape(finding.text)}</li>'
    return f"<li>{escape(finding.text)}</li>"


def _frame(frame: PageFrame, content: PageContent) -> dict[str, Any]:
    position = content.position_at(frame.seconds)
    return {
        "label": frame.label,
        "seconds": round(frame.seconds, 3),
        "aspect": round(frame.image.shape[1] / frame.image.shape[0], 4),
        "image": _data_url(frame.image),
        "depth": _data_url(frame.depth),
        "confidence": _data_url(frame.confidence),
        "hint": None if frame.hint is None else _data_url(frame.hint),
        "place": None if position is None else position.tolist(),
    }


def _data_url(picture: UInt8[np.ndarray, "h w 3"]) -> str:
    """Return a picture as WebP data URL: half the size of JPEG, and all current browsers support it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "webp", quality=82)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _viewer(content: PageContent) -> str:
    return _section("Frames", _part("viewer.html"), "wide") if content.frames else ""


def _video(content: PageContent) -> str:
    if content.video is None:
        return ""
    address = _address(content.video)
    # Without a start time, phones show black until the video is played.
    video = f'<video src="{address}#t=0.001" controls muted loop playsinline preload="metadata"></video>'
    beside = f'<a href="{address}">{escape(content.video)}</a>, beside this page'
    return _section("Depth video", f'{video}<p class="note">{beside}.</p>')


def _trajectory(content: PageContent) -> str:
    if not content.segments:
        return ""
    return _section("Path from above", _plot("trajectory", trajectory_plot(content)))


def _cloud(content: PageContent) -> str:
    if not len(content.cloud_xyz):
        return ""
    scene = cloud_scene(content)
    legend = "".join(
        f'<span><i style="background:{path["colour"]}"></i>{escape(path["name"])}</span>' for path in scene["paths"]
    )
    note = (
        f"{scene['points']:,} of {len(content.cloud_xyz):,} points; a square of the grid is {scene['square']:g} "
        f"{content.unit}. Drag to turn, right button or two fingers to move; click, then scroll or pinch, to zoom; "
        "double click for the view at the beginning."
    )
    script = f'<script type="application/json">{_inside_script(json.dumps(scene))}</script>'
    canvas = f'<div id="cloud">{script}<canvas tabindex="0" aria-label="point cloud"></canvas></div>'
    return _section(
        "In three dimensions", f'{canvas}<p class="legend">{legend}</p><p class="note">{escape(note)}</p>', "wide"
    )


def _reliability(content: PageContent) -> str:
    if not content.reliability:
        return ""
    note = "Each mark is a tenth of the points, by their expected error. On the dotted line, what is stated is found."
    plot = _plot("reliability", reliability_plot(content.reliability))
    return _section("Share of points within an error", f'{plot}<p class="note">{note}</p>')


def _figures(group: FigureGroup) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{escape(figure.name)}</th><td class="value">{escape(figure.value)}</td>'
        f"<td>{escape(figure.note)}</td></tr>"
        for figure in group.figures
    )
    return _section(group.name, f'<div class="scroll"><table>{rows}</table></div>')


def _files(content: PageContent) -> str:
    if not content.files:
        return ""
    items = (f'<li><a href="{_address(name)}">{escape(name)}</a>: {escape(what)}</li>' for name, what in content.files)
    return _section("Files beside this page", f"<ul>{''.join(items)}</ul>")


def _plot(kind: str, figure: str) -> str:
    """Return an element that the page's code fills with the figure, which is stored in it."""
    script = f'<script type="application/json">{_inside_script(figure)}</script>'
    return f'<div class="plot {kind}" data-plot="{kind}">{script}</div>'


def _section(name: str, inside: str, width: str = "half") -> str:
    return f'<section class="{width}"><h2>{escape(name)}</h2>{inside}</section>'


def _address(path: str) -> str:
    """Return a relative link to a file. No file name can turn it into another site's address or a script."""
    return escape("./" + quote(path.replace("\\", "/")))


def _inside_script(text: str) -> str:
    """Return JSON that cannot end the script element around it."""
    return text.replace("<", "\\u003c")


def _part(name: str) -> str:
    return files("egodepth.video.page").joinpath(name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Template(_part(name))
