"""How masks are shown over the preview and marked in the timeline, as the scene keeps it."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty

from ..geometry.mask_looks import CHECKER, GREY, OUTLINE, TINT
from ..host import compat
from . import doubt


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


def judge_all(group: Any, context: Any) -> None:
    """Tells anew which frames are in doubt, when that was set otherwise."""
    scene = group.id_data
    for track in scene.cutout.tracks:
        doubt.judge(scene, track)
    redraw(group, context)


STABILITY = FloatProperty(
    name="Stability",
    description=(
        "How far propagated masks are mixed with those of the frames beside them, so that they flicker less. Changed, "
        "it counts from the next propagation on, which then needs no network for frames that are done"
    ),
    min=0.0,
    max=1.0,
    default=1.0,
    subtype="FACTOR",
)
IN_TO_OUT = BoolProperty(
    name="Preview Range Only",
    description="Propagate only between the in and out points, which are the scene's preview range",
    default=False,
)
STOP_AT_CUTS = BoolProperty(
    name="Stop at Cuts",
    description="The mask is not carried across a cut, dissolve or fade; a frame with strokes beyond it is reached",
    default=True,
)
STOP_IN_DOUBT = BoolProperty(
    name="Stop When in Doubt",
    description="Stop a propagation behind the first frame that looks wrong",
    default=False,
)
DOUBT_BELOW = FloatProperty(
    name="In Doubt Below",
    description=(
        "Masks of which the network is less sure than this are shown as doubtful. At 0.84 it told 97 of 100 bad masks, "
        "and 13 of 100 good ones, on the clips it was measured with"
    ),
    min=0.0,
    max=1.0,
    default=0.84,
    subtype="FACTOR",
    update=None if REDRAWS is None else judge_all,
)


BACKGROUND = FloatVectorProperty(
    name="Background Colour",
    description="Colour of the background that Replace Background puts beneath the clip",
    subtype="COLOR_GAMMA",
    size=3,
    min=0.0,
    max=1.0,
    default=(0.0, 0.6, 0.0),
)
WRITE_OBJECTS = EnumProperty(
    name="Objects",
    description="Which of the clip's objects Write Strips writes",
    items=(
        ("UNION", "All as One", "One mask of all objects that have masks: the composite shows them all"),
        ("EACH", "One Strip Each", "The same, and beside it a mask strip for each object, for effects of its own"),
        ("ACTIVE", "Active Object", "The mask of the active object alone"),
    ),
    default="UNION",
)
