"""Running an OpenVINO model leaves the thread as it was."""

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from egodepth.config import ModelConfig
from egodepth.weights import DepthModel, ModelCard
from egodepth.weights.exported.signals import _Stack

pytestmark = pytest.mark.skipif(
    find_spec("openvino") is None or sys.platform != "linux", reason="needs OpenVINO on Linux"
)


def signal_stack() -> tuple[int | None, int, int]:
    found = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found.place, found.flags, found.size


def test_the_signal_stack_is_the_one_that_was_there(tmp_path: Path) -> None:
    from egodepth.inference.export.formats import write_openvino
    from egodepth.inference.export.graph import DepthGraph
    from egodepth.weights.exported.runtime import open_file

    network = ModelConfig(encoder="test_resnet")
    model = DepthModel(ModelCard(network=network, size=(64, 96), metric=False, has_pose_net=False)).eval()
    before = signal_stack()
    run = open_file(write_openvino(DepthGraph(model, (64, 96)), tmp_path), "openvino", "bfloat16")
    run(np.zeros((1, 64, 96, 3), np.uint8))
    assert signal_stack() == before
