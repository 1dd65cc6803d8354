"""Tests rendered clips: a pool of their own, drawn by a share of the video clips."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.devtools.rendered_clips.palette_png import palette_png
from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training.samples import clips
from blender_cutout.models.training.samples.clip_recipe import ClipRecipe, RecipeError
from blender_cutout.models.training.samples.clips import ClipKind
from blender_cutout.models.training.samples.pool import Pool, open_pool

BLUE = (30, 40, 230)
PLAIN = ClipRecipe(
    far_anchors=0, pseudo_instances=0, bend=0, colour=0, background=0, paste=0, soften=0, motion_blur=0, compression=0
)


def write_clip(folder: Path, name: str) -> None:
    """A blue square that moves over grey, as JPEG, and its ids, as palette PNG."""
    for part in ("frames", "masks"):
        (folder / name / part).mkdir(parents=True)
    for frame in range(5):
        image, ids = np.full((120, 160, 3), 90, np.uint8), np.zeros((120, 160), np.uint8)
        x = 30 + 8 * frame
        image[40:90, x : x + 50], ids[40:90, x : x + 50] = BLUE, 2
        cv2.imwrite(str(folder / name / "frames" / f"{frame:05d}.jpg"), image[..., ::-1])
        (folder / name / "masks" / f"{frame:05d}.png").write_bytes(palette_png(ids))


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    folder = tmp_path / "rendered"
    for name in ("rendered__1_00000", "rendered__1_00001", ".part-7-rendered__1_00002"):
        write_clip(folder, name)
    return folder


def blueness(pool: Pool, recipe: ClipRecipe, count: int = 40) -> float:
    """Returns the share of clips whose object is the blue square of the rendered ones."""
    rng, kind = np.random.default_rng(5), ClipKind(3, 64, 1, torch.device("cpu"))
    blue = 0
    for _ in range(count):
        clip = clips.video_clip(pool, rng, kind, recipe)
        inside = clip.mattes[0, 0] > 0.9
        blue += bool(clip.images[0, 2][inside].mean() > clip.images[0, 0][inside].mean())
    return blue / count


def test_rendered_clips_are_drawn_by_their_share_and_their_masks_fit(
    data: Path, rendered: Path, tmp_path: Path
) -> None:
    pool = open_pool(data, tmp_path / "cache", rendered)
    assert pool.rendered is not None
    assert set(pool.rendered.sequences) == {"rendered__1_00000", "rendered__1_00001"}
    picture = pool.rendered[2]
    assert list(picture.objects()) == [2]
    assert np.abs(picture.image[picture.objects()[2]].mean(axis=0) - BLUE).max() < 4
    assert blueness(pool, PLAIN) == 0
    assert blueness(pool, replace(PLAIN, rendered=1.0)) == 1
    assert 0.1 < blueness(pool, replace(PLAIN, rendered=0.4)) < 0.7


def test_without_a_share_a_run_sees_the_same_clips_whether_or_not_there_are_rendered_ones(
    data: Path, rendered: Path, tmp_path: Path
) -> None:
    kind = ClipKind(3, 64, 1, torch.device("cpu"))
    with_them, without = open_pool(data, tmp_path / "a", rendered), open_pool(data, tmp_path / "b")
    images = [clips.clip_batch(p, np.random.default_rng(1), 3, kind, 0.7, PLAIN).images for p in (with_them, without)]
    assert torch.equal(*images)


def test_clips_that_were_rendered_since_are_found_and_the_cache_alone_is_enough(
    data: Path, rendered: Path, tmp_path: Path
) -> None:
    open_pool(data, tmp_path / "cache", rendered)
    write_clip(rendered, "rendered__2_00000")
    assert "rendered__2_00000" in open_pool(data, tmp_path / "cache", rendered).rendered.sequences  # type: ignore[union-attr]
    shutil.rmtree(rendered)
    assert len(Pool(tmp_path / "cache").rendered.sequences) == 3  # type: ignore[union-attr, arg-type]


def test_a_share_without_rendered_clips_is_refused(data: Path, tmp_path: Path) -> None:
    pool, kind = open_pool(data, tmp_path / "cache"), ClipKind(3, 64, 1, torch.device("cpu"))
    with pytest.raises(RecipeError, match="--rendered DIR"):
        clips.clip_batch(pool, np.random.default_rng(0), 1, kind, 0.5, replace(PLAIN, rendered=0.2))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="has no clips"):
        open_pool(data, tmp_path / "cache", tmp_path / "empty")


def test_a_run_reads_the_folder_it_is_given(data: Path, rendered: Path, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    small = ("sizes=64", "clips=1", "shares_begin=1", "shares_end=1", "video=1", "video_begin=1", "rendered=1")
    places = ("--data", data, "--rendered", rendered, "--cache", tmp_path / "cache", "--out", tmp_path / "out")
    words = ["propagation", *map(str, places), "--steps", "1", "--precision", "fp32"]
    words += [word for name in small for word in ("--set", name)]
    assert command.main(parser.parse_args(words)) == 0
    assert (tmp_path / "cache" / "rendered" / "pixels.bin").stat().st_size == 2 * 5 * 120 * 160 * 4
    assert torch.load(tmp_path / "out" / "last.pt", weights_only=True)["step"] == 1
