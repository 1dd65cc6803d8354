"""Tests masks without strokes: whose they are, and that nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import FakeAutomaticNet, FakePropagationNet, FakeScribbleNet
from blender_cutout.core.types import AUTO_MODES

SIZE = (240, 400)
LARGE, SMALL = np.s_[60:200, 40:100], np.s_[90:180, 260:300]
LARGE_HEAD, SMALL_HEAD = np.s_[40:60, 60:80], np.s_[75:90, 270:285]
SKIES = np.s_[0:30, 0:180], np.s_[0:30, 200:400]


def picture(*things: tuple[object, tuple[int, int, int]]) -> np.ndarray:
    image = np.full((*SIZE, 3), 90, np.uint8)
    for where, colour in things:
        image[where] = colour
    return image


def mask(*where: object) -> np.ndarray:
    out = np.zeros(SIZE, bool)
    for part in where:
        out[part] = True
    return out


PEOPLE = picture(
    (LARGE, FakeAutomaticNet.PERSON),
    (LARGE_HEAD, FakeAutomaticNet.HEAD),
    (SMALL, FakeAutomaticNet.PERSON),
    (SMALL_HEAD, FakeAutomaticNet.HEAD),
    *((sky, FakeAutomaticNet.SKY) for sky in SKIES),
)
EMPTY = picture()


def engine(least: int = 0) -> Engine:
    return Engine(FakeScribbleNet(), FakePropagationNet(), automatic=FakeAutomaticNet(least))


def overlap(matte: np.ndarray, truth: np.ndarray) -> float:
    found = matte > 0.5
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize(
    ("mode", "at", "truth"),
    [
        ("person", None, mask(LARGE, LARGE_HEAD)),
        ("person", (280, 130), mask(SMALL, SMALL_HEAD)),
        ("person", (330, 130), mask(SMALL, SMALL_HEAD)),
        ("head", None, mask(LARGE_HEAD)),
        ("head", (277, 82), mask(SMALL_HEAD)),
        ("head", (280, 170), mask(SMALL_HEAD)),
        ("sky", None, mask(*SKIES)),
        ("background", None, ~mask(LARGE, LARGE_HEAD, SMALL, SMALL_HEAD)),
    ],
)
def test_it_finds_what_is_meant(mode, at, truth):
    matte = engine().automatic(PEOPLE, mode, at)
    assert matte.dtype == np.float32
    assert matte.shape == SIZE
    assert 0 <= matte.min() <= matte.max() <= 1
    assert overlap(matte, truth) > 0.85


def test_a_head_too_small_to_be_seen_is_found_in_the_close_up_of_its_person():
    small = picture((SMALL, FakeAutomaticNet.PERSON), (SMALL_HEAD, FakeAutomaticNet.HEAD))
    seen = FakeAutomaticNet().find(small)[1].sum()
    assert overlap(engine(int(2 * seen)).automatic(small, "head"), mask(SMALL_HEAD)) > 0.8


@pytest.mark.parametrize("image", [EMPTY, np.zeros_like(EMPTY)], ids=["grey", "black"])
@pytest.mark.parametrize("mode", ["person", "head", "sky"])
def test_where_there_is_none_the_mask_is_empty(mode, image):
    assert not engine().automatic(image, mode).any()


def test_each_person_has_a_point_that_finds_it_the_largest_first():
    points = engine().find_people(PEOPLE)
    truths = [mask(LARGE, LARGE_HEAD), mask(SMALL, SMALL_HEAD)]
    assert len(points) == 2
    for (x, y), truth in zip(points, truths, strict=True):
        assert truth[int(y), int(x)]
        assert overlap(engine().automatic(PEOPLE, "person", (x, y)), truth) > 0.85
    assert engine().find_people(EMPTY) == ()
    assert engine().each_person(EMPTY) == []
    assert engine().find_people(picture((np.s_[100:103, 100:103], FakeAutomaticNet.PERSON))) == ()


PAIR = picture(
    (np.s_[60:200, 100:160], FakeAutomaticNet.PERSON),
    (np.s_[40:60, 120:140], FakeAutomaticNet.HEAD),
    (np.s_[80:200, 160:210], FakeAutomaticNet.PERSON),
    (np.s_[60:80, 175:193], FakeAutomaticNet.HEAD),
)
"""Two people who touch along a line."""
LEFT = mask(np.s_[60:200, 100:160], np.s_[40:60, 120:140])
RIGHT = mask(np.s_[80:200, 160:210], np.s_[60:80, 175:193])


def test_people_who_touch_are_separated_by_their_heads():
    mattes = engine().each_person(PAIR)
    assert [overlap(matte, truth) > 0.85 for matte, truth in zip(mattes, (LEFT, RIGHT), strict=True)] == [True, True]
    assert not ((mattes[0] > 0.5) & (mattes[1] > 0.5)).any()
    assert overlap(engine().automatic(PAIR, "person", (185, 150)), RIGHT) > 0.85
    assert overlap(engine().automatic(PAIR, "person"), LEFT) > 0.85
    assert overlap(engine().automatic(PAIR, "head", (185, 150)), mask(np.s_[60:80, 175:193])) > 0.8


def test_a_hand_is_no_head():
    hand = (np.s_[120:126, 90:97], FakeAutomaticNet.HEAD)
    alone = picture((LARGE, FakeAutomaticNet.PERSON), (LARGE_HEAD, FakeAutomaticNet.HEAD), hand)
    assert len(engine().each_person(alone)) == 1


def test_specks_count_as_nothing():
    speck = picture((np.s_[100:103, 100:103], FakeAutomaticNet.PERSON))
    assert not engine().automatic(speck, "person").any()


def test_without_people_the_background_is_all_but_the_foreground():
    thing = np.s_[80:160, 150:250]
    matte = engine().automatic(picture((thing, (40, 60, 220))), "background")
    assert overlap(matte, ~mask(thing)) > 0.95


def test_foreground_is_what_it_was():
    image = picture((LARGE, (40, 60, 220)))
    np.testing.assert_array_equal(engine().automatic(image), engine().foreground(image))


def test_wrong_input():
    with pytest.raises(InputError, match=r"no mode .dog.*person"):
        engine().automatic(PEOPLE, "dog")
    with pytest.raises(InputError, match="no network for people"):
        Engine(FakeScribbleNet(), FakePropagationNet()).automatic(PEOPLE, "sky")
    with pytest.raises(InputError, match="no network for people"):
        Engine(FakeScribbleNet(), FakePropagationNet()).find_people(PEOPLE)
    for mode in AUTO_MODES:
        with pytest.raises(InputError):
            engine().automatic(PEOPLE.astype(np.float32), mode)
