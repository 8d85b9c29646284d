"""`egodepth import-monodepth2 FOLDER OUT`: published weights become a model folder."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from egodepth.foundation.errors import InputError


@dataclass(frozen=True)
class ImportMonodepth2:
    """Turn a folder of published Monodepth2 weights into a model folder: for evaluate, predict and train --init-from.

    The folder holds encoder.pth and depth.pth, and pose_encoder.pth and pose.pth where poses were learned. Their
    licence is the authors' own (non-commercial use), and goes with what is made of them.
    """

    folder: tyro.conf.Positional[Path]
    """Where encoder.pth and depth.pth are."""
    out: tyro.conf.Positional[Path]
    """The model folder to write."""

    def __call__(self) -> None:
        """Import, write, and say what it was."""
        from egodepth.weights import holds_a_model_alone, import_monodepth2

        if self.out.exists() and not holds_a_model_alone(self.out):
            raise InputError(f"{self.out}: exists, and is no folder of a model of egodepth's alone; choose another")
        model = import_monodepth2(self.folder)
        model.save(self.out)
        card = model.card
        pose = f"{card.network.pose} pose network" if card.has_pose_net else "no pose network"
        scale = "metres" if card.metric else "depth up to scale"
        print(f"{self.out}: {card.network.encoder}, {card.size[1]}x{card.size[0]}, {scale}, {pose}")
