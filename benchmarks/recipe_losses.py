"""Losses of every recipe over 20 steps, to check that a refactoring changes no result.

    python benchmarks/recipe_losses.py before                      # losses of the current code
    python benchmarks/recipe_losses.py after --against before      # status 1 if a loss differs

The second command prints the largest relative difference of each recipe. It trains on small frames of two rendered
streets, with three samples per step and one thread. Equal code gives equal bits.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

STEPS = 20
SETTINGS = {
    "steps": STEPS,
    "batch-size": 3,
    "workers": 0,
    "log-every": 1,
    "validate-every": STEPS,
    "checkpoint-every": STEPS,
    "panels-every": STEPS,
}
STARTS = {"street-clip-tuned": "synthetic-ms", "ablation": "synthetic-s", "kitti-m-1024": "kitti-m"}
"""Recipes that start from a model, and the recipe of this model."""
VARIANTS = {
    "average": ["synthetic-m", "--loss.reprojection", "average", "--loss.no-automask"],
    "native": ["synthetic-m", "--loss.multiscale", "native"],
    "predictive-mask": ["synthetic-ms", "--loss.predictive-mask", "--loss.no-automask"],
    "l1": ["synthetic-m", "--loss.ssim-weight", "0"],
    "learned-camera": ["synthetic-m", "--data.camera", "learned"],
    "both-signals": ["street-clip", "--loss.photometric", "1", "--hints.rule", "better"],
}
"""Variants with parts of the method that no recipe uses."""


def main() -> None:
    """Train all recipes, write their losses, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for runs and losses; existing files are not made again")
    parser.add_argument("recipes", nargs="*", help="recipes and variants; all if left out")
    parser.add_argument("--against", type=Path, help="folder of an earlier run to compare with")
    given = parser.parse_args()
    data = given.out / "streets"
    if not data.is_dir():
        _egodepth(given.out, "data", "render", "--out", str(data), "--train", "2", "--val", "1", "--test", "1")
    for name in given.recipes or (*_recipes(), *VARIANTS):
        _train(given.out, name, data)
        print(name, flush=True)
    if given.against and not _equal(given.against, given.out, given.recipes):
        sys.exit(1)


def _recipes() -> list[str]:
    """Return all recipes without the high-resolution ones, which differ only in size."""
    from egodepth.config.recipes import RECIPES

    return [name for name in RECIPES if "1024" not in name or name in STARTS]


def _train(out: Path, name: str, data: Path) -> None:
    if (out / f"{name}.json").is_file():
        return
    run = out / "runs" / name
    shutil.rmtree(run, ignore_errors=True)
    recipe, *words = VARIANTS.get(name, [name])
    if recipe.startswith("kitti"):
        words = ["--data.size", "64", "224", *words]
    if recipe in STARTS:
        _train(out, STARTS[recipe], data)
        words = ["--init-from", str(out / "runs" / STARTS[recipe]), *words]
    settings = [word for key, value in SETTINGS.items() for word in (f"--trainer.{key}", str(value))]
    _egodepth(out, "train", recipe, "--data", str(data), "--run", str(run), *settings, *words)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [{key: value for key, value in line.items() if key != "images_per_second"} for line in lines]
    (out / f"{name}.json").write_text(json.dumps([line for line in losses if "loss" in line]))


def _egodepth(out: Path, *words: str) -> None:
    settings = {"OMP_NUM_THREADS": "1", "EGODEPTH_CACHE": str((out / "cache").resolve())}
    done = subprocess.run([sys.executable, "-m", "egodepth", *words], env={**os.environ, **settings}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _equal(before: Path, after: Path, recipes: list[str]) -> bool:
    """Print the differences of the losses in two folders, and return whether all are equal."""
    equal = True
    for name in recipes or sorted(path.stem for path in before.glob("*.json")):
        old, new = (_losses(folder / f"{name}.json") for folder in (before, after))
        if [line.keys() for line in old] != [line.keys() for line in new]:
            print(f"{name:28} other steps or other losses")
            equal = False
            continue
        pairs = [(a[key], b[key]) for a, b in zip(old, new, strict=True) for key in a]
        worst = max((abs(a - b) / max(abs(a), 1e-12) for a, b in pairs), default=0.0)
        print(f"{name:28} {'equal to the bit' if not worst else f'largest relative difference {worst:.1e}'}")
        equal = equal and not worst
    return equal


def _losses(path: Path) -> list[dict[str, float]]:
    """Return the losses of a recipe; none if they were never computed."""
    return json.loads(path.read_text()) if path.is_file() else []


if __name__ == "__main__":
    main()
