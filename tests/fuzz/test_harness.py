"""The harness finds what it is there to find."""

import contextlib
import faulthandler
import json
import os
import random
import signal
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from egodepth.foundation.errors import InputError
from fuzz import __main__ as campaign
from fuzz.harness import Parser, attempt, inputs_of, run
from fuzz.mutations import damaged
from fuzz.parsers import PARSERS

VALID = b'{"a": 1}'


def prepare(folder: Path) -> Mapping[str, Sequence[bytes]]:
    (folder / "file").write_bytes(VALID)
    return {"file": [VALID]}


def planted(fault: Callable[[Path], object]) -> Parser:
    """A parser with a fault for everything but the valid file."""
    return Parser("planted", prepare, lambda folder: (folder / "file").read_bytes() == VALID or fault(folder))


def refuse(message: str) -> None:
    raise InputError(message)


class TwoLinesError(InputError):
    """`InputError` itself makes one line of every message."""

    def __str__(self) -> str:
        return "one\ntwo"


def two_lines(_: Path) -> None:
    raise TwoLinesError("one")


def swallowed(_: Path) -> None:
    with contextlib.suppress(Exception):
        time.sleep(9)


@pytest.mark.parametrize(
    ("fault", "kind", "detail"),
    [
        (lambda folder: {}["x"], "crashes", "KeyError: 'x'"),
        (lambda folder: [].pop() if folder else 0, "crashes", "IndexError"),
        (lambda folder: (_ for _ in ()).throw(MemoryError), "crashes", "MemoryError"),
        (lambda folder: os._exit if folder.name == "x" else exit(3), "crashes", "SystemExit"),
        (two_lines, "crashes", "not one printable line"),
        (lambda folder: refuse(""), "crashes", "without a message"),
        (lambda folder: time.sleep(9), "hangs", "0.0 s of work in"),
        (lambda folder: all(n == 0 for n in iter(int, 1)), "hangs", "s of work in"),
        (swallowed, "hangs", "0.0 s of work in"),
        (lambda folder: (folder.parent / "out").write_text("x"), "escapes", "out"),
        (lambda folder: (folder / ".." / "out").mkdir(), "escapes", "out"),
        (lambda folder: (folder / "link").rename(folder.parent / "x"), "escapes", "os.rename"),
        (lambda folder: os.system("true"), "escapes", "os.system"),
        (lambda folder: refuse("wrong; write another"), "refused", ""),
        (lambda folder: (folder / "cache").write_text("x"), "accepted", ""),
    ],
)
def test_every_kind_of_fault_is_counted_as_what_it_is(tmp_path: Path, fault, kind: str, detail: str) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    parser = planted(fault)
    parser.prepare(folder)
    assert attempt(parser.read, folder, 0.2).kind == "accepted"
    (folder / "file").write_bytes(b"?")
    outcome = attempt(parser.read, folder, 0.2)
    assert outcome.kind == kind
    assert detail in outcome.detail


def test_a_machine_that_is_busy_once_is_no_hang(tmp_path: Path) -> None:
    waits = [0.6, 0.6, 0.0]
    assert attempt(lambda folder: time.sleep(waits.pop(0)), tmp_path, 0.1).kind == "accepted"
    assert not waits


def test_inputs_that_fail_are_kept_with_what_happened(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    tally = run(planted(lambda folder: {}["x"]), tmp_path / "case", range(20), 1, tmp_path / "kept")
    assert tally.inputs == 20
    assert tally.crashes > 10
    assert tally.accepted == 20 - tally.crashes
    kept = sorted((tmp_path / "kept" / "planted").iterdir())
    assert len(kept) == 2 * tally.crashes
    number = int(kept[0].stem.partition("_")[0])
    assert "KeyError" in (tmp_path / "kept" / "planted" / f"{number}.txt").read_text()
    again = inputs_of("planted", {"file": [VALID]}, 1, number)
    assert again == ("file", (tmp_path / "kept" / "planted" / f"{number}_file").read_bytes())


def test_a_parser_that_refuses_its_own_valid_files_is_no_test_of_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="own valid files"):
        run(Parser("strict", prepare, lambda folder: refuse("no")), tmp_path, range(1), 0, tmp_path)


def test_a_fault_that_ends_the_process_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    def fault(folder: Path) -> None:
        if (folder / "file").stat().st_size % 2:
            faulthandler.disable()  # of pytest, which would print where
            os.kill(os.getpid(), signal.SIGSEGV)
        refuse("even")

    tally = campaign.supervised(planted(fault), 12, 3, tmp_path)
    assert tally.inputs == 12
    assert tally.crashes > 0
    assert tally.refused > 0
    assert f"exit code {-signal.SIGSEGV}" in tally.failures[0]


def test_what_takes_too_much_memory_is_a_crash(tmp_path: Path) -> None:
    tally = campaign.supervised(planted(lambda folder: bytes(2 * campaign.MOST_MEMORY)), 3, 3, tmp_path)
    assert tally.crashes >= 2
    assert "MemoryError" in tally.failures[0]


def test_a_loop_in_a_library_is_found_by_its_silence(tmp_path: Path, monkeypatch) -> None:
    def deaf(_: Path) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(60)

    monkeypatch.setattr(campaign, "_SILENCE_S", 0.5)
    tally = campaign.supervised(planted(deaf), 1, 3, tmp_path)
    assert tally.hangs == 1


@pytest.mark.parametrize(("fault", "code"), [("x", 1), ("ok", 0)])
def test_the_campaign_says_by_its_exit_code_whether_something_failed(
    tmp_path: Path, monkeypatch, capsys, fault: str, code: int
) -> None:
    parser = planted(lambda folder: {}["x"] if fault == "x" else refuse("no"))
    monkeypatch.setattr(campaign, "PARSERS", {"planted": parser})
    words = ["fuzz", "--inputs", "5", "--out", str(tmp_path / "kept"), "--json", str(tmp_path / "table.json")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as stop:
        campaign.main()
    assert stop.value.code == code
    assert "planted" in capsys.readouterr().out
    assert json.loads((tmp_path / "table.json").read_text())["planted"]["inputs"] == 5


def test_mutations_are_the_same_for_the_same_seed_and_change_nearly_everything() -> None:
    contents = [b"P2: 1 2 3\nname, value\n", VALID, bytes(range(256))]
    first = [damaged(random.Random(number), contents) for number in range(400)]
    assert first == [damaged(random.Random(number), contents) for number in range(400)]
    assert sum(content in contents for content in first) < 40
    assert len(set(first)) > 340


def test_damage_reaches_what_is_within_archives_and_checked_chunks(tmp_path: Path) -> None:
    npz = PARSERS["depth map .npz"].prepare(tmp_path)["clip_000000.npz"]
    whole = 0
    for number in range(60):
        (tmp_path / "a.npz").write_bytes(damaged(random.Random(number), npz))
        try:
            with zipfile.ZipFile(tmp_path / "a.npz") as archive:
                whole += archive.testzip() is None
        except Exception:
            continue
    assert whole > 15
