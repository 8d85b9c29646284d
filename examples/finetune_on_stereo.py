"""Train a published model further on your own rectified stereo pairs. Depth is in metres, by the baseline.

    python examples/finetune_on_stereo.py owner/model pairs finetuned

Folder PAIRS has the left images, the right ones of the same names in `partner/`, and `camera.json`:
    {"width": 1242, "height": 375, "fx": 721.5, "fy": 721.5, "cx": 609.6, "cy": 172.9, "partner": {"baseline_m": 0.54}}
"""

import argparse
from dataclasses import replace
from pathlib import Path

from egodepth.config.recipes import recipe
from egodepth.training.train import train
from egodepth.weights import load_card

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", help="a hub id, a run folder or a model folder")
parser.add_argument("pairs", help="the folder of the left images")
parser.add_argument("run", type=Path, help="run folder; the same command continues a stopped training")
parser.add_argument("--steps", type=int, default=300)
arguments = parser.parse_args()

# The networks and the size are those of the model; data, hints and losses are those of the recipe.
card = load_card(arguments.model)
config = recipe("street-stereo")
config = replace(
    config,
    init_from=arguments.model,
    model=card.unscaled().network,
    data=replace(config.data, path=(arguments.pairs,), size=card.size),
    optimiser=replace(config.optimiser, learning_rate=config.optimiser.learning_rate / 4),
    trainer=replace(config.trainer, steps=arguments.steps),
)
summary = train(config, arguments.run)
print(f"{summary.steps} steps in {summary.seconds / 60:.1f} min; model: {summary.run / 'model'}")
