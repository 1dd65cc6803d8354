"""Training: what the simulated artist draws, what samples look like, and that a run learns, ends, resumes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training import clips, losses, rounds, strokes, warps
from blender_cutout.models.training.data import Pool, open_pool, pick_object
from blender_cutout.models.training.loop import rate_factor
from blender_cutout.models.training.recipe import ClipRecipe

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data folder of the right form: bright discs on dark grounds."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for folder in ("stills/images", "stills/masks", "video-train/ball/frames", "video-train/ball/masks"):
        (root / folder).mkdir(parents=True)
    rows = ["name,set,kind,accuracy_group"]
    for i, name in enumerate(("ecssd", "pascal_s", "bsds500", "coco_mval", "ccp")):
        image, mask = _disc(rng, 100 + 5 * i, 80)
        kind = "regions" if name == "bsds500" else "object"
        cv2.imwrite(str(root / f"stills/images/{name}_{i}.webp"), image[..., ::-1])
        cv2.imwrite(str(root / f"stills/masks/{name}_{i}.png"), mask // 255 + 1 if kind == "regions" else mask)
        rows.append(f"{name}_{i},{name},{kind},{1 + i % 3}")
    rows.append("ccp_9,ccp,unlabelled,1")
    (root / "stills/index.csv").write_text("\n".join(rows))
    for t in range(8):
        image, mask = _disc(rng, 50 + 12 * t, 80)
        cv2.imwrite(str(root / f"video-train/ball/frames/{t:05d}.webp"), image[..., ::-1])
        cv2.imwrite(str(root / f"video-train/ball/masks/{t:05d}.png"), mask)
    return root


def _disc(rng: np.random.Generator, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:160, :220]
    inside = (xs - x) ** 2 + (ys - y) ** 2 < 35**2
    image = np.where(inside[..., None], np.array([220, 160, 40]), np.array([40, 60, 90])) + rng.integers(
        0, 25, (160, 220, 3)
    )
    return image.astype(np.uint8), inside.astype(np.uint8) * 255


@pytest.fixture(scope="module")
def pool(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return open_pool(data, tmp_path_factory.mktemp("cache"))


def test_pool_holds_every_labelled_picture_as_red_green_blue(pool: Pool) -> None:
    assert len(pool) == 5 + 8
    assert list(pool.sequences) == ["ball"]
    picture = pool[0]
    assert picture.image[80, 100, 0] > 200 > picture.image[80, 100, 2]
    assert picture.mask[80, 100] == 255
    assert picture.weight == 1.0
    assert pool[1].weight < 1.0


def test_pool_is_decoded_only_once(data: Path, tmp_path: Path) -> None:
    open_pool(data, tmp_path)
    stamp = (tmp_path / "pixels.bin").stat().st_mtime_ns
    open_pool(tmp_path / "gone", tmp_path)
    assert (tmp_path / "pixels.bin").stat().st_mtime_ns == stamp


def test_any_region_of_a_picture_of_regions_can_be_the_object(pool: Pool) -> None:
    picture = pool[pool.by_set["bsds500"][0]]
    mask = pick_object(picture, np.random.default_rng(0))
    assert mask is not None
    assert mask[80, 110]
    assert 0.05 < mask.mean() < 0.5


def test_a_view_of_the_whole_picture_changes_nothing(pool: Pool) -> None:
    picture = pool[0]
    view = warps.View(warps.crop_matrix(110, 80, 110, 80)[:2])
    image, mask = warps.render(picture.image, picture.mask > 127, view, (160, 220), True, CPU)
    np.testing.assert_allclose(image.permute(1, 2, 0).numpy(), picture.image, atol=0.6)
    np.testing.assert_allclose(mask[0].numpy(), picture.mask / 255, atol=0.01)


def test_a_magnified_view_shows_the_place_it_names(pool: Pool) -> None:
    picture = pool[0]
    view = warps.View(warps.crop_matrix(100, 80, 10, 10)[:2])
    image, mask = warps.render(picture.image, picture.mask > 127, view, (64, 64), True, CPU)
    assert mask.min() > 0.99
    assert image[0].mean() > 200 > image[2].mean()


def test_strokes_lie_inside_their_region() -> None:
    region = torch.zeros(96, 96, dtype=torch.bool)
    region[20:70, 30:50] = True
    share = []
    for seed in range(30):
        points = strokes.stroke_in(region, np.random.default_rng(seed))
        assert points is not None
        x, y = points.astype(int).clip(0, 95).T
        share.append(float(region[y, x].float().mean()))
    assert np.mean(share) > 0.95


def test_corrections_go_to_the_wrong_places_with_the_right_label() -> None:
    truth = torch.zeros(96, 96)
    truth[20:80, 20:60] = 1
    missing, extra = truth.clone(), truth.clone()
    missing[50:80] = 0
    extra[30:60, 60:90] = 1
    for seed in range(10):
        rng = np.random.default_rng(seed)
        keep, remove = strokes.correction(truth, missing, rng, 2.0)
        assert keep[0, 48:82, 18:62].sum() > 0.9 * keep.sum() > 0
        assert remove.sum() == 0
        keep, remove = strokes.correction(truth, extra, rng, 2.0)
        assert remove[0, 28:62, 58:92].sum() > 0.9 * remove.sum() > 0
        assert keep.sum() == 0


def test_a_drawn_stroke_is_as_wide_as_its_radius() -> None:
    line = strokes.draw([np.array([[10.0, 30.0], [50.0, 30.0]])], 4.0, (60, 60), CPU)[0]
    assert int(line[:, 30].sum()) == 8
    assert int(line[30].sum()) == 48


def test_spoilt_masks_are_wrong_but_not_unrelated() -> None:
    truth = torch.zeros(128, 128, dtype=torch.bool)
    truth[30:100, 40:90] = True
    overlaps = []
    for seed in range(20):
        torch.manual_seed(seed)
        spoilt = strokes.spoil(truth, np.random.default_rng(seed)) > 0.5
        overlaps.append(float((spoilt & truth).sum() / (spoilt | truth).sum()))
    assert 0.3 < np.mean(overlaps) < 0.97


def test_rounds_agree_with_their_truth(pool: Pool) -> None:
    rng = np.random.default_rng(1)
    first = rounds.round_batch(pool, rng, 4, (96, 128), CPU, ("first",), (1.0,))
    assert first.previous.sum() == 0
    assert (first.keep.sum(dim=(1, 2, 3)) > 0).all()
    assert float((first.keep * first.truth).sum() / first.keep.sum()) > 0.8
    nothing = rounds.round_batch(pool, rng, 2, (96, 128), CPU, ("foreground",), (1.0,))
    assert float(nothing.keep.sum() + nothing.remove.sum() + nothing.previous.sum()) == 0
    later = rounds.next_round(first, torch.zeros_like(first.truth), rng)
    assert (later.remove.sum(dim=(1, 2, 3)) == 0).float().mean() > 0.7
    assert (later.keep.sum(dim=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize(("video", "objects"), [(0.0, 1), (0.0, 2), (1.0, 1), (1.0, 2)])
def test_clips_keep_mask_and_picture_together(pool: Pool, video: float, objects: int) -> None:
    kind = clips.ClipKind(4, 96, objects, CPU)
    batch = clips.clip_batch(pool, np.random.default_rng(2), 3, kind, video, ClipRecipe())
    assert batch.images.shape == (3, 4, 3, 96, 96)
    assert batch.mattes.shape == (3, 4, objects, 96, 96)
    assert batch.mattes.sum(dim=2).max() <= 1.01
    redness = batch.images[:, :, 0] - batch.images[:, :, 2]
    inside, outside = batch.mattes.sum(dim=2) > 0.9, batch.mattes.sum(dim=2) < 0.1
    assert redness[inside].mean() > redness[outside].mean()


def test_steps_carry_a_mask_from_the_frame_before_into_this_frames_crop(pool: Pool) -> None:
    batch = clips.clip_batch(pool, np.random.default_rng(3), 4, clips.ClipKind(3, 96, 1, CPU), 1.0, ClipRecipe())
    grid = torch.nn.functional.affine_grid(batch.steps[:, 0], [4, 1, 96, 96], align_corners=False)
    same = torch.nn.functional.grid_sample(batch.mattes[:, 0], grid, align_corners=False)
    torch.testing.assert_close(same, batch.mattes[:, 0], atol=1e-3, rtol=0)


def test_bootstrapping_looks_at_the_hardest_pixels_only() -> None:
    per_pixel = torch.zeros(1, 10, 10)
    per_pixel[0, 0, :5] = 4.0
    assert float(losses.bootstrapped(per_pixel, 0.05)) == 4.0
    assert float(losses.bootstrapped(per_pixel, 1.0)) == pytest.approx(0.2)


def test_a_right_mask_costs_less_than_a_wrong_one() -> None:
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 4:12, 4:12] = 1
    right, wrong = (truth * 2 - 1) * 8, (1 - truth * 2) * 8
    assert float(losses.mask_loss(right, truth, 0.25)) < 0.02 < 5 < float(losses.mask_loss(wrong, truth, 0.25))


def test_the_learning_rate_warms_up_and_ends_near_zero() -> None:
    assert rate_factor(0.0, 0) == pytest.approx(0.01)
    assert rate_factor(0.01, 500) > 0.99
    assert rate_factor(1.0, 500) == pytest.approx(0.01)


@pytest.mark.parametrize("network", ["propagation", "scribble"])
def test_a_run_ends_logs_resumes_and_exports(data: Path, tmp_path: Path, network: str, pool: Pool) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    common = [
        network,
        "--data",
        str(data),
        "--cache",
        str(tmp_path / "cache"),
        "--out",
        str(tmp_path / "out"),
        "--precision",
        "fp32",
    ]
    assert command.main(parser.parse_args([*common, "--steps", "1"])) == 0
    state = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    assert state["step"] == 1
    assert command.main(parser.parse_args([*common, "--steps", "2", "--resume"])) == 0
    resumed = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    assert resumed["step"] == 2
    assert resumed["spent"] > state["spent"]
    target = tmp_path / "weights.safetensors"
    assert command.main(parser.parse_args(["export", str(tmp_path / "out" / "last.pt"), "-o", str(target)])) == 0
    assert 1_000_000 < target.stat().st_size < 20_000_000


def test_wrong_data_folder_is_one_clear_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    args = ["scribble", "--data", str(tmp_path), "--cache", str(tmp_path / "c"), "--out", str(tmp_path / "o")]
    assert command.main(parser.parse_args(args)) == 2
    assert "is not the training data" in caplog.text
