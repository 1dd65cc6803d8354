"""Tests that the labels of the panel's buttons fit in every language, in Blender's own font."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blender_cutout.languages import catalogue

pytestmark = pytest.mark.bpy
SIDEBAR = 300
"""Pixels of the sidebar without its tabs, at a scale of 1."""
MARGIN, ICON = 8, 20
ROWS = (
    (3, ICON, ("Keep", "Remove", "Brush", "Backward", "Forward")),
    (
        3,
        0,
        ("Propagate", "Auto Apply", "Follow Me", "Clip", "Result", "Both", "Draft", "Good", "Fine", "Faster", "Finer"),
    ),
    (2, ICON, ("Apply Strokes", "Undo Round", "Go to Worst Frame")),
    (2, ICON, ("Lock Frame", "Lock Range", "Unlock Frame", "Unlock Range")),
    (2, ICON, ("Previous in Doubt", "Next in Doubt")),
    (2, ICON, ("Not Here", "Not in Range", "Here", "In Range", "Keep Version", "Exact Paint")),
    (2, ICON, ("Apply Effect", "Reject Frame", "Reject Range", "Clear Frame", "Clear Range")),
    (3, ICON, ("Paint", "Lasso", "Box")),
    (3, 2 * ICON, ("Auto",)),
    (4, 0, ("Colour", "Image", "Movie")),
    (4.25, 0, ("Hard", "Natural", "Hair", "Motion Blur")),
    (1, ICON, ("Write Strips", "Propagate All Objects", "Render Composite", "New Cutout", "Detail Brush")),
    (1, ICON, ("Import Matte…", "Export Film…", "Take Later Rounds", "Keep File's State", "Restart Engine")),
    (2.6, 0, ("Detail", "Band Width", "Grow", "Feather", "Clip Black", "Clip White", "Smooth", "Fill Holes")),
    (2.6, 0, ("Remove Dots", "Decontaminate")),
    (1, ICON, ("Draw a green stroke on the object,", "then Apply Strokes. Or press Auto.")),
    (1, ICON, ("Red strokes remove (Brush: hold Ctrl).", "When the mask is right, propagate it.")),
    (
        1,
        ICON,
        ("Write Strips to see the composite.", "Correct wrong frames with strokes,", "propagate and write again."),
    ),
)
"""How many buttons are in a row, what is beside the text, and the texts."""


class Ruler:
    """Measures texts as Blender draws them."""

    def __init__(self, blender: Any) -> None:
        import blf

        fonts = Path(blender.utils.system_resource("DATAFILES", path="fonts"))
        self._blf = blf
        self._latin, self._cjk = (blf.load(str(fonts / n)) for n in ("Inter.woff2", "Noto Sans CJK Regular.woff2"))
        for font in (self._latin, self._cjk):
            assert font >= 0
            blf.size(font, 11)

    def width(self, text: str) -> float:
        """Returns the width in pixels."""
        return sum(self._blf.dimensions(self._cjk if c > "\u2e7f" else self._latin, c)[0] + 0.8 for c in text)


@pytest.mark.parametrize("language", catalogue.languages())
def test_the_buttons_are_wide_enough(blender: Any, language: str) -> None:
    ruler, texts = Ruler(blender), catalogue.load(language).texts
    clipped = []
    for share, icon, row in ROWS:
        room = SIDEBAR / share - icon - MARGIN
        clipped += [(texts[t], ruler.width(texts[t]), room) for t in row if ruler.width(texts[t]) > room]
    assert not clipped


def test_the_ruler_measures(blender: Any) -> None:
    ruler = Ruler(blender)
    assert 55 < ruler.width("Propagate") < 70
    assert 20 < ruler.width("边缘") < 30
