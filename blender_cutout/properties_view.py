"""How masks are shown over the preview and marked in the timeline, as the scene keeps it."""
# No `from __future__ import annotations`: Blender reads the annotations of property groups as values.

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from .host import compat
from .host.looks import CHECKER, GREY, OUTLINE, TINT


def redraw(_group: Any, _context: Any) -> None:
    """Has every sequencer drawn anew: by itself Blender redraws only the region that was clicked in."""
    for _, area in compat.sequencer_areas():
        area.tag_redraw()


# Without windows there is nothing to redraw, and 4.2 as a Python module crashes at its end for every `update` function.
REDRAWS = None if bpy.app.background else redraw
SHOW_MASK = BoolProperty(
    name="Show Mask",
    description="Show the mask over the preview, wherever the composite does not show it already",
    default=True,
    update=REDRAWS,
)
SHOW_MARKS = BoolProperty(
    name="Timeline Marks",
    description=(
        "Show on the strip in the timeline which frames have a mask (bar), are in doubt (red), are locked (white "
        "line) and have strokes (diamonds)"
    ),
    default=True,
    update=REDRAWS,
)
MASK_VIEW = EnumProperty(
    name="View",
    description="How the mask is shown over the preview; the render stays as it is",
    items=(
        (TINT, "Tint", "The object in the cutout's colour, with a bright outline"),
        (OUTLINE, "Outline", "A line around the object"),
        (CHECKER, "Checker", "What is cut away as a checkerboard: the object by itself"),
        (GREY, "Black/White", "The mask itself: white stays, black goes, grey is half transparent"),
    ),
    update=REDRAWS,
)
MASK_OPACITY = FloatProperty(
    name="Opacity",
    description="Strength of the tint or the outline",
    min=0.0,
    max=1.0,
    default=0.4,
    subtype="FACTOR",
    update=REDRAWS,
)
COVER_OPACITY = FloatProperty(
    name="Opacity",
    description="How much the checkerboard, or black and white, hides the picture",
    min=0.0,
    max=1.0,
    default=1.0,
    subtype="FACTOR",
    update=REDRAWS,
)
