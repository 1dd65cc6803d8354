"""Tests which part of a large mask is read in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blender_cutout.core.images import preview
from blender_cutout.geometry.mask_parts import MaskPart, part_in_view, small_copy, used, whole
from blender_cutout.geometry.picture_map import PictureMap

HD = PictureMap((1920, 1080), (1920, 1080))
UHD = PictureMap((3840, 2160), (3840, 2160))


def view(left: float, right: float, bottom: float, top: float) -> list[tuple[float, float]]:
    """Returns the corners of the visible part, in preview points."""
    return [(left, bottom), (left, top), (right, bottom), (right, top)]


ALL = view(-960, 960, -540, 540)


def test_the_engine_and_blenders_side_agree_on_where_small_copies_lie() -> None:
    path = Path("mattes/op/000007.png")
    assert small_copy(path) == preview.preview_path(path)


@pytest.mark.parametrize(("zoom", "wanted"), [(0.4, False), (0.74, False), (0.8, True), (1.0, True), (3.0, True)])
def test_detail_is_wanted_where_the_copy_would_look_coarse(zoom: float, wanted: bool) -> None:
    assert (part_in_view(HD, ALL, zoom, 960) is not None) is wanted


def test_a_scaled_strip_counts_by_its_size_on_the_screen() -> None:
    half = PictureMap((1920, 1080), (1920, 1080), scale=(0.5, 0.5))
    assert part_in_view(half, ALL, 1.0, 960) is None
    assert part_in_view(half, ALL, 2.0, 960) is not None


def test_all_of_hd_is_taken_pixel_by_pixel() -> None:
    assert part_in_view(HD, ALL, 1.0, 960) == whole(HD) == MaskPart(0, 0, 1920, 1080)


def test_the_part_holds_what_is_in_view_on_a_coarse_grid() -> None:
    part = part_in_view(UHD, view(-100, 400, -300, 200), 4.0, 960)
    assert part == MaskPart(1792, 768, 2560, 1536)
    assert part == part_in_view(UHD, view(-90, 410, -290, 210), 4.0, 960), "a little pan needs no other"


def test_no_part_is_larger_than_the_graphics_card_takes_in_a_moment() -> None:
    part = part_in_view(UHD, view(-1920, 1920, -1080, 1080), 1.0, 960)
    assert part == MaskPart(0, 0, 3840, 2160, 2)
    huge = PictureMap((15360, 8640), (15360, 8640))
    part = part_in_view(huge, view(-3000, 3000, -2000, 2000), 1.0, 960)
    assert part is not None
    assert (part.x1 - part.x0) * (part.y1 - part.y0) / part.step**2 <= 2_100_000


def test_nothing_in_view_needs_no_detail() -> None:
    assert part_in_view(HD, view(5000, 6000, 0, 100), 2.0, 960) is None


@pytest.mark.parametrize("step", [1, 2, 3])
def test_pixels_lie_on_the_texture_where_they_lie_in_the_picture(step: int) -> None:
    part = MaskPart(256, 512, 768, 1024, step)
    columns, rows = range(part.x0, part.x1, step), range(part.y0, part.y1, step)
    for number in (0, 1, 100):
        x, y = part.share((columns[number] + 0.5, rows[number] + 0.5))
        assert x == pytest.approx((number + 0.5) / len(columns))
        assert y == pytest.approx((number + 0.5) / len(rows))


def test_the_box_holds_all_of_a_mask_that_is_seen() -> None:
    grey = np.full((100, 200), 3, np.uint8)
    assert used(grey) is None
    grey[30:50, 60:120] = 200
    assert used(grey) == pytest.approx((58 / 200, 28 / 100, 122 / 200, 52 / 100))
    grey[0, 199] = grey[99, 0] = 13
    assert used(grey) == (0, 0, 1, 1)
