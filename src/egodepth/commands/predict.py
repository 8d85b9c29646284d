"""`egodepth predict MODEL INPUT... --out DIR`: depth of images, folders and videos, as files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from tyro.conf import Positional


@dataclass(frozen=True)
class Predict:
    """Predict the depth of images and videos.

    Of each image a 16-bit depth PNG, NPZ and coloured PNG, with one scale for all images; of each video an MP4 with the
    video and its coloured depth, with one scale for all its frames, and with --frames the PNG or NPZ of each.
    """

    model: Positional[str]
    """A run folder, a model folder or a hub id."""
    inputs: Positional[tuple[Path, ...]]
    """Images, folders of images, and videos, of any size."""
    out: Path
    """Folder for NAME_depth.png, NAME.npz, NAME_colour.png, of videos NAME_depth.mp4, and predictions.json, which says
    what the numbers mean."""
    size: tuple[int, int] | None = None
    """Height and width at which the network runs; its own if left out."""
    post_process: bool = False
    """Average with the mirrored image's prediction: a little better, twice the time."""
    device: str | None = None
    """`cpu`, `cuda`, ...; the GPU if there is one when left out."""
    frames: tuple[Literal["png", "npz"], ...] = ()
    """Of videos also write every frame, NAME_000000_depth.png and/or NAME_000000.npz: `--frames png npz`."""
    batch: int = 4
    """How many frames of a video go through the network at once."""

    def __call__(self) -> None:
        """Predict, and say what is there."""
        from egodepth.inference.predict import predict_files

        done = predict_files(
            self.model, self.inputs, self.out, self.size, self.post_process, self.device, self.frames, self.batch
        )
        if done is None:  # another process says it
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
