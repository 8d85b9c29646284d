"""`egodepth predict MODEL INPUT... --out DIR`: predict the depth of images, folders and videos."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional


@dataclass(frozen=True)
class Predict:
    """Predict the depth of images and videos.

    Each image gives a 16-bit depth PNG, an NPZ and a coloured PNG, with one scale for all images. Each video gives an
    MP4 that shows the video beside its coloured depth, with one scale for all frames. With --frames, it also gives the
    PNG or NPZ of each frame.
    """

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    inputs: Positional[tuple[Path, ...]]
    """Images, folders of images, and videos, of any size."""
    out: Path
    """Output folder for NAME_depth.png, NAME.npz, NAME_colour.png, for videos NAME_depth.mp4, and predictions.json,
    which explains the numbers."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs. Left out: the size of its training."""
    post_process: bool = False
    """Average with the prediction of the mirrored image: slightly better, twice the time."""
    device: str | None = None
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""
    frames: tuple[Literal["png", "npz"], ...] = ()
    """Also write every frame of a video, as NAME_000000_depth.png and/or NAME_000000.npz: `--frames png npz`."""
    batch: int = 4
    """Number of video frames in one batch of the network."""

    def __call__(self) -> None:
        """Predict and print a summary."""
        from egodepth.inference.predict import predict_files

        done = predict_files(
            self.model, self.inputs, self.out, self.size, self.post_process, self.device, self.frames, self.batch
        )
        if done is None:  # another process prints the summary
            return
        unit = "in metres" if done.card.metric else "up to scale"
        unit += f" ({done.card.scale})" if done.card.scale.by else ""
        count = f"{done.images} depth maps" if done.images or not done.videos else ""
        if done.videos:
            shown = sum(video["frames"] for video in done.videos)
            count += (
                f"{' and ' if count else ''}{len(done.videos)} video{'s' * (len(done.videos) > 1)} of {shown} frames"
            )
        Console().print(f"{count}, {unit}, in {self.out} (see predictions.json)", soft_wrap=True)
