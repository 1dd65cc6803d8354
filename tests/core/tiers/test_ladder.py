"""Tests the ladder of tiers: neighbours, the table, and the choice for a machine."""

from __future__ import annotations

from itertools import pairwise

import pytest

from blender_cutout.core.tiers.ladder import PACE, choose, faster, finer, ladder, predict
from blender_cutout.core.tiers.table import DEFAULT, TIERS, Measured, Tier


def made(*rows: tuple[str, float, float], memory: dict[str, int] | None = None) -> dict[str, Tier]:
    """Returns a ladder of (name, J&F, seconds per frame)."""
    memory = memory or {}
    return {
        name: Tier(name, "", 320, 288, measured=Measured(quality, seconds, "clips", "core", memory_mb=memory.get(name)))
        for name, quality, seconds in rows
    }


FOUR = made(("a", 0.7, 0.05), ("b", 0.75, 0.1), ("c", 0.8, 0.2), ("d", 0.85, 0.8))


def test_no_tier_of_this_release_is_dominated() -> None:
    assert all(tier.measured is not None for tier in ladder())
    known = [(tier.name, tier.measured) for tier in ladder() if tier.measured is not None]
    for (low, less), (high, more) in pairwise(known):
        assert more.seconds_per_frame > less.seconds_per_frame, f"{high} is finer than {low} but takes no longer"
        gains = [more.j_and_f - less.j_and_f]
        if less.stroke_iou is not None and more.stroke_iou is not None:
            gains.append(more.stroke_iou - less.stroke_iou)
        assert min(gains) >= 0, f"{high} is finer than {low} but worse"
        assert max(gains) > 0, f"{high} takes longer than {low} and is no better"


def test_one_climbs_from_end_to_end_and_no_further() -> None:
    names = list(TIERS)
    up, name = [names[0]], names[0]
    while (tier := finer(name)) is not None:
        up.append(name := tier.name)
    assert up == names
    assert [t.name for t in (faster(n) for n in names) if t] == names[:-1]
    assert faster(names[0]) is None
    assert finer("ultra") is None
    assert (faster("auto"), finer("auto")) == (faster(DEFAULT), finer(DEFAULT))


def test_one_timing_scales_the_table_and_two_give_a_line() -> None:
    assert predict({"a": 0.1}, tiers=FOUR) == pytest.approx({"a": 0.1, "b": 0.2, "c": 0.4, "d": 1.6})
    # Half of the first one's time is the same for all.
    found = predict({"a": 0.01, "b": 0.015}, tiers=FOUR)
    assert found == pytest.approx({"a": 0.01, "b": 0.015, "c": 0.025, "d": 0.085})
    assert predict({}, tiers=FOUR) == {}


def test_noise_in_the_timing_gives_no_nonsense() -> None:
    falling = predict({"a": 0.1, "b": 0.08}, tiers=FOUR)
    assert falling["c"] == falling["d"] == pytest.approx(0.08)
    steep = predict({"a": 0.01, "b": 0.1}, tiers=FOUR)
    assert steep["c"] == pytest.approx(0.2), "not steeper than in proportion to the dearer one"


def test_a_graphics_card_has_ratios_of_its_own() -> None:
    tiers = {
        name: Tier(name, "", 320, 288, measured=Measured(0.8, cpu, "", "", card_seconds_per_frame=card))
        for name, cpu, card in (("a", 0.1, 0.01), ("b", 1.0, 0.02))
    }
    assert predict({"a": 0.02}, "cuda", tiers)["b"] == pytest.approx(0.04)
    assert predict({"a": 0.2}, "cpu", tiers)["b"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"a": 0.05, "b": 0.1, "c": PACE, "d": 0.8}, "c"),
        ({"a": 0.01, "b": 0.02, "c": 0.04, "d": 0.16}, "d"),
        ({"a": 2.0, "b": 4.0, "c": 8.0, "d": 9.0}, "a"),
        ({"a": 0.05}, "a"),
    ],
)
def test_the_finest_that_keeps_the_pace_is_chosen(seconds: dict[str, float], chosen: str) -> None:
    assert choose(seconds, tiers=FOUR).name == chosen


def test_memory_bounds_the_choice() -> None:
    fast = {"a": 0.01, "b": 0.01, "c": 0.01}
    tiers = made(("a", 0.7, 0.05), ("b", 0.75, 0.1), ("c", 0.8, 0.2), memory={"a": 400, "b": 500, "c": 900})
    assert choose(fast, free_mb=2000, tiers=tiers).name == "c"
    assert choose(fast, free_mb=1500, tiers=tiers).name == "b"
    assert choose(fast, free_mb=100, tiers=tiers).name == "a", "something has to be chosen"
    assert choose(fast, free_mb=0, tiers=tiers).name == "c", "not known is no reason"
    assert choose(fast, unfit={"c"}, tiers=tiers).name == "b"


def test_this_releases_ladder_is_used_whole_between_a_slow_and_a_fast_machine() -> None:
    names = [tier.name for tier in ladder()]
    cheapest = names[0]
    chosen = {choose(predict({cheapest: 0.4 * 0.995**step})).name for step in range(2000)}
    assert chosen == set(names)
