"""Bags of ROS and MCAP files, read to the last picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bag_files import camera_info, jpegs, pictures, write_bag
from egodepth.data.footage.source import open_footage
from egodepth.foundation.logs import only_errors
from fuzz.camera_parsers import one_file, sane
from fuzz.harness import Parser

_SCENE = np.random.default_rng(0).integers(0, 256, (3, 12, 16, 3), np.uint8)


def _bag(suffix: str, kinds: Sequence[str]) -> Parser:
    name = f"drive{suffix}"

    def prepare(folder: Path) -> Mapping[str, Sequence[bytes]]:
        contents = []
        for kind in kinds:
            for images in (pictures(_SCENE), jpegs(_SCENE)):
                with TemporaryDirectory() as place:
                    path = write_bag(Path(place) / "drive", [*images, *camera_info(size=(12, 16), k=_K)], kind)
                    contents.append((path / name if path.is_dir() else path).read_bytes())
        return one_file(name, contents)(folder)

    def read(folder: Path) -> None:
        with only_errors("egodepth"):
            footage = open_footage(folder / name)
            before = -1.0
            for picture in footage.pictures():
                assert picture.image is None or picture.image.dtype == np.uint8
                assert before < picture.seconds < np.inf
                before = picture.seconds
            if stated := footage.camera():
                sane(stated.camera)

    return Parser(f"bag {suffix}", prepare, read)


_K = [12.0, 0, 7.5, 0, 12, 5.5, 0, 0, 1]
PARSERS = (
    _bag(".bag", ["bag", "bag-bz2", "bag-lz4"]),
    _bag(".db3", ["db3"]),
    _bag(".mcap", ["mcap", "mcap-ros1", "mcap-plain"]),
)
