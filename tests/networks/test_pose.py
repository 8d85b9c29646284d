import pytest
import torch

from egodepth.networks import PoseCnn, SeparatePoseNet, SharedPoseNet, build_pose_net


def parameters(kind: str) -> int:
    return sum(p.numel() for p in build_pose_net(kind, "resnet18", False, 512).parameters())


def test_the_separate_network_has_12_5_million_parameters_and_posecnn_1_6():
    assert parameters("separate") == pytest.approx(12.5e6, abs=5e4)
    assert parameters("posecnn") == pytest.approx(1.6e6, abs=5e4)


def test_each_kind_is_built_by_its_name():
    kinds = {"separate": SeparatePoseNet, "shared": SharedPoseNet, "posecnn": PoseCnn}
    for name, kind in kinds.items():
        assert type(build_pose_net(name, "test_resnet", False, 96)) is kind


@pytest.mark.parametrize("kind", ["separate", "shared", "posecnn"])
def test_motion_is_six_small_numbers_a_pair(kind):
    net = build_pose_net(kind, "test_resnet", False, 96).eval()
    shape = (3, 96, 2, 3) if net.reads_features else (3, 3, 64, 96)
    axis_angle, translation = net(torch.rand(shape), torch.rand(shape))
    assert axis_angle.shape == translation.shape == (3, 3)
    assert max(axis_angle.abs().max(), translation.abs().max()) < 0.05


@pytest.mark.parametrize("kind", ["separate", "shared", "posecnn"])
def test_the_order_of_the_pair_matters(kind):
    net = build_pose_net(kind, "test_resnet", False, 96).eval()
    shape = (1, 96, 2, 3) if net.reads_features else (1, 3, 64, 96)
    earlier, later = torch.rand(shape), torch.rand(shape)
    assert not torch.equal(torch.cat(net(earlier, later)), torch.cat(net(later, earlier)))


def test_the_six_outputs_are_the_spatial_mean_times_a_hundredth():
    net = build_pose_net("shared", "test_resnet", False, 8).eval()
    earlier, later = torch.rand(2, 8, 2, 3), torch.rand(2, 8, 2, 3)
    squeezed = torch.cat([net.decoder.squeeze(earlier), net.decoder.squeeze(later)], 1)
    expected = 0.01 * net.decoder.six(net.decoder.head(squeezed)).mean((2, 3))
    torch.testing.assert_close(torch.cat(net(earlier, later), 1), expected)


def test_only_posecnn_has_its_translation_relative_to_depth():
    flags = [build_pose_net(k, "test_resnet", False, 8).translation_times_inverse_depth for k in ("separate", "shared")]
    assert flags == [False, False]
    assert PoseCnn().translation_times_inverse_depth
