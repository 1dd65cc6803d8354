"""The fusion network: knows nothing and is the formula, learns, and ships trained; its samples and their making."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from blender_cutout.core.propagation.fusion import fuse
from blender_cutout.models.checkpoint_weights import read_checkpoint_weights
from blender_cutout.models.inference import predictors
from blender_cutout.models.networks.fusion_net import FusionNet, formula_share, mix
from blender_cutout.models.registry import find_entry
from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training.fusion_task import FOLDER, FusionBatch, FusionTask, fusion_batch, fusion_loss
from blender_cutout.models.training.samples.fusion_samples import RECORD, make_samples, open_samples
from blender_cutout.models.training.samples.fusion_scenes import SIZE, still_scene, video_scene
from blender_cutout.models.training.samples.pool import Pool, open_pool
from blender_cutout.models.training.task import TrainingProgress

CPU = torch.device("cpu")
RELEASED = find_entry("propagation").sha256


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def _given(seed: int, shape: tuple[int, int] = (100, 150)) -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """A random picture; old (2, h, w), new (2, h, w), carried (4, h, w)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    return image, [rng.random((n, *shape)).astype(np.float32) for n in (2, 2, 4)]


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_an_untrained_network_gives_the_formulas_answer(weight: float) -> None:
    image, (old, new, carried) = _given(0)
    lean = predictors.FusionPredictor(FusionNet()).predict_shift(
        image, old, new, carried, np.full(2, weight, np.float32)
    )
    assert lean.shape == old.shape
    np.testing.assert_allclose(
        fuse(old, new, old, carried, weight, lean), fuse(old, new, old, carried, weight), atol=1e-5
    )


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_training_mixes_as_the_engine_does_where_the_far_pass_says_the_old(weight: float) -> None:
    _, (old, new, carried) = _given(1)
    lean = np.random.default_rng(2).uniform(-1, 1, old.shape).astype(np.float32)
    a, b, c = (torch.from_numpy(x)[:, None] for x in (old, new, lean))
    changes = torch.from_numpy(np.stack((carried[:2], carried[2:]), axis=1))
    mixed = mix(a, b, formula_share(a, b, changes, torch.full((2,), weight)), c)
    np.testing.assert_allclose(mixed[:, 0].numpy(), fuse(old, new, old, carried, weight, lean), atol=1e-5)


def _task_of(kind: str, count: int = 8, size: int = 64) -> FusionBatch:
    """Old and new of a bright disc on dark ground; the one that is `kind` is the truth, the other a disc beside it."""
    rng = np.random.default_rng(3)
    ys, xs = np.mgrid[:size, :size]
    right = np.stack([(xs - x) ** 2 + (ys - 30) ** 2 < 150 for x in rng.integers(20, 30, count)])[:, None]
    wrong = np.roll(right, 14, axis=3)
    image = np.where(right, 220, 40) + rng.integers(0, 20, right.shape)
    truth, other = torch.from_numpy(right).float(), torch.from_numpy(wrong).float()
    old, new = (other, truth) if kind == "new" else (truth, other)
    picture = torch.from_numpy(image).float().expand(-1, 3, -1, -1)
    return FusionBatch(picture, old, new, torch.zeros(count, 2, size, size), torch.full((count,), 0.5), truth)


def test_every_part_gets_a_gradient_and_the_network_learns_which_result_fits_the_picture() -> None:
    task = FusionTask()
    optimiser = torch.optim.AdamW(task.network.parameters(), lr=2e-3)
    rng = np.random.default_rng(0)
    losses = []
    for step in range(30):
        both = [task.loss(_task_of(kind), rng, TrainingProgress(0.5)) for kind in ("old", "new")]
        loss = (both[0][0] + both[1][0]) / 2
        optimiser.zero_grad()
        loss.backward()
        if step == 2:  # the first step moves only the last layer, which starts at zero
            without = [n for n, p in task.network.named_parameters() if p.grad is None or not p.grad.abs().any()]
            assert not without
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert min(parts["iou"] for _, parts in both) > 0.9 > max(parts["iou_formula"] for _, parts in both)


