"""Tests wrong strokes: where the robot makes them, and the scores of engines that recover or do not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.engine import Engine
from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip
from blender_cutout.core.types import Label
from blender_cutout.evaluate import report
from blender_cutout.evaluate.data import Still
from blender_cutout.evaluate.robot import wrong_stroke
from blender_cutout.evaluate.scores import SlipScore, slip_summary
from blender_cutout.evaluate.sheet import Worst
from blender_cutout.evaluate.slips import measure_slips


@pytest.fixture
def still(tmp_path: Path, clip: SyntheticClip) -> Still:
    for name, picture in (("image", clip[5][..., ::-1]), ("mask", (clip.matte(5) > 0.5) * np.uint8(255))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return Still("disc", tmp_path / "image.png", tmp_path / "mask.png")


class Stubborn(FakeScribbleNet):
    """Takes in the whole background after a keep stroke on it, and never gives it back."""

    def predict(self, image: np.ndarray, previous: np.ndarray, keep: np.ndarray, remove: np.ndarray) -> np.ndarray:
        if keep.any() and image[keep > 0].mean(axis=0).std() < 12:  # grey: the background
            return np.ones_like(previous)
        return super().predict(image, previous, keep, remove * 0) if keep.any() else np.array(previous)


def test_a_slip_lies_in_a_part_that_was_right_and_is_short(clip: SyntheticClip) -> None:
    truth = clip.matte(5) > 0.5
    counted = np.ones_like(truth)
    for label, part in ((Label.KEEP, ~truth), (Label.REMOVE, truth)):
        stroke = wrong_stroke(truth, truth, counted, label)
        assert stroke is not None
        assert stroke.label is label
        assert all(part[int(y), int(x)] for x, y in stroke.points)
        length = np.hypot(*np.diff(np.array(stroke.points), axis=0).T).sum() if len(stroke.points) > 1 else 0
        assert length <= 0.2 * np.hypot(*truth.shape) + 1
    assert wrong_stroke(~truth, truth, counted, Label.REMOVE) is None


def test_an_undo_brings_back_what_was_there_and_a_counter_stroke_heals(still: Still, engine: Engine) -> None:
    worst = Worst()
    scores = measure_slips(engine, still, worst)
    assert [s.label for s in scores] == ["keep", "remove"]
    for score in scores:
        assert score.before > 0.95
        assert score.wrong < 0.6
        assert score.undo == score.before
        assert score.counter > 0.9
    assert worst.sheet() is not None


def test_an_engine_that_does_not_forget_is_found_out(still: Still) -> None:
    scores = measure_slips(Engine(Stubborn(), FakePropagationNet(), tier="fake", weights_id="stubborn"), still, Worst())
    keep = scores[0]
    assert keep.undo == keep.before > 0.9
    assert keep.counter < 0.5
    assert slip_summary(scores)["counter_short"] > 0.2


def test_the_table_and_its_numbers_say_the_same() -> None:
    scores = [SlipScore("a", "keep", 0.9, 0.5, 0.9, 0.88), SlipScore("b", "remove", 0.8, 0.4, 0.79, 0.85)]
    summary = slip_summary(scores)
    assert summary["counter_short"] == pytest.approx(0.01)
    assert summary["undo_short"] == pytest.approx(0.005)
    assert summary["counter_reached"] == 1.0
    table = report.slip_table(scores).splitlines()
    assert table[1].split()[:2] == ["keep,", "1"]
    assert sum(line.startswith("  95 % from") for line in table) == 3, "every mean has an interval"
    assert table[-3].startswith("mean of 2")
    assert "0.850" in table[-3]
    assert "100%" in table[-3]
    assert [line.split()[-1] for line in table[-2:]] == ["100%", "100%"]


def test_a_picture_without_an_object_is_passed_over(still: Still, engine: Engine) -> None:
    cv2.imwrite(str(still.mask), np.zeros((120, 200), np.uint8))
    assert measure_slips(engine, still, Worst()) == []
