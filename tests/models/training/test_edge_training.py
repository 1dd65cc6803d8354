"""Tests training the edge network: consistent patches, a falling loss, weights that the engine can use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from blender_cutout.models.checkpoint_weights import read_checkpoint_weights
from blender_cutout.models.inference.predictors import load_edge
from blender_cutout.models.networks.edge_net import EdgeNet, spread
from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training.edge_task import EdgeRecipe, EdgeTask
from blender_cutout.models.training.recipe import RecipeError
from blender_cutout.models.training.samples import edge_samples
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


def test_patches_show_an_edge_of_every_kind_and_a_rougher_matte(pool: Pool) -> None:
    rng = np.random.default_rng(5)
    patches = [edge_samples.edge_patch(pool, rng, 64) for _ in range(40)]
    for patch in patches:
        assert patch.image.shape == (64, 64, 3)
        assert patch.image.dtype == np.uint8
        for part in (patch.matte, patch.alpha):
            assert part.shape == (64, 64)
            assert 0 <= part.min() <= part.max() <= 1
    soft = [float(((p.alpha > 0.1) & (p.alpha < 0.9)).mean()) for p in patches]
    assert np.mean(np.array(soft) > 0.02) > 0.5
    error = [float(np.abs(p.alpha - p.matte).mean()) for p in patches]
    assert 0.01 < np.mean(error) < 0.25


def test_the_same_chance_makes_the_same_patch(pool: Pool) -> None:
    first, second = (edge_samples.edge_patch(pool, np.random.default_rng(8), 64) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.alpha, second.alpha)
    assert np.array_equal(first.matte, second.matte)


def test_known_colours_spread_over_what_is_unknown() -> None:
    image = torch.zeros(1, 3, 40, 56)
    known = torch.zeros(1, 1, 40, 56)
    image[..., :6], known[..., :6] = 0.75, 1.0
    assert torch.allclose(spread(image, known), torch.full_like(image, 0.75), atol=1e-3)
    assert not spread(image, torch.zeros_like(known)).any()


def test_an_untrained_network_keeps_the_mattes_shape() -> None:
    matte = torch.rand(1, 1, 32, 48)
    alpha = torch.sigmoid(EdgeNet()(torch.rand(1, 3, 32, 48) * 255, matte))
    assert torch.equal(alpha > 0.5, matte > 0.5)


def test_training_lowers_the_error(pool: Pool) -> None:
    task = EdgeTask(EdgeRecipe(patches=4, side=64))
    batch = task.batch(pool, np.random.default_rng(1), TrainingProgress(0.5), CPU)
    optimiser = torch.optim.AdamW(task.network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss, parts = task.loss(batch, np.random.default_rng(0), TrainingProgress(0.5))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert float(parts["matte"]) > 0


def test_a_run_ends_in_weights_that_the_engine_takes(data: Path, tmp_path: Path) -> None:
    words = ("edge", "--data", data, "--cache", tmp_path / "cache", "--out", tmp_path / "out", "--steps", 2)
    more = ("--minutes", 0, "--set", "patches=2", "--set", "side=32", "--precision", "fp32")
    parser = command.argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.main(parser.parse_args([str(w) for w in (*words, *more)])) == 0
    net = load_edge(loose=read_checkpoint_weights(tmp_path / "out" / "last.pt"))
    image = np.random.default_rng(0).integers(0, 256, (37, 51, 3), np.uint8)
    alpha = net.predict(image, np.full((37, 51), 0.5, np.float32))
    assert alpha.shape == (37, 51)
    assert alpha.dtype == np.float32
    assert 0 <= alpha.min() <= alpha.max() <= 1


@pytest.mark.parametrize("wrong", [{"patches": 0}, {"side": 30}, {"side": 100}, {"gradient": -1.0}])
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="multiple of 8"):
        EdgeRecipe(**wrong)
