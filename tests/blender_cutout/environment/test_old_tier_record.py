"""Tests what becomes of the tier that an earlier release timed on this machine."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from blender_cutout.environment import tier_record

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "0bf7e4d" / "tier.json"


@pytest.fixture
def then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tier_record.Machine:
    """Stores the record of an earlier release; returns the machine that it was made on."""
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path))
    shutil.copy(FIXTURE, tier_record.kept_file())
    return tier_record.Machine(**json.loads(FIXTURE.read_text(encoding="utf-8"))["cpu"]["machine"])


def test_what_was_timed_with_other_tiers_does_not_count(
    then: tier_record.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tier_record, "this_machine", lambda *_: replace(then, weights=tier_record.weights_mark()))
    assert tier_record.recall("cpu") is None
    assert tier_record.fitting_tier("auto", "cpu").name == "standard"


def test_a_tier_that_is_gone_is_not_taken_from_a_record(
    then: tier_record.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tier_record, "this_machine", lambda *_: then)
    assert tier_record.recall("cpu") is None
    assert tier_record.described("auto", "cpu") == "standard (auto; not timed yet)"
