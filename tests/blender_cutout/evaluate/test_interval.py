"""Tests intervals over clips and paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.evaluate import report
from blender_cutout.evaluate.compare import compare, comparison_table
from blender_cutout.evaluate.interval import difference, interval
from blender_cutout.evaluate.scores import ClipScore, GuessScore, clip_summary, guess_summary, units


def test_an_interval_lies_around_the_mean_and_is_always_the_same() -> None:
    values = [0.9, 0.5, 0.7, 0.95, 0.6, 0.8, 0.75, 0.85, 0.65]
    found = interval(values)
    assert found is not None
    assert min(values) < found[0] < np.mean(values) < found[1] < max(values)
    assert interval(values) == found
    # Student's interval of nine values: t is 2.306.
    assert found[1] - found[0] == pytest.approx(2 * 2.306 * np.std(values, ddof=1) / 3, rel=0.08)


def test_it_holds_the_true_mean_about_as_often_as_it_says_even_for_eight_clips() -> None:
    rng = np.random.default_rng(0)
    found = [interval(list(rng.normal(0, 1, 8))) for _ in range(300)]
    assert 0.92 <= np.mean([pair is not None and pair[0] <= 0 <= pair[1] for pair in found]) <= 0.98


def test_more_clips_narrow_it_and_one_clip_has_none() -> None:
    few, many = interval([0.5, 0.9] * 3), interval([0.5, 0.9] * 30)
    assert few is not None
    assert many is not None
    assert many[1] - many[0] < 0.5 * (few[1] - few[0])
    assert interval([0.7]) is None
    assert interval([0.7, None]) is None
    assert interval([0.7, None, 0.7]) == (0.7, 0.7)


def test_clips_are_resampled_not_their_walks() -> None:
    """Four orders of one clip add little to one, so the interval is over the clips' means."""

    def walk(clip: str, number: int, j: float) -> ClipScore:
        return ClipScore(f"{clip} {number}", j, j, None, 0.1, 10, clip=clip)

    scores = [walk(clip, n, j + n / 100) for clip, j in (("a", 0.5), ("b", 0.7), ("c", 0.9)) for n in range(4)]
    summary = clip_summary(scores)
    assert (summary["clips"], summary["walks"]) == (3, 12)
    assert summary["intervals"]["J"] == interval([0.515, 0.715, 0.915])
    assert summary["J"] == pytest.approx(0.715)
    assert summary["intervals"]["decay"] is None
    longer = scores + [walk("a", 9, 0.515)] * 20
    assert clip_summary(longer)["J"] == pytest.approx(0.715), "a clip with more walks does not count more"


def test_a_paired_difference_sees_what_the_spread_of_clips_hides() -> None:
    first = {str(n): n / 10 for n in range(10)}
    second = {name: value - 0.01 - 0.001 * (int(name) % 3) for name, value in first.items()}
    found = difference(first, second)
    assert found is not None
    assert found.clear
    assert found.mean == pytest.approx(0.0109)
    assert found.interval is not None
    assert 0.010 < found.interval[0] < found.interval[1] < 0.012
    assert found.each["4"] == pytest.approx(0.011)


def test_only_clips_that_both_have_are_compared() -> None:
    found = difference({"a": 0.5, "b": 0.6, "c": None}, {"a": 0.4, "b": None, "d": 0.1})
    assert found is not None
    assert found.each == {"a": pytest.approx(0.1)}
    assert not found.clear, "one clip decides nothing"
    assert difference({"a": 1.0}, {"b": 1.0}) is None


def clips(*values: float, ghost: float = 0.2) -> dict[str, dict[str, float | None]]:
    scores = [ClipScore(f"clip {n}", j, j, None, 0.1, 9, None, ghost - j / 10) for n, j in enumerate(values)]
    return units(scores)


def test_a_difference_whose_interval_includes_0_is_called_none() -> None:
    pair = compare("video", clips(0.9, 0.5, 0.7, 0.7, 0.7), clips(0.8, 0.65, 0.69, 0.7, 0.7))
    assert pair["J&F"]["verdict"] == "no difference"
    assert pair["J&F"]["interval"][0] < 0 < pair["J&F"]["interval"][1]
    table = comparison_table("video", ("new", "old"), pair)
    line = next(line for line in table.splitlines() if line.startswith("J&F"))
    assert line.endswith("no difference")
    assert "better" not in line
    each = {line.split()[0] + line.split()[1]: line.split()[2] for line in table.splitlines() if "clip " in line}
    assert each == {"clip0": "+0.100", "clip1": "-0.150", "clip2": "+0.010", "clip3": "+0.000", "clip4": "+0.000"}


def test_better_means_higher_accuracy_but_a_smaller_ghost() -> None:
    good, bad = clips(0.9, 0.8, 0.7, 0.6, 0.5), clips(0.8, 0.72, 0.61, 0.5, 0.45)
    pair = compare("video", good, bad)
    assert pair["J&F"]["verdict"] == pair["J"]["verdict"] == "first better"
    assert pair["ghost"]["verdict"] == "first better"
    assert pair["ghost"]["difference"] < 0
    back = compare("video", bad, good)
    assert back["ghost"]["verdict"] == back["J"]["verdict"] == "second better"


@pytest.mark.parametrize(("count", "words"), [(1, "1 clip"), (2, "2 clips"), (4, "4 clips")])
def test_few_clips_decide_nothing_even_if_they_all_agree(count: int, words: str) -> None:
    pair = compare("video", clips(*[0.9, 0.8, 0.7, 0.6][:count]), clips(*[0.1] * count))
    assert pair["J&F"]["verdict"] == "no difference"
    table = comparison_table("video", ("a", "b"), pair)
    assert f"no difference can be shown with {words}\n" in table
    assert "better" not in table


def test_the_tables_show_both_ends_below_the_mean() -> None:
    scores = [ClipScore(f"c{n}", j, j - 0.1, 0.1, 0.1, 9, 0.05) for n, j in enumerate((0.9, 0.6, 0.75))]
    lines = report.clip_table(scores).splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["mean", "95", "to"]
    low, high = clip_summary(scores)["intervals"]["J&F"]
    assert f"{low:.3f}" in lines[-2]
    assert f"{high:.3f}" in lines[-1]
    guesses = [GuessScore(str(n), value, 0.1, 0.1) for n, value in enumerate((0.5, 0.7, 0.9))]
    low, high = guess_summary(guesses)["intervals"]["IoU"]
    assert f"[{low:.3f}, {high:.3f}]" in report.guess_table(guesses, "pictures")
