"""Compute the hints and poses that several trainings of an ablation share, before the first one begins."""

from collections.abc import Sequence

from rich.console import Console

from egodepth.data.samples.training_set import open_training_set
from egodepth.hints.making import asks_for_hints, hint_store, known_drives
from egodepth.training.ablation.cells import Cell


def make_shared_hints(cells: Sequence[Cell], console: Console | None = None) -> None:
    """Compute the hints and poses that any of the cells needs; existing ones are used.

    Trainings find all of them and only read: several at the same time would write to the same files.

    Raises:
        InputError: data that hints cannot be computed from.
    """
    console = console or Console(stderr=True)
    distinct = {}
    for cell in cells:
        config = cell.config
        if asks_for_hints(config):
            # The seed has no influence: all seeds use the poses of the first one.
            distinct.setdefault((config.data, config.hints.sources, config.hints.teacher), config)
    for number, config in enumerate(distinct.values(), start=1):
        store = hint_store(config)
        names = [f"poses {config.data.poses}", *config.hints.sources, *(["teacher"] if config.hints.teacher else [])]
        console.print(
            f"Hints, once for all trainings ({number} of {len(distinct)}): {', '.join(names)}; in {store}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        known_drives(config, open_training_set(config.data).drives, store, console)
