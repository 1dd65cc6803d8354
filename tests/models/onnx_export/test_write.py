"""Tests the networks' ONNX graphs: they are those of the released weights, and compute what PyTorch computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_cutout.models import registry
from blender_cutout.models.errors import WeightsDamaged
from blender_cutout.models.onnx_export import check, write


def test_the_graphs_in_the_tree_are_those_of_the_released_weights(tmp_path: Path) -> None:
    """Whoever releases new weights must run `cutout train graphs`."""
    made = {path.name: path.read_bytes() for path in write.write_all(tmp_path)}
    there = {path.name: path.read_bytes() for path in registry.FOLDER.glob("*.onnx")}
    assert sorted(made) == sorted(there)
    assert [name for name in made if made[name] != there[name]] == []


def test_graphs_hold_no_weights(tmp_path: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in registry.FOLDER.glob("*.onnx")}
    assert sizes
    assert max(sizes.values()) < 100_000


def test_graphs_give_pytorchs_mattes() -> None:
    """Strokes, one object and several in their windows, presence, attention, edges."""
    found = dict(check.differences())
    assert set(found) == set(registry.WEIGHTS)
    assert max(found.values()) < check.MOST / 10


def test_keys_compared_by_distance_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = registry.WEIGHTS["propagation"]
    values = {name: getattr(entry, name) for name in entry.__slots__} | {"similarity": "l2"}
    monkeypatch.setitem(registry.WEIGHTS, "propagation", registry.WeightEntry(**values))
    with pytest.raises(WeightsDamaged, match="l2"):
        list(write.write_all(tmp_path, ["propagation"]))
