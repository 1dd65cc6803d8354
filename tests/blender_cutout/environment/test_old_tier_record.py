"""Tests that `auto` still uses the tier that an earlier release timed on this machine, if need be under its new name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from blender_cutout.environment import tier_record

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "0bf7e4d" / "tier.json"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tier_record.Machine:
    """Pretends that this machine is the one that the record was made on."""
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path))
    shutil.copy(FIXTURE, tier_record.kept_file())
    then = tier_record.Machine(**json.loads(FIXTURE.read_text(encoding="utf-8"))["cpu"]["machine"])
    monkeypatch.setattr(tier_record, "this_machine", lambda: then)
    return then


def test_the_tier_is_read_with_its_times(record: tier_record.Machine) -> None:
    found = tier_record.recall("cpu")
    assert found is not None
    assert (found.tier, found.device, found.card) == ("standard", "cpu", "")
    assert found.timed.keys() == {"trace", "draft", "swift"}
    assert tier_record.fitting_tier("auto", "cpu").name == "standard"
    assert tier_record.described("auto", "cpu") == "standard (0.064 s per frame; auto)"


def test_it_was_timed_with_the_same_networks(record: tier_record.Machine) -> None:
    """Until a network or a size of a tier changes; then its timings are worth nothing, and this test goes."""
    assert tier_record.weights_mark() == record.weights


def test_what_was_timed_with_other_networks_does_not_count(
    record: tier_record.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tier_record, "this_machine", lambda: replace(record, weights="others"))
    assert tier_record.recall("cpu") is None
    assert tier_record.fitting_tier("auto", "cpu").name == "standard"
