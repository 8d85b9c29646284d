"""`egodepth export MODEL --out DIR`: write a model as ONNX, OpenVINO or torch program, checked before it is written."""

import dataclasses
import json

from rich.console import Console

from egodepth.foundation.files import write_text
from egodepth.inference.export.options import ExportOptions


class Export(ExportOptions):
    """Export a model to other runtimes: 8-bit images in, depth at the images' own size out.

    Resizing, normalisation, network, and the conversion of disparity to depth are one graph; batch and image size are
    dynamic. The graph's depth is compared with the predictor's first; if it differs, nothing is written. The folder is
    a model for every other command: predict, evaluate and DepthPredictor.load run it.
    """

    def __call__(self) -> None:
        """Export and print what was checked."""
        from egodepth.inference.export.exporting import export

        card = export(self)
        if self.json:
            write_text(self.json, json.dumps(dataclasses.asdict(card), indent=2) + "\n")
        megabytes = sum((self.out / file.name).stat().st_size for file in card.files) / 1e6
        size = f"{card.model.size[1]}x{card.model.size[0]}"
        lines = [*map(str, card.checks), *map(str, card.accuracy)]
        for line in [*lines, f"{self.out}: {self.format}, {self.precision}, {size}, {megabytes:.0f} MB"]:
            Console().print(line, soft_wrap=True, highlight=False)
