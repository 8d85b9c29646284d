"""`egodepth push MODEL OWNER/NAME`: publish a model on the Hugging Face hub, with a card of what is known about it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from egodepth.foundation.errors import require


@dataclass(frozen=True)
class Push:
    """Publish a model on the Hugging Face hub.

    Three files are uploaded: config.json, model.safetensors, and README.md, the model card. The card is made from what
    is known: data and their licences, teacher, initial weights, training command, figures with their protocol, intended
    use and limits. With --dry-run nothing is uploaded: read the card first.
    """

    model: Positional[str]
    """A run folder or a model folder. A run also knows the command of its training."""
    name: Positional[str]
    """Name on the hub: OWNER/NAME. The repository is created if it does not exist."""
    report: tuple[Path, ...] = ()
    """Reports of `egodepth evaluate MODEL` about this model: metrics.json, or the file of --json. The card states their
    figures."""
    licence: str = ""
    """Licence of the weights, as the hub spells it: apache-2.0, cc-by-nc-4.0, ... Left out: `other` if the data, the
    teacher or the initial weights are not known to allow commercial use, else `unknown`."""
    data_licence: str = ""
    """Licence of your own recordings, if the model learned from them."""
    dry_run: bool = False
    """Write the folder to --out instead of uploading it. Needs no network."""
    out: Path | None = None
    """Folder for --dry-run."""
    private: bool = False
    """Make a new repository private."""
    branch: str | None = None
    """Branch of the repository. Left out: the main one."""
    message: str | None = None
    """Message of the commit."""

    def __post_init__(self) -> None:
        require(self.dry_run == (self.out is not None), "push: give --dry-run and --out FOLDER together, or neither")

    def __call__(self) -> None:
        """Write or upload the model, and print where it is."""
        from egodepth.foundation.progress import warn
        from egodepth.inference.publishing.facts import gather
        from egodepth.inference.publishing.publishing import upload, write_folder

        facts = gather(self.model, self.name, self.report, self.licence, self.data_licence)
        for line in facts.remarks():
            warn(line)
        if self.out:
            write_folder(facts, self.out)
            said = (
                f"{self.out}: read README.md. To upload it, leave --dry-run and --out out. If you edit it: hf upload "
                f"{self.name} {self.out}"
            )
        else:
            said = upload(facts, self.private, self.branch, self.message)
        Console().print(said, soft_wrap=True, highlight=False, markup=False)
