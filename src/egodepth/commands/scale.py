"""`egodepth scale MODEL --by ...`: find metres for a model whose depth is up to scale."""

import json

from rich.console import Console

from egodepth.foundation.files import write_text
from egodepth.video.scale.options import ScaleOptions


class Scale(ScaleOptions):
    """Find how many metres one unit of a model's depth is, and store this scale in the model folder.

    The scale is stored with its uncertainty. From then on every output is in metres, also of exports and trajectories,
    and states the uncertainty. The uncertainty is half of the factor's 95 % interval: the scatter of the frames, the
    error of the given length, and an allowance for the model's distortion. It holds for drives like those that gave the
    scale, and for the image as a whole. Trajectories get a scale of their own where the method measures how far the
    camera drove (height, speed, oxts). With the other methods they keep the pose network's own error, which is often 10
    to 20 %. If you train the run further, the new model has no scale.
    """

    def __call__(self) -> None:
        """Find, store and print the scale, or remove it."""
        from egodepth.video.scale.finding import find_scale, remove_scale

        if self.remove:
            remove_scale(self)
            _say(f"{self.model}: depth is up to scale again")
            return
        found = find_scale(self)
        if self.json:
            write_text(self.json, json.dumps(found.record(self), indent=2) + "\n")
        for line in found.lines():
            _say(line)
        _say(f"{self.model}: depth is in metres from now on" if self.store else "not stored")


def _say(line: str) -> None:
    Console().print(line, soft_wrap=True, highlight=False)
