"""Every reader of strangers' files."""

from fuzz import (
    array_parsers,
    bag_parsers,
    camera_parsers,
    kitti_parsers,
    picture_parsers,
    record_parsers,
    scene_parsers,
    weight_parsers,
)
from fuzz.harness import Parser

PARSERS: dict[str, Parser] = {
    parser.name: parser
    for group in (
        *(camera_parsers, kitti_parsers, record_parsers, weight_parsers, array_parsers, picture_parsers),
        *(bag_parsers, scene_parsers),
    )
    for parser in group.PARSERS
}
