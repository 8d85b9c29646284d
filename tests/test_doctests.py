"""The examples in the docstrings of the public functions are true."""

import doctest
import importlib
import sys
from operator import attrgetter

import pytest

PUBLIC = {
    "egodepth.geometry": (
        "Camera.from_pixels",
        "backproject",
        "project",
        "transform_from_axis_angle",
        "synthesise",
    ),
    "egodepth.losses": ("ssim", "photometric_error", "edge_aware_smoothness", "minimum_reprojection", "automask"),
    "egodepth.evaluation": ("depth_metrics", "Protocol"),
}


@pytest.mark.parametrize(("room", "name"), [(room, name) for room, names in PUBLIC.items() for name in names])
def test_a_public_function_has_an_example_that_is_true(room: str, name: str) -> None:
    # Not `doctest.testmod`: it skips functions that jaxtyping's import hook has wrapped.
    found = attrgetter(name)(importlib.import_module(room))
    names = dict(vars(sys.modules[found.__module__]))
    test = doctest.DocTestParser().get_doctest(found.__doc__ or "", names, f"{room}.{name}", None, None)
    assert test.examples, f"{room}.{name} has no example"
    report: list[str] = []
    outcome = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(test, out=report.append)
    assert not outcome.failed, "".join(report)
