"""A map that began on something that moves is begun again; COLMAP is played by what it answers."""

from types import SimpleNamespace
from typing import Any

import pytest

from egodepth.sfm import reconstruct
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.reconstruct import map_frames

FRAMES = tuple(range(100, 180))


class Model:
    def __init__(self, frames: int, error_px: float) -> None:
        self.frames, self.error_px = frames, error_px

    def num_reg_images(self) -> int:
        return self.frames

    def compute_mean_reprojection_error(self) -> float:
        return self.error_px


class Stages:
    def each(self, label: str, count: int, work: Any) -> Any:
        return work(lambda _: None)


class Answering(Mapper):
    """Its maps, by the frame that they begin with."""

    def __init__(self, answers: dict[int | None, list[Model]]) -> None:
        self.library: Any = None
        self.footage: Any = SimpleNamespace(frames=FRAMES)
        self.stages: Any = Stages()
        self.answers = answers
        self.asked: list[int | None] = []
        self.kept: list[Any] = []

    def map(self, label: str, frames: tuple[int, ...], begin: int | None = None) -> list[Any]:
        self.asked.append(begin)
        return self.answers[begin]

    def keep(self, model: Any) -> None:
        self.kept.append(model)


@pytest.fixture(autouse=True)
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstruct, "adjust", lambda library, model: None)
    monkeypatch.setattr(reconstruct, "parts_of", lambda models: [SimpleNamespace(frames=FRAMES)] * bool(models))
    monkeypatch.setattr(reconstruct, "assembled", lambda parts, footage, told: None)


BAD, GOOD = Model(80, 1.0), Model(79, 0.5)


@pytest.mark.parametrize(
    ("answers", "asked", "kept"),
    [
        ({None: [GOOD]}, [None], GOOD),
        ({None: [BAD], 140: [GOOD]}, [None, 140], GOOD),
        ({None: [BAD], 140: [Model(80, 1.1)], 120: [], 160: [GOOD]}, [None, 140, 120, 160], GOOD),
        # Fewer frames are no better map.
        ({None: [BAD], 140: [Model(20, 0.5)], 120: [], 160: []}, [None, 140, 120, 160], BAD),
        # Of two parts, neither is given up.
        ({None: [Model(50, 1.0), Model(30, 1.0)]}, [None], None),
        ({None: []}, [None], None),
    ],
)
def test_the_better_map_counts(answers: dict[int | None, list[Model]], asked: list[int | None], kept: Model | None):
    mapper = Answering(answers)
    map_frames(mapper)
    assert mapper.asked == asked
    assert mapper.kept == [kept or answers[None][0]] if answers[None] else not mapper.kept
