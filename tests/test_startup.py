"""What answers before anything is computed must not wait for torch, which takes seconds and most of a gigabyte."""

import subprocess
import sys

from egodepth.cli import _VERBS

PROGRAM = """
import contextlib, io, sys
from egodepth.cli import main
for words in {calls!r}:
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with contextlib.suppress(SystemExit), quiet[0], quiet[1]:
        main(words)
    heavy = sorted(sys.modules.keys() & {{"torch", "timm", "torchvision", "cv2", "matplotlib", "pycolmap", "av"}})
    assert not heavy, (words, heavy)
print("light")
"""


def test_help_versions_and_refusals_import_nothing_heavy() -> None:
    calls = [["--help"], ["--version"], ["nonsense"], ["train", "nonsense"], ["train", "quickstart", "--help"]]
    calls += [["ablate", "quickstart", "--help"], ["predict", "--out"], ["data", "render", "--nonsense"]]
    calls += [[*verb, "--help"] for verb in _VERBS]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(calls=calls)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("light\n", "")
