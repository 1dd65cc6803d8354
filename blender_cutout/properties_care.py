"""The settings of a propagation, as the scene keeps them; see `care.py`."""
# No `from __future__ import annotations`: Blender reads the annotations of property groups as values.

from typing import Any

from bpy.props import BoolProperty, FloatProperty

from . import care
from .properties_view import REDRAWS, redraw


def judge_all(group: Any, context: Any) -> None:
    """Tells anew which frames are in doubt, when that was set otherwise."""
    scene = group.id_data
    for track in scene.cutout.tracks:
        care.judge(scene, track)
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
