"""Predict the depth of images, folders and videos, and write it to files."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import track

from egodepth.data.bags.bag import is_bag
from egodepth.data.cameras import find_camera_file, read_lens_rig
from egodepth.data.images import image_size, read_rgb, write_image
from egodepth.data.media.frames import list_images
from egodepth.data.video import Video, is_video
from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import RECORD, made_in, require_free, sizes_in, staged, write_text
from egodepth.foundation.progress import warn
from egodepth.foundation.ranks import Ranks, sharing
from egodepth.foundation.remote import local_folder
from egodepth.inference.common_scales import CommonScales, sampled
from egodepth.inference.predict_video import predict_video
from egodepth.inference.predictor import DepthPredictor, Prediction
from egodepth.inference.stream import pipeline
from egodepth.weights import ModelCard, other_lens, other_shape


class Predicted(NamedTuple):
    """Summary of the written files."""

    card: ModelCard
    """Card of the model."""
    images: int
    videos: list[dict[str, Any]]
    """Entry of each video in `predictions.json`."""


def predict_files(
    model: str,
    inputs: Sequence[Path],
    out: Path,
    size: tuple[int, int] | None = None,
    post_process: bool = False,
    device: str | None = None,
    frames: Sequence[Literal["png", "npz"]] = (),
    batch: int = 4,
) -> Predicted | None:
    """Predict everything into a folder beside `out`, then move it there. An error leaves nothing behind.

    Args:
        model: a run folder, a model folder or a hub id.
        inputs: images, folders of images, and videos.
        out: the output folder; it also gets `predictions.json`.
        size: height and width at which the network runs; None: the model's.
        post_process: average with the mirrored image's prediction.
        device: None: the GPU if there is one.
        frames: files to write for each frame of a video.
        batch: number of video frames in one batch of the network.

    Returns:
        Summary of the written files; None in processes other than the first.

    Raises:
        InputError: nothing to predict, an unreadable file, or a file in `out` that egodepth did not write.
    """
    require(batch >= 1, f"--batch {batch}: at least 1")
    images, videos = named_inputs(inputs)
    require_free(out, _outputs(images, videos))
    opened = {name: Video.open(path) for name, path in videos.items()}
    with sharing(device) as (ranks, own_device):
        predictor = DepthPredictor.load(model, own_device, size, post_process)
        card = predictor.model.card
        summary: dict[str, Any] = {"model": model, "size": list(predictor.size), "post_process": post_process}
        if ranks.leads:
            _print_warnings(card, images, opened)
        with _shared_stage(out, ranks) as folder:
            if images:
                summary |= _predict_images(predictor, images, folder, ranks)
            if opened:
                own = list(opened)[ranks.share(len(opened))]
                summary["videos"] = ranks.gathered(
                    [predict_video(predictor, opened[name], folder, name, frames, batch) for name in own]
                )
            if ranks.leads:
                files = sizes_in(folder)
                require_free(out, files)
                made = made_in(out)
                kept = {name: size for name, size in sizes_in(out).items() if name in made}
                summary["files"] = kept | files
                write_text(folder / RECORD, json.dumps(summary, indent=2) + "\n")
    return Predicted(card, len(images), summary.get("videos", [])) if ranks.leads else None


def _print_warnings(card: ModelCard, images: Mapping[str, Path], videos: Mapping[str, Video]) -> None:
    """Print warnings if images and videos have another camera or shape than the training data, as far as known."""
    firsts = {path.parent: path for path in reversed(list(images.values()))}
    sizes = {folder: image_size(path) for folder, path in firsts.items()}
    lines = [other_shape(card, size) for size in (*sizes.values(), *(video.size for video in videos.values()))]
    for folder, size in sizes.items():
        with suppress(InputError):  # prediction needs no camera, so a missing one is no error
            rig, _ = read_lens_rig(find_camera_file(folder, folder.resolve().parent), size)
            lines.append(other_lens(card, rig.camera))
    for line in dict.fromkeys(filter(None, lines)):
        warn(line)


def named_inputs(inputs: Sequence[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the files of images (with those in folders) and of videos, by output name.

    Raises:
        InputError: nothing there, a file of neither kind (by its header), or two files with the same name.
    """
    images: dict[str, Path] = {}
    videos: dict[str, Path] = {}
    for given in map(local_folder, inputs):
        if is_bag(given):
            raise InputError(
                f"{given}: a bag; predict its frames by `egodepth video {given} --model MODEL --out DIR`, or extract "
                "them first by `egodepth data extract`"
            )
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
    """Return the names of the files that will surely be written."""
    of_images = [f"{name}{end}" for name in images for end in ("_depth.png", ".npz", "_colour.png")]
    return [*of_images, *(f"{name}_depth.mp4" for name in videos), RECORD]


@contextmanager
def _shared_stage(out: Path, ranks: Ranks) -> Iterator[Path]:
    """Create a `staged` folder in the first process for all processes. It must be on a disk that they share."""
    with ExitStack() as stack:
        yield ranks.first(lambda: stack.enter_context(staged(out)))
        ranks.gathered([None])  # the first process moves the files when all are written


def _predict_images(
    predictor: DepthPredictor, images: Mapping[str, Path], folder: Path, ranks: Ranks
) -> dict[str, Any]:
    """Write the files of this process's images, and return the summary of all images."""
    images = {name: images[name] for name in list(images)[ranks.share(len(images))]}
    console = Console(stderr=True)
    records: list[dict[str, Any]] = []
    samples: list[np.ndarray] = []

    def decode() -> Iterator[tuple[str, UInt8[np.ndarray, "h w 3"]]]:
        for name, path in images.items():
            yield name, read_rgb(path)

    # One at a time: sizes differ, and results must not depend on other images.
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
