"""`egodepth data prepare DIR`: decode a data set once, for every training that follows."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from egodepth.config import DataConfig
from egodepth.foundation.files import write_text


@dataclass(frozen=True)
class Prepare:
    """Decode a data set once: store its frames at training size on disk, for every training with --data.store.

    If the command is stopped, run it again to continue. Frames that exist and match their source are kept.
    """

    data: Positional[Path]
    """Any data set that can be trained on."""
    out: Path
    """Folder or URL of the store. It must be new, or made by this command."""
    size: tuple[int, int] = (192, 640)
    """Height and width of the training images."""
    partner: bool = False
    """Also store the stereo partner's frames."""
    drives: tuple[str, ...] = ("*",)
    """Glob patterns of the drives to decode."""
    split: Literal["train", "val", "test"] = "train"
    """Which split of a rendered set or of Cityscapes."""
    workers: int = 0
    """Number of decoding threads; 0: one per processor."""
    json: Path | None = None
    """Also write the summary to this JSON file."""

    def __call__(self) -> None:
        """Prepare the store and print a summary."""
        from egodepth.data.drive import select_drives
        from egodepth.data.media.side_by_side import print_unreadable
        from egodepth.data.opening import open_drives
        from egodepth.data.storage.preparation import prepare
        from egodepth.foundation.remote import local_store, shown

        DataConfig(size=self.size)  # refuses sizes that cannot be trained on
        drives = select_drives(open_drives(self.data, self.split), self.drives)
        with local_store(self.out) as folder:
            done = prepare(drives, self.size, folder, self.partner, self.workers)
        done = replace(done, store=shown(self.out))
        made = done.frames - done.already_there
        print(
            f"{done.store}: {done.frames} frames, {done.bytes_on_disk / 1e9:.2f} GB; {made} decoded in "
            f"{done.seconds:.1f} s ({made / done.seconds:.0f} frames/s), {done.already_there} existed already"
        )
        print_unreadable(done.unreadable)
        if self.json:
            write_text(self.json, json.dumps(asdict(done), indent=2) + "\n")
