"""The command line: finds the verb, parses its arguments, and turns what users cause into one line and exit code 2."""

import contextlib
import inspect
import io
import re
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tyro

from egodepth.config.recipes import ABOUT, RECIPES, recipe
from egodepth.foundation.errors import InputError, Stopped

_HELP = """usage: egodepth VERB ... (egodepth VERB --help explains each)

Self-supervised depth and ego-motion from any moving camera.

  data render        make synthetic drives with exact truth
  data extract VIDEO frames of a video, or of a folder of frames, that are worth training on
  data inspect DIR   what is in a data set or a video: drives, frames, cameras, usable samples, motion
  data prepare DIR   decode a data set once, for every training with --data.store
  data hints DIR     depth that geometry knows before any training, for every training with --hints.store
  data undistort CLIP
                     undo a lens's distortion: frames of a pinhole camera, and its camera.json
  video CLIP ...     the whole way from a video that nobody calibrated: model, depth video, trajectory, cloud, report
  camera CLIP        the camera of frames that nobody calibrated, by structure from motion
  cloud CLIP         one point cloud from depth maps and a trajectory
  train RECIPE       train, or go on with, a model:  egodepth train quickstart --data DIR --run runs/first
  evaluate MODEL     score a model against true depth: table, JSON, CSV, pictures
  predict MODEL ...  depth of images, folders and videos
  odometry MODEL     trajectories of drives: KITTI and TUM files, plot, scores where truth is there
  scale MODEL        metres from one known length: stereo baseline, camera height, speed, a measured distance
  export MODEL       ONNX, OpenVINO (float32, bfloat16, int8) or torch program, checked against the predictor
  ablate RECIPE      the paper's ablation on any data set, over several seeds
  benchmark WHAT     measured throughput of this machine
  import-monodepth2 FOLDER OUT
                     published Monodepth2 weights as a model folder"""


def _on_recipe(words: Sequence[str], program: str, kind: Any, folder: tuple[str, str]) -> None:
    """A verb of class `kind` that takes a recipe first, and then any field of its configuration.

    `folder` is the field for the folder that it writes, and what the default one is called before the recipe's name.
    """
    if not words or words[0].startswith("-"):
        listing = "\n".join(f"  {name:<22} {about}" for name, about in ABOUT.items())
        print(f"usage: {program} RECIPE [--data DIR] [--{folder[0]} DIR] [OPTIONS]\n\n{inspect.getdoc(kind)}\n")
        print(f"recipes:\n{listing}\n\noptions: {program} RECIPE --help")
        if not words or words[0] not in ("-h", "--help"):
            verb = program.removeprefix("egodepth ")
            raise InputError(f"{verb}: name a recipe first, such as: {program} {next(iter(RECIPES))}")
        return
    place = Path("runs") / (folder[1] + words[0])
    default = kind(**{folder[0]: place}, config=recipe(words[0]))
    _parse(kind, words[1:], f"{program} {words[0]}", default)()


def _train(words: Sequence[str], program: str) -> None:
    from egodepth.commands.train import Train

    _on_recipe(words, program, Train, ("run", ""))


def _ablate(words: Sequence[str], program: str) -> None:
    from egodepth.commands.ablate import Ablate

    _on_recipe(words, program, Ablate, ("out", "ablation_"))


def _verb(module: str, name: str) -> Callable[[Sequence[str], str], None]:
    """A verb whose arguments are the dataclass `name` of a module, imported only when asked for."""

    def run(words: Sequence[str], program: str) -> None:
        imported = __import__(f"egodepth.{module}", fromlist=[name])
        _parse(getattr(imported, name), words, program)()

    return run


_VERBS: dict[tuple[str, ...], Callable[[Sequence[str], str], None]] = {
    ("train",): _train,
    ("evaluate",): _verb("commands.evaluate", "Evaluate"),
    ("predict",): _verb("commands.predict", "Predict"),
    ("ablate",): _ablate,
    ("odometry",): _verb("commands.odometry", "Odometry"),
    ("scale",): _verb("commands.scale", "Scale"),
    ("export",): _verb("commands.export", "Export"),
    ("benchmark",): _verb("commands.benchmark", "Benchmark"),
    ("video",): _verb("commands.video", "VideoToDepth"),
    ("camera",): _verb("commands.camera", "FindCamera"),
    ("cloud",): _verb("commands.cloud", "FuseCloud"),
    ("import-monodepth2",): _verb("commands.import_monodepth2", "ImportMonodepth2"),
    ("data", "render"): _verb("commands.data_render", "Render"),
    ("data", "extract"): _verb("commands.data_extract", "Extract"),
    ("data", "inspect"): _verb("commands.data_inspect", "Inspect"),
    ("data", "prepare"): _verb("commands.data_prepare", "Prepare"),
    ("data", "hints"): _verb("commands.data_hints", "MakeHints"),
    ("data", "undistort"): _verb("commands.data_undistort", "Undistort"),
}


def _parse(kind: Any, words: Sequence[str], program: str, default: Any = None) -> Any:
    """Arguments of a verb by tyro, whose box of complaint becomes one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            given = {} if default is None else {"default": default}
            return tyro.cli(kind, args=list(words), prog=program, **given)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise InputError(f"{_first_words(complaint.getvalue())}; see {program} --help") from stop


def _first_words(box: str) -> str:
    """What stands in the first compartment of tyro's box."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip("│ \n") for line in box.splitlines()]
    text: list[str] = []
    for line in lines:
        if line.startswith("─") and text:
            break
        if line and not line.startswith(("╭", "╰", "─")):
            text.append(line)
    return " ".join(text) or "unusable arguments"


def _dispatch(words: Sequence[str]) -> None:
    for length in (1, 2):
        action = _VERBS.get(tuple(words[:length]))
        if action:
            action(words[length:], " ".join(["egodepth", *words[:length]]))
            return
    if not words or words[0] in ("-h", "--help"):
        print(_HELP)
        return
    if words[0] == "--version":
        print(f"egodepth {version('egodepth')}")
        return
    verbs = ", ".join(" ".join(verb) for verb in _VERBS)
    raise InputError(f"unknown command '{' '.join(words[:2])}'; there are: {verbs}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit code 2 and one line on standard error for what users can mend."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        _dispatch(words)
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'a file'}: {error.strerror or error}"
    except Stopped as stop:
        from egodepth.foundation.ranks import leads

        if leads():
            print(stop, file=sys.stderr)
        # A training that was asked to stop has done what it should; commands of which it is a part have not.
        done = words[0] == "train" and stop.signal != signal.SIGINT
        sys.exit(0 if done else 128 + stop.signal)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is finished", file=sys.stderr)
        sys.exit(130)
    else:
        return
    print(f"egodepth: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
