"""Loops in C for processors, built by the local compiler on first use. Without a compiler, torch computes the same."""

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from egodepth.foundation.errors import InputError
from egodepth.foundation.files import cache_folder, replacing, write_text

# No contraction of a * b + c: the error of an image with itself must be exactly zero, or ties of the auto-mask break.
_FLAGS = ("-std=c11", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
_LINK = ("-shared", "-fPIC", "-pthread", "-lm")

logger = logging.getLogger("egodepth")


@cache
def compiled(name: str) -> ctypes.CDLL | None:
    """Return the library built from `NAME.c` beside this file; None without a compiler, or if EGODEPTH_NATIVE is 0.

    CC names the compiler, optionally with options (`CC="gcc -m64"`).
    """
    if os.environ.get("EGODEPTH_NATIVE") == "0":
        return None
    try:
        compiler = shlex.split(os.environ.get("CC") or "cc")
        found = shutil.which(compiler[0])
        if found is None:
            if os.environ.get("CC"):
                _say_slow(name, f"CC is '{os.environ['CC']}', which is not a program")
            return None
        return _library(name, [found, *compiler[1:]])
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        _say_slow(name, next((line for line in said if "error" in line), said[-1] if said else str(error)))
    except (OSError, ValueError, IndexError, subprocess.SubprocessError, InputError) as error:
        _say_slow(name, str(error))
    return None


def _library(name: str, compiler: Sequence[str]) -> ctypes.CDLL:
    """Return the library, built if it is missing or incomplete: loading a truncated one would kill the process."""
    source = Path(__file__).with_name(f"{name}.c")
    place = cache_folder() / "native" / f"{name}_{_key(source, compiler)}.so"
    size = place.with_suffix(".size")
    with suppress(OSError):
        if size.read_text(encoding="utf-8") == str(place.stat().st_size):
            return ctypes.CDLL(str(place))
    with replacing(place) as beside:
        subprocess.run([*compiler, *_FLAGS, str(source), "-o", str(beside), *_LINK], check=True, capture_output=True)
    write_text(size, str(place.stat().st_size))
    return ctypes.CDLL(str(place))


def _say_slow(name: str, why: str) -> None:
    logger.warning("The fast loops of %s cannot be built (%s); torch does the same, several times slower.", name, why)


def _key(source: Path, compiler: Sequence[str]) -> str:
    """Return a key of the source, the compiler and the processor: the library is valid only for these."""
    shared = [path.read_bytes() for path in sorted(source.parent.glob("*.h"))]
    parts = [source.read_bytes(), *shared, " ".join((*compiler, *_FLAGS)).encode(), platform.machine().encode()]
    cpu = Path("/proc/cpuinfo")
    if cpu.is_file():
        lines = cpu.read_text().splitlines()
        parts.append(next((line for line in lines if line.startswith(("flags", "Features"))), "").encode())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:24]
