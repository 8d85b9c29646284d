"""`egodepth view SCENE|MODEL`: the live viewer in the browser."""

import signal
import webbrowser
from dataclasses import dataclass, field
from typing import Annotated

import tyro
from rich.console import Console
from tyro.conf import Positional

from egodepth.video.viewer.settings import ViewerSettings


@dataclass(frozen=True, kw_only=True)
class View:
    """Look at a scene or try a model in the browser, until Ctrl-C.

    A scene, which is the folder that `egodepth video` wrote for a clip: its cloud, the cameras on their trajectory,
    image and depth of the chosen frame, a slider over time, a threshold of confidence, and buttons to save the cloud. A
    model: drop an image or a clip, and see its depth and its cloud. The page loads nothing from the network.
    """

    source: Positional[str]
    """A scene: OUT/NAME, or OUT for one clip. Or a model: a run folder, a model folder, an export folder or a hub
    id."""
    settings: Annotated[ViewerSettings, tyro.conf.arg(name="")] = field(default_factory=ViewerSettings)
    row: int | None = None
    """Which row of frames without a break of a scene, from 1. Left out: the longest."""
    device: str | None = None
    """Device of a model: `cpu`, `cuda`, ... Left out: the GPU if there is one."""
    open: bool = False
    """Also open the browser."""

    def __call__(self) -> None:
        """Serve until a signal comes."""
        from threading import Event

        from egodepth.foundation.errors import Stopped
        from egodepth.video.viewer.viewing import viewing

        try:
            with viewing(self.source, self.settings, self.row, self.device) as address:
                Console().print(f"{address} (Ctrl-C ends it)", soft_wrap=True, highlight=False, markup=False)
                if self.open:
                    webbrowser.open(address)
                Event().wait()
        except KeyboardInterrupt:
            raise Stopped("the viewer is closed", signal.SIGINT) from None
