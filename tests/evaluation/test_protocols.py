import torch

from egodepth.evaluation import PROTOCOLS
from egodepth.evaluation.pixels import depth_at


def test_eigen_counts_the_garg_crop_truncated_to_whole_pixels():
    valid = PROTOCOLS["eigen"].valid(torch.full((375, 1242), 10.0))
    rows, columns = valid.any(1).nonzero().squeeze(1), valid.any(0).nonzero().squeeze(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (153, 370, 44, 1196)
    assert valid.sum() == (371 - 153) * (1197 - 44)


def test_eigen_leaves_out_both_limits():
    truth = torch.zeros(100, 100)
    truth[60, 50:54] = torch.tensor([1e-3, 2e-3, 79.9, 80.0])
    assert PROTOCOLS["eigen"].valid(truth)[60, 50:54].tolist() == [False, True, True, False]


def test_the_improved_maps_and_kitti_2015_count_every_known_pixel():
    truth = torch.tensor([[0.0, 5.0, 100.0]])
    for name in ("eigen_benchmark", "kitti_2015"):
        assert PROTOCOLS[name].valid(truth).tolist() == [[False, True, True]]


def test_the_synthetic_protocol_stops_at_eighty_metres():
    assert PROTOCOLS["synthetic"].valid(torch.tensor([[0.0, 5.0, 100.0]])).tolist() == [[False, True, False]]


def test_predictions_are_cut_to_a_millimetre_and_eighty_metres_of_make3d_seventy():
    for name, protocol in PROTOCOLS.items():
        cut = protocol.clamped(torch.tensor([0.0, 1.0, torch.inf])).tolist()
        assert cut == [torch.tensor(1e-3).item(), 1.0, 70.0 if name == "make3d" else 80.0]


def test_inverse_depth_and_not_depth_is_interpolated(assert_close):
    # Between 1/m and 1/3 m lies the inverse depth 2/3, depth 1.5 m; averaging depths would give 2 m.
    depth = depth_at(torch.tensor([[1.0, 1 / 3]]), (1, 6))
    assert_close(depth[0, 2:4].reciprocal().mean(), 2 / 3)
    assert_close(depth[0, [0, -1]], torch.tensor([1.0, 3.0]))


def test_a_prediction_of_the_right_size_is_only_inverted():
    inverse_depth = torch.rand(5, 7) + 0.1
    assert torch.equal(depth_at(inverse_depth, (5, 7)), 1 / inverse_depth)
