"""`egodepth ablate RECIPE --data DIR --out DIR`: how much each part of the method contributes, on any data set."""

from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.training.ablation.options import AblationOptions


class Ablate(AblationOptions):
    """Train a recipe with and without each part of the method, over several seeds, and compare on the same frames.

    The command can be resumed: after an interruption, run it again; finished trainings are not repeated. More --seeds
    or --variants can be added later. It rewrites ablation.md and ablation.json after each training, and writes
    ablation.png at the end. Each training is scored by its last model: no checkpoint is selected.

    Variants: baseline (average reprojection, no auto-mask, native scales, no depth-range scaling). The baseline with
    one part added: baseline+minimum, baseline+automask, baseline+full-res, baseline+depth-scaling. full. full with one
    part removed: full-minimum, full-automask, full-full-res, no-depth-scaling. full with a part replaced or added:
    zhou-mask, no-ssim, pose-posecnn, pose-shared, pose-separate, depth-scaling. For recipes with hints or with poses of
    structure from motion, also: photometric-only, hints-only, hints-better (only where they explain the pixel better),
    hints-always; poses-learned, poses-sfm. Only on request: random-encoder, pretrained-encoder. A variant that equals
    the recipe is not trained twice. To combine two variants, change the recipe: `--model.no-pretrained --variants
    photometric-only hints-only full`.

    Example: egodepth ablate synthetic-s --data drives --out ablation --seeds 3 --steps 300 --data.size 64 224
    """

    def __call__(self) -> None:
        """Train and score the missing variants, then report on all of them."""
        from egodepth.training.ablation.ablate import run_ablation
        from egodepth.training.ablation.printing import print_rows

        done = run_ablation(self)
        console = Console()
        if any(row.trained for row in done.rows):
            print_rows(console, done.rows)
        if self.json:
            write_text(self.json, (self.out / "ablation.json").read_text(encoding="utf-8"))
        for name in ("ablation.md", "ablation.json", "ablation.png"):
            console.print(str(self.out / name), soft_wrap=True, highlight=False)
        if done.failures:
            cell, reason = next(iter(done.failures.items()))
            raise InputError(
                f"{len(done.failures)} of {done.cells} trainings failed, and the same command tries them again; "
                f"{cell.variant}, seed {cell.seed}: {reason}"
            )
