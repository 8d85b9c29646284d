"""`egodepth benchmark WHAT`: measured throughput."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from tyro.conf import Positional

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text

if TYPE_CHECKING:  # not part of the package
    from benchmarks.figures import Result

_CLONE = Path(__file__).parents[3]
_TITLE = """# Performance

Written by `egodepth benchmark all --markdown docs/performance.md`. Each figure is measured in one run on one machine;
the programs that are compared take turns. On a shared machine, only ratios can be compared with another run's.

"""


@dataclass(frozen=True)
class Benchmark:
    """Measure the throughput of this machine. On a shared machine, only ratios within a run can be compared.

    step: the training step against a plain implementation of the method, in turns, with its stages, its share of the
    machine's matrix product throughput, and its peak memory. loader: processor time per sample, from JPEG and from a
    store, against the usual loader. inference: one image in PyTorch, ONNX Runtime and OpenVINO. video: prediction from
    video file to video file against the network alone. evaluation: the protocol's work on random maps of KITTI's size
    and density, without the network. exchange: the gradients and batch statistics that two training processes exchange
    in a step over this machine's loopback, against a step of one process. hints: the plane sweep of a frame against the
    same formula in torch. all: all of these in turn, for --markdown docs/performance.md.
    """

    what: Positional[Literal["step", "loader", "inference", "video", "evaluation", "exchange", "hints", "all"]]
    """Which measurement to run."""
    size: tuple[int, int] = (192, 640)
    """Height and width of the network's input."""
    batch_size: int = 4
    """Number of samples in a step."""
    model: str = ""
    """Run folder or model folder for `inference`. Left out: a ResNet-18 with random weights."""
    images: int = 100
    """Number of images in each repeat of `evaluation`."""
    repeats: int = 5
    """Number of repeats; medians are reported."""
    device: str = ""
    """`cpu`, `cuda`, ... Left out: the GPU if there is one."""
    against: Path | None = None
    """Compare with an earlier --json file."""
    json: Path | None = None
    """Also write the figures to this JSON file."""
    markdown: Path | None = None
    """Write the results as a Markdown page to this file."""

    def __call__(self) -> None:
        """Measure, print and write the results."""
        if not (_CLONE / "benchmarks").is_dir():
            raise InputError("egodepth benchmark needs a clone of the repository: benchmarks/ is not installed")
        sys.path.insert(0, str(_CLONE))
        from benchmarks.figures import read_result
        from benchmarks.measuring import MEASUREMENTS, Wanted

        if min(self.images, self.repeats, self.batch_size) < 1:
            raise InputError("benchmark: --images, --repeats and --batch-size are at least 1")
        if self.what == "all" and (self.json or self.against):
            raise InputError("benchmark: --json and --against are for one measurement; 'all' takes --markdown")
        earlier = read_result(self.against) if self.against else None
        wanted = Wanted(self.size, self.batch_size, self.repeats, self.images, self.model, self.device)
        results = []
        for name in MEASUREMENTS if self.what == "all" else (self.what,):
            result = MEASUREMENTS[name](wanted)
            _print(Console(), result, earlier)
            results.append(result)
        if self.json:
            write_text(self.json, results[0].to_json() + "\n")
        if self.markdown:
            write_text(self.markdown, _TITLE + "\n".join(result.to_markdown() for result in results))


def _print(console: Console, result: "Result", earlier: "Result | None") -> None:
    before = {figure.name: figure.median for figure in earlier.figures} if earlier else {}
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(result.what)
    for heading in ("median", "range", "unit", *(["before", "times"] if before else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in result.figures:
        cells = [f"{figure.median:.4g}", f"{figure.low:.4g}-{figure.high:.4g}", figure.unit]
        if figure.name in before:
            cells += [f"{before[figure.name]:.4g}", f"{figure.median / before[figure.name]:.2f}"]
        table.add_row(figure.name, *cells)
    console.print(table)
    for ratio in result.ratios:
        bound = "at most" if ratio.at_most else "at least"
        verdict = "[green]reached[/]" if ratio.reached else "[yellow]missed[/]"
        console.print(f"{ratio.name}: {ratio.value:.2f} (mark: {bound} {ratio.mark:g}, {verdict})", highlight=False)
    console.print(f"{result.conditions}.", highlight=False)
