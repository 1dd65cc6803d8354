"""The tier that an earlier release timed on this machine is still the one that `auto` takes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from blender_cutout import fitted

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "0bf7e4d" / "tier.json"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fitted.Machine:
    """The machine that the record was made on, which this one is said to be."""
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path))
    shutil.copy(FIXTURE, fitted.kept_file())
    then = fitted.Machine(**json.loads(FIXTURE.read_text(encoding="utf-8"))["cpu"]["machine"])
    monkeypatch.setattr(fitted, "this_machine", lambda: then)
    return then


def test_the_tier_is_read_with_its_times(record: fitted.Machine) -> None:
    found = fitted.recall("cpu")
    assert found is not None
    assert (found.tier, found.device, found.card) == ("swift", "cpu", "")
    assert found.timed.keys() == {"trace", "draft", "swift"}
    assert fitted.fitting_tier("auto", "cpu").name == "swift"
    assert fitted.described("auto", "cpu") == "swift (0.064 s a frame; auto)"


def test_what_was_timed_with_other_networks_does_not_count(
    record: fitted.Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitted, "this_machine", lambda: replace(record, weights="others"))
    assert fitted.recall("cpu") is None
    assert fitted.fitting_tier("auto", "cpu").name == "standard"
