"""Tests motion between neighbouring frames: a window gives the same as the whole picture."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.propagation.optical_flow import Motion
from blender_cutout.core.propagation.outcome import MatteKind
from blender_cutout.core.propagation.stabilise import stabilised
from blender_cutout.core.types import Box

FILM = SyntheticClip(length=20, height=120, width=200, radius=20)
HALF = slice(10, 90), slice(33, 121)


@pytest.mark.parametrize("part", [HALF, (slice(0, 120), slice(0, 200)), (slice(0, 1), slice(199, 200))])
def test_trust_and_moved_mattes_do_not_depend_on_the_window(part: tuple[slice, slice]) -> None:
    step = Motion(FILM).between(0, 1)
    whole = slice(0, 120), slice(0, 200)
    np.testing.assert_allclose(step.trust(part), step.trust(whole)[part], atol=1e-4)
    moved, trusted = step.moved(FILM.matte(1), part)
    all_moved, all_trusted = step.moved(FILM.matte(1), whole)
    np.testing.assert_allclose(moved, all_moved[part], atol=1e-3)
    np.testing.assert_allclose(trusted, all_trusted[part], atol=1e-3)


def test_a_matte_of_another_size_than_the_small_pictures_is_moved_as_far() -> None:
    large = SyntheticClip(length=2, height=600, width=1000, radius=100)
    step = Motion(large).between(0, 1)
    assert step.onward.shape[:2] == (256, 427)
    moved, trusted = step.moved(large.matte(1), (slice(0, 600), slice(0, 1000)))
    inside = trusted > 0.5
    assert inside.mean() > 0.5
    assert np.abs(moved - large.matte(0))[inside].mean() < 0.01


def test_every_pixel_whose_way_leads_into_a_box_is_in_the_box_that_reaches_it() -> None:
    step = Motion(FILM).between(0, 1)
    box = Box(40, 30, 90, 80)
    matte = np.zeros((120, 200), np.float32)
    matte[box.y0 : box.y1, box.x0 : box.x1] = 1
    moved, _ = step.moved(matte, (slice(0, 120), slice(0, 200)))
    reached = step.reached(box, (120, 200))
    assert reached is not None
    moved[reached.y0 : reached.y1, reached.x0 : reached.x1] = 0
    assert not moved.any()


def test_what_a_neighbour_tells_of_a_place_far_from_the_matte_is_not_lost() -> None:
    """The object jumps by more than its size on the middle frame only; its neighbours' masks still count there."""
    mattes = [FILM.matte(0), np.roll(FILM.matte(1), 100, axis=1), FILM.matte(2)]
    given = ((frame, matte, MatteKind.PROPAGATED) for frame, matte in enumerate(mattes))
    middle = list(stabilised(given, FILM, 1.0))[1]
    assert middle.matte[FILM.matte(1) > 0.5].mean() > 0.5
    assert middle.matte[mattes[1] > 0.5].mean() < 0.5
