"""Tests that walks are scored per object as in DAVIS, without unknown pixels, and that ghosts are measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.evaluate import hidden, metrics
from blender_cutout.evaluate.data import Sequence, Truth, find_data, read_objects
from blender_cutout.evaluate.hidden import LENGTH, Hidden
from blender_cutout.evaluate.measure import measure_clip, measure_walk
from blender_cutout.evaluate.selection import Plan
from blender_cutout.evaluate.sheet import Worst
from blender_cutout.evaluate.walks import Walk


class Prepared:
    """An engine that returns prepared mattes."""

    def __init__(self, mattes: Any) -> None:
        self._mattes = mattes

    def propagate(self, frames: Any, keyframes: Any, frame_range: Any, stability: float = 1) -> Iterator[Any]:
        ((self.given, self.start),) = keyframes.items()
        for frame in range(*frame_range):
            yield frame, self._mattes(frame)


def written(root: Path, clip: SyntheticClip, masks: dict[int, np.ndarray]) -> Sequence:
    for name in ("frames", "masks"):
        (root / "film" / name).mkdir(parents=True)
    for frame in range(len(clip)):
        cv2.imwrite(str(root / f"film/frames/{frame:05d}.png"), clip[frame][..., ::-1])
    for frame, mask in masks.items():
        cv2.imwrite(str(root / f"film/masks/{frame:05d}.png"), mask)
    return find_data(root).sequences[0]


def ids(clip: SyntheticClip, frame: int) -> np.ndarray:
    """Returns a mask with the objects' numbers, 4 and 9."""
    mattes = clip.mattes(frame) > 0.5
    return (4 * mattes[0] + 9 * mattes[1]).astype(np.uint8)


@pytest.fixture
def pair() -> SyntheticClip:
    return SyntheticClip(length=12, objects=2)


def test_j_and_f_are_what_they_were(tmp_path: Path) -> None:
    """Returns the means of the two measures over all frames except the first and the last."""
    clip = SyntheticClip(length=12)
    truth = {f: (255 * (clip.matte(f) > 0.5)).astype(np.uint8) for f in range(12)}
    video = written(tmp_path, clip, truth)
    found = {f: cv2.erode(clip.matte(f), np.ones((3, 3 + f), np.uint8)) for f in range(12)}
    score = measure_clip(Prepared(found.get), video, Worst())  # type: ignore[arg-type]
    pairs = [(found[f] > 0.5, truth[f] > 0) for f in range(1, 11)]
    assert score.j == pytest.approx(np.mean([metrics.iou(*p) for p in pairs]), abs=1e-12)
    assert score.f == pytest.approx(np.mean([metrics.contour_accuracy(*p) for p in pairs]), abs=1e-12)
    assert score.j_and_f == (score.j + score.f) / 2
    assert score.decay_j == pytest.approx(metrics.decay([metrics.iou(*p) for p in pairs]))
    assert score.ghost is None
    assert len(score.objects) == 1


def test_objects_run_together_and_count_the_same(tmp_path: Path, pair: SyntheticClip) -> None:
    video = written(tmp_path, pair, {f: ids(pair, f) for f in range(12)})

    def mattes(frame: int) -> np.ndarray:
        out = pair.mattes(frame)
        out[1, :, : int(pair.centre(frame, 1)[0])] = 0  # half of the second is lost
        return out

    engine = Prepared(mattes)
    score = measure_clip(engine, video, Worst())  # type: ignore[arg-type]
    assert engine.start.shape == (2, 120, 200)
    assert np.array_equal(engine.start, pair.mattes(0))
    first, second = score.objects
    assert (first.name, second.name) == ("4", "9")
    assert (first.j, first.f) == (1.0, 1.0)
    assert second.j == pytest.approx(0.5, abs=0.03)
    assert score.j == pytest.approx((1 + second.j) / 2)
    assert score.unit == "film"


def test_the_engine_follows_both_objects_of_a_clip_with_few_masks(
    tmp_path: Path, pair: SyntheticClip, engine: Engine
) -> None:
    video = written(tmp_path, pair, {f: ids(pair, f) for f in (2, 5, 9)})
    assert not video.dense
    (walk,) = Plan(find_data(tmp_path), ("video",)).walks_of(video)
    assert walk == Walk(2, 2, 10)
    score = measure_clip(engine, video, Worst(), walk=walk)
    assert [o.name for o in score.objects] == ["4", "9"]
    assert min(o.j for o in score.objects) > 0.9
    assert score.flicker is None, "between masks nobody knows what moved"


def test_every_mask_of_a_sparse_clip_but_the_given_one_counts(tmp_path: Path) -> None:
    clip = SyntheticClip(length=12)
    video = written(tmp_path, clip, {f: (255 * clip.matte(f)).astype(np.uint8) for f in (0, 4, 11)})
    lost = {f: clip.matte(f) * (f != 11) for f in range(12)}
    score = measure_clip(Prepared(lost.get), video, Worst())  # type: ignore[arg-type]
    assert score.j == 0.5


