"""Tests that the crop is an invertible change of coordinates and shows the network what it needs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blender_cutout.core.fakes import iou
from blender_cutout.core.images.crop import (
    Crop,
    choose_crop,
    closer_crops,
    fitted,
    mask_box,
    overview,
    whole_picture,
)
from blender_cutout.core.types import Box, Label, Stroke

SIZE = (240, 400)


def disc(x: float, y: float, radius: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.float32)


def stroke(*points: tuple[float, float], radius: float = 3.0) -> Stroke:
    return Stroke(points, radius, Label.KEEP)


@pytest.mark.parametrize(
    "box", [Box(40, 30, 140, 110), Box(-30, -20, 130, 120), Box(0, 0, 400, 240), Box(350, 180, 460, 290)]
)
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.3])
def test_matte_survives_the_way_into_the_crop_and_back(box, scale):
    matte = disc((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, 30)
    crop = Crop(box, (round(box.height * scale), round(box.width * scale)))
    back = crop.from_crop(crop.to_crop(matte, fill=0.0), SIZE)
    assert iou(back, matte) > 0.93
    assert back.dtype == np.float32


def test_crop_at_scale_one_is_bit_identical_both_ways():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    crop = Crop(Box(10, 20, 74, 84), (64, 64))
    np.testing.assert_array_equal(crop.to_crop(image), image[20:84, 10:74])
    matte = np.random.default_rng(1).random(SIZE, np.float32)
    back = crop.from_crop(crop.to_crop(matte, fill=0.0), SIZE)
    np.testing.assert_array_equal(back[20:84, 10:74], matte[20:84, 10:74])
    assert back.sum() == pytest.approx(matte[20:84, 10:74].sum())


def test_image_beyond_the_picture_is_mirrored_and_a_matte_filled():
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:, :10] = 200
    crop = Crop(Box(-10, 0, 30, 40), (40, 40))
    assert (crop.to_crop(image)[:, :20] == 200).all()
    assert (crop.to_crop(np.ones(SIZE, np.float32), fill=0.0)[:, :10] == 0).all()
    outside = Crop(Box(500, 0, 540, 40), (40, 40))
    assert (outside.to_crop(np.ones(SIZE, np.float32), fill=0.25) == 0.25).all()
    assert (outside.from_crop(np.ones((40, 40), np.float32), SIZE) == 0).all()


def test_points_land_on_the_pixels_that_they_point_at():
    crop = Crop(Box(40, 30, 140, 80), (150, 300))
    matte = np.zeros(SIZE, np.float32)
    matte[60, 100] = 1
    x, y = crop.points_to_crop([(100.5, 60.5)])[0]
    assert crop.to_crop(matte, fill=0.0)[int(y), int(x)] == pytest.approx(1.0)
    np.testing.assert_allclose(crop.points_to_crop([(40, 30), (140, 80)]), [(0, 0), (300, 150)])


def test_stack_of_mattes_is_cut_one_by_one():
    mattes = np.stack((disc(100, 100, 30), disc(200, 120, 20)))
    crop = Crop(Box(50, 50, 250, 150), (50, 100))
    cut = crop.to_crop(mattes, fill=0.0)
    assert cut.shape == (2, 50, 100)
    np.testing.assert_array_equal(cut[1], crop.to_crop(mattes[1], fill=0.0))
    assert crop.from_crop(cut, SIZE).shape == mattes.shape


@pytest.mark.parametrize("box", [Box(0, 0, 400, 240), Box(0, 0, 50, 50), Box(0, 0, 1920, 300), Box(0, 0, 3, 900)])
def test_fitted_size_is_a_multiple_of_16_and_near_the_asked_area(box):
    height, width = fitted(box, 320).size
    assert height % 16 == 0
    assert width % 16 == 0
    if max(box.width, box.height) < 8 * min(box.width, box.height):
        assert height * width == pytest.approx(320 * 320, rel=0.12)
        assert width / height == pytest.approx(box.width / box.height, rel=0.12)


def test_first_round_sees_the_whole_picture_and_a_zoomed_one_what_is_in_view():
    first = choose_crop([stroke((200, 120))], SIZE, None, 1.0, 320)
    assert first == whole_picture(SIZE, 320)
    empty = np.zeros(SIZE, np.float32)
    assert choose_crop([stroke((200, 120))], SIZE, empty, 1.0, 320) == first
    zoomed = choose_crop([stroke((200, 120))], SIZE, None, 4.0, 320).box
    assert (zoomed.width, zoomed.height) == (100, 60)
    assert zoomed.x0 <= 200 <= zoomed.x1


def test_correction_crop_shrinks_with_the_strokes_and_with_zoom():
    mask = disc(200, 120, 80)
    small, wide = [stroke((200, 120), (210, 120))], [stroke((60, 60), (340, 180))]
    area = {z: choose_crop(small, SIZE, mask, z, 320).box.area for z in (1.0, 2.0, 4.0)}
    assert area[1.0] > area[2.0] > area[4.0]
    assert choose_crop(wide, SIZE, mask, 1.0, 320).box.area > area[1.0]
    assert area[1.0] < SIZE[0] * SIZE[1]


@pytest.mark.parametrize("zoom", [0.1, 1.0, 3.0, 50.0])
def test_correction_crop_holds_all_strokes_and_stays_inside_the_picture(zoom):
    generator = np.random.default_rng(3)
    for _ in range(50):
        points = [(float(x), float(y)) for x, y in generator.uniform((0, 0), (400, 240), (4, 2))]
        box = choose_crop([stroke(*points)], SIZE, disc(100, 100, 40), zoom, 320).box
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= 400
        assert box.y1 <= 240
        assert all(box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1 for x, y in points)


def test_removing_stroke_brings_the_whole_part_it_lies_on_into_the_crop_unless_seen_from_near():
    mask = np.maximum(disc(80, 120, 50), 0)
    mask[20:220, 300:360] = 1
    remove = Stroke([(330, 100)], 3, Label.REMOVE)
    box = choose_crop([remove], SIZE, mask, 1.0, 320).box
    assert (box.y0, box.y1) == (0, 240)
    assert box.x0 > 140
    assert choose_crop([remove], SIZE, mask, 4.0, 320).box.height < 100
    assert choose_crop([stroke((330, 100))], SIZE, mask, 1.0, 320).box.height < 200


def test_stroke_partly_outside_the_picture_still_gives_a_crop():
    box = choose_crop([stroke((-50, -50), (10, 10), (900, 20))], SIZE, disc(100, 100, 40), 1.0, 320).box
    assert Box(0, 0, 400, 240).area >= box.area > 0


def test_mask_box_is_tight():
    matte = np.zeros(SIZE, np.float32)
    matte[10:20, 30:35] = 1
    assert mask_box(matte) == Box(30, 10, 35, 20)
    assert mask_box(np.stack((matte, np.zeros_like(matte)))) == Box(30, 10, 35, 20)
    assert mask_box(np.zeros(SIZE)) is None


def test_a_large_picture_is_shrunk_as_area_resampling_shrinks_it():
    """Halving first is many times faster; the result differs by a few levels at most, and the scale stays exact."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (2160, 3840, 3)).astype(np.uint8), (0, 0), 6)
    picture = cv2.normalize(picture, picture, 0, 255, cv2.NORM_MINMAX)
    crop = whole_picture((2160, 3840), 320)
    right = cv2.resize(picture, crop.size[::-1], interpolation=cv2.INTER_AREA)
    difference = np.abs(crop.to_crop(picture).astype(int) - right)
    assert difference.mean() < 1
    assert difference.max() <= 8
    ramp = np.tile(np.linspace(0, 1, 3840, dtype=np.float32), (2160, 1))
    wide = crop.size[1]
    middles = (np.arange(wide) + 0.5) / wide
    np.testing.assert_allclose(crop.to_crop(ramp)[0], middles, atol=1e-3)


