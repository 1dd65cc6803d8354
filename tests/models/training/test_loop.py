"""Tests that a run learns, ends, and can be interrupted without changing its result."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blender_cutout.models.training import curve, loop
from blender_cutout.models.training.checkpoint import CheckpointError
from blender_cutout.models.training.loader import Batches
from blender_cutout.models.training.log import read_log
from blender_cutout.models.training.loop import TrainingRun, train
from blender_cutout.models.training.propagation_task import PropagationTask
from blender_cutout.models.training.recipe import PropagationRecipe, TrainingSettings
from blender_cutout.models.training.samples.pool import Pool
from blender_cutout.models.training.schedule import rate_factor
from blender_cutout.models.training.task import TrainingProgress

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "sizes": (64,), "clips": (2,), "shares_begin": (1.0,), "shares_end": (1.0,), "long_from": 0.3, "long_clips": 1.0
}  # fmt: skip


def _settings(out: Path, **changes: Any) -> TrainingSettings:
    plain: dict[str, Any] = {
        "network": "propagation", "data": "", "cache": "", "out": str(out), "minutes": 1e6, "steps": 6, "half": False,
        "log_every": 2, "switches": SMALL,
    }  # fmt: skip
    return TrainingSettings(**{**plain, **changes})


def _records(out: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in record.items() if k != "minutes"} for record in read_log(out / "log.jsonl")]


def _tensors(out: Path, part: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(out / "last.pt", weights_only=True)[part])


class _Killed(Exception):
    """Stands for the process being killed."""


def _train_and_die(
    settings: TrainingSettings, pool: Pool, monkeypatch: pytest.MonkeyPatch, saved: int, died: int, **ways: Any
) -> None:
    """Runs until step `died`, with the last checkpoint at step `saved`."""
    original = TrainingRun._train

    def until(self: TrainingRun, batch: Any) -> None:
        if self.step == died:
            raise _Killed
        original(self, batch)
        if self.step == saved:
            self.save()

    with monkeypatch.context() as patched:
        patched.setattr(TrainingRun, "_train", until)
        with pytest.raises(_Killed):
            train(settings, pool=pool, **ways)


@pytest.mark.parametrize("loaders", [0, 2])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaders: int
) -> None:
    """Killed after step 5 with a checkpoint of step 3, in the middle of a record: the log and all weights are equal."""
    whole, cut = (_settings(tmp_path / name, loaders=loaders) for name in ("whole", "cut"))
    train(whole, pool=pool)
    _train_and_die(cut, pool, monkeypatch, saved=3, died=5)
    assert len(_records(tmp_path / "cut")) == 2  # steps 2 and 4: the second one is newer than the checkpoint
    train(cut, resume=tmp_path / "cut" / "last.pt", pool=pool)
    assert [r["step"] for r in _records(tmp_path / "cut")] == [2, 4, 6]
    assert _records(tmp_path / "cut") == _records(tmp_path / "whole")
    for part in ("network", "average"):
        ours, theirs = _tensors(tmp_path / "cut", part), _tensors(tmp_path / "whole", part)
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), name


def test_batches_made_ahead_by_threads_are_the_same(pool: Pool) -> None:
    task = PropagationTask(PropagationRecipe(**SMALL), imagenet=False)
    taken = []
    for threads in (0, 3):
        with Batches(task, pool, 5, lambda step: TrainingProgress(step / 10), CPU, 4, threads) as batches:
            taken.append([batches.take() for _ in range(5)])
    for one, other in zip(*taken, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.mattes, other.mattes)


def test_batches_made_by_other_processes_are_the_same(pool: Pool, tmp_path: Path) -> None:
    for name, processes in (("here", 0), ("there", 2)):
        train(_settings(tmp_path / name, steps=3, loader_processes=processes), pool=pool)
    assert _records(tmp_path / "here") == _records(tmp_path / "there")
    ours, theirs = (_tensors(tmp_path / name, "network") for name in ("here", "there"))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_by_the_clock_too_a_resumed_run_sees_the_batches_that_were_to_come(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a schedule (hours instead of steps) only the random state decides: it must continue where it was."""
    seen: list[list[float]] = []

    def record(names: Sequence[str]) -> None:
        original = PropagationTask.loss

        def loss(self: PropagationTask, batch: Any, rng: Any, progress: Any) -> Any:
            seen[-1].append(float(batch.images.mean()))
            return original(self, batch, rng, progress)

        monkeypatch.setattr(PropagationTask, "loss", loss)

    record(())
    clock = {"steps": 0, "switches": {**SMALL, "long_clips": 0.0, "video_begin": 0.55}}
    seen.append([])
    _train_and_die(_settings(tmp_path / "whole", **clock), pool, monkeypatch, saved=1, died=4)
    seen.append([])
    cut = _settings(tmp_path / "cut", **clock)
    _train_and_die(cut, pool, monkeypatch, saved=2, died=2)
    _train_and_die(cut, pool, monkeypatch, saved=9, died=4, resume=tmp_path / "cut" / "last.pt")
    assert seen[0] == pytest.approx(seen[1], abs=1e-4)
    assert len(set(np.round(seen[0], 3))) == 4


