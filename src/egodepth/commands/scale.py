"""`egodepth scale MODEL --by ...`: metres for a model that learned depth up to scale."""

import json

from rich.console import Console

from egodepth.foundation.files import write_text
from egodepth.video.scale.options import ScaleOptions


class Scale(ScaleOptions):
    """Find how many metres a unit of a model's depth is, and keep it in the model's folder with its error bar.

    Every output is in metres from then on, exports and trajectories, too, and says how sure the metres are. The error
    bar is half of the factor's 95 % interval: frames' scatter, the error of what was given, and an allowance for the
    model's distortion. It is true for drives like those that it was found on, and for the image as a whole.
    Trajectories are measured by themselves where the way tells how far the camera drove (height, speed, oxts); by the
    others they keep the pose network's own error, which is easily 10 to 20 %. A further training of the run writes the
    model anew, without its scale.
    """

    def __call__(self) -> None:
        """Find, store and print the scale; or remove it."""
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
