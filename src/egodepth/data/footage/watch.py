"""Pass once over a recording: measure it, select frames, and show a progress bar."""

from collections.abc import Callable, Iterator

from egodepth.data.footage.measures import Measures
from egodepth.data.footage.select import Kept, Selector
from egodepth.data.footage.settings import MOTION
from egodepth.data.footage.source import Footage, Picture
from egodepth.foundation.progress import counting_bar


def watch(
    footage: Footage, keep: Callable[[Kept], None], motion: float = MOTION, description: str = "Looking at"
) -> Measures:
    """Measure every picture and pass the kept ones to `keep`. The memory does not grow with the recording.

    Args:
        footage: the recording; read once, from beginning to end.
        keep: callback for each kept picture, in order.
        motion: image motion between two kept pictures, share of the width.
        description: the text of the bar on standard error.
    """
    selector = Selector(footage.size, motion)
    for picture in _shown(footage, description):
        for kept in selector.take(picture):
            keep(kept)
    return selector.finish()


def _shown(footage: Footage, description: str) -> Iterator[Picture]:
    with counting_bar() as progress:
        title = f"{description} {footage.path.name}"
        yield from progress.track(footage.pictures(), footage.expected, description=title)
