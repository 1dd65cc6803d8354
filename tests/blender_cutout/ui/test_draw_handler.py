"""Tests overlays: a graphics error is logged once and ends the overlay; nothing is left behind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

pytestmark = pytest.mark.bpy


def test_what_fails_once_draws_no_more_until_it_is_added_again(blender: Any, caplog: pytest.LogCaptureFixture) -> None:
    from blender_cutout.ui.draw_handler import DrawHandler

    drawn: list[str] = []

    class Failing(DrawHandler):
        what = "The test"

        def draw(self, context: Any) -> None:
            drawn.append("before")
            with self.guarded():
                raise RuntimeError("no such shader")

    handler = Failing()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            handler._called()
    assert drawn == ["before"]
    assert [r.getMessage() for r in caplog.records] == ["The test cannot be shown"]
    assert handler.is_broken
    handler.remove()
    handler._called()
    assert drawn == ["before", "before"], "removed and added again, it is tried again"


def test_a_fault_before_the_drawing_does_not_end_it(blender: Any) -> None:
    """As when undo has just removed what was about to be drawn; the next redraw succeeds."""
    from blender_cutout.ui.draw_handler import DrawHandler

    class Faulty(DrawHandler):
        def draw(self, context: Any) -> None:
            raise ReferenceError("removed")

    handler = Faulty()
    with pytest.raises(ReferenceError):
        handler._called()
    assert not handler.is_broken
