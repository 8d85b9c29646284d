"""`egodepth predict MODEL INPUT... --out DIR`: depth of images, folders and videos, as files."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import track
from tyro.conf import Positional

from egodepth.common_scales import CommonScales, sampled
from egodepth.data.cameras import find_camera_file, read_lens_rig
from egodepth.data.frames import list_images
from egodepth.data.images import image_size, read_rgb, write_image
from egodepth.data.video import Video, is_video
from egodepth.errors import InputError
from egodepth.files import RECORD, made_in, require_free, sizes_in, staged, write_text
from egodepth.predict_video import predict_video
from egodepth.predictor import DepthPredictor, Prediction
from egodepth.ranks import Ranks, sharing
from egodepth.remote import local_folder
from egodepth.stream import pipeline
from egodepth.weights import ModelCard, other_lens, other_shape

__all__ = ["CommonScales", "DepthPredictor", "Predict", "Prediction"]


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
        """Predict everything into a folder beside `out`, then move it there; on an error nothing is left behind."""
        if self.batch < 1:
            raise InputError(f"--batch {self.batch}: at least 1")
        images, videos = named_inputs(self.inputs)
        require_free(self.out, _outputs(images, videos))
        opened = {name: Video.open(path) for name, path in videos.items()}
        with sharing(self.device) as (ranks, device):
            predictor = DepthPredictor.load(self.model, device, self.size, self.post_process)
            summary: dict[str, Any] = {
                "model": self.model,
                "size": list(predictor.size),
                "post_process": self.post_process,
            }
            if ranks.leads:
                _say_what_to_mind(predictor.model.card, images, opened)
            with _shared_stage(self.out, ranks) as folder:
                if images:
                    summary |= _predict_images(predictor, images, folder, ranks)
                if opened:
                    own = list(opened)[ranks.share(len(opened))]
                    summary["videos"] = ranks.gathered(
                        [predict_video(predictor, opened[n], folder, n, self.frames, self.batch) for n in own]
                    )
                if ranks.leads:
                    files = sizes_in(folder)
                    require_free(self.out, files)
                    made = made_in(self.out)
                    kept = {name: size for name, size in sizes_in(self.out).items() if name in made}
                    summary["files"] = kept | files
                    write_text(folder / RECORD, json.dumps(summary, indent=2) + "\n")
        if ranks.leads:
            self._say(predictor.model.card, len(images), summary.get("videos", []))

    def _say(self, card: ModelCard, images: int, videos: list[dict[str, Any]]) -> None:
        unit = "in metres" if card.metric else "up to scale"
        unit += f" ({card.scale})" if card.scale.by else ""
        count = f"{images} depth maps" if images or not videos else ""
        if videos:
            shown = sum(video["frames"] for video in videos)
            count += f"{' and ' if count else ''}{len(videos)} video{'s' * (len(videos) > 1)} of {shown} frames"
        Console().print(f"{count}, {unit}, in {self.out} (see predictions.json)", soft_wrap=True)


def _say_what_to_mind(card: ModelCard, images: Mapping[str, Path], videos: Mapping[str, Video]) -> None:
    """Whether images and videos are of another camera or shape than the model learned from, as far as one can tell."""
    firsts = {path.parent: path for path in reversed(list(images.values()))}
    sizes = {folder: image_size(path) for folder, path in firsts.items()}
    lines = [other_shape(card, size) for size in (*sizes.values(), *(video.size for video in videos.values()))]
    for folder, size in sizes.items():
        with suppress(InputError):  # no camera is asked for here, so none is missed
            rig, _ = read_lens_rig(find_camera_file(folder, folder.resolve().parent), size)
            lines.append(other_lens(card, rig.camera))
    for line in dict.fromkeys(filter(None, lines)):
        Console(stderr=True).print(line, style="yellow", highlight=False, soft_wrap=True, markup=False)


def named_inputs(inputs: Sequence[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Output name -> file, of images (with those in folders) and of videos.

    Raises:
        InputError: nothing there, a file that is neither (by its header), or two that would share a name.
    """
    images: dict[str, Path] = {}
    videos: dict[str, Path] = {}
    for given in map(local_folder, inputs):
        files = list_images(given) if given.is_dir() else [given]
        if not files:
            raise InputError(f"{given}: no images in this folder; check the path")
        for path in files:
            video = is_video(path)
            if not video:
                image_size(path)
            if same := images.get(path.stem) or videos.get(path.stem):
                raise InputError(f"{path}: same name as {same}; predict them into different folders")
            (videos if video else images)[path.stem] = path
    if not images and not videos:
        raise InputError("no images given; name image files, folders or videos")
    return images, videos


def _outputs(images: Iterable[str], videos: Iterable[str]) -> list[str]:
    """Names of the files that are sure to be written."""
    of_images = [f"{name}{end}" for name in images for end in ("_depth.png", ".npz", "_colour.png")]
    return [*of_images, *(f"{name}_depth.mp4" for name in videos), RECORD]


@contextmanager
def _shared_stage(out: Path, ranks: Ranks) -> Iterator[Path]:
    """`staged` by the first process, whose folder all write to; on one disk, as the results are."""
    with ExitStack() as stack:
        yield ranks.first(lambda: stack.enter_context(staged(out)))
        ranks.gathered([None])  # the first one moves the files when all are there


def _predict_images(
    predictor: DepthPredictor, images: Mapping[str, Path], folder: Path, ranks: Ranks
) -> dict[str, Any]:
    """Write the files of this process's images; returns what the summary says of all."""
    images = {name: images[name] for name in list(images)[ranks.share(len(images))]}
    console = Console(stderr=True)
    records: list[dict[str, Any]] = []
    samples: list[np.ndarray] = []

    def decode() -> Iterator[tuple[str, UInt8[np.ndarray, "h w 3"]]]:
        for name, path in images.items():
            yield name, read_rgb(path)

    # One at a time: sizes differ, and results do not depend on what is predicted beside.
    def predict(group: list[tuple[str, UInt8[np.ndarray, "h w 3"]]]) -> list[tuple[str, Prediction]]:
        return [(name, predictor(image)) for name, image in group]

    def store(result: tuple[str, Prediction]) -> None:
        name, prediction = result
        depth, inverse_depth = prediction.depth.numpy(), prediction.inverse_depth.numpy()
        np.savez(folder / f"{name}.npz", depth=depth, inverse_depth=inverse_depth)
        samples.append(sampled(inverse_depth))
        height, width = depth.shape
        records.append({"name": name, "input": str(images[name]), "height": height, "width": width})

    shown = track(decode(), "Predicting", len(images), console=console, transient=True)
    pipeline(shown, predict, store)
    card = predictor.model.card
    scales = CommonScales.of(np.concatenate(ranks.gathered(samples)), card.metric)
    for name in track(images, "Writing pictures", console=console, transient=True):
        with np.load(folder / f"{name}.npz") as arrays:
            write_image(folder / f"{name}_depth.png", scales.depth_png(arrays["depth"]))
            write_image(folder / f"{name}_colour.png", scales.colours(arrays["inverse_depth"]))
    return {**scales.summary(card.metric, str(card.scale)), "images": ranks.gathered(records)}
