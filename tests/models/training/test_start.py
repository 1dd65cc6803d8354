"""Tests new schedules from a checkpoint or exported weights; anything that does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from blender_cutout.models.training.checkpoint import CheckpointError
from blender_cutout.models.training.export import export
from blender_cutout.models.training.loop import train
from blender_cutout.models.training.recipe import TrainingSettings
from blender_cutout.models.training.samples.pool import Pool

SMALL: dict[str, Any] = {"sizes": (64,), "clips": (2,), "shares_begin": (1.0,), "shares_end": (1.0,)}


def _settings(out: Path, **changes: Any) -> TrainingSettings:
    plain: dict[str, Any] = {
        "network": "propagation", "data": "", "cache": "", "out": str(out), "minutes": 1e6, "steps": 1, "half": False,
        "switches": SMALL,
    }  # fmt: skip
    return TrainingSettings(**{**plain, **changes})


def test_exported_weights_start_a_schedule(pool: Pool, tmp_path: Path) -> None:
    train(_settings(tmp_path / "a", steps=2), pool=pool)
    export(tmp_path / "a" / "last.pt", tmp_path / "small.safetensors")
    still = _settings(tmp_path / "b", head_rate=0.0, backbone_rate=0.0)
    train(still, weights=tmp_path / "small.safetensors", pool=pool)
    average = torch.load(tmp_path / "a" / "last.pt", weights_only=True)["average"]
    started = torch.load(tmp_path / "b" / "last.pt", weights_only=True)["network"]
    for name, value in average.items():
        if not name.startswith("auxiliary."):
            torch.testing.assert_close(started[name].float(), value.float(), atol=2e-3, rtol=2e-3)
    large = _settings(tmp_path / "c", switches={**SMALL, "network_size": "large"})
    train(large, weights=tmp_path / "small.safetensors", pool=pool)  # has all that the small one has


def test_weights_that_do_not_belong_are_refused_by_name(pool: Pool, tmp_path: Path) -> None:
    tensors = {"key_head.weight": torch.zeros(3)}
    save_file(tensors, tmp_path / "scribble.safetensors", metadata={"network": "scribble"})
    save_file(tensors, tmp_path / "odd.safetensors", metadata={"network": "propagation"})
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    for name, says in (
        ("scribble", "holds `scribble`, not `propagation`"),
        ("odd", "holds `propagation`"),
        ("broken", "is not a safetensors file"),
        ("gone", "There are no weights"),
    ):
        with pytest.raises(CheckpointError, match=says):
            train(_settings(tmp_path / "out"), weights=tmp_path / f"{name}.safetensors", pool=pool)
