"""Defines the settings that artists see: mask view, timeline marks, propagation, strips, cutouts and the brush."""
# No `from __future__ import annotations`: see CONTRIBUTING.md.

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty, IntProperty, StringProperty

from ..geometry.mask_looks import CHECKER, GREY, OUTLINE, PALETTE, TINT
from ..host import compat
from ..host.interface_language import CONTEXT
from ..host.output import effect
from . import brush_modes, doubt


def redraw(_group: Any, _context: Any) -> None:
    """Redraws every sequencer: by itself, Blender redraws only the clicked region."""
    for _, area in compat.sequencer_areas():
        area.tag_redraw()


# Background mode has nothing to redraw, and 4.2 as a Python module crashes on exit with any `update` function.
REDRAWS = None if bpy.app.background else redraw
SHOWS_CLIP, SHOWS_RESULT, SHOWS_BOTH = "CLIP", "RESULT", "BOTH"
PREVIEW_SHOWS = EnumProperty(
    name="Preview",
    description="What the preview shows of the clip; the render always shows the result",
    items=(
        (SHOWS_CLIP, "Clip", "The whole clip, without its mask"),
        (SHOWS_RESULT, "Result", "The cut-out, as it is rendered, once its strips are written"),
        (SHOWS_BOTH, "Both", "The whole clip, with the mask over it"),
    ),
    default=SHOWS_RESULT,
    translation_context=CONTEXT,
)
WRITE_AS = EnumProperty(
    name="Write As",
    description="What Write Strips makes from this cutout; strips written in another form are removed",
    items=(
        (
            "mask",
            "Mask Strip",
            "A mask strip and a Mask modifier on the clip: small files, colours exactly as in the clip",
        ),
        (
            "cutout",
            "RGBA Strip",
            "A strip of 8-bit pictures with alpha replaces the clip, which is muted",
        ),
        (
            "splines",
            "Mask Splines",
            "A Mask data-block with a closed spline for each outline, keyed on every frame, for editing in the Image "
            "Editor. Hard edges. Writing again replaces it",
        ),
        ("effect", "Effect", "The clip stays whole, with an effect on its background or object"),
    ),
    default="mask",
)
INVERT = BoolProperty(
    name="Remove Object", description="Invert the mask: keep the background, remove the object", default=False
)
ON_BACKGROUND, ON_OBJECT = "BACKGROUND", "OBJECT"
EFFECT = EnumProperty(
    name="Effect",
    description="What happens to the background or the object; the clip stays whole",
    items=(
        (effect.BLUR, "Blur", "A Gaussian blur"),
        (effect.PIXELATE, "Pixelate", "Blocks of one colour"),
        (effect.DESATURATE, "Desaturate", "Without colour; the strip's Saturation sets how much"),
        (effect.GRADE, "Grade", "A Color Balance modifier, darker to begin with; adjust it in the strip's modifiers"),
    ),
    default=effect.BLUR,
)
EFFECT_ON = EnumProperty(
    name="On",
    description="Where the effect is",
    items=((ON_BACKGROUND, "Background", "Everything but the object"), (ON_OBJECT, "Object", "The object alone")),
    default=ON_BACKGROUND,
)
EFFECT_NAMES = {
    effect.BLUR: "Blur",
    effect.PIXELATE: "Pixelate",
    effect.DESATURATE: "Desaturate",
    effect.GRADE: "Grade",
    ON_BACKGROUND: "Background",
    ON_OBJECT: "Object",
}
"""Names of the effects and of their sides, as in the menus."""
EFFECT_SIZE = IntProperty(
    name="Size",
    description="Strength of the blur, or size of a block, in pixels of the render",
    min=2,
    max=1000,
    soft_max=200,
    default=24,
    subtype="PIXEL",
)
SHOW_MASK = BoolProperty(
    name="Show Mask",
    description="Show the mask over the preview where the composite does not show it already",
    default=True,
    update=REDRAWS,
)
SHOW_MARKS = BoolProperty(
    name="Timeline Marks",
    description=(
        "Mark on the strip in the timeline which frames have a mask (bar), are in doubt (red), are locked (white line) "
        "and have strokes (diamonds)"
    ),
    default=True,
    update=REDRAWS,
)
MASK_VIEW = EnumProperty(
    name="View",
    description="How the preview shows the mask; the render does not change",
    items=(
        (TINT, "Tint", "The object in the cutout's colour, with a bright outline"),
        (OUTLINE, "Outline", "A line around the object"),
        (CHECKER, "Checker", "A checkerboard in place of the background, to show the object alone"),
        (GREY, "Black/White", "The mask itself: white is kept, black is removed, grey is partly transparent"),
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
    description="How much the checkerboard or black and white hides the picture",
    min=0.0,
    max=1.0,
    default=1.0,
    subtype="FACTOR",
    update=REDRAWS,
)


def judge_all(group: Any, context: Any) -> None:
    """Updates the frames in doubt after the threshold changed."""
    scene = group.id_data
    for track in scene.cutout.tracks:
        doubt.judge(scene, track)
    redraw(group, context)


STABILITY = FloatProperty(
    name="Stability",
    description=(
        "How strongly propagated masks are blended with those of neighbouring frames to reduce flicker. Applies from "
        "the next propagation, which is quick for frames already done"
    ),
    min=0.0,
    max=1.0,
    default=1.0,
    subtype="FACTOR",
)
IN_TO_OUT = BoolProperty(
    name="Preview Range Only",
    description="Propagate only within the scene's preview range",
    default=False,
)
STOP_AT_CUTS = BoolProperty(
    name="Stop at Cuts",
    description="Stop at a cut, dissolve or fade unless there is a frame with strokes on the other side",
    default=True,
)
STOP_IN_DOUBT = BoolProperty(
    name="Stop When in Doubt",
    description="Stop propagating after the first frame in doubt",
    default=False,
)
DOUBT_BELOW = FloatProperty(
    name="In Doubt Below",
    description=(
        "Masks that are less likely to be right than this are shown as in doubt. A higher value finds more bad masks, "
        "but also marks more good ones"
    ),
    min=0.0,
    max=1.0,
    default=0.6,
    subtype="FACTOR",
    update=None if REDRAWS is None else judge_all,
)
BACKGROUND = FloatVectorProperty(
    name="Background Colour",
    description="Colour of the background that Replace Background puts below the clip",
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
        ("EACH", "One Strip Each", "The same, plus a mask strip for each object, for separate effects"),
        ("ACTIVE", "Active Object", "Only the mask of the active object"),
    ),
    default="UNION",
)
NAME = StringProperty(name="Name", description="Name of the cutout")
COLOUR = FloatVectorProperty(
    name="Colour",
    description="Colour of this cutout's mask in the preview",
    subtype="COLOR",
    size=3,
    min=0.0,
    max=1.0,
    default=PALETTE[0],
    update=REDRAWS,
)
VISIBLE = BoolProperty(
    name="Show", description="Show this object's mask over the preview", default=True, update=REDRAWS
)
SOLO = BoolProperty(
    name="Solo",
    description="Show only the masks of solo objects of this clip",
    default=False,
    update=REDRAWS,
)
LOCKED = BoolProperty(
    name="Lock",
    description="Protect this object from strokes, Auto, Undo Round and propagation",
    default=False,
)
AUTO_APPLY = BoolProperty(
    name="Auto Apply",
    description=(
        "Refine the mask automatically after each stroke. Earlier strokes, and strokes on other frames, wait for Apply "
        "Strokes"
    ),
    default=True,
)
FOLLOW_ME = BoolProperty(
    name="Follow Me",
    description=(
        "After each round, propagate by itself: the frames next to it first, then on to the strip's ends, while you "
        "look and draw on. A new stroke goes first, and Cancel stops it"
    ),
    default=False,
)
SHOW_TIERS = BoolProperty(
    name="All Tiers",
    description="List all tiers with their accuracy, in percent, and the time that a frame took where they were timed",
    default=False,
)
SHOW_PUBLISHED = BoolProperty(
    name="Published Networks",
    description="List networks that others have trained, which can be downloaded and used as a tier",
    default=False,
)
BRUSH_MODE = EnumProperty(
    name="Mode", description="What the Cutout Brush draws", items=brush_modes.ITEMS, update=REDRAWS
)
BRUSH_RADIUS = FloatProperty(
    name="Radius",
    description="Radius of the Cutout Brush in pixels of the clip, at full pressure",
    min=0.5,
    max=1000.0,
    soft_max=200.0,
    default=12.0,
    step=100,
    precision=1,
    subtype="PIXEL",
    update=REDRAWS,
)
BRUSH_FEATHER = FloatProperty(
    name="Feather",
    description="Width of the soft rim of exact paint, in pixels of the clip; 0 = hard",
    min=0.0,
    max=1000.0,
    soft_max=50.0,
    default=0.0,
    step=100,
    precision=1,
    subtype="PIXEL",
)
BRUSH_PRESSURE = BoolProperty(
    name="Pressure",
    description="Let pen pressure vary the width of Cutout Brush strokes; a mouse always paints at full pressure",
    default=True,
)
BRUSH_DETAIL = BoolProperty(
    name="Detail",
    description=(
        "Paint where the edge has hair or other fine detail, instead of what to keep; Ctrl takes that back. Strokes "
        "show Detail where to look, and move with the mask; a frame without any uses those of the nearest frame that "
        "has some"
    ),
    default=False,
    update=REDRAWS,
)
