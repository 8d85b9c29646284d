"""Names of the files of a recording's rows."""

from pathlib import Path


def row_file(out: Path, stem: str, row: int, end: str) -> Path:
    """Return the file of a row: the first one has no number, the second is `trajectory_2.txt` and so on."""
    return out / (f"{stem}{end}" if row == 0 else f"{stem}_{row + 1}{end}")
