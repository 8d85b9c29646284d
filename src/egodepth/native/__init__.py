"""Loops in C for processors, built by the machine's own compiler at first use; without one, torch does the same."""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

from egodepth.errors import InputError
from egodepth.files import cache_folder, replacing

# No contraction of a * b + c: an image compared with itself must give exactly nothing, or ties of the auto-mask break.
_FLAGS = ("-std=c11", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
_LINK = ("-shared", "-fPIC", "-pthread", "-lm")

logger = logging.getLogger("egodepth")


@cache
def compiled(name: str) -> ctypes.CDLL | None:
    """The library built from `NAME.c` beside this file; None where there is no compiler, or EGODEPTH_NATIVE is 0."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.environ.get("EGODEPTH_NATIVE") == "0":
        return None
    source = Path(__file__).with_name(f"{name}.c")
    place = cache_folder() / "native" / f"{name}_{_key(source, compiler)}.so"
    try:
        if not place.is_file():
            with replacing(place) as beside:
                subprocess.run(
                    [compiler, *_FLAGS, str(source), "-o", str(beside), *_LINK], check=True, capture_output=True
                )
        return ctypes.CDLL(str(place))
    except (OSError, subprocess.SubprocessError, InputError) as error:
        logger.warning(
            "The fast loops of %s cannot be built (%s); torch does the same, several times slower.", name, error
        )
        return None


def _key(source: Path, compiler: str) -> str:
    """Changes with the source, the compiler and the processor, for which alone the library is built."""
    shared = [path.read_bytes() for path in sorted(source.parent.glob("*.h"))]
    parts = [source.read_bytes(), *shared, " ".join((compiler, *_FLAGS)).encode(), platform.machine().encode()]
    cpu = Path("/proc/cpuinfo")
    if cpu.is_file():
        lines = cpu.read_text().splitlines()
        parts.append(next((line for line in lines if line.startswith(("flags", "Features"))), "").encode())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:24]