def test_more_starts_of_a_sparse_clip_begin_at_masks(tmp_path: Path) -> None:
    clip = SyntheticClip(length=12)
    masks = {f: (255 * clip.matte(f)).astype(np.uint8) for f in (1, 5, 10)}
    masks[11] = np.zeros((120, 200), np.uint8)  # it has gone
    video = written(tmp_path, clip, masks)
    found = Plan(find_data(tmp_path), ("video",), starts=4).walks_of(video)
    assert found == [Walk(1, 1, 12), Walk(10, 1, 11), Walk(5, 5, 12), Walk(10, 1, 11)][:3]


def test_unknown_pixels_count_neither_way(tmp_path: Path) -> None:
    clip = SyntheticClip(length=5)
    masks = {f: (255 * clip.matte(f)).astype(np.uint8) for f in range(5)}
    for mask in masks.values():
        mask[:30] = 128
    video = written(tmp_path, clip, masks)
    too_much = {f: np.maximum(clip.matte(f), np.float32(np.arange(120)[:, None] < 30)) for f in range(5)}
    score = measure_clip(Prepared(too_much.get), video, Worst())  # type: ignore[arg-type]
    assert (score.j, score.f) == (1.0, 1.0)


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
def test_a_ghost_is_the_area_that_stays_while_the_object_is_away(tmp_path: Path, left: float) -> None:
    clip = SyntheticClip(length=12, absent=(5, 6, 7))
    masks = {f: (255 * clip.matte(f)).astype(np.uint8) for f in range(12)}
    video = written(tmp_path, clip, masks)
    before = clip.matte(4) * (np.arange(200) < clip.centre(4)[0] + (0 if left == 0.5 else 99)) * (left > 0)
    found = {f: before if f in clip.absent else clip.matte(f) * (f != 9) for f in range(12)}
    score = measure_clip(Prepared(found.get), video, Worst())  # type: ignore[arg-type]
    assert score.ghost == pytest.approx(left, abs=0.03)
    assert score.again == pytest.approx(2 / 3), "frames 8, 9 and 10; 9 is lost"


def test_a_clip_in_which_nothing_can_be_scored_says_so(tmp_path: Path, engine: Engine) -> None:
    clip = SyntheticClip(length=5)
    video = written(tmp_path, clip, {0: (255 * clip.matte(0)).astype(np.uint8)})
    with pytest.raises(InputError, match="no frame to score"):
        measure_clip(engine, video, Worst())


@pytest.fixture
def long_video(tmp_path: Path) -> Sequence:
    clip = SyntheticClip(length=LENGTH + 4)
    return written(tmp_path, clip, {f: (255 * clip.matte(f)).astype(np.uint8) for f in range(len(clip))})


def test_the_board_hides_the_whole_object_for_a_while_and_nothing_before_and_after(long_video: Sequence) -> None:
    with open_clip(long_video.clip) as frames:
        film = Hidden(long_video, frames)
        full = [np.count_nonzero(read_objects(long_video, f).objects) for f in range(LENGTH)]
        areas = [np.count_nonzero(film.truth(f).objects) for f in range(LENGTH)]
        away = [f for f, area in enumerate(areas) if area == 0]
        assert away == list(range(away[0], away[-1] + 1))
        assert hidden.HIDDEN <= len(away) <= hidden.HIDDEN + 6
        for f in (*range(hidden.BEFORE), *range(LENGTH - hidden.AFTER, LENGTH)):
            assert areas[f] == full[f]
        red = np.array(SyntheticClip.COLOURS[0])
        for f in range(LENGTH):
            seen = np.abs(film[f].astype(int) - red).max(axis=2) < 40
            assert np.array_equal(seen, film.truth(f).objects[0]), "what is seen is what the truth says"
        assert np.array_equal(film[20], Hidden(long_video, frames)[20])


def test_behind_the_board_an_engine_by_colour_has_no_ghost_and_a_stubborn_one_has(
    long_video: Sequence, engine: Engine
) -> None:
    with open_clip(long_video.clip) as frames:
        film = Hidden(long_video, frames)
        walk = Walk(0, 0, LENGTH)

        def score(engine: Any) -> Any:
            return measure_walk(engine, film, film.truth, Worst(), walk, name="film")

        good, stubborn = score(engine), score(Prepared(lambda f: read_objects(long_video, f).objects[0] * 1.0))
        assert good.ghost == pytest.approx(0, abs=0.02)
        assert good.again > 0.85
        assert stubborn.ghost == pytest.approx(1, abs=0.05)


def test_short_clips_and_clips_with_several_objects_get_no_board(tmp_path: Path, pair: SyntheticClip) -> None:
    video = written(tmp_path, pair, {f: ids(pair, f) for f in range(12)})
    assert not hidden.can_hide(video)
    with open_clip(video.clip) as frames, pytest.raises(InputError, match="nothing can be hidden"):
        Hidden(video, frames)


def test_truth_of_a_walk_need_not_come_from_files(engine: Engine) -> None:
    clip = SyntheticClip(length=8)

    def known(frame: int) -> Truth:
        mask = clip.matte(frame) > 0.5
        return Truth(mask[None], np.ones_like(mask))

    assert measure_walk(engine, clip, known, Worst(), Walk(7, 0, 8), name="made up").j > 0.9
