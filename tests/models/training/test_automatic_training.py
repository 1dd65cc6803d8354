"""Tests training the automatic modes: what the sets say of people, heads and sky, and a run that continues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.models.checkpoint_weights import read_checkpoint_weights
from blender_cutout.models.inference.predictors import load_automatic
from blender_cutout.models.networks.automatic_net import MODES, AutomaticNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask
from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training.automatic_task import AutomaticRecipe, AutomaticTask
from blender_cutout.models.training.recipe import RecipeError
from blender_cutout.models.training.samples import class_labels
from blender_cutout.models.training.samples.class_labels import HEAD, KNOWN, PERSON, SKY
from blender_cutout.models.training.samples.class_pool import HELD, open_class_pool
from blender_cutout.models.training.samples.class_samples import class_batch
from blender_cutout.models.training.samples.pool import Pool
from blender_cutout.models.training.task import TrainingProgress

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def shows(labels: np.ndarray, mode: int) -> np.ndarray:
    return (labels & mode) > 0


def known(labels: np.ndarray, mode: int) -> np.ndarray:
    return (labels & mode << KNOWN) > 0


def standing(height: int = 300, width: int = 120) -> np.ndarray:
    """Clothing classes of a person: hair, skin of the face, neck and arms, a shirt and trousers."""
    out = np.zeros((height, width), np.uint8)
    out[10:20, 48:72] = 19
    out[20:46, 50:70] = 41  # face
    out[46:52, 56:64] = 41  # neck
    out[52:60, 40:80] = 41  # bare shoulders
    out[60:150, 40:80] = 38
    out[60:140, 30:40] = 41  # an arm
    out[150:290, 42:78] = 31
    return out


def test_a_head_is_hair_and_face_without_shoulders_and_arms() -> None:
    found = class_labels.head_of(standing())
    assert found is not None
    head, unsure = found
    assert head[10:40, 52:68].all()
    assert not head[56:].any()
    assert unsure[44:54].any()
    assert not unsure[:40].any()
    assert class_labels.head_of(np.zeros((9, 9), np.uint8)) is None
    bald = standing()
    bald[bald == 19] = 0
    assert class_labels.head_of(bald) is None


def test_classes_become_labels_and_unknown_stays_unknown() -> None:
    classes = np.array([[0, 1, 10, 4]], np.uint8)
    labels = class_labels.of_classes(classes, (10, 11), None, (1,))
    assert known(labels, PERSON).tolist() == [[False, True, True, True]]
    assert known(labels, HEAD).tolist() == [[False, True, False, True]], "a walker's head is somewhere on the walker"
    assert shows(labels, SKY).tolist() == [[False, True, False, False]]
    assert shows(labels, PERSON).tolist() == [[False, False, True, False]]


def test_others_may_be_outside_some_masks() -> None:
    mask = np.array([[True, False]])
    assert known(class_labels.of_person(mask, others=True), PERSON).tolist() == [[True, False]]
    assert known(class_labels.of_person(mask), PERSON).all()
    assert not known(class_labels.of_person(mask), HEAD)[0, 0]
    horse = class_labels.of_other(mask)
    assert known(horse, PERSON).tolist() == [[True, False]]
    assert not shows(horse, PERSON).any()
    assert class_labels.of_film("kite-walk", mask) is None
    bear = class_labels.of_film("bear", mask)
    assert bear is not None
    assert known(bear, PERSON).all()


def test_the_held_out_part_never_changes() -> None:
    names = [f"ccp_{number:04d}" for number in range(1, 1005)]
    held = [name for name in names if class_labels.is_held_out(name)]
    assert 0.1 < len(held) / len(names) < 0.2
    assert held[:3] == ["ccp_0014", "ccp_0015", "ccp_0019"]


@pytest.fixture(scope="module")
def clothing(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clothing")
    cv2.imwrite(str(folder / "ccp_4.png"), standing(160, 220))
    return folder


@pytest.fixture(scope="module")
def people(data: Path, clothing: Path, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return open_class_pool(data, tmp_path_factory.mktemp("classes"), clothing)


def test_the_pool_has_the_sets_that_say_something(people: Pool) -> None:
    assert {entry.set.removeprefix(HELD) for entry in people.entries} == {"ccp"}
    labels = people[0].mask
    assert shows(labels, HEAD).any()
    assert known(labels, PERSON).all()


def test_a_missing_folder_of_clothing_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="clothing"):
        open_class_pool(data, tmp_path, tmp_path / "none")


def test_views_have_the_truth_where_it_is_known(people: Pool) -> None:
    batch = class_batch(people, np.random.default_rng(3), 2 * 256 * 256, 0.5, CPU)
    assert batch.truth.shape == batch.known.shape == batch.image.shape
    assert set(batch.known.unique().tolist()) <= {0.0, 1.0}
    assert batch.known[:, 0].any()
    again = class_batch(people, np.random.default_rng(3), 2 * 256 * 256, 0.5, CPU)
    assert torch.equal(batch.truth, again.truth)


def test_what_is_unknown_is_not_learnt_from(people: Pool) -> None:
    task = AutomaticTask(start=False)
    batch = class_batch(people, np.random.default_rng(3), 2 * 256 * 256, 0.5, CPU)
    batch.known[:, MODES.index("sky")] = 0
    loss, parts = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
    loss.backward()
    grad = task.network.head.weight.grad
    assert grad is not None
    assert grad[MODES.index("person")].any()
    assert not grad[MODES.index("sky")].any()
    assert "sky" not in parts


def test_training_lowers_the_loss(people: Pool) -> None:
    task = AutomaticTask(start=True, recipe=AutomaticRecipe(frozen=16))
    batch = class_batch(people, np.random.default_rng(1), 2 * 128 * 128, 0.0, CPU)
    optimiser = torch.optim.AdamW((p for p in task.network.parameters() if p.requires_grad), 2e-3)
    losses = []
    for _ in range(12):
        loss, _ = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_it_starts_from_the_scribble_networks_trunk() -> None:
    scribble, network = ScribbleToMask(), AutomaticNet()
    network.start_from(scribble.state_dict())
    image = torch.rand(1, 3, 64, 80) * 255
    ours, theirs = network.encoder(image), scribble.encoder(image, torch.zeros(1, 3, 64, 80))
    assert torch.equal(ours.f16, theirs.f16)
    assert network(image).shape == (1, 3, 64, 80)


def test_a_run_continues_and_ends_in_weights_that_the_engine_takes(
    data: Path, clothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AutomaticTask, "pixels", 2 * 64 * 64)

    def run(*more: object) -> int:
        words = ("automatic", "--data", data, "--cache", tmp_path / "cache", "--out", tmp_path / "out")
        switches = ("--minutes", 0, "--set", f"clothing={clothing}", "--precision", "fp32", *more)
        parser = command.argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.main(parser.parse_args([str(w) for w in (*words, *switches)]))

    assert run("--steps", 1) == 0
    assert run("--steps", 2, "--resume") == 0
    loose = read_checkpoint_weights(tmp_path / "out" / "last.pt")
    assert loose.network == "automatic"
    found = load_automatic(loose=loose).find(np.random.default_rng(0).integers(0, 256, (37, 51, 3), np.uint8))
    assert found.shape == (3, 37, 51)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_the_answer_does_not_depend_on_which_way_the_picture_faces() -> None:
    from blender_cutout.models.inference.predictors import AutomaticPredictor

    net = AutomaticPredictor(AutomaticNet().eval())
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    np.testing.assert_allclose(net.find(image[:, ::-1])[:, :, ::-1], net.find(image), atol=1e-4)


@pytest.mark.parametrize("wrong", [{"frozen": 17}, {"closer": 1.5}])
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="frozen"):
        AutomaticRecipe(**wrong)
