"""Decompress data of strangers to a limited size. The first bytes tell the compression."""

import bz2

MOST_UNPACKED = 1 << 29
"""Most bytes of a chunk or message, unpacked: an uncompressed image of 80 megapixels has 240 MB."""
_BZ2, _LZ4, _ZSTD = b"BZh", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"


def unpacked(data: bytes) -> bytes:
    """Return the content of bz2, LZ4 or Zstandard data; other data as they are.

    Raises:
        ValueError: more than `MOST_UNPACKED`. Decoders raise their own errors for damaged data.
    """
    if data.startswith(_BZ2):
        content = bz2.BZ2Decompressor().decompress(data, MOST_UNPACKED + 1)
    elif data.startswith(_LZ4):
        import lz4.frame  # pyright: ignore[reportMissingTypeStubs]

        content = lz4.frame.LZ4FrameDecompressor().decompress(data, MOST_UNPACKED + 1)
    elif data.startswith(_ZSTD):
        import zstandard

        content = zstandard.ZstdDecompressor().stream_reader(data).read(MOST_UNPACKED + 1)
    else:
        content = data
    if len(content) > MOST_UNPACKED:
        raise ValueError(f"more than {MOST_UNPACKED >> 20} MB in one piece")
    return content
