"""Record of the finished stages of a long command in its folder, so that a stopped command can continue."""

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
FORMAT = 4


class StageRecord:
    """The stages of one command in one folder."""

    def __init__(self, out: Path, options: dict[str, Any], titles: dict[str, str]) -> None:
        """Take a folder: a new or empty one, or one in which the same command was stopped.

        Args:
            out: the folder.
            options: the options that the result depends on, as JSON, with their names on the command line.
            titles: title of each stage by its name, in order.

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
        """Return the record of the earlier command, if it was the same."""
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
        """Run a stage and return its result as JSON. A finished stage is not repeated and returns its result."""
        number = f"{list(self._titles).index(name) + 1}/{len(self._titles)}"
        if name in self._record["stages"]:
            self._say(f"[dim]{number} {self._titles[name]}: done before[/]")
            return self._record["stages"][name]["result"]
        self._say(f"[bold]{number} {self._titles[name]}[/]")
        began = time.monotonic()
        # Commands that are stages here print their results. On standard output, this command prints only its own
        # result.
        with contextlib.redirect_stdout(sys.stderr):
            result = json.loads(json.dumps(work()))
        seconds = round(time.monotonic() - began, 1)
        self._record["stages"][name] = {"seconds": seconds, "result": result}
        self._write()
        self._say(f"[dim]    {_duration(seconds)}[/]")
        return result

    def decided(self, name: str, choose: Callable[[], Any]) -> Any:
        """Return the choice of the command's first call, as JSON. It is kept even if another machine continues."""
        chosen = self._record.setdefault("decided", {})
        if name not in chosen:
            chosen[name] = json.loads(json.dumps(choose()))
            self._write()
        return chosen[name]

    @property
    def results(self) -> dict[str, Any]:
        """Result of each finished stage."""
        return {name: stage["result"] for name, stage in self._record["stages"].items()}

    @property
    def seconds(self) -> dict[str, float]:
        """Duration of each finished stage when it last ran."""
        return {name: stage["seconds"] for name, stage in self._record["stages"].items()}

    def _write(self) -> None:
        write_text(self._file, json.dumps(self._record, indent=2) + "\n")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _shown(value: Any) -> str:
    """Return an option's value as on the command line."""
    if value is None or value == []:
        return "left out"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
