"""Open a scene or a model in the browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from egodepth.foundation.errors import InputError, require
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.scene.scene import SCENE, Scene
from egodepth.video.viewer.model_view import ModelView
from egodepth.video.viewer.scene_view import SceneView
from egodepth.video.viewer.serving import address_of, on_visit, serving, warn_of_network
from egodepth.video.viewer.settings import ViewerSettings


@contextmanager
def viewing(source: str, settings: ViewerSettings, row: int | None = None, device: str | None = None) -> Iterator[str]:
    """Serve the viewer while the context lasts; yield its address.

    Args:
        source: what `egodepth video` wrote for a clip, or else a model.
        settings: address and limits.
        row: the row of frames of a scene, from 1; None: the longest.
        device: device of a model; None: the GPU if there is one.

    Raises:
        InputError: neither a scene nor a model, a damaged one, an option of the other kind, or an address that cannot
            be used.
    """
    view = _view(source, settings, row, device)
    with serving(settings.host, settings.port) as server:
        warn_of_network(settings.host)
        view.prepare(server)
        on_visit(server, settings.host, view.show)
        yield address_of(settings.host, server.get_port())


def _view(source: str, settings: ViewerSettings, row: int | None, device: str | None) -> SceneView | ModelView:
    folder = Path(source)
    if (folder / SCENE).is_file() or (folder.is_dir() and any(folder.glob(f"*/{SCENE}"))):
        require(device is None, f"--device {device}: {source} is a scene, which needs none; leave --device out")
        return SceneView(Scene.open(folder, row), settings.points)
    require(row is None, f"--row {row}: only a scene has rows, and {source} is none; leave --row out")
    try:
        predictor = DepthPredictor.load(source, device)
    except InputError as error:
        if folder.is_dir() and not (folder / "model").is_dir():
            raise InputError(f"{error}; nor is there a {SCENE} of egodepth video") from error
        raise
    return ModelView(predictor, folder.name, settings.points, settings.upload_bytes)
