"""bfloat16 is taken where it was asked for, and by `auto` only where it pays."""

import pytest
import torch

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
