"""Definitions of ROS's messages, which come with rosbags; those in a file are never used."""

from functools import cache
from typing import Any

from egodepth.foundation.errors import InputError

FOXGLOVE_IMAGE = "foxglove_msgs/msg/CompressedImage"
_FOXGLOVE_IMAGE = "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"


def require_packages() -> None:
    """Raise an `InputError` that explains how to install rosbags and mcap if one is missing."""
    try:
        import mcap  # noqa: F401
        import rosbags.rosbag2  # noqa: F401
    except ImportError as error:
        raise InputError("bags and MCAP files need rosbags and mcap: pip install 'egodepth[ros]'") from error


@cache
def message_types(ros1: bool = False) -> Any:
    """Return rosbags' store of all message types of ROS 1 or 2, which (de)serialises messages.

    The types that egodepth uses are the same in all versions of ROS 2.
    """
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_HUMBLE)
    types.register(get_types_from_msg(_FOXGLOVE_IMAGE, FOXGLOVE_IMAGE))
    return types
