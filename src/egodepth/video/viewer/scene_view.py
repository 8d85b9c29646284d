"""A scene in the browser: cloud, trajectory, the chosen frame with its image and depth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from egodepth.video.cloud.point_cloud import write_cloud
from egodepth.video.scene.formats import glb
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.trust import reliable_points
from egodepth.video.viewer.banded_points import STEP, bands_of, draw_points, nearest_threshold
from egodepth.video.viewer.cameras_drawn import FOV, behind, draw_chosen, draw_trajectory, on_frustum, place
from egodepth.video.viewer.saving import add_save_button
from egodepth.video.viewer.scene_frames import ReliableFrames, SceneFrames
from egodepth.video.viewer.timeline import Pictures, Timeline

_POINT, _CAMERA, _CHOSEN, _BEHIND = 0.008, 0.025, 0.06, 0.3
"""Side of a point, sizes of the cameras and distance of the viewer from the first one, over the median depth."""


class SceneView:
    """What all clients of a scene share: its frames and the points that are shown."""

    def __init__(self, scene: Scene, points: int) -> None:
        """Read what is needed for the first picture.

        Args:
            scene: the scene.
            points: most points to show.

        Raises:
            InputError: cloud or depth are gone or damaged, or the cloud has no points.
        """
        self.scene, self.frames = scene, SceneFrames(scene)
        self.bands = bands_of(scene.cloud, points)
        self.frames.pictures(0)

    def prepare(self, server: Any) -> None:
        """Set the camera that every client begins with."""
        unit, start = self.frames.median_depth, server.initial_camera
        start.position, start.look_at = behind(self.scene.frames[0].world_from_camera, _BEHIND * unit)
        start.near, start.far, start.fov = 1e-3 * unit, 1e3 * unit, FOV

    def show(self, client: Any) -> Callable[[], None]:
        """Show the scene to a client; return what ends it."""
        return _ClientOfScene(self, client).close


class _ClientOfScene:
    def __init__(self, view: SceneView, client: Any) -> None:
        self._view, self._client = view, client
        unit, poses, camera = view.frames.median_depth, view.scene.world_from_camera, view.scene.camera
        self._frames = ReliableFrames(view.frames)
        gui, least = client.gui, min(view.bands[0].least, 1 - STEP)
        with client.atomic():
            gui.set_panel_label(view.scene.name)
            self._timeline = Timeline(client, self._frames, self._show_frame)
            self._follow = gui.add_checkbox("Follow camera", initial_value=False)
            self._least = gui.add_slider("Confidence", min=least, max=1.0, step=STEP, initial_value=least)
            self._size = gui.add_slider("Point size", min=0.25, max=4.0, step=0.25, initial_value=1.0)
            add_save_button(client, "Save PLY", f"{view.scene.name}.ply", self._write_ply)
            add_save_button(client, "Save GLB", f"{view.scene.name}.glb", self._write_glb)
        client.flush()  # the panel first: without a graphics card, drawing the cloud takes long
        with client.atomic():
            draw_trajectory(client, poses, camera, _CAMERA * unit)
            self._chosen = draw_chosen(client, camera, view.frames.pictures(0).image, _CHOSEN * unit)
            place(self._chosen, poses[0])
            self._points = [
                draw_points(client, f"/cloud/{number}", band, _POINT * unit) for number, band in enumerate(view.bands)
            ]
        self._least.on_update(lambda _: self._threshold())
        self._size.on_update(lambda _: self._resize(_POINT * unit))
        self._follow.on_update(lambda _: self._timeline.redraw())
        self._timeline.pace(lambda: place(self._chosen, poses[self._timeline.position]))

    def close(self) -> None:
        """End what runs for this client."""
        self._timeline.close()

    @property
    def _settings(self) -> ExportSettings:
        return ExportSettings(min_confidence=nearest_threshold(self._least.value))

    def _show_frame(self, position: int, pictures: Pictures) -> None:
        pose = self._view.scene.frames[position].world_from_camera
        place(self._chosen, pose)
        self._chosen.image = on_frustum(pictures.image)
        if position and self._follow.value:
            camera = self._client.camera
            camera.position, camera.look_at = behind(pose, _BEHIND * self._view.frames.median_depth)

    def _threshold(self) -> None:
        least = nearest_threshold(self._least.value)
        for points, band in zip(self._points, self._view.bands, strict=True):
            points.visible = band.least >= least
        # As long as the cloud is whole, so is depth.
        self._frames.min_confidence = least if least > self._view.bands[0].least else 0
        self._timeline.redraw()

    def _resize(self, size: float) -> None:
        for points in self._points:
            points.point_size = size * self._size.value

    def _write_ply(self, path: Path) -> None:
        write_cloud(path, reliable_points(self._view.scene.cloud, self._settings))

    def _write_glb(self, path: Path) -> None:
        glb.write(self._view.scene, path.parent, self._settings, lambda _: None)
        (path.parent / glb.FILE).replace(path)
