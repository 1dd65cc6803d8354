"""Tests training the scribble network: no strokes, several answers, labels made by an ensemble."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.models.checkpoint_weights import read_checkpoint_weights
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask
from blender_cutout.models.registry import find_entry, load_weights, weight_path
from blender_cutout.models.training.samples import pseudo_labels, round_samples
from blender_cutout.models.training.samples.pool import Pool
from blender_cutout.models.training.scribble_task import ScribbleRecipe, ScribbleTask
from blender_cutout.models.training.task import TrainingProgress

CPU = torch.device("cpu")


def disc(rng: np.random.Generator, size: tuple[int, int] = (90, 150)) -> tuple[np.ndarray, np.ndarray]:
    """Returns a bright disc anywhere on a dark, noisy ground, and its mask."""
    y, x = np.mgrid[: size[0], : size[1]]
    inside = np.hypot(y - rng.integers(30, size[0] - 30), x - rng.integers(30, size[1] - 30)) < 22
    image = np.where(inside[..., None], (230, 170, 50), (40, 60, 90)) + rng.integers(0, 20, (*size, 3))
    return image.astype(np.uint8), inside


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder = tmp_path_factory.mktemp("pool")
    rng = np.random.default_rng(0)
    pseudo_labels.write_pool(folder, ((f"disc {n}", *disc(rng)) for n in range(6)))
    return Pool(folder)


def test_whole_pictures_and_second_looks_have_no_strokes_and_the_right_mask(pool: Pool) -> None:
    rng = np.random.default_rng(1)
    for kind, seen in (("whole", False), ("again", True)):
        batch = round_samples.round_batch(pool, rng, 4, (96, 176), CPU, (kind,), (1.0,))
        assert float(batch.keep.sum() + batch.remove.sum()) == 0
        assert bool(batch.previous.any()) is seen
        redness = batch.image[:, 0] - batch.image[:, 2]
        assert redness[batch.truth[:, 0] > 0.9].mean() > 60 > redness[batch.truth[:, 0] < 0.1].mean()


def test_a_second_look_is_nearer_than_the_first(pool: Pool) -> None:
    rng = np.random.default_rng(2)
    whole, again = (
        round_samples.round_batch(pool, rng, 12, (96, 96), CPU, (kind,), (1.0,)) for kind in ("whole", "again")
    )
    assert float(again.truth.mean()) > 1.5 * float(whole.truth.mean())


def test_switches_decide_what_batches_are_made_of(pool: Pool) -> None:
    rng = np.random.default_rng(3)
    looks = ScribbleTask(False, ScribbleRecipe(foreground=1.0, again=0.0)).batch(pool, rng, TrainingProgress(0.5), CPU)
    assert float(looks.keep.sum() + looks.remove.sum() + looks.previous.sum()) == 0
    assert tuple(looks.image.shape[-2:]) in round_samples.WHOLE_SIZES


def test_a_trained_network_gives_the_same_answers_with_alternatives_as_without() -> None:
    plain, several = ScribbleToMask().eval(), ScribbleToMask(alternatives=2).eval()
    load_weights(find_entry("scribble"), plain)
    several.load_state_dict(plain.state_dict(), strict=False)
    torch.manual_seed(0)
    blank = torch.zeros(1, 1, 64, 96)
    given = (torch.rand(1, 3, 64, 96) * 255, blank, blank, blank)
    with torch.no_grad():
        every, scores = several.every(*given)
        torch.testing.assert_close(several(*given), plain(*given))
    torch.testing.assert_close(every[:, :1], plain(*given).detach())
    assert every.shape == (1, 3, 64, 96)
    assert scores.shape == (1, 3)
    with pytest.raises(ValueError, match="no alternatives"):
        plain.every(*given)


def test_frozen_norms_keep_their_statistics_and_everything_else_learns(pool: Pool) -> None:
    torch.manual_seed(0)
    task = ScribbleTask(False, ScribbleRecipe(foreground=1.0, frozen_norms=1, alternatives=2))
    task.pixels = 2 * 240 * 240
    released = {k: v.float() for k, v in read_checkpoint_weights(weight_path(find_entry("scribble"))).state.items()}
    task.network.load_state_dict(released, strict=False)
    task.network.train()
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    optimiser = torch.optim.Adam(task.network.parameters(), 1e-4)  # the released weights leave little to learn
    rng = np.random.default_rng(4)
    batch = task.batch(pool, rng, TrainingProgress(0.5), CPU)
    first, parts = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
    for _ in range(6):
        loss, _ = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.9 * float(first.detach())
    assert {"look", "look_iou", "choice"} <= set(parts)
    after = task.network.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before if k.endswith(("running_mean", "running_var")))
    assert not torch.equal(before["auxiliary.score.weight"], after["auxiliary.score.weight"])


def test_rules_combine_guesses_as_they_say() -> None:
    stack = np.array([0.9, 0.4, 0.4], np.float32)[:, None, None]
    said = {name: float(rule(stack, (2.0, 1.0, 1.0))[0, 0]) for name, rule in pseudo_labels.RULES.items()}
    assert said["mean"] == pytest.approx(0.5667, abs=1e-3)
    assert said["weighted"] == pytest.approx(0.65)
    assert said["vote"] == pytest.approx(1 / 3)
    assert said["product"] == pytest.approx(1 / (1 + (1 / 9 * 1.5 * 1.5) ** (1 / 3)), abs=1e-3)
    sure = np.array([0.6, 0.001], np.float32)[:, None, None]
    assert pseudo_labels.product(sure, ())[0, 0] < 0.05 < pseudo_labels.mean(sure, ())[0, 0]


def test_the_ensemble_labels_what_it_agrees_on_by_the_rule_that_was_best(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    data, guesses = tmp_path / "data" / "stills", tmp_path / "guesses"
    rows = ["name,set,kind,accuracy_group"]
    truths = {}
    for folder in (data / "images", data / "masks", guesses / "a", guesses / "b", guesses / "c"):
        folder.mkdir(parents=True)
    for number in range(6):
        name = f"p{number}"
        image, truths[name] = disc(rng)
        cv2.imwrite(str(data / "images" / f"{name}.webp"), image[..., ::-1])
        rows.append(f"{name},ccp,{'object' if number < 3 else 'unlabelled'},1")
        if number < 3:
            cv2.imwrite(str(data / "masks" / f"{name}.png"), truths[name] * np.uint8(255))
        for member in "abc":  # two good ones, and one that is sure of the wrong thing
            good = np.where(truths[name], 0.6, 0.2) if member != "c" else np.where(truths[name], 0.0, 0.1)
            if number >= 3:
                good = np.where(truths[name], 0.7, 0.2)
            if number == 5 and member != "a":
                good = np.roll(good, 70 if member == "b" else 35, axis=1)  # here they do not agree
            cv2.imwrite(str(guesses / member / f"{name}.png"), np.rint(good * 255).astype(np.uint8))
    (data / "index.csv").write_text("\n".join(rows))
    record = pseudo_labels.label(tmp_path / "data", guesses, tmp_path / "pool")
    assert record["rule"] == "vote"
    scores = record["scores"]
    assert isinstance(scores, dict)
    assert scores["vote"] == 1.0 > scores["mean"]
    assert scores["member 2"] == 0.0
    pool = Pool(tmp_path / "pool")
    assert [entry.name for entry in pool.entries] == ["p3", "p4"]
    assert json.loads((tmp_path / "pool" / "rules.json").read_text())["kept"] == len(pool)
    for index, entry in enumerate(pool.entries):
        assert np.array_equal(pool[index].mask > 0, truths[entry.name])


def test_guesses_of_nothing_are_reported(tmp_path: Path) -> None:
    (tmp_path / "stills").mkdir()
    (tmp_path / "stills" / "index.csv").write_text("name,set,kind,accuracy_group\n")
    with pytest.raises(FileNotFoundError, match="guesses"):
        pseudo_labels.label(tmp_path, tmp_path / "none", tmp_path / "pool")


def test_a_pasted_object_is_small_and_stands_where_no_other_object_is(pool: Pool) -> None:
    """The background comes from outside the discs, so that the only bright thing is the pasted one."""
    rng = np.random.default_rng(6)
    grounds = Pool.__new__(Pool)
    grounds.__dict__.update(pool.__dict__)
    grounds.by_set = {"pseudo": pool.by_set["pseudo"], "ecssd": pool.by_set["pseudo"]}
    batch = round_samples.round_batch(grounds, rng, 6, (96, 176), CPU, ("whole",), (1.0,), pasted=1.0)
    assert 0.002 < float(batch.truth.mean()) < 0.12
    redness = (batch.image[:, 0] - batch.image[:, 2])[:, None]
    assert redness[batch.truth > 0.9].mean() > 60
    assert (redness[batch.truth == 0] > 60).float().mean() < 0.02
