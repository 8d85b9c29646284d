"""Topics and undecoded messages of single files: ROS 1 bags, SQLite files of ROS 2 bags, and MCAP files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path
from typing import IO, Any, NamedTuple

from egodepth.data.bags.unpacking import MOST_UNPACKED, unpacked

SUFFIXES = (".bag", ".mcap", ".db3")
"""Suffixes, in lower case, of the files."""


class Topic(NamedTuple):
    """A topic of a file."""

    name: str
    type: str
    """Message type as in ROS 2, such as sensor_msgs/msg/Image."""
    encoding: str
    """`ros1` or `cdr`; anything else is not understood."""
    messages: int | None
    """Their number; None if the file does not say it."""


class Storage(ABC):
    """A file with messages. Everything that is wrong with it raises an exception of any type."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def topics(self) -> list[Topic]:
        """Return the topics; one with several publishers may occur several times."""

    @abstractmethod
    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Yield time (ns) and content of each message of a topic in the order of the recording."""


def open_storage(path: Path) -> Storage:
    """Return the reader of a file, by its suffix."""
    return McapStorage(path) if path.suffix.lower() == ".mcap" else RosbagsStorage(path)


class RosbagsStorage(Storage):
    """A ROS 1 bag, or the SQLite file of a ROS 2 bag, read by rosbags."""

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        from rosbags.rosbag1 import Reader as Reader1
        from rosbags.rosbag2 import Reader as Reader2

        if self.path.suffix.lower() != ".bag":
            with Reader2(self.path) as reader:
                yield reader
            return
        with Reader1(self.path) as reader:
            # rosbags would decompress to any size.
            for place, chunk in reader.chunks.items():
                if chunk.datasize > MOST_UNPACKED:
                    raise ValueError(f"a chunk of more than {MOST_UNPACKED >> 20} MB")
                reader.chunks[place] = chunk._replace(decompressor=unpacked)
            yield reader

    def topics(self) -> list[Topic]:
        """Return the topics of the index."""
        with self._opened() as reader:
            return [
                Topic(each.topic, each.msgtype, getattr(each.ext, "serialization_format", "ros1"), each.msgcount)
                for each in reader.connections
            ]

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Yield the messages by time. Those of ROS 2 with `compression_mode: MESSAGE` are decompressed.

        Their first bytes tell: an uncompressed message of ROS 2 starts with 0. One of ROS 1 starts with any number.
        """
        is_ros1 = self.path.suffix.lower() == ".bag"
        with self._opened() as reader:
            own = [each for each in reader.connections if each.topic == topic]
            if not own:  # for rosbags, an empty list means all topics
                return
            for _, time_ns, data in reader.messages(own):
                yield time_ns, bytes(data) if is_ros1 else unpacked(bytes(data))


class McapStorage(Storage):
    """An MCAP file of ROS 1 or ROS 2, with a summary at its end."""

    def topics(self) -> list[Topic]:
        """Return the topics of the summary."""
        with self.path.open("rb") as file:
            return list(_topics(_summary(file)).values())

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Yield the messages by time. Only chunks with the topic are decompressed, if the file has an index."""
        waiting = _Waiting()
        with self.path.open("rb") as file:
            summary = _summary(file)
            channels = {number for number, found in _topics(summary).items() if found.name == topic}
            for start_ns, record in _chunks(file, summary, channels):
                yield from waiting.before(start_ns)
                waiting.add(_messages(record, channels))
            yield from waiting.before(None)


class _Waiting:
    """Messages of chunks that were read, by time. The times of chunks may overlap."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, bytes]] = []
        self._added, self._bytes = 0, 0

    def add(self, messages: Iterator[Any]) -> None:
        """Add the messages of a chunk."""
        for message in messages:
            heappush(self._heap, (message.log_time, self._added, message.data))
            self._added += 1
            self._bytes += len(message.data)
        if self._bytes > 2 * MOST_UNPACKED:
            raise ValueError(f"more than {2 * MOST_UNPACKED >> 20} MB in chunks of the same time")

    def before(self, time_ns: int | None) -> Iterator[tuple[int, bytes]]:
        """Yield the messages before a time, which no later chunk precedes; all for None."""
        while self._heap and (time_ns is None or self._heap[0][0] < time_ns):
            at, _, data = heappop(self._heap)
            self._bytes -= len(data)
            yield at, data


def _messages(record: Any, channels: set[int]) -> Iterator[Any]:
    """Yield the messages of some channels in a record, which may be a chunk."""
    from mcap.records import Chunk, Message
    from mcap.stream_reader import breakup_chunk

    records = [record]
    if isinstance(record, Chunk):
        data = unpacked(record.data) if record.compression else record.data
        records = breakup_chunk(replace(record, compression="", data=data), validate_crc=True)
    yield from (each for each in records if isinstance(each, Message) and each.channel_id in channels)


def _summary(file: IO[bytes]) -> Any:
    from mcap.reader import SeekingReader

    summary = SeekingReader(file, record_size_limit=MOST_UNPACKED).get_summary()
    if summary is None or not summary.channels:
        raise ValueError("no summary at its end")
    return summary


def _topics(summary: Any) -> dict[int, Topic]:
    """Return the topics by the number of their channel."""
    counts = summary.statistics.channel_message_counts if summary.statistics else {}
    default = 0 if counts else None
    found = {}
    for number, channel in summary.channels.items():
        schema = summary.schemas.get(channel.schema_id)
        words = schema.name.split("/") if schema else []
        kind = f"{words[0]}/msg/{words[-1]}" if len(words) > 1 else "/".join(words)
        found[number] = Topic(channel.topic, kind, channel.message_encoding, counts.get(number, default))
    return found


def _chunks(file: IO[bytes], summary: Any, channels: set[int]) -> Iterator[tuple[int | None, Any]]:
    """Yield the chunks that may have messages of the channels, by the time of their first message of any channel.

    Without an index, yield all records of the file without a time.
    """
    from mcap.stream_reader import StreamReader

    def records(skip_magic: bool) -> Iterator[Any]:
        return StreamReader(file, skip_magic, emit_chunks=True, record_size_limit=MOST_UNPACKED).records

    indexes = summary.chunk_indexes
    if not indexes:
        file.seek(0)
        yield from ((None, record) for record in records(skip_magic=False))
        return
    own = [each for each in indexes if not each.message_index_offsets or channels & each.message_index_offsets.keys()]
    for start_ns, offset in sorted({(each.message_start_time, each.chunk_start_offset) for each in own}):
        file.seek(offset)
        yield start_ns, next(records(skip_magic=True))
