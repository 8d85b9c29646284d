"""`egodepth import-monodepth2 FOLDER OUT`: convert published weights to a model folder."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from egodepth.foundation.errors import InputError


@dataclass(frozen=True)
class ImportMonodepth2:
    """Convert a folder of published Monodepth2 weights to a model folder for evaluate, predict and train --init-from.

    The folder holds encoder.pth and depth.pth, and pose_encoder.pth and pose.pth if poses were learned. The weights
    have the authors' own licence (non-commercial use). It also applies to everything that is made from them.
    """

    folder: tyro.conf.Positional[Path]
    """Folder with encoder.pth and depth.pth."""
    out: tyro.conf.Positional[Path]
    """The model folder to write."""

    def __call__(self) -> None:
        """Import the weights, write the model and print a summary."""
        from egodepth.weights import holds_a_model_alone, import_monodepth2

        if self.out.exists() and not holds_a_model_alone(self.out):
            raise InputError(
                f"{self.out}: exists, and is not a folder with one model of egodepth only; choose another folder"
            )
        model = import_monodepth2(self.folder)
        model.save(self.out)
        card = model.card
        pose = f"{card.network.pose} pose network" if card.has_pose_net else "no pose network"
        scale = "metres" if card.metric else "depth up to scale"
        print(f"{self.out}: {card.network.encoder}, {card.size[1]}x{card.size[0]}, {scale}, {pose}")