def test_the_loss_falls_on_a_few_pictures(pool: Pool, tmp_path: Path) -> None:
    """Discs only, from ImageNet weights: forty small steps must show some learning."""
    settings = _settings(
        tmp_path, steps=40, log_every=8, head_rate=2e-3, switches={**SMALL, "long_clips": 0.0, "two_objects": 0.0}
    )
    train(settings, pool=pool)
    records = read_log(tmp_path / "log.jsonl")
    assert records[-1]["loss"] < 0.7 * records[0]["loss"]
    assert records[-1]["iou"] > records[0]["iou"]


def test_a_step_with_a_broken_gradient_changes_nothing_and_is_counted(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path, steps=2)
    train(replace(settings, steps=1), pool=pool)
    before = _tensors(tmp_path, "network")
    original = PropagationTask.loss

    def loss(self: PropagationTask, batch: Any, rng: Any, progress: Any) -> Any:
        value, parts = original(self, batch, rng, progress)
        return value * float("nan"), parts

    monkeypatch.setattr(PropagationTask, "loss", loss)
    train(settings, resume=tmp_path / "last.pt", pool=pool)
    after = _tensors(tmp_path, "network")
    assert all(torch.equal(before[name], after[name]) for name in before)
    record = read_log(tmp_path / "log.jsonl")[-1]
    assert record["skipped"] == 1
    assert record["loss"] > 0  # of the step that was whole


def test_weights_of_a_run_start_a_new_schedule_and_its_log(pool: Pool, tmp_path: Path) -> None:
    train(_settings(tmp_path / "a", steps=2), pool=pool)
    log = (tmp_path / "a" / "log.jsonl").read_text()
    average = _tensors(tmp_path / "a", "average")
    train(
        _settings(tmp_path / "a", steps=1, head_rate=0.0, backbone_rate=0.0),
        weights=tmp_path / "a" / "last.pt",
        pool=pool,
    )
    assert (tmp_path / "a" / "log.before.jsonl").read_text() == log
    started = _tensors(tmp_path / "a", "network")
    assert all(torch.allclose(started[name], value) for name, value in average.items())


def test_what_differs_from_the_run_before_is_said(pool: Pool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(_settings(tmp_path, steps=1), pool=pool)
    with caplog.at_level(logging.WARNING):
        train(_settings(tmp_path, steps=2, seed=9), resume=tmp_path / "last.pt", pool=pool)
    assert "Changed since the interruption: steps, seed." in caplog.text


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(_settings(tmp_path, steps=1), pool=pool)
    before = (tmp_path / "last.pt").read_bytes()

    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match="cannot be written"):
        train(_settings(tmp_path, steps=2), resume=tmp_path / "last.pt", pool=pool)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_the_learning_rate_warms_up_and_ends_near_zero() -> None:
    assert rate_factor(0.0, 0) == pytest.approx(0.01)
    assert rate_factor(0.01, 500) > 0.99
    assert rate_factor(1.0, 500) == pytest.approx(0.01)


def test_a_curve_is_drawn_of_what_the_log_holds(tmp_path: Path) -> None:
    import cv2

    log = tmp_path / "log.jsonl"
    lines = [
        json.dumps({"step": s, "minutes": s, "loss": 1 / s, "iou": 1 - 1 / s, "frame1": 2 / s}) for s in range(1, 60)
    ]
    log.write_text("\n".join(lines) + '\n{"step": 60, "lo')  # torn by the end of a run
    drawn = curve.draw_curve(log, "a run")
    assert drawn == tmp_path / "curve.png"
    picture = cv2.imread(str(drawn))
    assert picture.shape[0] > 400
    assert (picture.std(axis=2) > 20).mean() > 0.002  # coloured lines
    log.write_text(lines[0])
    assert curve.draw_curve(log, "too short") is None


def test_without_matplotlib_there_is_one_warning_and_no_curve(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(curve.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(loop, "TASKS", {"propagation": loop.TASKS["propagation"]})
    monkeypatch.setattr(PropagationTask, "__init__", _without_imagenet(PropagationTask.__init__))
    train(_settings(tmp_path, steps=4, checkpoint_minutes=0.0), pool=pool)
    assert caplog.text.count("matplotlib is not installed") == 1
    assert not (tmp_path / "curve.png").exists()
    assert (tmp_path / "last.pt").exists()


def _without_imagenet(original: Any) -> Any:
    def init(self: PropagationTask, recipe: PropagationRecipe | None = None, imagenet: bool = True) -> None:
        original(self, recipe, False)

    return init


def test_a_disk_that_is_full_for_a_while_ends_no_run(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At first neither the log nor checkpoints can be written; the last checkpoint exists nevertheless."""
    save, opened, tries = torch.save, open, []

    def full(state: object, path: Path) -> None:
        tries.append(path)
        if len(tries) < 3:
            raise OSError(28, "No space left on device")
        save(state, path)

    def log(path: Any, mode: str = "r", **more: Any) -> Any:
        if mode == "a" and len(tries) < 3:
            raise OSError(28, "No space left on device")
        return opened(path, mode, **more)

    monkeypatch.setattr(torch, "save", full)
    monkeypatch.setattr("blender_cutout.models.training.log.open", log, raising=False)
    train(_settings(tmp_path, steps=4, log_every=1, checkpoint_minutes=0.0), pool=pool)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 4
    assert [r["step"] for r in read_log(tmp_path / "log.jsonl")] == [4]
    assert caplog.text.count("Training continues.") >= 4
