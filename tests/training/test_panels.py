import numpy as np
import torch

from egodepth.objective import Diagnosis
from egodepth.training.panels import draw_panels


def test_a_row_shows_target_warped_disparity_and_mask_of_at_most_four_samples():
    kept = torch.zeros(5, 8, 12, dtype=torch.bool)
    kept[0, 0, 0] = True
    disparity = torch.linspace(0, 1, 96).view(1, 8, 12).repeat(5, 1, 1)
    diagnosis = Diagnosis(
        torch.full((5, 3, 8, 12), 0.2), torch.full((5, 3, 8, 12), 0.8), disparity, disparity, kept, torch.zeros(0, 5)
    )
    picture = draw_panels(diagnosis)
    assert picture.shape == (4 * 8, 4 * 12, 3)
    assert picture.dtype == np.uint8
    assert (picture[:, :12] == 51).all()
    assert (picture[:, 12:24] == 204).all()
    near, far = picture[7, 35].astype(int), picture[0, 24].astype(int)
    assert near.sum() > far.sum() + 300
    assert (picture[0, 36] == 255).all()
    assert not picture[:, 37:48].any()


def test_a_flat_disparity_can_be_drawn():
    flat = torch.full((1, 4, 4), 0.5)
    image = torch.rand(1, 3, 4, 4)
    assert draw_panels(Diagnosis(image, image, flat, flat, flat > 0, torch.zeros(0, 1))).shape == (4, 16, 3)
