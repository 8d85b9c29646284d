"""A training that is killed a hundred times and loses files of its run folder, and must end as if nothing had been.

    python tests/soak.py --kills 100

Every life of the training is a process of its own (`egodepth train`). Each ends after a random number of steps, or
while it still starts, by SIGKILL, SIGTERM or SIGUSR1; after some, the newest checkpoint is truncated, a bit of it is
flipped, or a random file of the run folder is deleted. At the end the weights, the optimiser's state and the models are
compared, byte by byte, with those of a run that nothing disturbed.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from tiny_training import command

_SIGNALS = {signal.SIGKILL: 6, signal.SIGTERM: 3, signal.SIGUSR1: 1}
_AFTERWARDS = {"nothing": 5, "truncated": 2, "flipped": 1, "lost": 3}


def write_clip(folder: Path) -> None:
    """Frames of a texture that moves sideways."""
    folder.mkdir()
    coarse = np.random.default_rng(7).integers(0, 256, (8, 20, 3), np.uint8)
    texture = Image.fromarray(coarse).resize((90, 64), Image.Resampling.BICUBIC)
    for frame in range(8):
        texture.crop((2 * frame, 0, 2 * frame + 64, 64)).save(folder / f"{frame:06d}.png")
    (folder / "camera.json").write_text('{"fov_deg": 70}')


def words_of(clip: Path, run: Path, steps: int) -> list[str]:
    """Words that train."""
    often = {"checkpoint_every": 5, "validate_every": 20, "panels_every": 100, "clean_statistics": 0}
    words = command(clip, run, steps=steps, **often)
    return [sys.executable, "-m", "egodepth", *words, "--optimiser.learning-rate", "1e-4"]


def start(words: list[str], said: Path) -> subprocess.Popen[bytes]:
    """A life of the training, which says what it says into a file."""
    with said.open("ab") as file:
        return subprocess.Popen(words, stderr=file, stdout=file, env={**os.environ, "OMP_NUM_THREADS": "1"})


def steps_done(run: Path) -> int:
    """As far as the log knows."""
    try:
        lines = (run / "log.jsonl").read_text().splitlines()
        return max((json.loads(line)["step"] + 1 for line in lines[-3:-1]), default=0)
    except (OSError, ValueError, KeyError):
        return 0


def disturb(run: Path, how: str, chance: random.Random) -> None:
    """What happens to the run folder between two lives."""
    states = sorted((run / "checkpoints").glob("step_*/state.safetensors"))
    if how == "truncated" and states:
        os.truncate(states[-1], int(states[-1].stat().st_size * chance.random()))
    if how == "flipped" and states:
        with states[-1].open("r+b") as file:
            place = chance.randrange(states[-1].stat().st_size)
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    if how == "lost":
        files = sorted(path for path in run.rglob("*") if path.is_file())
        if files:
            chance.choice(files).unlink()


def life(words: list[str], run: Path, said: Path, steps: int, chance: random.Random, soon: float) -> str | None:
    """One life of the training, which ends it by a signal; None where it came to its own end before that."""
    target, starting = steps_done(run) + chance.randint(1, max(1, round(soon))), chance.random() < 0.1
    deadline = time.monotonic() + (chance.uniform(0, 4) if starting else 600)
    process = start(words, said)
    while process.poll() is None and time.monotonic() < deadline and steps_done(run) < min(target, steps - 1):
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.2))
    number = chance.choices(list(_SIGNALS), list(_SIGNALS.values()))[0]
    if process.poll() is None:
        process.send_signal(number)
        status = process.wait(120)
        if status in (0, -number):
            return number.name
    if process.returncode == 0:
        return None
    raise SystemExit(f"a life ended with status {process.returncode}; its last words are in {said}")


def same(left: Path, right: Path, steps: int) -> list[str]:
    """Names of files that differ."""
    names = [f"checkpoints/step_{steps:08d}/state.safetensors"]
    names += [f"{model}/{file}" for model in ("model", "model_last") for file in ("model.safetensors", "config.json")]
    return [name for name in names if (left / name).read_bytes() != (right / name).read_bytes()]


def soak(kills: int, steps: int, seed: int, out: Path) -> dict[str, object]:
    """Do it; what happened, and which files differ at the end (none)."""
    chance, clip, run, whole = random.Random(seed), out / "clip", out / "run", out / "whole"
    began = time.monotonic()
    write_clip(clip)
    if start(words_of(clip, whole, steps), out / "whole.log").wait() != 0:
        raise SystemExit(f"the training itself fails: {out / 'whole.log'}")
    words, said = words_of(clip, run, steps), out / "run.log"
    happened: Counter[str] = Counter()
    while happened["kills"] < kills:
        soon = (steps - steps_done(run)) / (kills - happened["kills"] + 1)
        how = life(words, run, said, steps, chance, soon)
        if how is None:
            break  # it reached its end
        afterwards = chance.choices(list(_AFTERWARDS), list(_AFTERWARDS.values()))[0]
        disturb(run, afterwards, chance)
        happened.update({"kills": 1, how: 1, afterwards: 1})
        print(f"{happened['kills']:4d} {how:8s} {afterwards:10s} at step {steps_done(run)}", flush=True)
    if start(words, said).wait() != 0:
        raise SystemExit(f"the last life failed; its last words are in {said}")
    return {
        **happened,
        "steps": steps,
        "seed": seed,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "set aside": said.read_text().count("it is renamed to damaged_"),
        "begun anew": said.read_text().count("the run starts again from step 0"),
        "tracebacks": said.read_text().count("Traceback"),
        "differ": same(run, whole, steps),
    }


def main() -> None:
    """Parse, soak, tell; status 1 where the ends differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="kept if given; a temporary folder otherwise")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = given.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        result = soak(given.kills, given.steps, given.seed, out)
    print(json.dumps(result, indent=2))
    sys.exit(1 if result["differ"] or result["tracebacks"] or result["kills"] != given.kills else 0)


if __name__ == "__main__":
    main()
