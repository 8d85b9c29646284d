"""`egodepth evaluate MODEL --benchmark NAME --data DIR`: score a model beside published results and baselines."""

from pathlib import Path

from rich.console import Console

from egodepth.foundation.errors import InputError, require
from egodepth.foundation.files import write_text
from egodepth.inference.scoring.options import EvaluateOptions


class Evaluate(EvaluateOptions):
    """Score a model: seven metrics under every alignment, with intervals, baselines, image regions and pictures.

    Predictions of other programs are scored without a model (--predictions). With --paired, two models are compared
    image by image.
    """

    def __call__(self) -> None:
        """Evaluate, print the table and write the report."""
        from egodepth.evaluation.benchmarks import BENCHMARKS
        from egodepth.inference.scoring.option_checks import check_options

        if self.benchmark in BENCHMARKS:
            self._score_depth()
            return
        check_options(self)
        if self.benchmark == "odometry":
            self._score_trajectories()
        else:
            self._write_upload()

    def _score_depth(self) -> None:
        from egodepth.evaluation.printing import print_paired, print_report
        from egodepth.foundation.progress import warn
        from egodepth.inference.scoring.scoring import evaluate

        found = evaluate(self)
        for report, files, upside_down in found.scored:
            print_report(Console(), report, files)
            if upside_down:
                other = "depth" if self.predicted == "disparity" else "disparity"
                warn(
                    f"Near pixels in the ground truth are far in these predictions: are they {other}? Give "
                    f"--predicted {other}."
                )
        if found.comparison:
            print_paired(Console(), found.comparison, self.model, found.comparison_file)
        if self.json and found.scored:
            write_text(self.json, (found.comparison or found.scored[0].report).to_json() + "\n")

    def _score_trajectories(self) -> None:
        from egodepth.evaluation.printing import print_trajectories
        from egodepth.inference.trajectories import write_trajectories

        require(len(self.model) == 1, "evaluate: give one model to score its trajectories")
        out = self.out or Path("runs/odometry")
        found = write_trajectories(
            self.data, out, self.model[0], drives=self.drives, split=self.split, device=self.device
        )
        if self.json:
            write_text(self.json, found.to_json())
        print_trajectories(found.scores, found.files)

    def _write_upload(self) -> None:
        from egodepth.inference.kitti_upload import Upload
        from egodepth.inference.predictor import DepthPredictor

        if len(self.model) != 1 or self.out is None:
            raise InputError("kitti_benchmark_server: give one model and --out FOLDER")
        predictor = DepthPredictor.load(self.model[0], self.device, self.size, self.post_process)
        Upload(predictor, self.data, self.out, self.factor)()
