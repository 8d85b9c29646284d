"""The campaign: `PYTHONPATH=tests python -m fuzz --inputs 10000 [--parser NAME ...] [--seed S] [--out DIR]`.

Each parser runs in a process of its own with little memory, so that a segmentation fault or a loop within a library is
counted and the rest goes on.
"""

import argparse
import json
import os
import resource
import select
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fuzz.harness import Outcome, Parser, Tally, inputs_of, keep, run
from fuzz.parsers import PARSERS

MOST_MEMORY = 2 << 30
"""Bytes of addresses that the inputs may take beyond what the libraries have taken."""
_SILENCE_S = 120.0
"""A process that tells nothing for so long hangs within a library."""


def main() -> None:
    """Run the parsers one after the other, print a table; exit code 1 if any input failed."""
    options = _options()
    chosen = [PARSERS[name] for name in options.parser or PARSERS]
    console = Console(stderr=True)
    tallies: dict[str, Tally] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        counts = {parser.name: max(1, round(options.inputs * parser.share)) for parser in chosen}
        task = progress.add_task("", total=sum(counts.values()))
        for parser in chosen:
            progress.update(task, description=parser.name, refresh=True)
            tallies[parser.name] = supervised(
                parser,
                counts[parser.name],
                options.seed,
                options.out.resolve(),
                lambda n: progress.update(task, advance=n, refresh=True),
            )
            for line in tallies[parser.name].failures:
                console.print(line, markup=False, highlight=False)
            if options.json:  # after each, for those who stop it
                figures = {name: asdict(tally) for name, tally in tallies.items()}
                options.json.write_text(json.dumps(figures, indent=2) + "\n")
    table = Table("parser", "inputs", "accepted", "refused", "crashes", "hangs", "escapes", "slowest ms")
    for name, tally in tallies.items():
        table.add_row(
            name,
            *(f"{getattr(tally, kind)}" for kind in ("inputs", "accepted", "refused", "crashes", "hangs", "escapes")),
            f"{tally.slowest_ms:.0f}",
        )
    Console(width=120).print(table)
    sys.exit(any(tally.failed for tally in tallies.values()))


def supervised(
    parser: Parser, inputs: int, seed: int, kept: Path, advance: Callable[[int], object] = lambda count: None
) -> Tally:
    """Run a parser's inputs in a process, and begin another one after the input that killed one."""
    whole = Tally()
    first = 0
    while first < inputs:
        with TemporaryDirectory() as sandbox:
            last, tally, ending = _in_process(parser, range(first, inputs), seed, kept, Path(sandbox), advance)
            _add(whole, tally)
            left = sorted(path.name for path in Path(sandbox).iterdir() if path.name not in ("case", "cache", "tmp"))
            if left:
                whole.escapes += 1
                whole.failures.append(f"{parser.name}: written beside its folder: {left}")
            if not ending:
                return whole
            if last < first:
                raise RuntimeError(f"{parser.name}: {ending}")
            contents = parser.prepare(_empty(Path(sandbox) / "again"))
            name, content = inputs_of(parser.name, contents, seed, last)
            kind = "hangs" if ending == "silent" else "crashes"
            whole.add(kind, 0)
            keep(kept, parser.name, last, name, content, Outcome(kind, 0, ending), whole)
            first = last + 1
    return whole


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _add(whole: Tally, part: Tally) -> None:
    for kind in ("inputs", "accepted", "refused", "crashes", "hangs", "escapes"):
        setattr(whole, kind, getattr(whole, kind) + getattr(part, kind))
    whole.slowest_ms = max(whole.slowest_ms, part.slowest_ms)
    whole.failures += part.failures


def _in_process(
    parser: Parser, numbers: range, seed: int, kept: Path, sandbox: Path, advance: Callable[[int], object]
) -> tuple[int, Tally, str]:
    """The last input that was begun, what became of those before it, and how the process ended; empty: well."""
    for folder in ("case", "cache", "tmp"):
        (sandbox / folder).mkdir()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that others have: none holds what is needed
        child = os.fork()
    if not child:
        os.close(reading)
        _child(parser, numbers, seed, kept, sandbox, writing)
    os.close(writing)
    last, tally, told, done, buffer = numbers.start - 1, Tally(), 0, False, b""
    while True:
        if not select.select([reading], [], [], _SILENCE_S)[0]:
            os.kill(child, signal.SIGKILL)
            break
        part = os.read(reading, 1 << 16)
        if not part:
            break
        *lines, buffer = (buffer + part).split(b"\n")
        for line in lines:
            last, done, values = json.loads(line)
            tally = Tally(**values)
        advance(tally.inputs - told)
        told = tally.inputs
    os.close(reading)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ending = "" if done else "silent" if status == -signal.SIGKILL else f"exit code {status}"
    return last, tally, ending


def _child(parser: Parser, numbers: range, seed: int, kept: Path, sandbox: Path, writing: int) -> NoReturn:
    """Say before each input which it is, as a line of JSON; then end without what the parent would do at its end."""
    code = 1
    try:
        warnings.simplefilter("error")  # to users, a warning is as bad as a traceback
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, used + MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ |= {"EGODEPTH_CACHE": str(sandbox / "cache"), "TMPDIR": str(sandbox / "tmp")}
        tempfile.tempdir = None
        os.chdir(sandbox)

        def tell(number: int, tally: Tally, done: bool = False) -> None:
            os.write(writing, (json.dumps([number, done, asdict(tally)]) + "\n").encode())

        tally = run(parser, sandbox / "case", numbers, seed, kept, tell)
        tell(numbers.stop, tally, True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="for each parser")
    parser.add_argument("--parser", nargs="*", help="names; all if left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-failures"), help="where inputs that fail are kept")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
