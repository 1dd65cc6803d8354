"""Tests clips: masks move with pictures, first frames can be distant, hints appear only where the engine has them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from blender_cutout.models.training.samples import clips, films
from blender_cutout.models.training.samples.clip_recipe import ClipRecipe, RecipeError
from blender_cutout.models.training.samples.clips import ClipKind, TrainingClip
from blender_cutout.models.training.samples.pool import Pool

CPU = torch.device("cpu")
PLAIN = ClipRecipe(
    far_anchors=0, pseudo_instances=0, bend=0, colour=0, background=0, paste=0, soften=0, motion_blur=0, compression=0
)


@pytest.mark.parametrize("video", [0.0, 1.0])
@pytest.mark.parametrize("objects", [1, 2])
@pytest.mark.parametrize("frames", [3, 5])
def test_clips_keep_mask_and_picture_together(pool: Pool, video: float, objects: int, frames: int) -> None:
    kind = ClipKind(frames, 96, objects, CPU)
    batch = clips.clip_batch(pool, np.random.default_rng(2), 3, kind, video, ClipRecipe())
    assert batch.images.shape == (3, frames, 3, 96, 96)
    assert batch.mattes.shape == (3, frames, objects, 96, 96)
    assert batch.mattes.sum(dim=2).max() <= 1.01
    redness = batch.images[:, :, 0] - batch.images[:, :, 2]
    inside, outside = batch.mattes.sum(dim=2) > 0.9, batch.mattes.sum(dim=2) < 0.1
    assert redness[inside].mean() > redness[outside].mean()


def test_without_any_change_the_mask_is_exactly_the_bright_disc(pool: Pool) -> None:
    for seed in range(6):
        for make in (clips.still_clip, clips.video_clip):
            clip = make(pool, np.random.default_rng(seed), ClipKind(4, 96, 1, CPU), PLAIN)
            bright = (clip.images[:, 0] - clip.images[:, 2]) > 60
            masks = clip.mattes[:, 0] > 0.5
            agree = (bright == masks).float().mean(dim=(1, 2))
            assert float(agree.min()) > 0.97


def test_steps_carry_a_mask_from_the_frame_before_into_this_frames_crop(pool: Pool) -> None:
    """Only the disc moves: carried into the next crop, the ground stays where it was."""
    kind = ClipKind(3, 96, 1, CPU)
    batch = clips.clip_batch(pool, np.random.default_rng(3), 6, kind, 1.0, PLAIN)

    def carried(t: int, source: torch.Tensor) -> torch.Tensor:
        grid = F.affine_grid(batch.steps[:, t], [6, 1, 96, 96], align_corners=False)
        return F.grid_sample(source, grid, align_corners=False)

    torch.testing.assert_close(carried(0, batch.mattes[:, 0]), batch.mattes[:, 0], atol=1e-3, rtol=0)
    back, truth = carried(1, batch.images[:, 0]), batch.images[:, 1]
    still = (batch.mattes[:, :2].amax(dim=1) < 0.01) & (carried(1, batch.mattes[:, 0]) < 0.01)
    seen = still & (carried(1, torch.ones_like(batch.mattes[:, 0])) > 0.99) & (truth.sum(dim=1, keepdim=True) > 30)
    both = seen & (back.sum(dim=1, keepdim=True) > 30)
    assert float((back - truth).abs().mean(dim=1, keepdim=True)[both].mean()) < 15  # the ground is where it was


def test_far_first_frames_are_anywhere_and_the_others_near() -> None:
    rng = np.random.default_rng(0)
    reach = []
    for _ in range(300):
        places, before = films.choose_frames(40, 4, rng, 1.0)
        assert places.min() >= 0
        assert places.max() < 40
        gaps = np.abs(np.diff(places))
        assert gaps[1:].max() <= 3
        assert gaps[1:].min() >= 1
        if gaps[0] > films.FAR_PLACES:  # the crop follows a frame near in time, as the engine's does
            assert 1 <= abs(before - places[1]) <= 3
        reach.append(gaps[0])
    assert np.mean(np.array(reach) > films.FAR_PLACES) > 0.5
    for _ in range(100):
        places, before = films.choose_frames(40, 3, rng, 0.0)
        assert np.abs(np.diff(places)).max() <= 5
        assert before == places[0]


def test_short_sequences_still_give_long_clips() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        places, before = films.choose_frames(3, 5, rng, 0.5)
        assert len(places) == 5
        assert set(places) | {before} <= {0, 1, 2}


def test_no_hint_is_known_over_a_large_gap(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight frames are not a large gap; with a limit of two frames, most far clips would have one."""
    monkeypatch.setattr(clips, "FAR", 2)
    known = torch.stack(
        [
            clips.video_clip(
                pool, np.random.default_rng(seed), ClipKind(3, 48, 1, CPU), ClipRecipe(far_anchors=1)
            ).known
            for seed in range(20)
        ]
    )
    assert known[:, 0].all()
    assert 0.2 < float(1 - known[:, 1].mean()) < 0.9


