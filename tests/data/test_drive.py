import numpy as np
import torch

from egodepth.data.drive import Drive
from egodepth.geometry import Camera


class Doubles(Drive):
    """A reader that computes in double precision."""

    def __init__(self) -> None:
        self.camera = self.partner_camera = Camera(torch.ones(2).double(), torch.ones(2).double() / 3)
        self.partner_from_self = np.eye(4)

    def read_image(self, frame: int, partner: bool = False) -> np.ndarray:
        raise NotImplementedError


def test_the_rig_is_in_single_precision_whatever_the_reader_computes_in() -> None:
    drive = Doubles()
    assert drive.partner_camera is not None
    assert {part.dtype for part in (*drive.camera, *drive.partner_camera)} == {torch.float32}
    assert drive.camera.centre[0] == torch.tensor(1 / 3)
    assert drive.partner_from_self is not None
    assert drive.partner_from_self.dtype == np.float32


def test_a_drive_may_have_no_partner() -> None:
    drive = Doubles()
    drive.partner_camera = drive.partner_from_self = None
    assert drive.partner_camera is None
    assert drive.partner_from_self is None
