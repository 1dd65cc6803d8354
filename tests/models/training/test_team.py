"""Tests that several processes train like one with all their clips; one that dies ends the run, which can resume."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blender_cutout.models.training.log import read_log
from blender_cutout.models.training.loop import train
from blender_cutout.models.training.propagation_task import PropagationTask
from blender_cutout.models.training.recipe import PropagationRecipe, TrainingSettings
from blender_cutout.models.training.samples.clips import ClipBatch
from blender_cutout.models.training.samples.pool import Pool
from blender_cutout.models.training.task import TrainingProgress
from blender_cutout.models.training.team import Team, TeamBroken, joined, leading

SMALL: dict[str, Any] = {"sizes": (64,), "clips": (2,), "shares_begin": (1.0,), "shares_end": (1.0,), "long_clips": 0.0}


def _settings(out: Path, **changes: Any) -> TrainingSettings:
    plain: dict[str, Any] = {
        "network": "propagation", "data": "", "cache": "", "out": str(out), "minutes": 1e6, "steps": 3, "half": False,
        "log_every": 1, "processes": 2, "switches": SMALL,
    }  # fmt: skip
    return TrainingSettings(**{**plain, **changes})


def _clips() -> ClipBatch:
    own = torch.Generator().manual_seed(4)
    images, mattes = torch.rand(4, 3, 3, 64, 64, generator=own) * 255, torch.rand(4, 3, 1, 64, 64, generator=own)
    steps = torch.eye(3)[:2].expand(4, 3, 2, 3).clone()
    return ClipBatch(images, (mattes > 0.5).float(), torch.tensor([1.0, 0.7, 0.4, 1.0]), steps, torch.ones(4, 3))


def _gradients(batch: ClipBatch, team: Team) -> list[torch.Tensor]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = PropagationTask(PropagationRecipe(hint=0.0, top_k=0))
    loss, _ = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
    loss.backward()
    team.average(task.network.parameters())
    return [p.grad for p in task.network.parameters() if p.grad is not None]


def _half(rank: int, size: int, meeting: str) -> None:
    with joined(rank, size, meeting) as team:
        _gradients(_part(_clips(), slice(2, 4)), team)


def _part(batch: ClipBatch, of: slice) -> ClipBatch:
    return ClipBatch(batch.images[of], batch.mattes[of], batch.weight[of], batch.steps[of], batch.known[of])


def test_two_processes_have_the_gradients_of_one_with_all_clips() -> None:
    with leading(2, _half) as team:
        shared = _gradients(_part(_clips(), slice(0, 2)), team)
    alone = _gradients(_clips(), Team())
    assert len(shared) == len(alone)
    for one, other in zip(shared, alone, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=2e-3)


def test_a_run_of_two_processes_ends_with_one_log_and_goes_on(pool: Pool, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(_settings(whole), pool=pool)
    train(_settings(cut, steps=3, minutes=1e6), pool=pool)
    assert [r["step"] for r in read_log(whole / "log.jsonl")] == [1, 2, 3]
    states = [torch.load(folder / "last.pt", weights_only=True) for folder in (whole, cut)]
    for name, value in states[0]["network"].items():
        assert torch.equal(value, states[1]["network"][name]), name
    train(_settings(cut, steps=4), resume=cut / "last.pt", pool=pool)
    assert [r["step"] for r in read_log(cut / "log.jsonl")] == [1, 2, 3, 4]
    alone = tmp_path / "alone"
    train(_settings(alone, processes=1), pool=pool)
    other = torch.load(alone / "last.pt", weights_only=True)["network"]
    assert any(not torch.equal(v, other[n]) for n, v in states[0]["network"].items())  # the second one's clips count


def test_each_process_has_clips_of_its_own_but_of_one_kind(pool: Pool) -> None:
    task = PropagationTask(PropagationRecipe(**{**SMALL, "two_objects": 0.5}), imagenet=False)
    made = []
    for rank in (0, 1):
        task.team = Team(rank, 2)
        made.append(
            [task.batch(pool, np.random.default_rng(s), TrainingProgress(0.5), torch.device("cpu")) for s in range(4)]
        )
    for one, other in zip(*made, strict=True):
        assert one.mattes.shape == other.mattes.shape
        assert not torch.equal(one.images, other.images)


def _leaves(rank: int, size: int, meeting: str) -> None:
    with joined(rank, size, meeting):
        pass


def test_a_process_that_ends_is_reported_with_what_to_do() -> None:
    def lead() -> None:
        with leading(2, _leaves) as team:
            for _ in range(3):
                team.agreed(1.0)

    with pytest.raises(TeamBroken, match="--resume"):
        lead()
    assert not multiprocessing.active_children()
