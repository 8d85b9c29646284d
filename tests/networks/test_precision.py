"""bfloat16 is taken where it was asked for, and by `auto` only where it pays."""

import pytest
import torch

from egodepth.networks import build_pose_net
from egodepth.networks.precision import resolve_precision


@pytest.mark.parametrize(("has_units", "expected"), [(True, "bfloat16"), (False, "float32"), (None, "float32")])
def test_auto_takes_bfloat16_where_the_processor_says_it_has_matrix_units(monkeypatch, has_units, expected):
    if has_units is None:  # a torch that cannot tell
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_units}, raising=False)
    assert resolve_precision("auto", torch.device("cpu")) == expected


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_auto_takes_bfloat16_on_gpus_with_tensor_cores_for_it(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert resolve_precision("auto", torch.device("cuda")) == expected


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_named_precision_is_what_it_says(name):
    assert resolve_precision(name, torch.device("cpu")) == name


@pytest.mark.parametrize("kind", ["posecnn", "separate"])
def test_the_gradients_of_a_pose_network_in_bfloat16_are_nearly_those_in_float32(kind):
    """Of the smallest images, which come down to a single pixel."""
    net = build_pose_net(kind, "test_resnet", False, 96)
    earlier, later = torch.rand(2, 2, 3, 64, 64)
    gradients = []
    for is_rough in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_rough):
            rotation, translation = net(earlier, later)
        (rotation + translation).sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    exact, rough = gradients
    assert torch.isfinite(rough).all()
    assert torch.nn.functional.cosine_similarity(exact, rough, dim=0) > 0.95
