"""Tests the timing of propagation's stages and their shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_cutout.commands.bench import stages
from blender_cutout.core.images.matte import read_mask


def test_shares_are_of_the_whole_and_what_nobody_claims_is_the_rest() -> None:
    clock = stages.StageClock()
    for stage, seconds in (("key", 0.2), ("value", 0.1), ("memory and decoder", 0.1), ("writing", 0.1)):
        clock.add(stage, seconds)
    clock.add("reading", 0.7)
    clock.add(stages.WHOLE, 0.6)
    clock.add(stages.WHOLE, 0.4)
    wanted = {"reading, ahead": 0.7, "network": 0.4, "writing": 0.1, "the rest": 0.5}
    assert stages.shares(clock) == pytest.approx(wanted)
    assert "reading" in clock.seconds
    assert "transfer" not in clock.seconds, "asking makes no empty stage"


def test_transfers_are_a_share_of_each_frame() -> None:
    clock = stages.StageClock()
    clock.add(stages.WHOLE, 1.0)
    clock.add(stages.WHOLE, 1.0)
    for seconds in (0.1, 0.2, 9.0):
        clock.add("transfer", seconds)
    assert stages.shares(clock)["transfer, in the network's"] == pytest.approx(0.2)


def test_a_transfer_takes_some_time_and_a_median_is_returned() -> None:
    clock = stages.StageClock()
    stages.time_transfers(clock, "cpu", 64, times=3)
    assert len(clock.seconds["transfer"]) == 3
    assert 0 < stages.medians(clock)["transfer"] < 1


def test_nothing_timed_has_no_shares() -> None:
    assert stages.shares(stages.StageClock()) == {}


def test_a_written_mask_is_whole_and_its_time_noted(tmp_path: Path) -> None:
    clock = stages.StageClock()
    matte = np.zeros((48, 64), np.float32)
    matte[10:20, 10:30] = 1.0
    stages.write_timed(clock, tmp_path, 7, matte)
    np.testing.assert_array_equal(read_mask(tmp_path / "00007.png"), matte)
    assert clock.total("writing") > 0
