"""Which stages of a long command are done, kept in its folder: the same command goes on where it was stopped."""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import write_text
from egodepth.foundation.reading import read_json

RECORD = "video.json"
FORMAT = 3


class StageRecord:
    """The stages of one command in one folder."""

    def __init__(self, out: Path, options: dict[str, Any], titles: dict[str, str]) -> None:
        """Take a folder: a new or empty one, or one in which the same command was stopped.

        Args:
            out: the folder.
            options: what the result depends on, as JSON; by the command line's names.
            titles: what each stage does, in order, by its name.

        Raises:
            InputError: the folder holds something else, or was begun with other options.
        """
        self._file, self._titles = out / RECORD, titles
        self._console = Console(stderr=True)
        options = json.loads(json.dumps(options))
        self._record: dict[str, Any] = {"format": FORMAT, "options": options, "stages": {}}
        if self._file.is_file():
            self._record = self._earlier(out, options)
        elif out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out}: holds something else already; choose another --out")
        else:
            self._write()

    def _earlier(self, out: Path, options: dict[str, Any]) -> dict[str, Any]:
        """The record of the command that was here before, if that was this one."""
        try:
            found = read_json(self._file, finite=False)
            before, done = dict(found["options"]), found["stages"]
            if not isinstance(done, dict) or not isinstance(found.get("decided", {}), dict):
                raise TypeError("no stages")
            if not all(isinstance(stage["seconds"], int | float) and "result" in stage for stage in done.values()):
                raise ValueError("a stage without its duration or result")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._file}: not a record of this command; choose another --out") from error
        if found.get("format") != FORMAT:
            raise InputError(f"{self._file}: of another version of egodepth; choose another --out")
        for name, now in options.items():
            if (was := before.get(name)) != now:
                raise InputError(
                    f"{out}: was begun with {name} {_shown(was)}, not {_shown(now)}; give the same, or another --out"
                )
        return found

    def run(self, name: str, work: Callable[[], Any]) -> Any:
        """What a stage returns, as JSON; of one that is done already, what it returned then."""
        number = f"{list(self._titles).index(name) + 1}/{len(self._titles)}"
        if name in self._record["stages"]:
            self._say(f"[dim]{number} {self._titles[name]}: done before[/]")
            return self._record["stages"][name]["result"]
        self._say(f"[bold]{number} {self._titles[name]}[/]")
        began = time.monotonic()
        # Commands that are stages here tell their results; the one result of this command is the last line.
        with contextlib.redirect_stdout(sys.stderr):
            result = json.loads(json.dumps(work()))
        seconds = round(time.monotonic() - began, 1)
        self._record["stages"][name] = {"seconds": seconds, "result": result}
        self._write()
        self._say(f"[dim]    {_duration(seconds)}[/]")
        return result

    def decided(self, name: str, choose: Callable[[], Any]) -> Any:
        """What was chosen when the command first came here, as JSON: it stays, whatever the machine is that goes on."""
        chosen = self._record.setdefault("decided", {})
        if name not in chosen:
            chosen[name] = json.loads(json.dumps(choose()))
            self._write()
        return chosen[name]

    @property
    def seconds(self) -> dict[str, float]:
        """How long each finished stage took, when it last ran."""
        return {name: stage["seconds"] for name, stage in self._record["stages"].items()}

    def _write(self) -> None:
        write_text(self._file, json.dumps(self._record, indent=2) + "\n")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    """An option's value as a command line has it."""
    if value is None:
        return "left out"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