def test_data_without_video_or_without_stills_is_reported(pool: Pool) -> None:
    lame = copy.copy(pool)
    lame.sequences = {}
    kind = ClipKind(3, 48, 1, CPU)
    with pytest.raises(RecipeError, match="video=0 trains on stills only"):
        clips.clip_batch(lame, np.random.default_rng(0), 1, kind, 0.5, PLAIN)
    assert clips.clip_batch(lame, np.random.default_rng(0), 1, kind, 0.0, PLAIN).images.shape[0] == 1
    lame.by_set = {"davis": lame.by_set["davis"]}
    with pytest.raises(FileNotFoundError, match="none of the sets ecssd"):
        clips.clip_batch(lame, np.random.default_rng(0), 1, kind, 0.0, PLAIN)


def _pair(pool: Pool, seed: int, **switches: float) -> tuple[TrainingClip, TrainingClip]:
    """Returns the same still clip with a switch off and on."""
    kind = ClipKind(3, 96, 1, CPU)
    one, other = (ClipRecipe(**{**{n: 0.0 for n in _NAMES}, **extra}) for extra in ({}, switches))
    return tuple(clips.still_clip(pool, np.random.default_rng(seed), kind, r) for r in (one, other))  # type: ignore[return-value]


_NAMES = (
    *("far_anchors", "pseudo_instances", "bend", "colour", "background", "paste", "twin", "soften"),
    *("motion_blur", "compression"),
)


@pytest.mark.parametrize("name", ["motion_blur", "compression", "soften", "colour"])
def test_what_a_camera_does_changes_pixels_and_no_mask(pool: Pool, name: str) -> None:
    changed = 0.0
    for seed in range(5):
        plain, treated = _pair(pool, seed, **{name: 1.0})
        torch.testing.assert_close(plain.mattes, treated.mattes, atol=0, rtol=0)
        changed = max(changed, float((plain.images - treated.images).abs().mean()))
    assert changed > 0.5


def test_parts_of_one_object_are_two_objects_that_touch(pool: Pool) -> None:
    recipe = ClipRecipe(**{**{n: 0.0 for n in _NAMES}, "pseudo_instances": 1.0})
    for seed in range(4):
        clip = clips.still_clip(pool, np.random.default_rng(seed), ClipKind(3, 96, 2, CPU), recipe)
        assert clip.mattes.shape == (3, 2, 96, 96)
        bright = (clip.images[:, 0] - clip.images[:, 2]) > 60
        whole = clip.mattes.sum(dim=1)
        assert float(((whole > 0.5) == bright).float().mean()) > 0.97
        assert (clip.mattes > 0.5).all(dim=1).sum() == 0
        assert float((clip.mattes > 0.5).float().mean(dim=(0, 2, 3)).min()) > 0.005
