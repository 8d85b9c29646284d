"""The command line: find the verb, parse its arguments, and report a user's mistake as one line with exit code 2."""

import inspect
import signal
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from egodepth.config.recipes import ABOUT, RECIPES, recipe
from egodepth.foundation.arguments import parse_arguments
from egodepth.foundation.errors import InputError, Stopped

Command = Callable[[], None]
"""A command with its options, to be called."""

_HELP = """usage: egodepth VERB ... (egodepth VERB --help explains each)

Self-supervised depth and ego-motion from any moving camera.

  data render        make synthetic drives with exact ground truth
  data extract VIDEO select the frames of a video, a folder of frames or a ROS bag that are worth training on
  data inspect DIR   show what a data set or a video holds: drives, frames, cameras, usable samples, motion
  data prepare DIR   decode a data set once, for every training with --data.store
  data hints DIR     compute depth by geometry before any training, for every training with --hints.store
  data undistort CLIP
                     undo a lens's distortion: write pinhole frames and their camera.json
  video CLIP ...     from an uncalibrated video to a model, depth video, trajectory, point cloud and report
  camera CLIP        find the camera of uncalibrated frames by structure from motion
  cloud CLIP         fuse depth maps along a trajectory into one point cloud
  scene RECORDING    files for COLMAP, nerfstudio, Blender, OpenEXR, ROS and rerun of what video wrote
  view SCENE|MODEL   look at a scene of video, or try a model on images and clips, in the browser
  train RECIPE       train a model, or continue a run:  egodepth train quickstart --data DIR --run runs/first
  evaluate MODEL     score a model against true depth: table, JSON, CSV, pictures
  predict MODEL ...  predict the depth of images, folders and videos
  odometry MODEL     predict trajectories of drives: KITTI and TUM files, plot, scores where ground truth exists
  scale MODEL        find metres from one known length: stereo baseline, camera height, speed, a measured distance
  export MODEL       export to ONNX, OpenVINO (float32, bfloat16, int8) or a torch program, checked for equal depth
  push MODEL NAME    publish a model on the Hugging Face hub, with a card of what is known about it
  ablate RECIPE      run the paper's ablation on any data set, over several seeds
  benchmark WHAT     measure the throughput of this machine
  import-monodepth2 FOLDER OUT
                     published Monodepth2 weights as a model folder"""


def _on_recipe(words: Sequence[str], program: str, kind: Any, folder: tuple[str, str]) -> Command:
    """Run a verb of class `kind` that takes a recipe first, and then any field of its configuration.

    `folder` holds the name of the field for the output folder, and the prefix of that folder's default name before the
    recipe's name.
    """
    if not words or words[0].startswith("-"):
        listing = "\n".join(f"  {name:<22} {about}" for name, about in ABOUT.items())
        print(f"usage: {program} RECIPE [--data DIR] [--{folder[0]} DIR] [OPTIONS]\n\n{inspect.getdoc(kind)}\n")
        print(f"recipes:\n{listing}\n\noptions: {program} RECIPE --help")
        if not words or words[0] not in ("-h", "--help"):
            verb = program.removeprefix("egodepth ")
            raise InputError(f"{verb}: name a recipe first, such as: {program} {next(iter(RECIPES))}")
        return _nothing
    place = Path("runs") / (folder[1] + words[0])
    default = kind(**{folder[0]: place}, config=recipe(words[0]))
    return parse_arguments(kind, words[1:], f"{program} {words[0]}", default)


def _train(words: Sequence[str], program: str) -> Command:
    from egodepth.commands.train import Train

    return _on_recipe(words, program, Train, ("run", ""))


def _ablate(words: Sequence[str], program: str) -> Command:
    from egodepth.commands.ablate import Ablate

    return _on_recipe(words, program, Ablate, ("out", "ablation_"))


def _verb(module: str, name: str) -> Callable[[Sequence[str], str], Command]:
    """Return a parser for the arguments of dataclass `name`. The module is imported only when it is called."""

    def parse(words: Sequence[str], program: str) -> Command:
        imported = import_module(f"egodepth.{module}")
        return parse_arguments(getattr(imported, name), words, program)

    return parse


_VERBS: dict[tuple[str, ...], Callable[[Sequence[str], str], Command]] = {
    ("train",): _train,
    ("evaluate",): _verb("commands.evaluate", "Evaluate"),
    ("predict",): _verb("commands.predict", "Predict"),
    ("ablate",): _ablate,
    ("odometry",): _verb("commands.odometry", "Odometry"),
    ("scale",): _verb("commands.scale", "Scale"),
    ("export",): _verb("commands.export", "Export"),
    ("push",): _verb("commands.push", "Push"),
    ("benchmark",): _verb("commands.benchmark", "Benchmark"),
    ("video",): _verb("commands.video", "VideoToDepth"),
    ("camera",): _verb("commands.camera", "FindCamera"),
    ("cloud",): _verb("commands.cloud", "FuseCloud"),
    ("scene",): _verb("commands.scene", "ExportScene"),
    ("view",): _verb("commands.view", "View"),
    ("import-monodepth2",): _verb("commands.import_monodepth2", "ImportMonodepth2"),
    ("data", "render"): _verb("commands.data_render", "Render"),
    ("data", "extract"): _verb("commands.data_extract", "Extract"),
    ("data", "inspect"): _verb("commands.data_inspect", "Inspect"),
    ("data", "prepare"): _verb("commands.data_prepare", "Prepare"),
    ("data", "hints"): _verb("commands.data_hints", "MakeHints"),
    ("data", "undistort"): _verb("commands.data_undistort", "Undistort"),
}


def _nothing() -> None:
    """Do nothing: all was said while the arguments were parsed."""


def _parsed(words: Sequence[str]) -> Command:
    """Return the command that the words ask for, ready to be called."""
    for length in (1, 2):
        parse = _VERBS.get(tuple(words[:length]))
        if parse:
            return parse(words[length:], " ".join(["egodepth", *words[:length]]))
    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return _nothing
    if words[0] == "--version":
        print(f"egodepth {version('egodepth')}")
        return _nothing
    given = " ".join(words[:2])
    verbs = [" ".join(verb) for verb in _VERBS]
    if of_group := [verb for verb in verbs if verb.startswith(f"{words[0]} ")]:
        listing = ", ".join(of_group)
        if words[1:] and words[1] in ("-h", "--help"):
            print(f"egodepth {words[0]} has these commands, each with a --help of its own: {listing}")
            return _nothing
        if not words[1:]:
            raise InputError(f"'{words[0]}' lacks what to do; there are: {listing}")
    close = get_close_matches(given, verbs, 1) or get_close_matches(words[0], verbs, 1)
    guess = f"did you mean '{close[0]}'? " if close else ""
    raise InputError(f"unknown command '{given}'; {guess}there are: {', '.join(verbs)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. A mistake that the user can correct ends with exit code 2 and one line on standard error."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        command = _parsed(words)
        command()
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'a file'}: {error.strerror or error}"
    except Stopped as stop:
        from egodepth.foundation.ranks import leads

        if leads():
            print(stop, file=sys.stderr)
        # A training that was asked to stop has done its work. A command that contains a training has not.
        done = words[0] == "train" and stop.signal != signal.SIGINT
        sys.exit(0 if done else 128 + stop.signal)
    except KeyboardInterrupt:
        print("stopped; run the same command again to continue from what is finished", file=sys.stderr)
        sys.exit(130)
    else:
        return
    print(f"egodepth: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
