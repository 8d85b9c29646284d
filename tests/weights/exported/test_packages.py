import sys

import pytest

from egodepth.foundation.errors import InputError
from egodepth.weights.exported.packages import optional_package


def test_a_package_that_is_not_there_is_an_input_error_that_says_how_to_get_it() -> None:
    with pytest.raises(InputError, match=r"no_such_package.*pip install 'egodepth\[export\]'"):
        optional_package("no_such_package")


def test_what_reports_to_its_makers_cannot_be_imported_meanwhile(tmp_path, monkeypatch) -> None:
    (tmp_path / "curious_package.py").write_text(
        "try:\n    import openvino_telemetry\nexcept ImportError:\n    openvino_telemetry = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    before = sys.modules.get("openvino_telemetry")
    assert optional_package("curious_package").openvino_telemetry is None
    assert sys.modules.get("openvino_telemetry") is before