def test_the_loss_counts_only_what_a_choice_can_change() -> None:
    batch = _task_of("new", count=2)
    right, half = fusion_loss(batch.new, batch), fusion_loss((batch.old + batch.new) / 2, batch)
    assert (right < 0.05).all()
    assert (half > right + 0.2).all()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """Stills and a clip of a striped disc that moves over mottled ground."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(50, 110, (20, 28, 1)), np.ones((8, 8, 1))) * np.array([0.6, 1.0, 0.8])
    for folder in ("stills/images", "stills/masks", "video-train/ball/frames", "video-train/ball/masks"):
        (root / folder).mkdir(parents=True)
    rows = ["name,set,kind,accuracy_group"]
    places = {f"stills/{{}}/ecssd_{i}": 100 + 5 * i for i in range(3)}
    places |= {f"video-train/ball/{{}}/{t:05d}": 50 + 12 * t for t in range(9)}
    ys, xs = np.mgrid[:160, :224]
    for name, x in places.items():
        mask = (xs - x) ** 2 + (ys - 80) ** 2 < 35**2
        disc = np.where((xs - x) // 6 % 2 == 0, 1.0, 0.7)[..., None] * np.array([230, 90, 60])
        image = np.where(mask[..., None], disc, ground).astype(np.uint8)
        still = name.startswith("stills")
        cv2.imwrite(str(root / f"{name.format('images' if still else 'frames')}.webp"), image[..., ::-1])
        cv2.imwrite(str(root / f"{name.format('masks')}.png"), mask.astype(np.uint8) * 255)
        if still:
            rows.append(f"{name.rpartition('/')[2]},ecssd,object,1")
    (root / "stills/index.csv").write_text("\n".join(rows))
    return open_pool(root, tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("make", [still_scene, video_scene])
def test_a_scenes_masks_lie_on_its_object(pool: Pool, make: object) -> None:
    seen = 0
    for seed in range(8):
        scene = make(pool, np.random.default_rng(seed))  # type: ignore[operator]
        if scene is None:
            continue
        seen += 1
        for image, truth in zip(scene.images, scene.truths, strict=True):
            assert image.shape == (SIZE, SIZE, 3)
            red = image[..., 0].astype(float) - image[..., 2]
            if (truth > 0.9).any():
                assert red[truth > 0.9].mean() > 40
    assert seen >= 4


@pytest.fixture(scope="module")
def samples(pool: Pool) -> Path:
    torch.set_num_threads(1)
    return make_samples(pool, predictors.load_propagation(), pool.folder / FOLDER, 5, weights=RELEASED)


def test_interrupted_making_goes_on_with_the_same_samples(pool: Pool, samples: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(count: int) -> None:
        raise Stop

    net = predictors.load_propagation()
    for _ in range(2):
        with pytest.raises(Stop):
            make_samples(pool, net, tmp_path, 5, weights=RELEASED, told=stop)
    with open(tmp_path / "samples.bin", "ab") as torn:
        torn.write(b"half a sample, as a killed run leaves it")
    again = make_samples(pool, net, tmp_path, 5, weights=RELEASED)
    assert again.read_bytes() == samples.read_bytes()
    assert again.stat().st_size % RECORD.itemsize == 0


def test_samples_differ_between_old_and_new_and_the_truth_is_near_both(samples: Path) -> None:
    batch = fusion_batch(open_samples(samples.parent), np.arange(5), CPU)
    assert batch.image.shape == (5, 3, SIZE, SIZE)
    assert ((batch.old - batch.new).abs().sum(dim=(1, 2, 3)) > 0).all()
    assert ((batch.weight > 0) & (batch.weight < 1)).all()
    assert float(((batch.new > 0.5) == (batch.truth > 0.5)).float().mean()) > 0.8


def test_training_on_samples_draws_batches_of_one_size(pool: Pool, samples: Path) -> None:
    task, rng = FusionTask(), np.random.default_rng(0)
    batch = task.batch(pool, rng, TrainingProgress(0.0), CPU)
    assert batch.image.shape == (task.count, 3, task.size, task.size)
    loss, parts = task.loss(batch, rng, TrainingProgress(0.0))
    assert torch.isfinite(loss)
    assert parts["iou"] == pytest.approx(parts["iou_formula"])


def test_without_samples_training_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cutout train fusion"):
        open_samples(tmp_path)


def test_the_command_line_trains_goes_on_and_exports_what_the_engine_can_load(
    pool: Pool, samples: Path, tmp_path: Path
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    run = ["fusion", "--data", str(tmp_path), "--cache", str(pool.folder), "--out", str(tmp_path / "out")]
    run += ["--samples", "5", "--precision", "fp32"]
    before = samples.read_bytes()
    assert command.main(parser.parse_args([*run, "--steps", "1"])) == 0
    assert command.main(parser.parse_args([*run, "--steps", "3", "--resume"])) == 0
    assert samples.read_bytes() == before
    target = tmp_path / "fusion.safetensors"
    assert command.main(parser.parse_args(["export", str(tmp_path / "out" / "last.pt"), "-o", str(target)])) == 0
    predictor = predictors.load_fusion(loose=read_checkpoint_weights(target))
    image, (old, new, carried) = _given(4)
    lean = predictor.predict_shift(image, old, new, carried, np.full(2, 0.5, np.float32))
    assert 0 < np.abs(lean).max() < 0.5  # a few steps away from the formula
