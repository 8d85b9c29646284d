"""A bag: its topics, and the messages of one of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from egodepth.data.bags.definitions import FOXGLOVE_IMAGE, message_types, require_packages
from egodepth.data.bags.storage import SUFFIXES, Storage, Topic, open_storage
from egodepth.data.media.frames import natural_key
from egodepth.foundation.errors import InputError, reason_of

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", FOXGLOVE_IMAGE)
"""Types of messages with one picture."""
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_REPAIRS = {".bag": "rosbag reindex", ".mcap": "mcap recover", ".db3": "ros2 bag reindex"}
_MOST_SHOWN = 12


class Bag:
    """A ROS 1 bag, an MCAP file, or a ROS 2 bag with all its files. Each reading opens the files and closes them."""

    def __init__(self, path: Path) -> None:
        """Read the list of topics.

        Raises:
            InputError: missing, damaged or cut short, or a package is missing.
        """
        self.path = path
        self.files = _files(path)
        self._storages = [open_storage(file) for file in self.files]
        self.topics: dict[str, Topic] = {}
        """The topics by name, as of the first file, with all their messages."""
        for storage in self._storages:
            with _one_line(storage):
                for topic in storage.topics():
                    self._add(topic)

    def _add(self, topic: Topic) -> None:
        if not (topic.name and topic.name.isprintable() and topic.type.isprintable()):
            raise ValueError("topics without a readable name")
        before = self.topics.setdefault(topic.name, topic._replace(messages=0))
        counts = [each.messages for each in (before, topic) if each.messages is not None]
        self.topics[topic.name] = before._replace(messages=sum(counts) if len(counts) == 2 else None)

    def named(self, *types: str) -> list[str]:
        """Return the names of the topics of these types, without those that have no messages."""
        return sorted(name for name, topic in self.topics.items() if topic.type in types and topic.messages != 0)

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Yield time (ns) and undecoded content of each message of a topic; raises `InputError` where it is damaged."""
        for storage in self._storages:
            messages = storage.messages(topic)
            while True:
                with _one_line(storage):
                    message = next(messages, None)
                if message is None:
                    break
                yield message

    def decoded(self, topic: str, content: bytes) -> Any:
        """Return the fields of a message as attributes.

        Raises:
            InputError: an encoding that is not ROS's, or a damaged message.
        """
        _, kind, encoding, _ = self.topics[topic]
        if encoding not in ("ros1", "cdr"):
            raise InputError(f"{self.path}: {topic} is encoded as '{encoding}'; only messages of ROS 1 and 2 are read")
        types = message_types(ros1=encoding == "ros1")
        try:
            return types.deserialize_ros1(content, kind) if encoding == "ros1" else types.deserialize_cdr(content, kind)
        except Exception as error:  # also IndexError, struct.error, UnicodeDecodeError, AssertionError
            raise InputError(f"{self.path}: a message of {topic} is damaged ({reason_of(error)})") from error

    def listing(self, names: Sequence[str] | None = None) -> str:
        """Return topics with their types and numbers of messages as text; all by default."""
        shown = [self.topics[name] for name in (sorted(self.topics) if names is None else names)]
        counts = ["" if each.messages is None else f", {each.messages}" for each in shown]
        listed = [
            f"{each.name} ({each.type.replace('/msg/', '/')}{count})"
            for each, count in zip(shown[:_MOST_SHOWN], counts, strict=False)
        ]
        more = f", and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
        return f"{', '.join(listed) or 'no topics'}{more}"


def is_bag(path: Path) -> bool:
    """Whether a path is a bag: by its suffix, or a folder with the metadata.yaml and the files of a ROS 2 bag."""
    if path.is_dir():
        return (path / "metadata.yaml").is_file() and bool(_parts(path))
    return path.suffix.lower() in SUFFIXES


def _parts(folder: Path) -> list[Path]:
    """Return the files of a ROS 2 bag in their order, compressed ones, too."""
    suffixes = (*SUFFIXES[1:], ".zstd")
    found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes]
    return sorted(found, key=lambda path: natural_key(path.stem))


def _files(path: Path) -> list[Path]:
    require_packages()
    files = _parts(path) if path.is_dir() else [path]
    if packed := [file for file in files if file.suffix.lower() == ".zstd"]:
        raise InputError(f"{packed[0]}: compressed as a whole; unpack the files of this bag first: zstd -d --rm *.zstd")
    if len(kinds := {file.suffix.lower() for file in files}) > 1:
        both = " and ".join(sorted(kinds))
        raise InputError(f"{path}: {both} files, as after a conversion; move one kind away, or give a file: {files[0]}")
    return files


@contextmanager
def _one_line(storage: Storage) -> Iterator[None]:
    """Turn every failure to read a file into an `InputError`."""
    path = storage.path
    try:
        yield
    except PermissionError as error:
        raise InputError(f"{path}: may not be read; change its permissions") from error
    # Readers raise almost anything for damaged files: struct.error, KeyError, AssertionError, apsw.Error, ...
    except Exception as error:
        repair = _REPAIRS.get(path.suffix.lower(), "")
        raise InputError(
            f"{path}: damaged, cut short, or no bag ({reason_of(error)}); copy it again, or repair it by `{repair}`"
        ) from error
