"""Tests the measures of stability, doubt and cuts on results whose scores are known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.commands.studies import cuts as cuts_module
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.evaluate.stability import StillShot, area_under_curve, rank_correlation, score, table


def test_the_order_of_good_and_bad_is_measured() -> None:
    values, bad = np.array([0.1, 0.4, 0.4, 0.9]), np.array([True, True, False, False])
    assert area_under_curve(values, bad) == pytest.approx(3.5 / 4)
    assert area_under_curve(-values, bad) == pytest.approx(0.5 / 4)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 20, 99])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)


def test_trembling_in_a_still_shot_is_flicker_and_stabilising_lessens_it() -> None:
    film = SyntheticClip()
    shot, truth = StillShot(film[4], 10), dict.fromkeys(range(10), film.matte(4) > 0.5)
    assert np.array_equal(shot[3], shot[3])
    assert not np.array_equal(shot[3], shot[4])
    kernel = np.ones((3, 3), np.uint8)
    rims = (cv2.dilate, cv2.erode, lambda matte, _: matte)
    raw = [(f, rims[f * f % 7 % 3](film.matte(4), kernel), MatteKind.PROPAGATED) for f in range(10)]
    rough, steady = (score(raw, shot, truth, 0, strength)[2] for strength in (0.0, 1.0))
    assert rough > 0.05
    assert steady < 0.7 * rough
    right = [(f, film.matte(4), MatteKind.PROPAGATED) for f in range(10)]
    assert score(right, shot, truth, 0, 0.0) == (1.0, 1.0, 0.0)


def test_joins_and_transitions_of_clips_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for n, level in enumerate((20, 150)):
        wall = cv2.resize(rng.integers(level, level + 100, (6, 10, 3), np.uint8), (160, 90))
        for kind in ("frames", "masks"):
            (tmp_path / "video" / str(n) / kind).mkdir(parents=True)
        for frame in range(11):
            cv2.imwrite(str(tmp_path / "video" / str(n) / "frames" / f"{frame}.png"), wall)
            cv2.imwrite(str(tmp_path / "video" / str(n) / "masks" / f"{frame}.png"), np.full((90, 160), 255, np.uint8))
    assert cuts_module.main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        "0 false cuts in 20 pairs of 2 clips; 1 of 1 joins found",
        "0 of 4 walks over a whole clip, forward and backward, stopped",
    ]
    assert printed[2:] == [
        f"2 of 2 {kind}{length} noticed"
        for kind in ("dissolves", "fades to black", "fades to white")
        for length in ("", " in 6 frames")
    ]


def test_what_a_strength_changes_has_an_interval_over_clips_not_walks() -> None:
    rows = [
        (clip, [(j, j, 0.10), (j + gain, j + gain, 0.08)])
        for clip, j, gain in (("a", 0.5, 0.01), ("b", 0.9, 0.03))
        for _ in range(9)
    ]
    head, first, second = table("clips", [0.0, 1.0], rows).splitlines()
    assert "clips (18)" in head
    assert "[" not in first
    assert second.endswith("[+0.0100, +0.0300]  [-0.0200, -0.0200]")
    assert "-20.0%" in second
