"""A model in the browser: drop an image or a clip, see its depth and its cloud. Every client sees only its own."""

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.foundation.errors import InputError
from egodepth.foundation.ply_files import write_ply
from egodepth.geometry import Camera
from egodepth.inference.common_scales import CommonScales, sampled
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.viewer.banded_points import Band, draw_points
from egodepth.video.viewer.cameras_drawn import FOV, behind, draw_chosen
from egodepth.video.viewer.depth_cloud import cloud_of_image
from egodepth.video.viewer.saving import add_save_button, say_error
from egodepth.video.viewer.timeline import Frames, Pictures, Timeline
from egodepth.video.viewer.upload_limit import UploadLimit
from egodepth.video.viewer.uploads import UploadedFrame, read_upload

_POINT, _CAMERA, _BEHIND = 0.004, 0.04, 0.2
"""Side of a point, size of the camera and distance of the viewer from it, over the median depth."""
_USUAL_FOV, _LEAST_FOV, _MOST_FOV = 60.0, 12.0, 135.0
_KINDS = "image/*,video/*"
_DROP = """<div style="margin:0 0.75em 0.5em;padding:1em;border:2px dashed #999;border-radius:6px;text-align:center"
 ondragover="event.preventDefault()"
 ondrop="event.preventDefault();const i=document.querySelector('input[type=file]');i.files=event.dataTransfer.files;
i.dispatchEvent(new Event('change',{bubbles:true}))">Drop an image or a clip here</div>"""
"""A place to drop a file on, which hands it to the upload button: viser's button itself takes clicks alone."""


class ModelView:
    """What all clients of a model share."""

    def __init__(self, predictor: DepthPredictor, name: str, points: int, upload_bytes: int) -> None:
        """Take the model, its name, the most points to show, and the limit of all uploads in bytes."""
        self.predictor, self.name, self.points = predictor, name, points
        self.limit = UploadLimit(upload_bytes)

    @property
    def fov_deg(self) -> float:
        """Horizontal field of view of the model's training cameras, else a usual one."""
        focal = self.predictor.model.card.focal
        degrees = math.degrees(2 * math.atan(0.5 / focal[0])) if focal else _USUAL_FOV
        return float(np.clip(round(degrees), _LEAST_FOV, _MOST_FOV))

    def prepare(self, server: Any) -> None:
        """Set the camera that every client begins with."""
        start = server.initial_camera
        start.position, start.look_at = behind(np.eye(4), 1.0)
        start.fov = FOV

    def show(self, client: Any) -> Callable[[], None]:
        """Show the controls to a client; return what ends it."""
        return _ClientOfModel(self, client).close


class _UploadedFrames(Frames):
    """The frames of one upload, with one scale of colours."""

    def __init__(self, frames: list[UploadedFrame], metric: bool) -> None:
        self.frames, self.seconds = frames, [frame.seconds for frame in frames]
        self._scales = CommonScales.of(np.concatenate([sampled(frame.inverse_depth) for frame in frames]), metric)
        self.median_depth = 1 / float(np.median(frames[0].inverse_depth))

    def pictures(self, position: int) -> Pictures:
        frame = self.frames[position]
        return Pictures(frame.image, self._scales.colours(frame.inverse_depth))


class _ClientOfModel:
    def __init__(self, view: ModelView, client: Any) -> None:
        self._view, self._client = view, client
        self._frames: _UploadedFrames | None = None
        self._timeline: Timeline | None = None
        self._points: Any = None
        self._reading = threading.Lock()
        gui = client.gui
        gui.set_panel_label(view.name)
        gui.add_html(_DROP)
        self._upload = gui.add_upload_button("Choose an image or a clip", mime_type=_KINDS)
        self._upload.on_upload(lambda _: self._take())
        self._fov = gui.add_slider(
            "Field of view", min=_LEAST_FOV, max=_MOST_FOV, step=1.0, initial_value=view.fov_deg, hint="Degrees, across"
        )
        self._size = gui.add_slider("Point size", min=0.25, max=4.0, step=0.25, initial_value=1.0)
        self._fov.on_update(lambda _: self._redraw())
        self._size.on_update(lambda _: self._resize())
        add_save_button(client, "Save PLY", "cloud.ply", self._write_ply)
        self._unwatch = view.limit.watch(client, self._upload, lambda why: self._refuse(InputError(why)))

    def close(self) -> None:
        """End what runs for this client, and forget its upload."""
        self._unwatch()
        if self._timeline is not None:
            self._timeline.close()

    def _refuse(self, error: InputError | OSError) -> None:
        say_error(self._client, "Not shown", error)

    def _take(self) -> None:
        """Show the file that was uploaded."""
        file = self._upload.value
        name, content, file.content = file.name, file.content, b""  # viser would keep it until the next
        if not self._reading.acquire(blocking=False):
            self._refuse(InputError(f"{name}: wait for the upload before it"))
            return
        note = self._client.add_notification("Predicting depth", "", loading=True, with_close_button=False)
        try:
            self._begin(read_upload(self._view.predictor, name, content))
        except (InputError, OSError) as error:
            self._refuse(error)
        finally:
            del content
            self._reading.release()
            self._view.limit.release(self._client)
            note.remove()
        if self._timeline is not None:
            self._timeline.pace(self._resize)

    def _begin(self, frames: list[UploadedFrame]) -> None:
        if self._timeline is not None:
            self._timeline.remove()
        self._frames = _UploadedFrames(frames, self._view.predictor.model.card.metric)
        self._timeline = Timeline(self._client, self._frames, self._show_frame)
        self._timeline.redraw()
        camera, unit = self._client.camera, self._frames.median_depth
        with self._client.atomic():
            camera.near, camera.far = 1e-3 * unit, 1e3 * unit
            camera.position, camera.look_at = behind(np.eye(4), _BEHIND * unit)

    def _show_frame(self, position: int, pictures: Pictures) -> None:
        assert self._frames is not None
        size = self._frames.median_depth
        cloud, shape = self._cloud(position), pictures.image.shape
        camera = Camera.from_fov(self._fov_deg, (shape[0], shape[1]))
        self._points = draw_points(self._client, "/cloud", cloud, _POINT * size * self._size.value)
        draw_chosen(self._client, camera, pictures.image, _CAMERA * size)

    @property
    def _fov_deg(self) -> float:
        return float(np.clip(self._fov.value, _LEAST_FOV, _MOST_FOV))

    def _cloud(self, position: int) -> Band:
        assert self._frames is not None
        frame = self._frames.frames[position]
        return cloud_of_image(frame.image, frame.inverse_depth, self._fov_deg, self._view.points)

    def _redraw(self) -> None:
        if self._timeline is not None:
            self._timeline.redraw()

    def _resize(self) -> None:
        if self._points is not None and self._frames is not None:
            self._points.point_size = _POINT * self._frames.median_depth * self._size.value

    def _write_ply(self, path: Path) -> None:
        if self._timeline is None:
            raise InputError("nothing to save yet; drop an image or a clip first")
        cloud = self._cloud(self._timeline.position)
        write_ply(path, cloud.xyz, cloud.rgb)
