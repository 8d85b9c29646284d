"""Processes that tests kill, stop and count, forked from one that has imported everything: torch is imported once.

They are what `python -m egodepth` would be: of a clean interpreter without the shape checks of the tests, and with
their own environment, signals and session.
"""

import atexit
import functools
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

COMMAND = "egodepth.cli:main"
_IMPORTED = (
    "torch._dynamo",  # as the first optimiser does
    "torch.utils.tensorboard",
    "egodepth.training.train",
    "egodepth.inference.predict",
    "egodepth.inference.scoring.scoring",
    "egodepth.synthetic.rendering",
)


class _Nursery:
    """The process that forks, and the pipe to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.outputs = Path(tempfile.mkdtemp())
        atexit.register(self._end)

    def _end(self) -> None:
        self._process.communicate()
        shutil.rmtree(self.outputs)

    def ask(self, **question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@functools.cache
def _nursery() -> _Nursery:
    return _Nursery()


class Forked:
    """A running process; `returncode` and `said` (both of its outputs) as of `subprocess`."""

    def __init__(self, call: str, words: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.returncode: int | None = None
        file, name = tempfile.mkstemp(dir=_nursery().outputs)
        os.close(file)
        self._output = Path(name)
        self.pid: int = _nursery().ask(call=call, words=words, environment=environment, output=name)

    @property
    def said(self) -> str:
        return self._output.read_text()

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _nursery().ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                os.killpg(self.pid, signal.SIGKILL)
                raise TimeoutError(self.said)
            time.sleep(0.02)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def send_signal_to_all(self, number: signal.Signals) -> None:
        """To its children, too."""
        os.killpg(self.pid, number)


def fork(*words: str | Path, call: str = COMMAND, **environment: str) -> Forked:
    """Start `module:function` with words, by default the command `egodepth`."""
    return Forked(call, tuple(map(str, words)), environment)


def _serve() -> None:
    """Answer questions; returns in each child, which then does its work."""
    for line in sys.stdin:
        question = json.loads(line)
        if "poll" in question:
            pid, status = os.waitpid(question["poll"], os.WNOHANG)
            answer: object = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                return _become(**question)
        print(json.dumps(answer), flush=True)
    return None


def _become(call: str, words: list[str], environment: dict[str, str], output: str) -> None:
    os.setsid()
    os.environ.update(environment)
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY | os.O_APPEND)
    for place, file in enumerate((nothing, written, written)):
        os.dup2(file, place)
        os.set_inheritable(place, True)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # what the parent had read ahead is not for the child
    sys.argv = ["egodepth", *words]
    module, _, name = call.partition(":")
    getattr(import_module(module), name)(words)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).with_name("foundation")))
    for each in _IMPORTED:
        import_module(each)
    gc.freeze()  # collecting garbage in a child would copy what it shares
    _serve()
