"""Tests the tiers as data."""

from __future__ import annotations

import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.core.tiers.table import DEFAULT, TIERS, find_tier


def test_auto_is_the_default_tier_and_names_find_themselves() -> None:
    assert find_tier("auto") is TIERS[DEFAULT]
    assert all(find_tier(name).name == name for name in TIERS)


@pytest.mark.parametrize(
    ("earlier", "now"), [("trace", "sketch"), ("coarse", "quick"), ("light", "draft"), ("swift", "standard")]
)
def test_a_tier_of_an_earlier_release_is_found_under_its_old_name(earlier: str, now: str) -> None:
    assert earlier not in TIERS
    assert find_tier(earlier) is TIERS[now]


def test_an_unknown_tier_lists_those_there_are() -> None:
    with pytest.raises(InputError) as caught:
        find_tier("ultra")
    assert all(name in str(caught.value) for name in TIERS)


def test_tiers_go_from_cheap_to_dear() -> None:
    known = [tier.measured for tier in TIERS.values() if tier.measured is not None]
    assert len(known) == len(TIERS)
    costs, quality = [m.seconds_per_frame for m in known], [m.j_and_f for m in known]
    assert costs == sorted(set(costs))
    assert quality == sorted(quality)
    assert all(tier.propagation_px % 16 == 0 and tier.scribble_px % 16 == 0 for tier in TIERS.values())


def test_measured_values_say_where_they_come_from() -> None:
    for tier in TIERS.values():
        if tier.measured:
            assert 0 < tier.measured.j_and_f < 1
            assert tier.measured.seconds_per_frame > 0
            assert tier.measured.data
            assert tier.measured.hardware
