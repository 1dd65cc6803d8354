"""Tests that edge errors are 0 for the truth, grow with mistakes, and count only in the band."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.evaluate.data import find_data
from blender_cutout.evaluate.edge_errors import (
    GREEN,
    EdgePicture,
    alpha_flicker,
    edge_errors,
    edge_table,
    ghost_share,
    measure_clip,
    measure_edges,
    read_edge_pictures,
)
from blender_cutout.evaluate.edge_sheet import CROP_PX, GAP_PX, SCALE, edge_sheet


def picture(name: str = "a") -> EdgePicture:
    y, x = np.mgrid[:60, :80]
    alpha, mask = (np.clip(0.5 - (np.hypot(y - 30, x - 40) - 15) / w, 0, 1).astype(np.float32) for w in (3, 12))
    front = np.full((60, 80, 3), (200, 20, 20), np.uint8)
    image = np.rint(alpha[..., None] * front + (1 - alpha[..., None]) * np.float32((20, 20, 200))).astype(np.uint8)
    return EdgePicture(name, "fur", image, mask, alpha, front)


def test_the_truth_has_no_error_and_the_mask_has() -> None:
    one = picture()
    assert set(edge_errors(one, one.alpha, one.foreground).values()) == {0.0}
    raw = edge_errors(one, one.mask, one.image)
    assert raw["alpha"] > 20
    assert raw["gradient"] > 5
    assert raw["composite"] > 2


def test_what_is_far_from_the_edge_does_not_count() -> None:
    one = picture()
    wrong = one.alpha.copy()
    wrong[:3, :3] = 1
    assert set(edge_errors(one, wrong, one.foreground).values()) == {0.0}


def test_the_composites_error_is_in_levels() -> None:
    one = picture()
    off = one.foreground + np.uint8((0, 0, 30))
    solid = np.ones_like(one.alpha)
    sure = EdgePicture("b", "", one.image, one.mask, solid, one.foreground)
    assert edge_errors(sure, solid, off)["composite"] == pytest.approx(10.0)


def test_ghosts_are_half_transparent_and_far_from_every_edge() -> None:
    truth = np.zeros((60, 80), bool)
    truth[20:40, 20:40] = True
    alpha = truth.astype(np.float32)
    alpha[25:35, 38:44] = 0.5
    assert ghost_share(alpha, truth) == 0
    alpha[:10, 70:] = 0.5
    assert ghost_share(alpha, truth) == pytest.approx(100 / 4800)


def test_the_table_compares_with_the_mask_on_the_same_pictures() -> None:
    ways = {"mask": lambda i, m: (m, i), "none": lambda i, m: (np.zeros_like(m), i)}
    records = measure_edges([picture("a"), picture("b")], ways)
    lines = edge_table(records, "mask").splitlines()
    assert lines[0].startswith("mask: alpha ")
    assert "= 1.00 x, gradient" in lines[0]
    assert " to " in lines[1]


def test_a_folder_is_read_as_it_was_written(tmp_path: Path) -> None:
    one = picture()
    for part in ("images", "foreground", "mask", "alpha"):
        (tmp_path / part).mkdir()
    for part, pixels in (("images", one.image), ("foreground", one.foreground)):
        cv2.imwrite(str(tmp_path / part / "00.jpg"), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
    cv2.imwrite(str(tmp_path / "mask" / "00.png"), np.rint(one.mask * 255).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "alpha" / "00.png"), np.rint(one.alpha * 65535).astype(np.uint16))
    (tmp_path / "kinds.txt").write_text("fur\n")
    (read,) = read_edge_pictures(tmp_path)
    assert (read.name, read.kind) == ("00", "fur")
    assert np.abs(read.alpha - one.alpha).max() < 1e-4
    assert np.abs(read.mask - one.mask).max() < 3e-3
    assert np.abs(read.image.astype(int) - one.image).mean() < 2
    with pytest.raises(InputError, match="known alpha"):
        list(read_edge_pictures(tmp_path / "alpha"))


def test_ghosts_of_a_clips_masks_are_compared_with_the_refined_ones(tmp_path: Path) -> None:
    truth = np.zeros((120, 160), np.uint8)
    truth[40:80, 40:80] = 255
    matte = cv2.GaussianBlur(truth, (0, 0), 2)
    matte[10:30, 110:150] = 128
    for part, pixels in (("frames", np.dstack([truth // 2] * 3)), ("masks", truth)):
        (tmp_path / "video" / "a" / part).mkdir(parents=True)
        for frame in range(2):
            cv2.imwrite(str(tmp_path / "video" / "a" / part / f"{frame:05d}.png"), pixels)
    (tmp_path / "made").mkdir()
    cv2.imwrite(str(tmp_path / "made" / "000001.png"), matte)
    (video,) = find_data(tmp_path).sequences
    record = measure_clip(video, tmp_path / "made", lambda image, raw: (np.where(raw > 0.6, raw, 0), image))
    assert record is not None
    assert record["frames"] == 1
    assert record["ghosts"] == (pytest.approx(1e4 * 800 / 19200), 0.0)
    assert "flicker" not in record, "the frame before has no mask"
    assert record["J&F"][1] > record["J&F"][0]
    assert measure_clip(video, tmp_path / "none", lambda image, raw: (raw, image)) is None


def test_the_sheet_shows_raw_and_refined_crops_over_three_grounds() -> None:
    one = picture()
    sheet = edge_sheet([one, one], lambda i, m: (m, i), lambda i, m: (np.zeros_like(m), i))
    cell = CROP_PX * SCALE
    assert sheet.shape == (2 * cell + GAP_PX, 7 * cell + 6 * GAP_PX, 3)
    raw, refined = (sheet[60, (cell + GAP_PX) * column + 80] for column in (1, 2))
    assert tuple(refined) == GREEN
    assert tuple(raw) == tuple(one.image[30, 40])


def test_flicker_is_the_change_along_the_outline_that_motion_does_not_explain() -> None:
    y, x = np.mgrid[:60, :80]
    soft, moved = (np.clip(0.5 - (np.hypot(y - 30, x - c) - 15) / 6, 0, 1).astype(np.float32) for c in (40, 43))
    still, shift = np.zeros((60, 80, 2), np.float32), np.zeros((60, 80, 2), np.float32)
    shift[..., 0] = -3  # back to the frame before
    assert alpha_flicker(soft, soft, still) == 0
    assert alpha_flicker(soft, moved, shift) < 1e-6
    assert alpha_flicker(soft, moved, still) > 0.02
    assert alpha_flicker(np.zeros_like(soft), np.zeros_like(soft), still) == 0