@pytest.mark.parametrize("size", [(480, 854), (1080, 1920), (2160, 3840), (2161, 1001)])
def test_what_is_found_in_the_overview_is_looked_at_again_where_it_lies(size: tuple[int, int]):
    small = overview(size)[1]
    assert min(small) < 2 * 480
    found = np.zeros(small, np.float32)
    found[small[0] // 4 : small[0] // 3, small[1] // 4 : small[1] // 3] = 1
    crops = closer_crops(found, size, 320, [Stroke([(size[1] * 0.5, size[0] * 0.3)], 3.0, Label.KEEP)])
    assert crops is not None
    whole, of_found = crops
    assert whole.size == of_found.size
    assert 0 <= whole.box.x0 <= size[1] // 4
    assert whole.box.x1 >= size[1] * 0.5 + 3
    assert whole.box.x1 <= size[1]
    assert whole.box.y1 <= size[0]
    assert whole.box.y1 >= size[0] // 3
    big = cv2.resize(found, size[::-1], interpolation=cv2.INTER_NEAREST)
    assert np.abs(whole.to_crop(big, fill=0.0) - of_found.to_crop(found, fill=0.0)).mean() < 0.01


def test_nothing_is_more_than_one_at_any_size() -> None:
    """Interpolation weights that sum to slightly more than one once gave mattes that the next round refused."""
    for side in range(60, 400, 7):
        for small in (30, 47, 96, 101):
            crop = Crop(Box(0, 0, side, side + 3), (small, small + 5))
            back = crop.from_crop(np.ones((small, small + 5), np.float32), (side + 3, side))
            assert back.max() <= 1.0, (side, small)
