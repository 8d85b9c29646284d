"""`egodepth ablate RECIPE --data DIR --out DIR`: which part of the method is worth what, on any data set."""

from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.training.ablation.options import AblationOptions


class Ablate(AblationOptions):
    """Train a recipe with and without each part of the method, over several seeds, and compare on the same frames.

    One resumable command: interrupted or killed, it goes on where it was; finished trainings are not repeated, and
    more --seeds or --variants can be asked for later. Writes ablation.md and ablation.json anew after each training,
    and ablation.png at the end. Trainings are scored by their last model: nothing is selected.

    Variants: baseline (average reprojection, no auto-mask, native scales, no depth-range scaling); the baseline with
    one part more: baseline+minimum, baseline+automask, baseline+full-res, baseline+depth-scaling; full; full with one
    part less: full-minimum, full-automask, full-full-res, no-depth-scaling; full with a part exchanged or added:
    zhou-mask, no-ssim, pose-posecnn, pose-shared, pose-separate, depth-scaling. Of recipes with hints or poses of
    structure from motion, also: photometric-only, hints-only, hints-better (where they explain the pixel better),
    hints-always; poses-learned, poses-sfm. Where asked for by name: random-encoder, pretrained-encoder. Those that are
    what the recipe has anyway are not trained twice. To cross two of these, change the recipe: `--model.no-pretrained
    --variants photometric-only hints-only full`.

    Example: egodepth ablate synthetic-s --data drives --out ablation --seeds 3 --steps 300 --data.size 64 224
    """

    def __call__(self) -> None:
        """Train and score what is missing, report on all."""
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
