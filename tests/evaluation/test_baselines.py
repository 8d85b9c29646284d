import pytest
import torch

from egodepth.evaluation import PROTOCOLS, depth_metrics
from egodepth.evaluation.alignment import per_image_median
from egodepth.evaluation.baselines import MeanDepthMap
from egodepth.evaluation.pixels import depth_at

PROTOCOL = PROTOCOLS["synthetic"]


def test_depth_is_averaged_over_the_frames_where_it_is_known(assert_close):
    first = torch.tensor([[10.0, 0.0], [4.0, 2.0]])
    second = torch.tensor([[20.0, 6.0], [0.0, 90.0]])
    mean = MeanDepthMap.of([first, second], PROTOCOL)
    assert_close(1 / mean.inverse_depth(), torch.tensor([[15.0, 6.0], [4.0, 2.0]]))


def test_holes_take_their_rows_mean_and_empty_rows_what_lies_between(assert_close):
    depth = torch.tensor([[10.0, 20.0, 0.0], [0.0, 0.0, 0.0], [5.0, 0.0, 5.0]])
    mean = MeanDepthMap.of([depth], PROTOCOL)
    assert_close(1 / mean.inverse_depth(), torch.tensor([[10.0, 20.0, 15.0], [10.0, 10.0, 10.0], [5.0, 5.0, 5.0]]))


def test_a_frame_can_be_left_out_again(assert_close):
    depths = [torch.rand(8, 12) * 30 + 1 for _ in range(4)]
    whole = MeanDepthMap.of(depths, PROTOCOL)
    assert_close(
        whole.without(depths[0], PROTOCOL).inverse_depth(), MeanDepthMap.of(depths[1:], PROTOCOL).inverse_depth()
    )


def test_frames_of_other_sizes_are_laid_over_each_other_edge_to_edge(assert_close):
    small = torch.tensor([[10.0, 20.0]])
    large = small.repeat_interleave(3, 0).repeat_interleave(3, 1)
    assert_close(1 / MeanDepthMap.of([small, large], PROTOCOL).inverse_depth(), small)


def test_without_one_valid_pixel_the_map_is_constant():
    nothing = MeanDepthMap.of([torch.zeros(3, 4)], PROTOCOL).inverse_depth()
    assert torch.equal(nothing, torch.ones(3, 4))


def test_on_kitti_2015_the_map_of_the_other_frames_scores_as_known(real_data):
    from egodepth.data.opening import depth_frames, open_drives

    if not (real_data / "kitti_2015").is_dir():
        pytest.skip("kitti_2015 is not among the real recordings")
    truths = [torch.from_numpy(d.read_depth(f)) for d, f in depth_frames(open_drives(real_data / "kitti_2015"))]
    protocol = PROTOCOLS["kitti_2015"]
    whole = MeanDepthMap.of(truths, protocol)
    scores = []
    for truth in truths:
        valid = protocol.valid(truth)
        depth = depth_at(whole.without(truth, protocol).inverse_depth(), (truth.shape[0], truth.shape[1]))[valid]
        aligned = protocol.clamped(per_image_median(depth, truth[valid]))
        scores.append(depth_metrics(aligned, truth[valid])["abs_rel"])
    assert sum(scores) / len(scores) == pytest.approx(0.2366, abs=5e-4)
