"""Tests the coordinate maps against the independently written matrices of `bpy_kit`."""

from __future__ import annotations

import math
import random

import pytest
from bpy_kit import HEIGHT, LAYOUTS, WIDTH, Layout

from blender_cutout.core.errors import StripError
from blender_cutout.geometry.picture_map import PictureMap, picture_zoom, source_radius

CORNERS = ((0.5, 0.5), (WIDTH - 0.5, 0.5), (WIDTH - 0.5, HEIGHT - 0.5), (0.5, HEIGHT - 0.5), (71.3, 20.9))


def map_of(layout: Layout, **changes: object) -> PictureMap:
    values: dict[str, object] = {
        "render_size": layout.render,
        "source_size": (WIDTH, HEIGHT),
        "offset": layout.offset,
        "scale": layout.scale,
        "rotation": math.radians(layout.degrees),
        "origin": layout.origin,
        "flip": layout.flip,
        "crop": layout.crop,
        "pixel_aspect": layout.aspect[0] / layout.aspect[1],
    }
    return PictureMap(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_source_pixel_is_shown_where_the_matrices_put_it(name: str) -> None:
    picture = map_of(LAYOUTS[name])
    for corner in CORNERS:
        assert picture.to_preview(corner) == pytest.approx(LAYOUTS[name].preview_point(*corner), abs=1e-9)


def test_there_and_back_is_the_same_point_for_any_transform() -> None:
    rng = random.Random(4)
    for _ in range(300):
        picture = PictureMap(
            render_size=(rng.randint(50, 4000), rng.randint(50, 4000)),
            source_size=(rng.randint(1, 4000), rng.randint(1, 4000)),
            offset=(rng.uniform(-500, 500), rng.uniform(-500, 500)),
            scale=(rng.uniform(0.05, 9), rng.uniform(0.05, 9)),
            rotation=rng.uniform(-7, 7),
            origin=(rng.random(), rng.random()),
            flip=(rng.random() < 0.5, rng.random() < 0.5),
            pixel_aspect=rng.uniform(0.4, 2.5),
            percentage=rng.choice((0.25, 0.5, 1.0, 1.5)),
            unscaled_origin=rng.random() < 0.5,
        )
        point = (rng.uniform(-100, 4000), rng.uniform(-100, 4000))
        assert picture.to_source(picture.to_preview(point)) == pytest.approx(point, abs=1e-6)


def test_the_picture_in_the_middle_has_its_top_left_at_the_upper_left_of_the_preview() -> None:
    picture = PictureMap((640, 360), (640, 360))
    assert picture.to_preview((0, 0)) == (-320, 180)
    assert picture.to_source((-320, 180)) == (0, 0)


def test_before_5_2_an_off_centre_origin_shifts_the_picture_at_half_resolution() -> None:
    old = map_of(LAYOUTS["transformed"], percentage=0.5, unscaled_origin=True)
    new = map_of(LAYOUTS["transformed"], percentage=0.5)
    (x0, y0), (x1, y1) = old.to_preview((10, 10)), new.to_preview((10, 10))
    assert (x0 - x1, y0 - y1) == pytest.approx((WIDTH * -0.2, HEIGHT * 0.1))


def test_the_crop_hides_source_pixels_counted_from_its_own_side() -> None:
    picture = map_of(LAYOUTS["flipped and cropped"])  # left 30, right 12, bottom 20, top 8
    assert picture.shows((30, 8))
    assert not picture.shows((29.9, 8))
    assert not picture.shows((30, 7.9))
    assert picture.shows((WIDTH - 12.1, HEIGHT - 20.1))
    assert not picture.shows((WIDTH - 12, HEIGHT - 30))
    assert not picture.shows((100, HEIGHT - 20))
    assert picture.shows((28, 8), margin=2)


def test_a_thick_line_on_a_zoomed_preview_is_thin_in_the_picture() -> None:
    # 8 screen pixels wide, 2 screen pixels per preview unit, the strip at twice its size: 2 source pixels wide.
    assert source_radius(8, 2.0, PictureMap((100, 100), (100, 100), scale=(2, 2)).units_per_pixel) == 1.0


def test_zoom_is_how_much_of_the_picture_is_out_of_view() -> None:
    picture = PictureMap((640, 360), (640, 360))
    assert picture_zoom(picture, 1.0, (1280.0, 720.0)) == 1.0
    assert picture_zoom(picture, 3.0, (640.0, 480.0)) == 3.0
    assert picture_zoom(picture, 1.0, (0.0, 0.0)) == 1.0


@pytest.mark.parametrize("changes", [{"scale": (0.0, 1.0)}, {"source_size": (0, 0)}])
def test_a_picture_without_size_cannot_be_mapped(changes: dict[str, object]) -> None:
    with pytest.raises(StripError):
        map_of(LAYOUTS["plain"], **changes)
