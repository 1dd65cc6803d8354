"""Tests switches: read as their defaults' types, refused in one line."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from blender_cutout.models.training.propagation_task import PropagationTask
from blender_cutout.models.training.recipe import LoopRecipe, PropagationRecipe, parsed
from blender_cutout.models.training.samples.clip_recipe import RecipeError
from blender_cutout.models.training.samples.pool import Pool
from blender_cutout.models.training.task import TrainingProgress

CPU = torch.device("cpu")


def test_switches_are_read_as_the_type_of_their_default() -> None:
    words = ["video=0", "similarity=dot", "long_frames=4", "shares_end=1,0,0.5", "top_k=7", "group_weights=1,1,1"]
    assert parsed((PropagationRecipe, LoopRecipe), words) == {
        "video": 0.0,
        "similarity": "dot",
        "long_frames": (4,),
        "shares_end": (1.0, 0.0, 0.5),
        "top_k": 7,
        "group_weights": (1.0, 1.0, 1.0),
    }


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("vidoe=0", "is not a switch.*video"),
        ("video", "is not a switch"),
        ("video=much", "value like 0.55"),
        ("sizes=a", "224,288"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(word: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        parsed((PropagationRecipe,), [word])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"video": 1.5}, {"sizes": (100, 200, 300)}, {"clips": (1,)}, {"frames": 1}, {"similarity": "cosine"}]
)
def test_values_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        PropagationRecipe(**wrong)  # type: ignore[arg-type]


def test_every_switch_says_what_it_is() -> None:
    for f in (*fields(PropagationRecipe), *fields(LoopRecipe)):
        assert len(f.metadata["help"]) > 5


def _task(**switches: object) -> PropagationTask:
    small = {"sizes": (64, 96), "clips": (4, 2), "shares_begin": (1.0, 0.0), "shares_end": (0.0, 1.0)}
    return PropagationTask(PropagationRecipe(**{**small, **switches}), imagenet=False)  # type: ignore[arg-type]


def test_crops_grow_and_clips_lengthen_as_the_schedule_goes_on(pool: Pool) -> None:
    task = _task(long_clips=1.0, two_objects=0.0)
    early = task.batch(pool, np.random.default_rng(0), TrainingProgress(0.0), CPU)
    late = task.batch(pool, np.random.default_rng(0), TrainingProgress(0.99), CPU)
    assert early.images.shape == (4, 3, 3, 64, 64)
    assert late.images.shape[1] in (4, 5)
    assert late.images.shape[-1] == 96
    assert late.images.shape[0] < 2 + 1
    plain = _task(long_clips=0.0).batch(pool, np.random.default_rng(0), TrainingProgress(0.99), CPU)
    assert plain.images.shape[1] == 3


def test_without_video_only_stills_are_shown(pool: Pool) -> None:
    """The film has grade A; most stills of the data have lower ones."""
    weighted = pool.weighted((0.5, 0.4, 0.3))

    def weights(**switches: float) -> list[float]:
        task = _task(two_objects=0.0, **switches)
        batches = [task.batch(weighted, np.random.default_rng(s), TrainingProgress(0.99), CPU) for s in range(4)]
        return [float(w) for batch in batches for w in batch.weight]

    assert min(weights(video=0.0)) < 0.45
    assert set(weights(video=1.0, video_begin=1.0)) == {0.5}


def test_switches_change_the_network_and_its_loss(pool: Pool) -> None:
    torch.manual_seed(0)
    progress = TrainingProgress(0.3)
    plain = _task(long_clips=0.0, two_objects=0.0)
    batch = plain.batch(pool, np.random.default_rng(0), progress, CPU)
    bare = _task(auxiliary=0.0)
    assert bare.network.auxiliary is None
    assert "auxiliary" in plain.loss(batch, np.random.default_rng(0), progress)[1]
    dot = _task(similarity="dot", top_k=0)
    dot.network.load_state_dict(plain.network.state_dict())
    losses = [float(task.loss(batch, np.random.default_rng(0), progress)[0].detach()) for task in (plain, dot)]
    assert losses[0] != losses[1]
    assert (dot.network.similarity, dot.network.top_k) == ("dot", None)
    assert _task(network_size="large").architecture == "propagation large"


def test_hints_are_shown_where_they_are_known_and_switched_on(pool: Pool) -> None:
    task = _task(two_objects=0.0, hint=1.0)
    rng = np.random.default_rng(0)
    batch = task.batch(pool, rng, TrainingProgress(0.3), CPU)
    matte, step = batch.mattes[:, 0], batch.steps[:, 1]
    known = torch.tensor([1.0, 0.0, 1.0, 0.0])
    hint = task._hint(matte, step, known, rng)
    assert hint is not None
    assert [bool(h.any()) for h in hint] == [True, False, True, False]
    assert _task(hint=0.0)._hint(matte, step, known, rng) is None
