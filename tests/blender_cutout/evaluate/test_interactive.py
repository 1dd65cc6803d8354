"""Tests the simulated artist's rounds on a clip with known masks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clip_kit import written_clip

from blender_cutout.core.engine import Engine, EngineSettings
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet
from blender_cutout.core.propagation.settings import PropagationSettings
from blender_cutout.evaluate import interactive
from blender_cutout.evaluate.data import Sequence
from blender_cutout.evaluate.interactive import RoundScore

SETTINGS = EngineSettings(128, PropagationSettings(working_px=128, memory_every=3, budget=6))


class Forgetful(FakePropagationNet):
    """Loses the object after a few frames, so that there is something to correct."""

    def segment(self, query, memory, previous=None):  # type: ignore[no-untyped-def]
        mattes = super().segment(query, memory, previous)
        self.looks = getattr(self, "looks", 0) + 1
        return mattes * np.float32(self.looks % 7 != 0)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Sequence:
    return written_clip(tmp_path_factory.mktemp("data"), 14)


@pytest.fixture(scope="module", params=[True, False], ids=["fused", "replaced"])
def scores(request: pytest.FixtureRequest, video: Sequence) -> list[RoundScore]:
    engine = Engine(FakeScribbleNet(), Forgetful(), SETTINGS)
    return list(interactive.play(engine, video, 4, fused=request.param))


def test_rounds_are_drawn_on_the_worst_frame_and_make_the_clip_better(scores: list[RoundScore]) -> None:
    assert [score.number for score in scores] == list(range(1, len(scores) + 1))
    assert len(scores) >= 2
    for earlier, later in pairwise(scores):
        assert later.frame == int(np.argmin(earlier.frames))
        assert later.before == earlier.frames[later.frame]
    assert scores[1].drawn > scores[1].before
    assert scores[-1].mean > scores[0].mean
    assert all(len(score.frames) == 14 and score.mean == pytest.approx(np.mean(score.frames)) for score in scores)


def test_what_had_to_stay_stayed(scores: list[RoundScore]) -> None:
    assert [score.lost for score in scores] == [0] * len(scores)


def test_a_clip_that_is_right_early_keeps_its_value_in_the_mean() -> None:
    def score(clip: str, number: int, mean: float) -> RoundScore:
        return RoundScore(clip, number, 0, 1.0, 0.0, mean, 0, (mean,))

    scores = [score("a", 1, 0.5), score("a", 2, 0.7), score("b", 1, 0.9)]
    assert interactive.curves(scores, 3) == {"a": [0.5, 0.7, 0.7], "b": [0.9, 0.9, 0.9]}
    assert interactive.area_under([0.7, 0.8, 0.8]) == pytest.approx(0.775)
    text = interactive.table(scores, 3)
    assert "0.775" in text
    assert text.count("0.900") >= 3
