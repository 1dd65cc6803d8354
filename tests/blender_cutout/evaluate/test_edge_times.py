"""Tests the picture that edges are timed on, and the message when PyMatting is missing."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from blender_cutout.core.errors import InputError
from blender_cutout.evaluate.edge_times import OUTLINE_PX, EdgeTimes, time_edges, timed_picture


def test_the_timed_object_has_the_outline_it_is_said_to_have() -> None:
    image, matte = timed_picture()
    assert image.shape == (1080, 1920, 3)
    outlines, _ = cv2.findContours(np.uint8(matte >= 0.5), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_KCOS)
    assert sum(cv2.arcLength(outline, True) for outline in outlines) == pytest.approx(OUTLINE_PX, rel=0.03)


def test_without_pymatting_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymatting", None)
    with pytest.raises(InputError, match="PyMatting is not installed"):
        time_edges(lambda image, matte: matte)


def test_the_line_says_how_many_times_as_long_the_closed_form_takes() -> None:
    assert "50 times as long" in EdgeTimes(0.5, 25.0, 0.03).text()
