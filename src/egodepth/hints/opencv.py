"""Import OpenCV, which is optional."""

from typing import Any

from egodepth.foundation.errors import InputError


def opencv() -> Any:
    """Return the module `cv2`.

    Raises:
        InputError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise InputError("hints from stereo pairs and of vehicles need OpenCV: pip install 'egodepth[sfm]'") from error
    return cv2
