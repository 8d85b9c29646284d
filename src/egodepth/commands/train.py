"""`egodepth train RECIPE`: train a model, or continue a run."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from egodepth.config import TrainConfig
from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Train:
    """Train a recipe. Every field of its configuration is an option. An existing run folder is continued."""

    run: Path
    """Run folder for checkpoints, log, TensorBoard events, panels and the model."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    data: tuple[str, ...] = ()
    """Short for --data.path."""
    allow_test_drives: bool = False
    """Short for --data.allow-test-drives: train on recordings of the test set (see --data.test-set)."""
    auto_batch: bool = False
    """Use the largest batch up to --trainer.batch-size that fits into memory. A continued run keeps its batch size."""
    json: Path | None = None
    """Also write the summary to this JSON file."""

    def __call__(self) -> None:
        """Train and print where the model is."""
        from egodepth.foundation.ranks import leads
        from egodepth.training.train import train

        data = self.config.data
        allowed = self.allow_test_drives or data.allow_test_drives
        data = dataclasses.replace(data, path=self.data or data.path, allow_test_drives=allowed)
        summary = train(dataclasses.replace(self.config, data=data), self.run, auto_batch=self.auto_batch)
        if not leads():
            return
        best = "" if summary.best is None else f", best validation abs_rel {summary.best:.4f}"
        print(f"{summary.steps} steps in {summary.seconds / 60:.1f} min{best}; model: {summary.run / 'model'}")
        if self.json:
            write_text(self.json, json.dumps(dataclasses.asdict(summary), indent=2, default=str) + "\n")
